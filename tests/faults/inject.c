// inject.c: the counters, the allocations that are alive, and the C library's functions that allocate.
#include "tests/faults/inject.h"

#include <CL/cl.h>
#include <dirent.h>
#include <errno.h>
#include <execinfo.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SLOTS = 1 << 20, FRAMES = 16 };

typedef struct block {
    void *p;
    void *stack[FRAMES];
    int depth;
} block;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool counting, keeping;
static mw_inject_kind chosen;
static long target;
static mw_inject_report report;
static block *blocks; // open addressing by address

void mw_inject_begin(mw_inject_kind kind, long n, bool keep)
{
    if (!blocks)
        blocks = mmap(NULL, SLOTS * sizeof *blocks, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    void *warm[2];
    backtrace(warm, 2); // loads what it needs
    report = (mw_inject_report){0};
    chosen = kind;
    target = n;
    keeping = keep;
    counting = blocks != MAP_FAILED;
}

mw_inject_report mw_inject_end(void)
{
    counting = false;
    return report;
}

// ---- what is to fail

static bool hit(mw_inject_kind kind, const char *function)
{
    pthread_mutex_lock(&lock);
    bool fails = counting && ++report.calls[kind] == target && kind == chosen;
    if (fails) {
        report.failed = true;
        report.function = function;
    }
    pthread_mutex_unlock(&lock);
    if (fails)
        report.depth = backtrace(report.stack, FRAMES);
    return fails;
}

// Every second call is out of resources, which a program may try to mend; the others can't be mended.
int mw_inject_cl(const char *function)
{
    if (!hit(MW_INJECT_CL, function))
        return CL_SUCCESS;
    return report.error = target % 2 ? CL_OUT_OF_RESOURCES : CL_INVALID_OPERATION;
}

void mw_inject_objects(int change)
{
    pthread_mutex_lock(&lock);
    if (counting)
        report.objects += change;
    pthread_mutex_unlock(&lock);
}

static bool no_memory(const char *function)
{
    if (!hit(MW_INJECT_MEMORY, function))
        return false;
    errno = ENOMEM;
    return true;
}

// ---- what is alive

static size_t home(const void *p) { return ((uintptr_t)p >> 4) * 11400714819323198485u >> 44; }

static size_t find(const void *p)
{
    size_t i = home(p);
    while (blocks[i].p && blocks[i].p != p)
        i = (i + 1) % SLOTS;
    return i;
}

static void *born(void *p)
{
    if (!p || !counting)
        return p;
    block b = {.p = p};
    if (keeping)
        b.depth = backtrace(b.stack, FRAMES);
    pthread_mutex_lock(&lock);
    size_t i = find(p);
    report.blocks += !blocks[i].p;
    blocks[i] = b;
    pthread_mutex_unlock(&lock);
    return p;
}

// What was made before the counting began is not there, and is no concern.
static void gone(const void *p)
{
    if (!p || !counting)
        return;
    pthread_mutex_lock(&lock);
    size_t i = find(p);
    if (blocks[i].p) {
        report.blocks--;
        blocks[i].p = NULL;
        // What lies behind may have wanted this place.
        for (size_t j = (i + 1) % SLOTS; blocks[j].p; j = (j + 1) % SLOTS)
            if ((j - home(blocks[j].p)) % SLOTS >= (j - i) % SLOTS) {
                blocks[i] = blocks[j];
                blocks[j].p = NULL;
                i = j;
            }
    }
    pthread_mutex_unlock(&lock);
}

void mw_inject_print_blocks(void)
{
    for (size_t i = 0; i < SLOTS; i++)
        if (blocks[i].p) {
            printf("not freed:\n");
            mw_inject_print_stack(blocks[i].stack, blocks[i].depth);
        }
}

extern const char __executable_start;

void mw_inject_print_stack(void *const *stack, int depth)
{
    char command[1024], exe[512];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    exe[n > 0 ? n : 0] = 0;
    int at = snprintf(command, sizeof command, "addr2line -spfie %s", exe);
    for (int i = 0; i < depth && at < (int)sizeof command - 32; i++)
        at += snprintf(command + at, sizeof command - (size_t)at, " %lx",
                       (long)((const char *)stack[i] - &__executable_start) - 1);
    fflush(stdout);
    strcpy(command + at, " | grep -v -F -e '?' -e inject | sed 's/^/        /'");
    if (system(command))
        printf("        (no addr2line)\n");
}

// ---- the C library's functions; each is put in by its name here, and --wrap of all that are named so

#define WRAP(type, name, parameters, arguments)                                                              \
    type __real_##name parameters;                                                                           \
    type __wrap_##name parameters;                                                                           \
    type __wrap_##name parameters
#define WRAP_MAKER(type, name, parameters, arguments)                                                        \
    WRAP(type, name, parameters, arguments)                                                                  \
    {                                                                                                        \
        return no_memory(#name) ? NULL : born(__real_##name arguments);                                      \
    }
// What ends the life of what a maker made.
#define WRAP_ENDER(type, name, parameters, arguments, what)                                                  \
    WRAP(type, name, parameters, arguments)                                                                  \
    {                                                                                                        \
        gone(what);                                                                                          \
        return __real_##name arguments;                                                                      \
    }

WRAP_MAKER(void *, malloc, (size_t n), (n))
WRAP_MAKER(void *, calloc, (size_t n, size_t size), (n, size))
WRAP_MAKER(char *, strdup, (const char *s), (s))
WRAP_MAKER(char *, strndup, (const char *s, size_t n), (s, n))
WRAP_MAKER(FILE *, fopen, (const char *path, const char *mode), (path, mode))
WRAP_MAKER(FILE *, fdopen, (int f, const char *mode), (f, mode))
WRAP_MAKER(FILE *, open_memstream, (char **text, size_t *n), (text, n))
WRAP_MAKER(DIR *, opendir, (const char *path), (path))

WRAP(void, free, (void *p), (p))
{
    gone(p);
    __real_free(p);
}

WRAP_ENDER(int, fclose, (FILE * f), (f), f)
WRAP_ENDER(int, closedir, (DIR * d), (d), d)
WRAP_ENDER(int, munmap, (void *p, size_t n), (p, n), p)

WRAP(char *, realpath, (const char *path, char *to), (path, to))
{
    if (!to && no_memory("realpath"))
        return NULL;
    char *found = __real_realpath(path, to);
    return to ? found : born(found);
}

WRAP(int, posix_memalign, (void **p, size_t align, size_t n), (p, align, n))
{
    if (no_memory("posix_memalign"))
        return ENOMEM;
    int e = __real_posix_memalign(p, align, n);
    if (!e)
        born(*p);
    return e;
}

WRAP(void *, realloc, (void *p, size_t n), (p, n))
{
    if (no_memory("realloc"))
        return NULL;
    gone(p);
    void *q = __real_realloc(p, n);
    born(q ? q : p);
    return q;
}

WRAP(int, scandir,
     (const char *path, struct dirent ***list, int (*filter)(const struct dirent *),
      int (*compare)(const struct dirent **, const struct dirent **)),
     (path, list, filter, compare))
{
    return no_memory("scandir") ? -1 : __real_scandir(path, list, filter, compare);
}

WRAP(void *, mmap, (void *p, size_t n, int protection, int flags, int f, off_t at),
     (p, n, protection, flags, f, at))
{
    void *made = no_memory("mmap") ? MAP_FAILED : __real_mmap(p, n, protection, flags, f, at);
    if (made != MAP_FAILED)
        born(made);
    return made;
}

WRAP(ssize_t, __getdelim, (char **line, size_t *room, int end, FILE *f), (line, room, end, f))
{
    return no_memory("getline") ? -1 : __real___getdelim(line, room, end, f);
}

WRAP(int, setenv, (const char *name, const char *value, int replace), (name, value, replace))
{
    return no_memory("setenv") ? -1 : __real_setenv(name, value, replace);
}

WRAP(int, pthread_create, (pthread_t * t, const pthread_attr_t *a, void *(*f)(void *), void *user),
     (t, a, f, user))
{
    return no_memory("pthread_create") ? EAGAIN : __real_pthread_create(t, a, f, user);
}
