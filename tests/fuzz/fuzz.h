// fuzz.h: what the fuzzers share: a silent context, a folder of their own, inputs that hold several files.
#ifndef FUZZ_H
#define FUZZ_H

#include "core/base/file.h"
#include "core/base/paths.h"

#include <sanitizer/allocator_interface.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static mw_ctx *c;
static char folder[64];

static void drop_line(void *user, mw_log_level level, const char *text)
{
    (void)user;
    (void)level;
    (void)text;
}

static int drop_file(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    return at->level ? remove(path) : 0;
}

// What a reader holds at any time is justified by its file: 64 bytes for each of the file's, and 64 MiB.
static size_t held, most_held;
static bool watching;

static void count_malloc(const volatile void *p, size_t size)
{
    (void)p;
    if (watching && (held += size) > most_held) {
        watching = false;
        fprintf(stderr, "ERROR: more than %zu bytes are held for an input\n", most_held);
        abort();
    }
}

static void count_free(const volatile void *p)
{
    size_t size = watching && p ? __sanitizer_get_allocated_size(p) : 0;
    held -= size < held ? size : held;
}

// From now on until the next begin(), for an input of that size.
static inline void watch_memory(size_t size)
{
    static bool installed;
    if (!installed)
        installed = __sanitizer_install_malloc_and_free_hooks(count_malloc, count_free);
    held = 0;
    most_held = 64 * size + ((size_t)64 << 20);
    watching = true;
}

static inline void empty_folder(void) { nftw(folder, drop_file, 16, FTW_DEPTH | FTW_PHYS); }

static void leave(void)
{
    empty_folder();
    rmdir(folder);
    mw_ctx_free(c);
}

// The context and the folder; whatever is pending is forgotten.
static inline void begin(void)
{
    if (!c) {
        c = mw_ctx_new();
        snprintf(folder, sizeof folder, "%s/moonweave-fuzz-XXXXXX",
                 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
        if (!c || !mkdtemp(folder))
            exit(1);
        c->log = drop_line;
        atexit(leave);
    }
    watching = false;
    mw_err_clear(c);
    empty_folder();
}

static inline const char *write_file(const char *name, const uint8_t *data, size_t size)
{
    static char path[192];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    for (char *slash = path + strlen(folder) + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
        *slash = 0;
        mkdir(path, 0700);
    }
    FILE *f = fopen(path, "wb");
    if (f) {
        fwrite(data, 1, size, f);
        fclose(f);
    }
    return path;
}

// Input with lines "=== name": each begins a file of that name; names are letters, digits, ".", "_", "-" and
// "/".
static inline void write_files(const uint8_t *data, size_t size)
{
    static const char mark[] = "=== ";
    const uint8_t *end = data + size, *at = data;
    while (at < end && (at = memmem(at, (size_t)(end - at), mark, 4))) {
        char name[64];
        const uint8_t *line = memchr(at, '\n', (size_t)(end - at));
        size_t n = line ? (size_t)(line - at) - 4 : 0;
        if (!line || n >= sizeof name)
            return;
        memcpy(name, at + 4, n);
        name[n] = 0;
        const uint8_t *text = line + 1, *next = text;
        while (next < end && (next = memmem(next, (size_t)(end - next), "\n=== ", 5)) && next < text)
            next++;
        size_t length = next && next < end ? (size_t)(next - text) : (size_t)(end - text);
        bool good = n && *name != '/' && !strstr(name, "..") && name[n - 1] != '/' &&
            strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/") == n;
        if (good)
            write_file(name, text, length);
        at = text + length + (next && next < end);
    }
}

#endif
