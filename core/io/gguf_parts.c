// gguf_parts.c: models in several GGUF files, as llama.cpp splits them: "x-00001-of-00003.gguf" and so on.
// The first holds the metadata, each tensors of its own.
#include "core/io/gguf_internal.h"

#include "core/base/pathname.h"

#include <stdlib.h>
#include <string.h>

#define NO "split.no"
#define COUNT "split.count"
enum { MOST = 4096 };

// "x-00002-of-00003.gguf", where the first of 3 is x-00001-of-00003.gguf; free() it. NULL where that is not
// its name.
static char *part_path(mw_ctx *c, const mw_gguf *g, int64_t i, int64_t n)
{
    char *end = mw_format(c, "-%05lld-of-%05lld.gguf", 1LL, (long long)n);
    size_t length = strlen(g->path), tail = end ? strlen(end) : 0;
    bool named = end && length > tail && !strcmp(g->path + length - tail, end);
    char *path = named ? mw_format(c, "%.*s-%05lld-of-%05lld.gguf", (int)(length - tail), g->path,
                                   (long long)i + 1, (long long)n)
                       : NULL;
    if (end && !named)
        mw_fail(c, MW_E_FILE,
                "%s: is the first of %lld files of a model; their names must end in %s and so on", g->path,
                (long long)n, end);
    free(end);
    return path;
}

// Part i, whose metadata must say that it is.
static mw_gguf *open_part(mw_ctx *c, const mw_gguf *g, int64_t i, int64_t n)
{
    char *path = part_path(c, g, i, n);
    mw_gguf *part = path ? mw_gguf_open_one(c, path) : NULL;
    if (part && mw_gguf_need_int(c, part, COUNT, 1, MOST) != n)
        mw_gguf_fail(c, part, COUNT, "must be %lld, as in the first file", (long long)n);
    if (part && mw_err(c) == MW_OK && mw_gguf_need_int(c, part, NO, 0, MOST) != i)
        mw_gguf_fail(c, part, NO, "must be %lld in the file of this name", (long long)i);
    free(path);
    return part;
}

// The tensors of all files in one list.
static void join(mw_ctx *c, mw_gguf *g)
{
    size_t n = g->ntensors;
    for (size_t i = 0; i < g->nparts; i++)
        n += g->parts[i]->ntensors;
    mw_gguf_tensor *all = mw_alloc(c, (n + 1) * sizeof *all);
    if (!all)
        return;
    if (g->ntensors)
        memcpy(all, g->tensors, g->ntensors * sizeof *all);
    free(g->tensors);
    g->tensors = all;
    for (size_t i = 0; i < g->nparts; i++) {
        if (!g->parts[i]->ntensors)
            continue;
        memcpy(all + g->ntensors, g->parts[i]->tensors, g->parts[i]->ntensors * sizeof *all);
        g->ntensors += g->parts[i]->ntensors;
    }
    mw_gguf_sort_tensors(c, g);
}

void mw_gguf_open_parts(mw_ctx *c, mw_gguf *g)
{
    int64_t n = mw_gguf_int(c, g, COUNT, 1, 0, MOST), no = mw_gguf_int(c, g, NO, 0, 0, MOST);
    if (mw_err(c) != MW_OK || n < 2)
        return;
    if (no) {
        mw_fail(c, MW_E_FILE,
                "%s: is file %lld of %lld of a model; open the first, whose name has 00001 in it", g->path,
                (long long)no + 1, (long long)n);
        return;
    }
    g->parts = mw_alloc(c, (size_t)n * sizeof(mw_gguf *));
    for (int64_t i = 1; g->parts && i < n && mw_err(c) == MW_OK; i++) {
        mw_gguf *part = open_part(c, g, i, n);
        if (part)
            g->parts[g->nparts++] = part;
    }
    if (mw_err(c) == MW_OK)
        join(c, g);
    int64_t tensors = mw_gguf_int(c, g, "split.tensors.count", (int64_t)g->ntensors, 0, INT64_MAX);
    if (mw_err(c) == MW_OK && tensors != (int64_t)g->ntensors)
        mw_gguf_fail(c, g, "split.tensors.count", "%lld tensors, but the files hold %zu", (long long)tensors,
                     g->ntensors);
}
