// resize.c: pictures and feature maps at another size: nearest neighbour and bilinear.
#include "core/ops/ops_internal.h"

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

static const mw_op nearest = {
    .name = "resize_nearest",
    .sig = "x[B,h,w,C] -> y[B,h2,w2,C]",
    .doc = "y(i,j) = x(floor(i h / h2), floor(j w / w2)).",
    .nin = 1,
    .nreq = 1,
    .infer = infer,
    .forward = forward_nearest,
};

static const mw_op bilinear = {
    .name = "resize_bilinear",
    .sig = "x[B,h,w,C] -> y[B,h2,w2,C]",
    .doc = "The four nearest elements weighted by distance, pixel centres at half integers.",
    .nin = 1,
    .nreq = 1,
    .infer = infer,
    .forward = forward_bilinear,
};

mw_tensor *mw_resize_nearest(mw_ctx *c, mw_tensor *x, int64_t h2, int64_t w2)
{
    return mw_apply(c, &nearest, &x, 1, &(attrs){h2, w2});
}

mw_tensor *mw_resize_bilinear(mw_ctx *c, mw_tensor *x, int64_t h2, int64_t w2)
{
    return mw_apply(c, &bilinear, &x, 1, &(attrs){h2, w2});
}
