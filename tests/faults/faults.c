// faults.c: a command of the program again and again, each time with another call that fails.
//
// usage: faults memory|opencl all|sample|N LOG moonweave ARGUMENTS... (JOBS, LIMIT: processes, seconds)
//
// all: calls 1 to 2,000, and 500 later ones spread over the run; sample: 30 spread over it all; N: that one,
// with its stack and what was not freed. A run whose call failed must end in the same process with one
// sentence and the status of that kind of failure, or with the same files as without it; nothing may be left.
// LOG keeps what was seen of each, and is gone on with as long as the program is the same.
#include "tests/faults/trial.h"

#include "core/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xxhash.h>

enum { EACH = 2000, LATER = 500, SAMPLE = 30, MOST = EACH + LATER };
enum {
    WORKERS = 64,
    RUNS = 250,
    GOOD_EVERY = 25
};                                 // RUNS: of a process, since drivers keep a little of every run
static const double longest = 120; // seconds that a run may take

// What the processes share.
static struct shared {
    mw_inject_report whole; // an undisturbed run
    uint64_t files;
    long n[MOST];
    bool done[MOST];
    int count;
    atomic_int next;
    atomic_long verdicts[MW_TRIAL_WRONG + 1];
    struct {
        long n; // which call fails now
        double began;
    } worker[WORKERS];
} * s;

static mw_inject_kind kind;
static int argc;
static char **argv;
static int log_file = -1;

// ---- the log: a line for each n: "n verdict function sentence"

static const char *const verdicts[] = {"told", "mended", "unreached", "WRONG"};

static void note(long n, mw_trial_verdict v, const char *function, const char *text)
{
    char line[1200];
    int length = snprintf(line, sizeof line - 1, "%ld %s %s %s", n, verdicts[v], function, text);
    length = length < (int)sizeof line - 1 ? length : (int)sizeof line - 2;
    for (int i = 0; i < length; i++)
        line[i] = line[i] == '\n' ? ' ' : line[i];
    line[length] = '\n';
    atomic_fetch_add(&s->verdicts[v], 1);
    if (write(log_file, line, (size_t)length + 1) < 0)
        perror("the log");
    if (v == MW_TRIAL_WRONG)
        printf("%s", line);
    fflush(stdout);
}

// The first line says of which program and command the others are.
static void open_log(const char *path)
{
    char first[64], line[1300];
    XXH3_state_t *h = XXH3_createState();
    XXH3_64bits_reset(h);
    FILE *f = fopen("/proc/self/exe", "rb");
    for (size_t n; f && (n = fread(line, 1, sizeof line, f)) > 0;)
        XXH3_64bits_update(h, line, n);
    if (f)
        fclose(f);
    for (int i = 0; i < argc; i++)
        XXH3_64bits_update(h, argv[i], strlen(argv[i]) + 1);
    snprintf(first, sizeof first, "program %016llx\n", (unsigned long long)XXH3_64bits_digest(h));
    XXH3_freeState(h);
    f = fopen(path, "r");
    bool same = f && fgets(line, sizeof line, f) && !strcmp(line, first);
    while (same && fgets(line, sizeof line, f)) {
        long n = atol(line);
        for (int v = 0; v <= MW_TRIAL_WRONG; v++)
            if (strstr(line, verdicts[v]) == strchr(line, ' ') + 1) {
                for (int i = 0; i < s->count; i++)
                    s->done[i] = s->done[i] || s->n[i] == n;
                s->verdicts[v]++;
                if (v == MW_TRIAL_WRONG)
                    printf("%s", line);
            }
    }
    if (f)
        fclose(f);
    log_file = open(path, O_WRONLY | O_CREAT | O_APPEND | (same ? 0 : O_TRUNC), 0644);
    if (log_file < 0 || (!same && write(log_file, first, strlen(first)) < 0)) {
        perror(path);
        exit(2);
    }
}

// ---- processes; the first one opens no device, so that it can fork

// An undisturbed run; false, with a word about it, when it isn't as it should be.
static bool good_run(void)
{
    mw_trial t = mw_trial_run(kind, 0, s->files, false);
    if (t.verdict != MW_TRIAL_UNREACHED) {
        printf("without a failure: %s\n", t.text);
        return false;
    }
    s->whole = t.report;
    s->files = t.files;
    return true;
}

// The first run compiles kernels, the second one is counted.
static int measure(void)
{
    mw_trial_open(argc, argv);
    bool good = good_run() && good_run();
    mw_trial_close();
    return !good;
}

static int work(int id)
{
    int status = 0;
    mw_trial_open(argc, argv);
    for (int runs = 0, i; !status && runs < RUNS && (i = atomic_fetch_add(&s->next, 1)) < s->count;) {
        if (s->done[i])
            continue;
        s->worker[id].began = mw_seconds();
        if (runs++ % GOOD_EVERY == 0 && !good_run())
            status = 1;
        s->worker[id].n = s->n[i];
        mw_trial t = mw_trial_run(kind, s->n[i], s->files, false);
        note(s->n[i], t.verdict, t.report.failed ? t.report.function : "-", t.text);
    }
    s->worker[id].began = mw_seconds();
    if (!status && !good_run())
        status = 1;
    mw_trial_close();
    s->worker[id].began = 0;
    return status;
}

static pid_t start(int id)
{
    fflush(stdout);
    pid_t p = fork();
    if (p)
        return p;
    int status = id < 0 ? measure() : work(id);
    fflush(stdout);
    _exit(status);
}

// A process that ended by itself while a call failed is what must not be.
static bool buried(int id, int status)
{
    char text[128];
    if (WIFEXITED(status) && !s->worker[id].began)
        return WEXITSTATUS(status) == 0;
    if (WIFSIGNALED(status))
        snprintf(text, sizeof text, "[the process was ended by signal %d, %s]", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    else
        snprintf(text, sizeof text, "[the process ended itself with status %d]", WEXITSTATUS(status));
    note(s->worker[id].n, MW_TRIAL_WRONG, "-", text);
    s->worker[id].began = 0;
    return true;
}

static bool work_all(int jobs, double until)
{
    pid_t pids[WORKERS] = {0};
    bool good = true;
    for (int running = 1; running;) {
        running = 0;
        for (int i = 0, status; i < jobs; i++) {
            bool more = good && s->next < s->count && mw_seconds() < until;
            if (pids[i] && waitpid(pids[i], &status, WNOHANG) == pids[i]) {
                good = buried(i, status) && good;
                pids[i] = 0;
            }
            if (!pids[i] && more)
                pids[i] = start(i);
            if (pids[i] && s->worker[i].began && mw_seconds() - s->worker[i].began > longest)
                kill(pids[i], SIGKILL);
            running += pids[i] > 0;
        }
        if (mw_seconds() >= until)
            s->next = MOST;
        usleep(20000);
    }
    return good;
}

// ---- what is to fail

static void choose(const char *how)
{
    long total = s->whole.calls[kind];
    bool all = !strcmp(how, "all");
    long each = all ? (total < EACH ? total : EACH) : 0, later = all ? LATER : SAMPLE;
    for (long n = 1; n <= each; n++)
        s->n[s->count++] = n;
    if (later > total - each)
        later = total - each;
    for (long i = 0; i < later; i++)
        s->n[s->count++] = each + 1 + i * (total - each) / later;
}

static int show(long n)
{
    mw_trial_open(argc, argv);
    if (!good_run() || !good_run())
        return 1;
    mw_trial t = mw_trial_run(kind, n, s->files, true);
    printf("%ld %s %s %s\n", n, verdicts[t.verdict], t.report.failed ? t.report.function : "-", t.text);
    mw_inject_print_stack(t.report.stack, t.report.depth);
    mw_inject_print_blocks();
    mw_trial_close();
    return t.verdict == MW_TRIAL_WRONG;
}

static int number(const char *name, int otherwise)
{
    const char *text = getenv(name);
    return text && *text ? atoi(text) : otherwise;
}

int main(int n, char **args)
{
    if (n < 6) {
        fprintf(stderr, "usage: faults memory|opencl all|sample|N LOG moonweave ARGUMENTS...\n");
        return 2;
    }
    kind = strcmp(args[1], "memory") ? MW_INJECT_CL : MW_INJECT_MEMORY;
    argc = n - 4;
    argv = args + 4;
    s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (s == MAP_FAILED)
        return 2;
    if (atol(args[2]))
        return show(atol(args[2]));
    int status;
    if (waitpid(start(-1), &status, 0) < 0 || status)
        return 1;
    choose(args[2]);
    open_log(args[3]);
    int jobs = number("JOBS", (int)sysconf(_SC_NPROCESSORS_ONLN));
    bool good = work_all(jobs < WORKERS ? jobs : WORKERS, mw_seconds() + number("LIMIT", 1 << 30));
    long told = s->verdicts[MW_TRIAL_TOLD], mended = s->verdicts[MW_TRIAL_MENDED];
    long unreached = s->verdicts[MW_TRIAL_UNREACHED], bad = s->verdicts[MW_TRIAL_WRONG];
    long left = s->count - told - mended - unreached - bad;
    printf(
        "%s: %ld allocations, %ld OpenCL calls in a run; of %d failures of %s, one a run, %ld were told, %ld "
        "mended, %ld not reached, %ld went wrong",
        args[3], s->whole.calls[MW_INJECT_MEMORY], s->whole.calls[MW_INJECT_CL], s->count, args[1], told,
        mended, unreached, bad);
    printf(left ? "; %ld are left: run it again to go on\n" : "\n", left);
    return !good || bad || left;
}
