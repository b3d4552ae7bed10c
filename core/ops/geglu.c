// geglu.c: the gated GELU. Paper: Shazeer: GLU variants improve transformer (2020).
#include "core/ops/ops_internal.h"

static mw_status infer(mw_ctx *c, mw_call *k)
{
    const mw_tensor *x = k->in[0];
    char text[MW_SHAPE_TEXT];
    if (!mw_op_floats(c, k))
        return mw_err(c);
    if (x->ndim < 1 || x->shape[x->ndim - 1] % 2)
        return mw_op_fail(c, k, "the last dimension must be even, got %s",
                          mw_shape_text(x, text, sizeof text));
    int64_t shape[MW_MAXDIM];
    for (int i = 0; i < x->ndim; i++)
        shape[i] = x->shape[i];
    shape[x->ndim - 1] /= 2;
    k->out[0] = mw_tensor_new(c, x->dtype, x->ndim, shape);
    return mw_err(c);
}

static mw_status forward(mw_ctx *c, const mw_call *k)
{
    mw_tensor *y = k->out[0];
    int64_t n = mw_numel(y);
    if (!n)
        return MW_OK;
    mw_scope_begin(c);
    mw_tensor *x = mw_contiguous(c, k->in[0]);
    int chunk;
    mw_launch l = mw_op_flat(c, "elementwise", "glu", n, &chunk);
    l.t = y->dtype;
    int64_t half = mw_dim(y, -1);
    mw_tensor *up = mw_slice(c, x, -1, 0, half), *gate = mw_slice(c, x, -1, half, half);
    MW_RUN(c, &l, MW_T(gate), MW_T(up), MW_T(y), MW_L(n), MW_I(chunk), MW_L(half), MW_L(2 * half),
           MW_L(2 * half), MW_I(MW_ACT_GELU));
    mw_scope_end(c, NULL);
    return mw_err(c);
}

static mw_status vjp(mw_ctx *c, const mw_call *k, mw_tensor *const *gout, mw_tensor **gin, const bool *want)
{
    (void)want;
    mw_tensor *x = mw_op_dense(c, k->in[0], MW_F32);
    int64_t n = mw_numel(gout[0]);
    gin[0] = mw_op_grad_like(c, x);
    int chunk;
    mw_launch l = mw_op_flat(c, "grad", "glu_grad", n, &chunk);
    if (!gin[0] || !n)
        return mw_err(c);
    int64_t half = mw_dim(gout[0], -1);
    mw_scope_begin(c);
    mw_tensor *up = mw_slice(c, x, -1, 0, half), *gate = mw_slice(c, x, -1, half, half);
    mw_tensor *g_up = mw_slice(c, gin[0], -1, 0, half), *g_gate = mw_slice(c, gin[0], -1, half, half);
    MW_RUN(c, &l, MW_T(gate), MW_T(up), MW_T(gout[0]), MW_T(g_gate), MW_T(g_up), MW_L(n), MW_I(chunk),
           MW_L(half), MW_L(2 * half), MW_I(MW_ACT_GELU));
    mw_scope_end(c, NULL);
    return mw_err(c);
}

static const mw_op op = {
    .name = "geglu",
    .sig = "x[..,2N] -> y[..,N]",
    .doc = "x[..,:N] * gelu(x[..,N:]).",
    .nin = 1,
    .nreq = 1,
    .infer = infer,
    .forward = forward,
    .vjp = vjp,
    .reads = mw_reads_inputs,
};

mw_tensor *mw_geglu(mw_ctx *c, mw_tensor *x) { return mw_apply(c, &op, &x, 1, NULL); }
