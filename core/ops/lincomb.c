// lincomb.c: a linear combination of tensors of one shape, in one pass.
#include "core/ops/ops_internal.h"

enum { MOST = 6 };

typedef struct attrs {
    double coef[MOST];
} attrs;

static mw_status infer(mw_ctx *c, mw_call *k)
{
    const mw_tensor *x = k->in[0];
    char text[MW_SHAPE_TEXT], other[MW_SHAPE_TEXT];
    if (!mw_op_floats(c, k))
        return mw_err(c);
    for (int i = 1; i < k->nin; i++)
        if (!mw_same_shape(x, k->in[i]))
            return mw_op_fail(c, k, "input %d is %s, the first is %s", i + 1,
                              mw_shape_text(k->in[i], other, sizeof other),
                              mw_shape_text(x, text, sizeof text));
    return mw_op_like(c, k, x);
}

static mw_status forward(mw_ctx *c, const mw_call *k)
{
    mw_tensor *y = k->out[0], *x[MOST];
    const double *coef = ((const attrs *)k->attrs)->coef;
    int64_t n = mw_numel(y);
    if (!n)
        return MW_OK;
    mw_scope_begin(c);
    for (int i = 0; i < MOST; i++) // the kernel does not read those from nin on
        x[i] = i < k->nin ? mw_op_dense(c, k->in[i], y->dtype) : x[0];
    int chunk;
    mw_launch l = mw_op_flat(c, "elementwise", "lincomb", n, &chunk);
    l.t = y->dtype;
    MW_RUN(c, &l, MW_T(x[0]), MW_T(x[1]), MW_T(x[2]), MW_T(x[3]), MW_T(x[4]), MW_T(x[5]), MW_T(y), MW_L(n),
           MW_I(chunk), MW_I(k->nin), MW_F(coef[0]), MW_F(coef[1]), MW_F(coef[2]), MW_F(coef[3]),
           MW_F(coef[4]), MW_F(coef[5]));
    mw_scope_end(c, NULL);
    return mw_err(c);
}

static mw_status vjp(mw_ctx *c, const mw_call *k, mw_tensor *const *gout, mw_tensor **gin, const bool *want)
{
    const attrs *a = k->attrs;
    for (int i = 0; i < k->nin; i++)
        if (want[i])
            gin[i] = mw_affine(c, gout[0], a->coef[i], 0);
    return mw_err(c);
}

static const mw_op op = {
    .name = "lincomb",
    .sig = "x1[..], x2[..], .. -> y[..]",
    .doc = "sum of coef[i] * x[i].",
    .nin = MOST,
    .nreq = MOST,
    .infer = infer,
    .forward = forward,
    .vjp = vjp,
    .attrs_size = sizeof(attrs),
    .reads = mw_reads_nothing,
};

mw_tensor *mw_lincomb(mw_ctx *c, int n, mw_tensor *const *x, const double *coef)
{
    if (n < 1 || n > MOST) {
        mw_fail(c, MW_E_ARG, "lincomb: 1 to %d tensors, got %d", MOST, n);
        return NULL;
    }
    attrs a = {{0}};
    for (int i = 0; i < n; i++)
        a.coef[i] = coef[i];
    return mw_apply(c, &op, x, n, &a);
}
