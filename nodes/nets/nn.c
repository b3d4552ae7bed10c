// nn.c: layers by the path of their module: what the networks are written in.
#include "nodes/nets/nn.h"

#include <stdarg.h>
#include <stdio.h>

mw_path mw_path_of(const char *fmt, ...)
{
    mw_path p;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(p.s, sizeof p.s, fmt, ap);
    va_end(ap);
    return p;
}

static mw_path leaf(const char *path, const char *name, const char *kind)
{
    return mw_path_of("%s%s%s.%s", path, *path ? "." : "", name, kind);
}

static mw_tensor *vector(const mw_nn *m, const char *path, const char *name, const char *kind, int64_t n)
{
    return mw_weight_vector(m->c, m->w, leaf(path, name, kind).s, n);
}

mw_tensor *mw_nn_linear(const mw_nn *m, const char *path, const char *name, mw_tensor *x, int64_t n,
                        unsigned flags, mw_activation act, mw_tensor *residual)
{
    if (!x)
        return NULL;
    mw_tensor *w = mw_weight_linear(m->c, m->w, leaf(path, name, "weight").s, n, mw_dim(x, -1));
    mw_tensor *b = flags & MW_NN_NO_BIAS ? NULL : vector(m, path, name, "bias", n);
    return mw_linear(m->c, x, w, b, act, residual);
}

static mw_tensor *conv(const mw_nn *m, const char *path, const char *name, mw_tensor *x, int64_t n, int k,
                       int stride, int begin, int end, mw_tensor *residual)
{
    if (!x)
        return NULL;
    mw_tensor *w = mw_weight_conv(m->c, m->w, leaf(path, name, "weight").s, n, mw_dim(x, 3), k, k);
    return mw_conv2d(m->c, x, w, vector(m, path, name, "bias", n), stride, begin, end, residual);
}

mw_tensor *mw_nn_conv(const mw_nn *m, const char *path, const char *name, mw_tensor *x, int64_t n, int k,
                      mw_tensor *residual)
{
    return conv(m, path, name, x, n, k, 1, k / 2, k / 2, residual);
}

mw_tensor *mw_nn_conv_down(const mw_nn *m, const char *path, const char *name, mw_tensor *x, int64_t n,
                           int pad_begin)
{
    return conv(m, path, name, x, n, 3, 2, pad_begin, 1, NULL);
}

mw_tensor *mw_nn_group_norm(const mw_nn *m, const char *path, const char *name, mw_tensor *x, int groups,
                            double eps, mw_activation act)
{
    if (!x)
        return NULL;
    int64_t n = mw_dim(x, -1);
    mw_tensor *gamma = vector(m, path, name, "weight", n), *beta = vector(m, path, name, "bias", n);
    return mw_group_norm(m->c, x, gamma, beta, groups, eps, act);
}

mw_tensor *mw_nn_layer_norm(const mw_nn *m, const char *path, const char *name, mw_tensor *x, double eps)
{
    if (!x)
        return NULL;
    int64_t n = mw_dim(x, -1);
    return mw_layer_norm(m->c, x, vector(m, path, name, "weight", n), vector(m, path, name, "bias", n), eps);
}

mw_tensor *mw_nn_resnet(const mw_nn *m, const char *path, mw_tensor *x, int64_t channels, int groups,
                        double eps, mw_tensor *time)
{
    mw_ctx *c = m->c;
    mw_scope_begin(c);
    mw_scope_begin(c); // so that the widest map goes as soon as it is used
    mw_tensor *y = mw_nn_group_norm(m, path, "norm1", x, groups, eps, MW_ACT_SILU);
    y = mw_scope_end(c, mw_nn_conv(m, path, "conv1", y, channels, 3, NULL));
    if (time) {
        mw_tensor *t = mw_nn_linear(m, path, "time_emb_proj", time, channels, 0, MW_ACT_NONE, NULL);
        y = mw_add(c, y, mw_reshape(c, t, MW_SHAPE(mw_dim(t, 0), 1, 1, channels)));
    }
    y = mw_nn_group_norm(m, path, "norm2", y, groups, eps, MW_ACT_SILU);
    mw_tensor *short_cut =
        mw_dim(x, 3) == channels ? x : mw_nn_conv(m, path, "conv_shortcut", x, channels, 1, NULL);
    y = mw_nn_conv(m, path, "conv2", y, channels, 3, short_cut);
    return mw_scope_end(c, y);
}

mw_tensor *mw_nn_to_planes(mw_ctx *c, mw_tensor *x)
{
    return mw_contiguous(c, mw_permute(c, mw_cast(c, x, MW_F32), (int[]){0, 3, 1, 2}));
}

mw_tensor *mw_nn_from_planes(mw_ctx *c, mw_tensor *x, mw_dtype dtype)
{
    return mw_contiguous(c, mw_cast(c, mw_permute(c, x, (int[]){0, 2, 3, 1}), dtype));
}

mw_status mw_nn_load(mw_ctx *c, mw_weights *w, void (*walk)(mw_ctx *c, void *model), void *model,
                     bool (*ignorable)(const char *name))
{
    bool was = c->dry;
    c->dry = true;
    mw_scope_begin(c);
    walk(c, model);
    mw_scope_end(c, NULL);
    c->dry = was;
    return mw_err(c) == MW_OK && !was ? mw_weights_load(c, w, ignorable) : mw_err(c);
}
