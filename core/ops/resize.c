// resize.c: pictures and feature maps at another size: nearest neighbour and bilinear.
#include "core/ops/ops_internal.h"

#include <math.h>
#include <stdlib.h>

typedef struct attrs {
    int64_t h, w;
} attrs;

static mw_status infer(mw_ctx *c, mw_call *k)
{
    const mw_tensor *x = k->in[0];
    const attrs *a = k->attrs;
    char text[MW_SHAPE_TEXT];
    if (!mw_op_floats(c, k))
        return mw_err(c);
    if (x->ndim != 4)
        return mw_op_fail(c, k, "x must be [B,h,w,C], got %s", mw_shape_text(x, text, sizeof text));
    if (a->h < 0 || a->w < 0 || ((x->shape[1] < 1 || x->shape[2] < 1) && a->h > 0 && a->w > 0))
        return mw_op_fail(c, k, "%s cannot be resized to %lld x %lld", mw_shape_text(x, text, sizeof text),
                          (long long)a->h, (long long)a->w);
    k->out[0] = mw_tensor_new(c, x->dtype, MW_SHAPE(x->shape[0], a->h, a->w, x->shape[3]));
    return mw_err(c);
}

static mw_status run(mw_ctx *c, const mw_call *k, const char *entry)
{
    const mw_tensor *in = k->in[0];
    mw_tensor *y = k->out[0];
    int64_t n = mw_numel(y);
    if (!n)
        return MW_OK;
    mw_scope_begin(c);
    mw_tensor *x = mw_contiguous(c, k->in[0]);
    int chunk;
    mw_launch l = mw_op_flat(c, "move", entry, n, &chunk);
    l.t = y->dtype;
    MW_RUN(c, &l, MW_T(x), MW_T(y), MW_L(n), MW_I(chunk), MW_L(in->shape[3]), MW_L(in->shape[1]),
           MW_L(in->shape[2]), MW_L(y->shape[1]), MW_L(y->shape[2]));
    mw_scope_end(c, NULL);
    return mw_err(c);
}

static mw_status forward_nearest(mw_ctx *c, const mw_call *k) { return run(c, k, "resize_nearest"); }
static mw_status forward_bilinear(mw_ctx *c, const mw_call *k) { return run(c, k, "resize_bilinear"); }

static mw_status vjp_nearest(mw_ctx *c, const mw_call *k, mw_tensor *const *gout, mw_tensor **gin,
                             const bool *want)
{
    (void)want;
    const mw_tensor *x = k->in[0], *y = k->out[0];
    gin[0] = mw_op_grad_like(c, x);
    int64_t n = mw_numel(x);
    int chunk;
    mw_launch l = mw_op_flat(c, "grad", "resize_nearest_grad", n, &chunk);
    if (!gin[0] || !n)
        return mw_err(c);
    return MW_RUN(c, &l, MW_T(gout[0]), MW_T(gin[0]), MW_L(n), MW_I(chunk), MW_L(x->shape[3]),
                  MW_L(x->shape[1]), MW_L(x->shape[2]), MW_L(y->shape[1]), MW_L(y->shape[2]));
}

// The matrix [from,to] whose product with a column of `to` values is the gradient of resizing `from` values
// to them.
static mw_tensor *weights(mw_ctx *c, int64_t from, int64_t to)
{
    float *w = mw_alloc(c, (size_t)(from * to) * sizeof *w);
    if (!w)
        return NULL;
    for (int64_t i = 0; i < to; i++) { // the same arithmetic as kernels/move.cl
        float at = fmaxf(((float)i + 0.5f) * ((float)from / (float)to) - 0.5f, 0);
        int64_t low = (int64_t)at < from - 1 ? (int64_t)at : from - 1,
                high = low + 1 < from ? low + 1 : from - 1;
        w[low * to + i] += 1 - (at - (float)low);
        w[high * to + i] += at - (float)low;
    }
    mw_tensor *t = mw_tensor_from_f32(c, MW_F32, MW_SHAPE(from, to), w);
    free(w);
    return t;
}

static mw_status vjp_bilinear(mw_ctx *c, const mw_call *k, mw_tensor *const *gout, mw_tensor **gin,
                              const bool *want)
{
    (void)want;
    const mw_tensor *x = k->in[0], *y = k->out[0];
    int64_t b = x->shape[0], h = x->shape[1], w = x->shape[2], n = x->shape[3], h2 = y->shape[1],
            w2 = y->shape[2];
    mw_tensor *g = mw_matmul(c, weights(c, h, h2), mw_reshape(c, gout[0], MW_SHAPE(b, h2, w2 * n)), 1);
    g = mw_matmul(c, weights(c, w, w2), mw_reshape(c, g, MW_SHAPE(b * h, w2, n)), 1);
    gin[0] = mw_reshape(c, g, MW_SHAPE(b, h, w, n));
    return mw_err(c);
}

static const mw_op nearest = {
    .name = "resize_nearest",
    .sig = "x[B,h,w,C] -> y[B,h2,w2,C]",
    .doc = "y(i,j) = x(floor(i h / h2), floor(j w / w2)).",
    .nin = 1,
    .nreq = 1,
    .infer = infer,
    .forward = forward_nearest,
    .vjp = vjp_nearest,
    .attrs_size = sizeof(attrs),
    .reads = mw_reads_nothing,
};

static const mw_op bilinear = {
    .name = "resize_bilinear",
    .sig = "x[B,h,w,C] -> y[B,h2,w2,C]",
    .doc = "The four nearest elements weighted by distance, pixel centres at half integers.",
    .nin = 1,
    .nreq = 1,
    .infer = infer,
    .forward = forward_bilinear,
    .vjp = vjp_bilinear,
    .attrs_size = sizeof(attrs),
    .reads = mw_reads_nothing,
};

mw_tensor *mw_resize_nearest(mw_ctx *c, mw_tensor *x, int64_t h2, int64_t w2)
{
    return mw_apply(c, &nearest, &x, 1, &(attrs){h2, w2});
}

mw_tensor *mw_resize_bilinear(mw_ctx *c, mw_tensor *x, int64_t h2, int64_t w2)
{
    return mw_apply(c, &bilinear, &x, 1, &(attrs){h2, w2});
}
