// nn.c: layers by the path of their module: what the networks are written in.
#include "nodes/nets/base/nn.h"
#include "core/ops.h"

#include "core/tensor/tape.h"

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

mw_tensor *mw_nn_resnet_time(const mw_nn *m, const char *path, mw_tensor *time, int64_t channels)
{
    if (!time)
        return NULL;
    int64_t B = mw_dim(time, 0);
    mw_tensor *bias = vector(m, path, "conv1", "bias", channels);
    time = mw_cast(m->c, time, MW_F32); // one more rounding would be seen in f16
    bias = mw_expand(m->c, mw_cast(m->c, bias, MW_F32), 2, (int64_t[]){B, channels});
    return mw_nn_linear(m, path, "time_emb_proj", time, channels, 0, MW_ACT_NONE, bias);
}

// The first convolution. A shift of all pictures is its bias.
static mw_tensor *shifted_conv(const mw_nn *m, const char *path, mw_tensor *x, int64_t channels,
                               mw_tensor *shift)
{
    mw_ctx *c = m->c;
    if (!shift)
        return mw_nn_conv(m, path, "conv1", x, channels, 3, NULL);
    mw_tensor *w = mw_weight_conv(c, m->w, leaf(path, "conv1", "weight").s, channels, mw_dim(x, 3), 3, 3);
    if (mw_dim(shift, 0) == 1)
        return mw_conv2d(c, x, w, mw_reshape(c, shift, MW_SHAPE(channels)), 1, 1, 1, NULL);
    mw_tensor *y = mw_conv2d(c, x, w, NULL, 1, 1, 1, NULL);
    mw_tensor *sum = mw_add(c, y, mw_reshape(c, shift, MW_SHAPE(mw_dim(shift, 0), 1, 1, channels)));
    mw_drop(c, y);
    return sum;
}

mw_tensor *mw_nn_resnet(const mw_nn *m, const char *path, mw_tensor *x, int64_t channels, int groups,
                        double eps, mw_tensor *shift)
{
    mw_ctx *c = m->c;
    mw_scope_begin(c);
    mw_scope_begin(c); // so that the widest map goes as soon as it is used
    mw_tensor *y = mw_nn_group_norm(m, path, "norm1", x, groups, eps, MW_ACT_SILU);
    y = mw_scope_end(c, shifted_conv(m, path, y, channels, shift));
    mw_tensor *z = mw_nn_group_norm(m, path, "norm2", y, groups, eps, MW_ACT_SILU);
    mw_drop(c, y);
    mw_tensor *short_cut =
        mw_dim(x, 3) == channels ? x : mw_nn_conv(m, path, "conv_shortcut", x, channels, 1, NULL);
    return mw_scope_end(c, mw_nn_conv(m, path, "conv2", z, channels, 3, short_cut));
}

static mw_tensor *gated_mlp(const mw_nn *m, const char *path, mw_tensor *x, mw_tensor *residual)
{
    int64_t width = mw_dim(x, -1);
    mw_scope_begin(m->c);
    mw_tensor *y = mw_nn_linear(m, path, "net.0.proj", x, 8 * width, 0, MW_ACT_NONE, NULL);
    mw_tensor *z = mw_geglu(m->c, y);
    mw_drop(m->c, y);
    return mw_scope_end(m->c, mw_nn_linear(m, path, "net.2", z, width, 0, MW_ACT_NONE, residual));
}

mw_tensor *mw_nn_gated_mlp(const mw_nn *m, const char *path, mw_tensor *x, mw_tensor *residual)
{
    enum { MOST_BYTES = 32 << 20 };
    mw_ctx *c = m->c;
    if (!x)
        return NULL;
    int64_t width = mw_dim(x, -1), rows = mw_numel(x) / width;
    int64_t parts = (12 * mw_numel(x) * (int64_t)mw_dtype_size(x->dtype) + MOST_BYTES - 1) / MOST_BYTES;
    parts = parts > MW_MAXIN ? MW_MAXIN : parts > rows ? rows : parts;
    if (parts < 2 || mw_watched(c, x) || mw_watched(c, residual))
        return gated_mlp(m, path, x, residual);
    mw_scope_begin(c);
    mw_tensor *flat = mw_reshape(c, x, MW_SHAPE(rows, width)), *done[MW_MAXIN];
    mw_tensor *r = residual ? mw_reshape(c, residual, MW_SHAPE(rows, width)) : NULL;
    for (int64_t i = 0; i < parts; i++) {
        int64_t at = rows * i / parts, n = rows * (i + 1) / parts - at;
        done[i] = gated_mlp(m, path, mw_slice(c, flat, 0, at, n), r ? mw_slice(c, r, 0, at, n) : NULL);
    }
    mw_tensor *y = mw_concat(c, (int)parts, done, 0);
    return mw_scope_end(c, mw_reshape(c, y, x->ndim, x->shape));
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
