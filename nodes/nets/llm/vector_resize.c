// vector_resize.c: the frozen layer from a language model's width to a text encoder's.
#include "nodes/nets/llm/vector_resize.h"

#include "core/base/rng.h"
#include "core/io/safetensors.h"
#include "core/ops.h"

#include <math.h>
#include <stdlib.h>

// Row-major weight [to,from], bias [to].
static mw_tensor *apply(mw_ctx *c, mw_tensor *x, int64_t to, const float *weight, const float *bias)
{
    mw_scope_begin(c);
    mw_tensor *w = mw_tensor_from_f32(c, MW_F32, MW_SHAPE(to, mw_dim(x, 1)), weight);
    mw_tensor *b = mw_tensor_from_f32(c, MW_F32, MW_SHAPE(to), bias);
    return mw_scope_end(c, mw_linear(c, x, mw_prepare_linear(c, w), b, MW_ACT_NONE, NULL));
}

// torch.Tensor.uniform_(-bound, bound) in f32.
static void draw(mw_torch_rng *g, float *out, size_t n, float bound)
{
    mw_torch_rand(g, out, n);
    for (size_t i = 0; i < n; i++)
        out[i] = out[i] * (bound - -bound) + -bound;
}

mw_tensor *mw_vector_resize(mw_ctx *c, mw_tensor *x, int64_t to, uint64_t seed)
{
    if (mw_err(c) != MW_OK)
        return NULL;
    size_t from = (size_t)mw_dim(x, 1), n = (size_t)to;
    float *weight = mw_alloc(c, from * n * sizeof *weight), *bias = mw_alloc(c, n * sizeof *bias);
    mw_torch_rng g;
    mw_torch_rng_seed(&g, seed);
    mw_tensor *y = NULL;
    if (weight && bias) {
        const float bound = (float)(1 / sqrt((double)from));
        draw(&g, weight, from * n, bound);
        draw(&g, bias, n, bound);
        y = apply(c, x, to, weight, bias);
    }
    free(weight);
    free(bias);
    return y;
}

mw_tensor *mw_vector_resize_by(mw_ctx *c, mw_tensor *x, int64_t to, const char *path)
{
    mw_st *st = mw_err(c) == MW_OK ? mw_st_open(c, path) : NULL;
    if (!st)
        return NULL;
    const mw_st_entry *w = mw_st_find(st, "llm_resize.fc.weight"), *b = mw_st_find(st, "llm_resize.fc.bias");
    int64_t from = mw_dim(x, 1);
    float *weight = NULL, *bias = NULL;
    mw_tensor *y = NULL;
    if (!w || !b || w->ndim != 2 || b->ndim != 1 || w->shape[0] != b->shape[0] || w->shape[0] < 1)
        mw_fail(c, MW_E_FILE,
                "%s: 'llm_resize.fc.weight' [to,from] and 'llm_resize.fc.bias' [to] are expected", path);
    else if (w->shape[1] != from)
        mw_fail(c, MW_E_FILE, "%s: takes vectors of %lld, the language model's are of %lld", path,
                (long long)w->shape[1], (long long)from);
    else if (to && w->shape[0] != to)
        mw_fail(c, MW_E_FILE, "%s: makes vectors of %lld, not of 'width' %lld", path, (long long)w->shape[0],
                (long long)to);
    if (mw_err(c) == MW_OK)
        weight = mw_alloc(c, (size_t)w->count * sizeof *weight);
    if (mw_err(c) == MW_OK)
        bias = mw_alloc(c, (size_t)b->count * sizeof *bias);
    if (mw_err(c) == MW_OK && mw_st_read_f32(c, w, weight) == MW_OK && mw_st_read_f32(c, b, bias) == MW_OK)
        y = apply(c, x, w->shape[0], weight, bias);
    free(weight);
    free(bias);
    mw_st_close(st);
    return y;
}
