// recipe.c: what the bits of results follow from besides the graph.
#include "core/graph/recipe.h"

#include "core/base/content_hash.h"
#include "core/base/env.h"
#include "core/base/paths.h"
#include "core/cl/device.h"
#include "core/cl/tune.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

// ---- files of the share

enum { DEEPEST = 4, LARGEST = 4 << 20 };

static int not_hidden(const struct dirent *e) { return e->d_name[0] != '.'; }

static bool ends_in(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return n >= m && !strcmp(name + n - m, end);
}

// Scripts count by what they wire, and models by the path that a node is given: what is left are kernels,
// vocabularies, word lists, templates.
static void add_tree(mw_ctx *c, XXH3_state_t *h, const char *folder, int depth)
{
    struct dirent **names = NULL;
    int n = scandir(folder, &names, not_hidden, alphasort);
    if (n < 0 && errno == ENOMEM)
        mw_fail(c, MW_E_MEMORY, "out of host memory");
    for (int i = 0; i < n; i++) {
        char path[PATH_MAX];
        struct stat s;
        mw_content_hash content;
        const char *name = names[i]->d_name;
        bool fits = snprintf(path, sizeof path, "%s/%s", folder, name) < (int)sizeof path && !stat(path, &s);
        if (fits && S_ISDIR(s.st_mode) && depth < DEEPEST)
            add_tree(c, h, path, depth + 1);
        if (fits && S_ISREG(s.st_mode) && s.st_size <= LARGEST && !ends_in(name, ".lua") &&
            mw_content_hash_of(c, path, &content)) {
            XXH3_64bits_update(h, name, strlen(name) + 1);
            XXH3_64bits_update(h, &content, sizeof content);
        }
        free(names[i]);
    }
    free(names);
}

static uint64_t share_hash(mw_ctx *c, const char *folder)
{
    char *path = mw_share_path(c, folder);
    XXH3_state_t *h = path ? XXH3_createState() : NULL;
    uint64_t hash = 0;
    if (h) {
        XXH3_64bits_reset(h);
        add_tree(c, h, path, 0);
        hash = XXH3_64bits_digest(h);
    } else if (!mw_err(c)) {
        mw_fail(c, MW_E_MEMORY, "out of host memory");
    }
    XXH3_freeState(h);
    free(path);
    return hash;
}

// ---- the text

static void add_host(mw_ctx *c, FILE *f)
{
    mw_content_hash build = {0, 0};
    mw_content_hash_of(c, "/proc/self/exe", &build);
    fprintf(f, "build: %016" PRIx64 "\n", build.lo);
    fprintf(f, "files: %016" PRIx64 "\n", share_hash(c, "models") ^ share_hash(c, "scripts"));
}

static void add_device(mw_ctx *c, FILE *f)
{
    const mw_device_info *d = mw_device_get_info(c);
    const char *dtype = mw_env_of(c).dtype;
    char *tuned = mw_tune_text(c);
    fprintf(f, "compute units: %d\n", d->caps.compute_units);
    fprintf(f, "device: %s\n", d->name);
    fprintf(f, "driver: %s\n", d->driver);
    fprintf(f, "dtype: %s\n", dtype ? dtype : "auto");
    fprintf(f, "family: %s\n", d->caps.cpu ? "cpu" : "gpu");
    fprintf(f, "half: %d\n", d->caps.fp16);
    fprintf(f, "kernels: %016" PRIx64 "\n", share_hash(c, "kernels"));
    fprintf(f, "lanes: %d\n", d->caps.vector_width);
    fprintf(f, "largest group: %zu\n", d->caps.max_group);
    fprintf(f, "local memory: %zu\n", d->caps.local_bytes);
    fprintf(f, "memory limit: %" PRIu64 "\n", mw_device_memory(c).limit);
    fprintf(f, "platform: %s, %s\n", d->platform, d->platform_version);
    fprintf(f, "tuned: %016" PRIx64 "\n", tuned && *tuned ? XXH3_64bits(tuned, strlen(tuned)) : 0);
    free(tuned);
}

char *mw_recipe_text(mw_ctx *c, bool device)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = mw_err(c) ? NULL : open_memstream(&text, &size);
    if (f) {
        add_host(c, f);
        if (device)
            add_device(c, f);
    }
    if ((!f || fclose(f)) && !mw_err(c))
        mw_fail(c, MW_E_MEMORY, "out of host memory");
    if (mw_err(c)) {
        free(text);
        return NULL;
    }
    return text;
}

// ---- differences

typedef struct line {
    const char *name, *value; // "name: value"
    int name_length, value_length;
} line;

// The next line of *at, which moves on; false at the end.
static bool next_line(const char **at, line *l)
{
    while (**at) {
        const char *begin = *at, *end = begin + strcspn(begin, "\n"), *colon = strstr(begin, ": ");
        *at = *end ? end + 1 : end;
        if (!colon || colon > end)
            continue;
        *l = (line){begin, colon + 2, (int)(colon - begin), (int)(end - colon - 2)};
        return true;
    }
    return false;
}

static bool find_line(const char *text, const line *like, line *l)
{
    while (next_line(&text, l))
        if (l->name_length == like->name_length && !memcmp(l->name, like->name, (size_t)like->name_length))
            return true;
    return false;
}

char *mw_recipe_difference(mw_ctx *c, const char *other, const char *here)
{
    char *text = NULL;
    size_t size = 0;
    line l, own;
    FILE *f = mw_err(c) ? NULL : open_memstream(&text, &size);
    const char *gap = "";
    while (f && next_line(&other, &l)) {
        if (!find_line(here, &l, &own))
            own = (line){.value = "unknown", .value_length = 7};
        if (l.value_length == own.value_length && !memcmp(l.value, own.value, (size_t)l.value_length))
            continue;
        fprintf(f, "%s%.*s %.*s (here %.*s)", gap, l.name_length, l.name, l.value_length, l.value,
                own.value_length, own.value);
        gap = ", ";
    }
    if ((!f || fclose(f)) && !mw_err(c))
        mw_fail(c, MW_E_MEMORY, "out of host memory");
    return text;
}
