// part_files.c: which file of a diffusers part folder holds the weights.
#include "nodes/nets/base/part_files.h"

#include "core/base/pathname.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_VARIANTS = 16, VARIANT_LENGTH = 64 };

// What the names in a folder say.
typedef struct listing {
    char variant[MAX_VARIANTS][VARIANT_LENGTH]; // sorted
    int n;
    bool pickle;
} listing;

// The variant in "<stem>.<variant>.safetensors" or "<stem>.safetensors.index.<variant>.json" into out; false
// where the name is not of that kind.
static bool variant_of(const char *name, const char *stem, char out[VARIANT_LENGTH])
{
    static const char index[] = "safetensors.index.";
    size_t n = strlen(stem);
    if (strncmp(name, stem, n) != 0 || name[n] != '.')
        return false;
    const char *from = name + n + 1, *end = ".safetensors";
    if (strncmp(from, index, sizeof index - 1) == 0) {
        from += sizeof index - 1;
        end = ".json";
    }
    size_t length = strlen(from), tail = strlen(end);
    if (length <= tail || length - tail >= VARIANT_LENGTH || strcmp(from + length - tail, end) != 0)
        return false;
    memcpy(out, from, length - tail);
    out[length - tail] = 0;
    // A shard ("fp16-00001-of-00002") is no variant of its own.
    return !strchr(out, '-') && !strchr(out, '.');
}

static int by_text(const void *a, const void *b) { return strcmp(a, b); }

static void list(const char *folder, const char *stem, listing *l)
{
    *l = (listing){0};
    DIR *d = opendir(folder);
    const struct dirent *e;
    while (d && (e = readdir(d))) {
        if (mw_path_has_suffix(e->d_name, ".bin") || mw_path_has_suffix(e->d_name, ".ckpt"))
            l->pickle = true;
        if (l->n < MAX_VARIANTS && variant_of(e->d_name, stem, l->variant[l->n]))
            l->n++;
    }
    if (d)
        closedir(d);
    qsort(l->variant, (size_t)l->n, VARIANT_LENGTH, by_text);
}

// folder/name when it is there; free() it.
static char *existing(mw_ctx *c, const char *folder, char *name)
{
    char *path = name ? mw_path_join(c, folder, name) : NULL;
    free(name);
    if (path && mw_path_exists(path))
        return path;
    free(path);
    return NULL;
}

static char *find(mw_ctx *c, const char *folder, const char *stem, const char *variant)
{
    bool plain = !variant || !*variant;
    char *path = existing(c, folder,
                          plain ? mw_format(c, "%s.safetensors", stem)
                                : mw_format(c, "%s.%s.safetensors", stem, variant));
    if (path || mw_err(c) != MW_OK)
        return path;
    return existing(c, folder,
                    plain ? mw_format(c, "%s.safetensors.index.json", stem)
                          : mw_format(c, "%s.safetensors.index.%s.json", stem, variant));
}

static char *fail(mw_ctx *c, const char *folder, const char *stem, const char *variant, const listing *l)
{
    char has[256] = "";
    for (int i = 0; i < l->n && strlen(has) + strlen(l->variant[i]) + 3 < sizeof has; i++)
        strcat(strcat(has, i ? ", " : ""), l->variant[i]);
    if (variant && *variant)
        mw_fail(c, MW_E_FILE, "%s: no '%s.%s.safetensors' (variants there: %s)", folder, stem, variant,
                l->n ? has : "none");
    else if (l->n)
        mw_fail(c, MW_E_FILE, "%s: no '%s.safetensors', but several variants (%s): choose one with variant",
                folder, stem, has);
    else if (l->pickle)
        mw_fail(c, MW_E_FILE,
                "%s: the weights are a pickle (.bin), which is not supported yet: '%s.safetensors' is needed",
                folder, stem);
    else
        mw_fail(c, MW_E_FILE, "%s: no '%s.safetensors'", folder, stem);
    return NULL;
}

char *mw_part_weights(mw_ctx *c, const char *folder, const char *stem, const char *variant)
{
    char *path = find(c, folder, stem, variant);
    if (path || mw_err(c) != MW_OK)
        return path;
    listing l;
    list(folder, stem, &l);
    if (l.n == 1 && (!variant || !*variant)) {
        mw_log(c, MW_LOG_INFO, "%s: taking the variant %s", folder, l.variant[0]);
        path = find(c, folder, stem, l.variant[0]);
    }
    if (!path && mw_err(c) == MW_OK)
        fail(c, folder, stem, variant, &l);
    return path;
}

bool mw_part_has_weights(mw_ctx *c, const char *folder, const char *stem)
{
    listing l;
    list(folder, stem, &l);
    return l.n || l.pickle || mw_part_has_variant(c, folder, stem, NULL);
}

bool mw_part_has_variant(mw_ctx *c, const char *folder, const char *stem, const char *variant)
{
    char *path = mw_err(c) == MW_OK ? find(c, folder, stem, variant) : NULL;
    free(path);
    return path;
}
