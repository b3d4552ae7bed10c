// glu.c: a gated linear unit of two products. Paper: Shazeer: GLU variants improve transformer (2020).
#include "core/ops/ops_internal.h"

typedef struct attrs {
    mw_activation act;
} attrs;

enum { GATE, UP };

static mw_status infer(mw_ctx *c, mw_call *k)
{
    char a[MW_SHAPE_TEXT], b[MW_SHAPE_TEXT];
    if (!mw_op_floats(c, k))
        return mw_err(c);
    if (k->in[GATE]->ndim < 1 || !mw_same_shape(k->in[GATE], k->in[UP]))
        return mw_op_fail(c, k, "gate is %s, up is %s", mw_shape_text(k->in[GATE], a, sizeof a),
                          mw_shape_text(k->in[UP], b, sizeof b));
    return mw_op_like(c, k, k->in[GATE]);
}

// [rows,n], rows at one distance, columns side by side.
static mw_tensor *as_rows(mw_ctx *c, mw_tensor *x, mw_dtype dtype)
{
    x = mw_cast(c, x, dtype);
    x = x ? mw_reshape(c, x, MW_SHAPE(-1, mw_dim(x, -1))) : NULL;
    return x && x->shape[1] > 1 && x->stride[1] != 1 ? mw_contiguous(c, x) : x;
}

static mw_status forward(mw_ctx *c, const mw_call *k)
{
    mw_tensor *y = k->out[0];
    int64_t n = mw_numel(y);
    if (!n)
        return MW_OK;
    mw_scope_begin(c);
    mw_tensor *gate = as_rows(c, k->in[GATE], y->dtype), *up = as_rows(c, k->in[UP], y->dtype);
    int chunk;
    mw_launch l = mw_op_flat(c, "elementwise", "glu", n, &chunk);
    l.t = y->dtype;
    if (gate && up)
        MW_RUN(c, &l, MW_T(gate), MW_T(up), MW_T(y), MW_L(n), MW_I(chunk), MW_L(mw_dim(y, -1)),
               MW_L(gate->stride[0]), MW_L(up->stride[0]), MW_I(((const attrs *)k->attrs)->act));
    mw_scope_end(c, NULL);
    return mw_err(c);
}

static mw_status vjp(mw_ctx *c, const mw_call *k, mw_tensor *const *gout, mw_tensor **gin, const bool *want)
{
    (void)want; // one launch gives both
    int64_t n = mw_numel(gout[0]), columns = mw_dim(gout[0], -1);
    mw_tensor *gate = mw_op_dense(c, k->in[GATE], MW_F32), *up = mw_op_dense(c, k->in[UP], MW_F32);
    gin[GATE] = mw_op_grad_like(c, gate);
    gin[UP] = mw_op_grad_like(c, up);
    int chunk;
    mw_launch l = mw_op_flat(c, "grad", "glu_grad", n, &chunk);
    if (mw_err(c) || !n)
        return mw_err(c);
    return MW_RUN(c, &l, MW_T(gate), MW_T(up), MW_T(gout[0]), MW_T(gin[GATE]), MW_T(gin[UP]), MW_L(n),
                  MW_I(chunk), MW_L(columns), MW_L(columns), MW_I(((const attrs *)k->attrs)->act));
}

static const mw_op op = {
    .name = "glu",
    .sig = "gate[..,N], up[..,N] -> y[..,N]",
    .doc = "act(gate) * up.",
    .nin = 2,
    .nreq = 2,
    .infer = infer,
    .forward = forward,
    .vjp = vjp,
    .attrs_size = sizeof(attrs),
    .reads = mw_reads_inputs,
};

mw_tensor *mw_glu(mw_ctx *c, mw_tensor *gate, mw_tensor *up, mw_activation act)
{
    return mw_apply(c, &op, (mw_tensor *[]){gate, up}, 2, &(attrs){act});
}
