// file_identity.c: what a file or folder holds, for keys.
#include "core/base/content_hash.h"
#include "core/base/paths.h"
#include "core/graph/graph_internal.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

enum { DEEPEST = 4 };

typedef struct hasher {
    mw_ctx *c;
    XXH3_state_t *h;
} hasher;

static void add(hasher *k, const void *data, size_t size) { XXH3_128bits_update(k->h, data, size); }

static void add_path(hasher *k, const char *path, int depth);

// Nothing reads what is hidden in a model's folder: copies that version control keeps of it.
static int not_hidden(const struct dirent *e) { return e->d_name[0] != '.'; }

static void add_folder(hasher *k, const char *path, int depth)
{
    struct dirent **names = NULL;
    int n = scandir(path, &names, not_hidden, alphasort);
    if (n < 0 && errno == ENOMEM)
        mw_fail(k->c, MW_E_MEMORY, "out of host memory");
    for (int i = 0; i < n; i++) {
        char below[PATH_MAX];
        add(k, names[i]->d_name, strlen(names[i]->d_name) + 1);
        if (snprintf(below, sizeof below, "%s/%s", path, names[i]->d_name) < (int)sizeof below &&
            depth < DEEPEST)
            add_path(k, below, depth + 1);
        free(names[i]);
    }
    free(names);
}

// A file that cannot be read is the node's to report.
static void add_path(hasher *k, const char *path, int depth)
{
    struct stat s;
    mw_content_hash content = {0, 0};
    if (stat(path, &s))
        return;
    unsigned char folder = S_ISDIR(s.st_mode) != 0;
    add(k, &folder, 1);
    if (folder)
        add_folder(k, path, depth);
    else if (mw_content_hash_of(k->c, path, &content))
        add(k, &content, sizeof content);
}

// The further files of a model whose first this is: "x-00001-of-00003.gguf".
static void add_parts(hasher *k, const char *path)
{
    enum { TAIL = 20, MOST = 4096 }; // "-00001-of-00003.gguf"
    size_t n = strlen(path);
    int count = 0, end = 0;
    const char *tail = n > TAIL ? path + n - TAIL : "";
    if (sscanf(tail, "-00001-of-%5d.gguf%n", &count, &end) != 1 || end != TAIL || count > MOST)
        return;
    for (int i = 2; i <= count; i++) {
        char part[PATH_MAX];
        if (snprintf(part, sizeof part, "%.*s-%05d-of-%05d.gguf", (int)(n - TAIL), path, i, count) <
            (int)sizeof part)
            add_path(k, part, 0);
    }
}

mw_value *mw_file_identity(mw_ctx *c, const char *name)
{
    if (mw_err(c))
        return NULL;
    hasher k = {c, XXH3_createState()};
    char text[40] = "", *path = k.h ? mw_find_path(c, name) : NULL;
    if (!k.h)
        mw_fail(c, MW_E_MEMORY, "out of host memory");
    else if (mw_err(c) != MW_E_MEMORY)
        mw_err_clear(c); // a missing file is the node's to report
    if (path) {
        XXH3_128bits_reset(k.h);
        add_path(&k, path, 0);
        add_parts(&k, path);
        XXH128_hash_t h = XXH3_128bits_digest(k.h);
        snprintf(text, sizeof text, "%016llx%016llx", (unsigned long long)h.high64,
                 (unsigned long long)h.low64);
    }
    free(path);
    XXH3_freeState(k.h);
    return mw_value_text(c, text, strlen(text));
}
