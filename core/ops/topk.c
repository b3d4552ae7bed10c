// topk.c: the k largest elements of each row, in order.
#include "core/ops/ops_internal.h"

typedef struct attrs {
    int k;
} attrs;

static mw_status infer(mw_ctx *c, mw_call *call)
{
    const mw_tensor *x = call->in[0];
    const attrs *a = call->attrs;
    char text[MW_SHAPE_TEXT];
    int64_t shape[MW_MAXDIM];
    if (!mw_op_floats(c, call))
        return mw_err(c);
    if (x->ndim < 1 || a->k < 0 || a->k > x->shape[x->ndim - 1])
        return mw_op_fail(c, call, "the %d largest cannot be taken from rows of %s", a->k,
                          mw_shape_text(x, text, sizeof text));
    if (x->shape[x->ndim - 1] > INT32_MAX)
        return mw_op_fail(c, call, "rows of %s are too long for i32 positions",
                          mw_shape_text(x, text, sizeof text));
    for (int i = 0; i < x->ndim; i++)
        shape[i] = x->shape[i];
    shape[x->ndim - 1] = a->k;
    call->out[0] = mw_tensor_new(c, x->dtype, x->ndim, shape);
    call->out[1] = mw_tensor_new(c, MW_I32, x->ndim, shape);
    return mw_err(c);
}

enum { LONGEST_RANKED = 16384 }; // ranking costs n^2 comparisons, but spreads over the items

static mw_status forward(mw_ctx *c, const mw_call *call)
{
    mw_tensor *values = call->out[0], *places = call->out[1];
    int64_t n = mw_dim(call->in[0], -1), rows = mw_op_count(values, 0, values->ndim - 1);
    if (!mw_numel(values))
        return MW_OK;
    bool rank = !mw_device_caps(c)->cpu && n <= LONGEST_RANKED;
    int64_t items = rank ? rows * n : rows, group = mw_op_group(c);
    mw_scope_begin(c);
    mw_tensor *x = mw_contiguous(c, call->in[0]);
    mw_launch l = {
        .file = "reduce",
        .entry = rank ? "topk_rank" : "topk_heap",
        .variant = mw_op_variant(c),
        .t = values->dtype,
        .dims = 1,
        .global = {(size_t)((items + group - 1) / group * group)},
        .local = {(size_t)group},
    };
    MW_RUN(c, &l, MW_T(x), MW_T(values), MW_T(places), MW_L(items), MW_L(n),
           MW_I(((const attrs *)call->attrs)->k));
    mw_scope_end(c, NULL);
    return mw_err(c);
}

static mw_status vjp(mw_ctx *c, const mw_call *call, mw_tensor *const *gout, mw_tensor **gin,
                     const bool *want)
{
    (void)want;
    int64_t n = mw_dim(call->in[0], -1), rows = mw_op_count(call->in[0], 0, call->in[0]->ndim - 1),
            group = mw_op_group(c);
    gin[0] = mw_op_grad_like(c, call->in[0]);
    mw_launch l = {
        .file = "grad",
        .entry = "topk_grad",
        .variant = mw_op_variant(c),
        .dims = 1,
        .global = {(size_t)((rows + group - 1) / group * group)},
        .local = {(size_t)group},
    };
    if (!gin[0])
        return mw_err(c);
    return MW_RUN(c, &l, MW_T(call->out[1]), MW_T(gout[0]), MW_T(gin[0]), MW_L(rows), MW_L(n),
                  MW_I(((const attrs *)call->attrs)->k));
}

static const mw_op op = {
    .name = "topk",
    .sig = "x[..,n] -> values[..,k], indices[..,k]",
    .doc = "The k largest of each row, descending; equals by position, NaN first.",
    .nin = 1,
    .nreq = 1,
    .infer = infer,
    .forward = forward,
    .vjp = vjp,
    .attrs_size = sizeof(attrs),
};

mw_tensor *mw_topk(mw_ctx *c, mw_tensor *x, int k, mw_tensor **indices)
{
    mw_tensor *out[2];
    mw_apply_many(c, &op, &x, 1, &(attrs){k}, out, 2);
    if (indices)
        *indices = out[1];
    return out[0];
}
