// conv2d.c: convolution of channels-last pictures: y = conv(x, w) + bias + residual.
#include "core/ops/gemm_internal.h"

typedef struct attrs {
    int stride, pad_begin, pad_end;
} attrs;

// Size of the result along one side; 0 when the kernel does not fit.
static int64_t out_size(int64_t in, int64_t taps, const attrs *a)
{
    int64_t padded = in + a->pad_begin + a->pad_end;
    return padded < taps ? 0 : (padded - taps) / a->stride + 1;
}

static mw_status infer(mw_ctx *c, mw_call *k)
{
    const mw_tensor *x = k->in[0], *w = k->in[1];
    const attrs *a = k->attrs;
    char have[96], other[96];
    if (x->ndim != 4 || w->ndim != 4 || x->shape[3] != w->shape[1] || mw_numel(w) == 0)
        return mw_op_fail(c, k, "x is %s, w is %s%s%s", mw_shape_text(x, have, sizeof have),
                          mw_shape_text(w, other, sizeof other), w->label ? ": " : "",
                          w->label ? w->label : "");
    enum { MOST = 1 << 20 };
    if (a->stride < 1 || a->stride > MOST || a->pad_begin < 0 || a->pad_begin > MOST || a->pad_end < 0 ||
        a->pad_end > MOST)
        return mw_op_fail(c, k, "stride %d, padding %d and %d", a->stride, a->pad_begin, a->pad_end);
    if (x->shape[1] > INT32_MAX / 2 || x->shape[2] > INT32_MAX / 2 || w->shape[2] > MOST ||
        w->shape[3] > MOST)
        return mw_op_fail(c, k, "x %s is too large", mw_shape_text(x, have, sizeof have));
    int64_t h = out_size(x->shape[1], w->shape[2], a), v = out_size(x->shape[2], w->shape[3], a);
    if (h < 1 || v < 1)
        return mw_op_fail(c, k, "the kernel of w %s does not fit into x %s with padding %d and %d",
                          mw_shape_text(w, other, sizeof other), mw_shape_text(x, have, sizeof have),
                          a->pad_begin, a->pad_end);
    if (h * v > INT32_MAX || mw_gemm_check(c, k, x->shape[0] * h * v, w->shape[0], mw_numel(w) / w->shape[0]))
        return mw_err(c) ? mw_err(c)
                         : mw_op_fail(c, k, "a result of %lld x %lld pixels", (long long)h, (long long)v);
    k->out[0] = mw_tensor_new(c, x->dtype, MW_SHAPE(x->shape[0], h, v, w->shape[0]));
    if (!k->out[0])
        return mw_err(c);
    return mw_gemm_check_extra(c, k, k->in[2], k->in[3], k->out[0], w->shape[0]);
}

static mw_status run(mw_ctx *c, const mw_gemm *g)
{
    static const char *const ways[] = {"direct", "winograd", "fused", NULL}; // as in mw_conv_way
    mw_gemm_key key;
    int way = mw_winograd_fits(c, g, false) ? mw_tune_find(c, mw_gemm_key_of("conv2d", g, key), ways)
                                            : MW_CONV_DIRECT;
    if (way < 0 || (way == MW_CONV_FUSED && !mw_winograd_fits(c, g, true)))
        way = (int)mw_winograd_likely(c, g);
    return way == MW_CONV_DIRECT ? mw_gemm_run(c, g) : mw_winograd_run(c, g, way == MW_CONV_FUSED);
}

static mw_status forward(mw_ctx *c, const mw_call *k)
{
    const attrs *a = k->attrs;
    mw_tensor *x = k->in[0], *y = k->out[0];
    mw_scope_begin(c);
    if (x->shape[3] > 1 && x->stride[3] != 1)
        x = mw_contiguous(c, x);
    mw_tensor *w = mw_gemm_prepare(c, k->in[1]);
    if (x && w) {
        mw_gemm g = {.x = x,
                     .w = w,
                     .bias = k->in[2],
                     .residual = k->in[3],
                     .y = y,
                     .rows = y->shape[0] * y->shape[1] * y->shape[2],
                     .n = w->shape[0],
                     .k = w->shape[1] * w->shape[2] * w->shape[3],
                     .channels = w->shape[1],
                     .taps_w = w->shape[3],
                     .in_h = x->shape[1],
                     .in_w = x->shape[2],
                     .out_h = y->shape[1],
                     .out_w = y->shape[2],
                     .image_stride = x->stride[0],
                     .row_stride = x->stride[1],
                     .pixel_stride = x->stride[2],
                     .stride = a->stride,
                     .pad = a->pad_begin,
                     .batch = 1,
                     .alpha = 1,
                     .act = MW_ACT_NONE};
        run(c, &g);
    }
    mw_scope_end(c, NULL);
    return mw_err(c);
}

static mw_status vjp(mw_ctx *c, const mw_call *k, mw_tensor *const *gout, mw_tensor **gin, const bool *want)
{
    const attrs *a = k->attrs;
    mw_tensor *x = k->in[0], *w = k->in[1];
    if (want[0])
        gin[0] = mw_conv2d_grad_x(c, w, x, gout[0], a->stride, a->pad_begin, gin[0]);
    if (want[1])
        gin[1] = mw_conv2d_grad_w(c, w, mw_cast(c, x, MW_F32), gout[0], a->stride, a->pad_begin);
    mw_gemm_extra_grads(c, gout[0], w->shape[0], gin, want);
    return mw_err(c);
}

static const mw_op op = {
    "conv2d",
    "x[B,h,w,I], w[O,I,kh,kw], bias[O]?, residual[B,h',w',O]? -> y[B,h',w',O]",
    "y[b,i,j,o] = sum x[b, i s + u - p, j s + v - p, c] w[o,c,u,v] + bias[o] + residual[b,i,j,o].",
    4,
    2,
    infer,
    forward,
    vjp,
    sizeof(attrs),
    mw_reads_weight,
    MW_READS_IN(1),
    MW_READS_IN(0),
};

mw_tensor *mw_prepare_conv2d(mw_ctx *c, mw_tensor *w)
{
    if (w && !mw_err(c) && (w->ndim != 4 || w->dtype > MW_F16)) {
        char have[96];
        mw_fail(c, MW_E_SHAPE, "%s: the weight of a convolution is [O,I,kh,kw], not %s",
                w->label ? w->label : "conv2d", mw_shape_text(w, have, sizeof have));
    }
    return mw_gemm_prepare(c, w);
}

mw_tensor *mw_conv2d(mw_ctx *c, mw_tensor *x, mw_tensor *w, mw_tensor *bias, int stride, int pad_begin,
                     int pad_end, mw_tensor *residual)
{
    return mw_apply(c, &op, (mw_tensor *[]){x, w, bias, residual}, 4, &(attrs){stride, pad_begin, pad_end});
}
