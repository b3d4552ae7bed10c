// norms_from_one.c: weights of norms that are stored as what they differ from 1 (transformers' Gemma).
#include "nodes/nets/llm/norms_from_one.h"

#include <stdlib.h>
#include <string.h>

static bool is_norm(const char *name)
{
    static const char end[] = "norm.weight";
    size_t n = strlen(name), m = sizeof end - 1;
    return n >= m && strcmp(name + n - m, end) == 0;
}

static bool find(void *user, const char *name, int *ndim, int64_t shape[4])
{
    const mw_weight_source *b = user;
    return b->find(b->user, name, ndim, shape);
}

static mw_status read_f32(mw_ctx *c, void *user, const char *name, float *out)
{
    const mw_weight_source *b = user;
    int ndim = 0;
    int64_t shape[4] = {0};
    if (b->read_f32(c, b->user, name, out) != MW_OK || !is_norm(name) ||
        !b->find(b->user, name, &ndim, shape) || ndim != 1)
        return mw_err(c);
    for (int64_t i = 0; i < shape[0]; i++)
        out[i] += 1;
    return mw_err(c);
}

static const void *stored(void *user, const char *name, mw_dtype dtype)
{
    const mw_weight_source *b = user;
    return b->stored && !is_norm(name) ? b->stored(b->user, name, dtype) : NULL;
}

static bool blocks(void *user, const char *name, mw_block_rows *out)
{
    const mw_weight_source *b = user;
    return b->blocks && b->blocks(b->user, name, out);
}

static void stored_read(void *user, const char *name)
{
    const mw_weight_source *b = user;
    if (b->stored_read)
        b->stored_read(b->user, name);
}

static const char *name_at(void *user, size_t i)
{
    const mw_weight_source *b = user;
    return b->name_at ? b->name_at(b->user, i) : NULL;
}

static const char *stored_as(void *user, const char *name, bool *coarse)
{
    const mw_weight_source *b = user;
    *coarse = false;
    return b->stored_as ? b->stored_as(b->user, name, coarse) : name;
}

static void release(void *user)
{
    mw_weight_source *b = user;
    if (b->free)
        b->free(b->user);
    free(b);
}

mw_weight_source mw_norms_from_one(mw_ctx *c, mw_weight_source base)
{
    mw_weight_source *b = mw_alloc(c, sizeof *b);
    if (!b) {
        if (base.free)
            base.free(base.user);
        return (mw_weight_source){0};
    }
    *b = base;
    return (mw_weight_source){.user = b,
                              .path = base.path,
                              .find = find,
                              .read_f32 = read_f32,
                              .stored = stored,
                              .blocks = blocks,
                              .stored_read = stored_read,
                              .name_at = name_at,
                              .stored_as = stored_as,
                              .free = release};
}
