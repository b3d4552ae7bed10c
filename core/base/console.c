// console.c: a duplicate of standard error.
#include "core/base/console.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

static FILE *console;

static void open_once(void)
{
    int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    console = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (console)
        setvbuf(console, NULL, _IONBF, 0);
    else if (fd >= 0)
        close(fd);
}

FILE *mw_stderr(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, open_once);
    return console ? console : stderr;
}
