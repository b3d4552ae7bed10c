// row_norm.c: layer norm, RMS norm and softmax: what works on rows of the last dimension.
#include "core/ops/ops_internal.h"

typedef struct attrs {
    double eps;
} attrs;

static mw_status infer(mw_ctx *c, mw_call *k)
{
    const mw_tensor *x = k->in[0];
    char text[MW_SHAPE_TEXT];
    if (!mw_op_floats(c, k))
        return mw_err(c);
    if (x->ndim < 1)
        return mw_op_fail(c, k, "x must have a dimension, got %s", mw_shape_text(x, text, sizeof text));
    int64_t n = x->shape[x->ndim - 1];
    if (!mw_op_vector(c, k, k->in[1], "gamma", n) || !mw_op_vector(c, k, k->in[2], "beta", n))
        return mw_err(c);
    return mw_op_like(c, k, x);
}

// With a beta: layer norm; without: RMS norm.
static mw_status forward(mw_ctx *c, const mw_call *k)
{
    mw_tensor *y = k->out[0];
    int64_t n = mw_dim(y, -1), rows = mw_op_count(y, 0, y->ndim - 1);
    if (!mw_numel(y))
        return MW_OK;
    mw_scope_begin(c);
    mw_dtype w = k->in[1]->dtype;
    mw_tensor *x = mw_contiguous(c, k->in[0]), *gamma = mw_contiguous(c, k->in[1]);
    mw_tensor *beta = k->in[2] ? mw_op_dense(c, k->in[2], w) : gamma;
    int each;
    mw_launch l = mw_op_rows(c, "norm", "layer_norm", rows, n, &each);
    l.t = y->dtype;
    l.w = w;
    MW_RUN(c, &l, MW_T(x), MW_T(gamma), MW_T(beta), MW_T(y), MW_L(rows), MW_L(n), MW_I(each),
           MW_I(k->in[2] != NULL), MW_F(((const attrs *)k->attrs)->eps));
    mw_scope_end(c, NULL);
    return mw_err(c);
}

static mw_status softmax_forward(mw_ctx *c, const mw_call *k)
{
    mw_tensor *y = k->out[0];
    int64_t n = mw_dim(y, -1), rows = mw_op_count(y, 0, y->ndim - 1);
    if (!mw_numel(y))
        return MW_OK;
    mw_scope_begin(c);
    mw_tensor *x = mw_contiguous(c, k->in[0]);
    int each;
    mw_launch l = mw_op_rows(c, "norm", "softmax", rows, n, &each);
    l.t = y->dtype;
    MW_RUN(c, &l, MW_T(x), MW_T(y), MW_L(rows), MW_L(n), MW_I(each));
    mw_scope_end(c, NULL);
    return mw_err(c);
}

// [n] in f32, all `value`.
static mw_tensor *constant(mw_ctx *c, int64_t n, float value)
{
    return mw_full(c, MW_F32, MW_SHAPE(n), value);
}

static mw_tensor *sum_rows(mw_ctx *c, mw_tensor *g, int64_t n)
{
    return mw_sum(c, mw_reshape(c, g, MW_SHAPE(-1, n)), 0, false);
}

static mw_status vjp(mw_ctx *c, const mw_call *k, mw_tensor *const *gout, mw_tensor **gin, const bool *want)
{
    const attrs *a = k->attrs;
    bool centred = k->nin > 2;
    int64_t n = mw_dim(k->in[0], -1), rows = mw_op_count(k->in[0], 0, k->in[0]->ndim - 1);
    mw_tensor *x = mw_op_dense(c, k->in[0], MW_F32), *gamma = mw_op_dense(c, k->in[1], MW_F32);
    if (want[0]) {
        mw_tensor *before = gin[0], *gx = mw_op_grad_like(c, x);
        int each;
        mw_launch l = mw_op_rows(c, "grad", "layer_norm_grad", rows, n, &each);
        if (gx && mw_numel(x))
            MW_RUN(c, &l, MW_T(x), MW_T(gamma), MW_T(gout[0]), MW_T(before), MW_T(gx), MW_L(rows), MW_L(n),
                   MW_I(each), MW_I(centred), MW_I(before != NULL), MW_F(a->eps));
        gin[0] = gx;
    }
    if (want[1]) {
        mw_tensor *one = constant(c, n, 1), *zero = constant(c, n, 0);
        mw_tensor *u = centred ? mw_layer_norm(c, x, one, zero, a->eps) : mw_rms_norm(c, x, one, a->eps);
        gin[1] = sum_rows(c, mw_mul(c, gout[0], u), n);
    }
    if (centred && want[2])
        gin[2] = sum_rows(c, gout[0], n);
    return mw_err(c);
}

static mw_status softmax_vjp(mw_ctx *c, const mw_call *k, mw_tensor *const *gout, mw_tensor **gin,
                             const bool *want)
{
    (void)want;
    mw_tensor *y = mw_op_dense(c, k->out[0], MW_F32);
    gin[0] = mw_op_softmax_grad(c, y, gout[0]);
    return mw_err(c);
}

mw_tensor *mw_op_softmax_grad(mw_ctx *c, mw_tensor *y, mw_tensor *gy)
{
    mw_tensor *gx = mw_op_grad_like(c, y);
    if (!gx || !mw_numel(y))
        return gx;
    int64_t n = mw_dim(y, -1), rows = mw_op_count(y, 0, y->ndim - 1);
    int each;
    mw_launch l = mw_op_rows(c, "grad", "softmax_grad", rows, n, &each);
    MW_RUN(c, &l, MW_T(y), MW_T(gy), MW_T(gx), MW_L(rows), MW_L(n), MW_I(each));
    return gx;
}

static const mw_op layer_norm = {
    .name = "layer_norm",
    .sig = "x[..,n], gamma[n], beta[n] -> y[..,n]",
    .doc = "(x - mean) / sqrt(var + eps) * gamma + beta over the last dimension.",
    .nin = 3,
    .nreq = 3,
    .infer = infer,
    .forward = forward,
    .vjp = vjp,
    .attrs_size = sizeof(attrs),
    .reads = mw_reads_inputs,
    .adds = MW_READS_IN(0),
};

static const mw_op rms_norm = {
    .name = "rms_norm",
    .sig = "x[..,n], gamma[n] -> y[..,n]",
    .doc = "x / sqrt(mean(x^2) + eps) * gamma over the last dimension.",
    .nin = 2,
    .nreq = 2,
    .infer = infer,
    .forward = forward,
    .vjp = vjp,
    .attrs_size = sizeof(attrs),
    .reads = mw_reads_inputs,
    .adds = MW_READS_IN(0),
};

static const mw_op softmax = {
    .name = "softmax",
    .sig = "x[..,n] -> y[..,n]",
    .doc = "e^(x - max) / sum e^(x - max) over the last dimension.",
    .nin = 1,
    .nreq = 1,
    .infer = infer,
    .forward = softmax_forward,
    .vjp = softmax_vjp,
};

mw_tensor *mw_layer_norm(mw_ctx *c, mw_tensor *x, mw_tensor *gamma, mw_tensor *beta, double eps)
{
    return mw_apply(c, &layer_norm, (mw_tensor *[]){x, gamma, beta}, 3, &(attrs){eps});
}

mw_tensor *mw_rms_norm(mw_ctx *c, mw_tensor *x, mw_tensor *gamma, double eps)
{
    return mw_apply(c, &rms_norm, (mw_tensor *[]){x, gamma}, 2, &(attrs){eps});
}

mw_tensor *mw_softmax(mw_ctx *c, mw_tensor *x) { return mw_apply(c, &softmax, &x, 1, NULL); }
