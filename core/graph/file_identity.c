// file_identity.c: what tells one content of a file or folder from another, for keys.
#include "core/base/file.h"
#include "core/base/paths.h"
#include "core/graph/graph_internal.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

enum { DEEPEST = 4, LONGEST = 64 << 20, CLOCK_STEP = 2 };

typedef struct hasher {
    mw_ctx *c;
    XXH3_state_t *h;
    int64_t since;
} hasher;

static void add(hasher *k, const void *data, size_t size) { XXH3_128bits_update(k->h, data, size); }

static void add_file(hasher *k, const char *path, int depth);

static int not_dots(const struct dirent *e) { return strcmp(e->d_name, ".") && strcmp(e->d_name, ".."); }

static void add_folder(hasher *k, const char *path, int depth)
{
    struct dirent **names = NULL;
    int n = scandir(path, &names, not_dots, alphasort);
    for (int i = 0; i < n; i++) {
        char below[PATH_MAX];
        add(k, names[i]->d_name, strlen(names[i]->d_name) + 1);
        if (snprintf(below, sizeof below, "%s/%s", path, names[i]->d_name) < (int)sizeof below &&
            depth < DEEPEST)
            add_file(k, below, depth + 1);
        free(names[i]);
    }
    free(names);
}

// A clock ticks too slowly to tell two writes in a row: what was written lately counts with its content.
static void add_content(hasher *k, const char *path)
{
    mw_mapping m;
    if (mw_file_map(k->c, path, &m)) {
        if (m.size <= LONGEST)
            add(k, m.data, m.size);
        mw_file_unmap(&m);
    }
    mw_err_clear(k->c); // a file that cannot be read is the node's to report
}

static void add_file(hasher *k, const char *path, int depth)
{
    struct stat s;
    if (stat(path, &s))
        return;
    uint64_t facts[] = {(uint64_t)s.st_dev,          (uint64_t)s.st_ino,          (uint64_t)s.st_size,
                        (uint64_t)s.st_mtim.tv_sec,  (uint64_t)s.st_mtim.tv_nsec, (uint64_t)s.st_ctim.tv_sec,
                        (uint64_t)s.st_ctim.tv_nsec, (uint64_t)s.st_mode & S_IFMT};
    if (S_ISDIR(s.st_mode)) {
        add_folder(k, path, depth);
        return;
    }
    add(k, facts, sizeof facts);
    if (S_ISREG(s.st_mode) && s.st_size <= LONGEST && s.st_ctim.tv_sec >= k->since - CLOCK_STEP)
        add_content(k, path);
}

mw_value *mw_file_identity(mw_ctx *c, const char *name, int64_t since)
{
    if (mw_err(c))
        return NULL;
    hasher k = {c, XXH3_createState(), since};
    char text[40] = "", *path = k.h ? mw_find_path(c, name) : NULL;
    if (path) {
        XXH3_128bits_reset(k.h);
        add(&k, path, strlen(path) + 1);
        add_file(&k, path, 0);
        XXH128_hash_t h = XXH3_128bits_digest(k.h);
        snprintf(text, sizeof text, "%016llx%016llx", (unsigned long long)h.high64,
                 (unsigned long long)h.low64);
    }
    mw_err_clear(c); // a missing file is the node's to report
    free(path);
    XXH3_freeState(k.h);
    return mw_value_text(c, text, strlen(text));
}
