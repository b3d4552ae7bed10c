// interrupt.c: Ctrl-C and SIGTERM: the run is asked to stop, and has a moment to; then the program leaves,
// whatever it is in: a driver's compiler, a kernel, a read from a slow disk.
//
// What is left then is as after the run's own end: no half-written file, the terminal as it was, status 130.
#include "core/cli/interrupt.h"

#include "core/base/file.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

// Together with what the kernel needs to take down gigabytes of memory they stay below 0.2 s.
enum { MOMENT = 20, LAST_WORDS = 30 }; // ms

static mw_ctx *context;
static sem_t happened; // a signal, or the end
static atomic_bool ended;
static pthread_t watcher;
static bool watched;

static void stop(int number)
{
    (void)number;
    int kept = errno;
    atomic_store(context->cancel, 1);
    sem_post(&happened);
    errno = kept;
}

static void leave_now(int number)
{
    (void)number;
    _exit(mw_status_exit_code(MW_E_CANCEL));
}

// Nothing here may take long: a pipe that nobody reads, a lock that is held by who never comes back.
static void leave(void)
{
    struct sigaction a = {.sa_handler = leave_now};
    struct itimerval soon = {.it_value = {.tv_usec = 1000 * LAST_WORDS}};
    sigaction(SIGALRM, &a, NULL);
    setitimer(ITIMER_REAL, &soon, NULL);
    mw_file_abandon();
    mw_log(context, MW_LOG_ERROR, "interrupted");
    fflush(stdout);
    leave_now(0);
}

static void *watch(void *unused)
{
    while (sem_wait(&happened) != 0 && errno == EINTR)
        continue;
    if (atomic_load(&ended))
        return unused;
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 1000000L * MOMENT;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    int e;
    while ((e = sem_timedwait(&happened, &until)) != 0 && errno == EINTR)
        continue;
    if (!atomic_load(&ended))
        leave();
    return unused;
}

void mw_interrupt_begin(mw_ctx *c)
{
    context = c;
    atomic_store(&ended, false);
    sem_init(&happened, 0, 0);
    watched = pthread_create(&watcher, NULL, watch, NULL) == 0; // without it the run ends when it can
    struct sigaction a = {.sa_handler = stop, .sa_flags = (int)(SA_RESETHAND | SA_RESTART)};
    sigaction(SIGINT, &a, NULL);
    sigaction(SIGTERM, &a, NULL);
}

void mw_interrupt_end(void)
{
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    atomic_store(&ended, true);
    sem_post(&happened);
    if (watched)
        pthread_join(watcher, NULL);
    sem_destroy(&happened);
}
