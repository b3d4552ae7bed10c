// view_grad.c: views on the tape: how a gradient passes a reshape, slice, permutation or expansion.
#include "core/ops.h"
#include "core/tensor/tape.h"
#include "core/tensor/tensor_internal.h"

static mw_status reshape_vjp(mw_ctx *c, const mw_call *k, mw_tensor *const *gout, mw_tensor **gin,
                             const bool *want)
{
    (void)want;
    gin[0] = mw_reshape(c, gout[0], k->in[0]->ndim, k->in[0]->shape);
    return mw_err(c);
}

// Zeros of x's shape, but for `size` in dimension dim.
static mw_tensor *zeros(mw_ctx *c, const mw_tensor *x, int dim, int64_t size)
{
    int64_t shape[MW_MAXDIM];
    for (int i = 0; i < x->ndim; i++)
        shape[i] = i == dim ? size : x->shape[i];
    return mw_expand(c, mw_tensor_scalar(c, 0), x->ndim, shape);
}

static mw_status slice_vjp(mw_ctx *c, const mw_call *k, mw_tensor *const *gout, mw_tensor **gin,
                           const bool *want)
{
    (void)want;
    const mw_view_attrs *a = k->attrs;
    const mw_tensor *x = k->in[0];
    int64_t after = x->shape[a->dim] - a->begin - gout[0]->shape[a->dim];
    mw_tensor *parts[3];
    int n = 0;
    if (a->begin)
        parts[n++] = zeros(c, x, a->dim, a->begin);
    parts[n++] = gout[0];
    if (after)
        parts[n++] = zeros(c, x, a->dim, after);
    gin[0] = n == 1 ? gout[0] : mw_concat(c, n, parts, a->dim);
    return mw_err(c);
}

static mw_status permute_vjp(mw_ctx *c, const mw_call *k, mw_tensor *const *gout, mw_tensor **gin,
                             const bool *want)
{
    (void)want;
    const mw_view_attrs *a = k->attrs;
    int inverse[MW_MAXDIM] = {0};
    for (int i = 0; i < k->in[0]->ndim; i++)
        inverse[a->order[i]] = i;
    gin[0] = mw_permute(c, gout[0], inverse);
    return mw_err(c);
}

static mw_status expand_vjp(mw_ctx *c, const mw_call *k, mw_tensor *const *gout, mw_tensor **gin,
                            const bool *want)
{
    (void)want;
    const mw_tensor *x = k->in[0];
    mw_tensor *g = gout[0];
    int shift = g->ndim - x->ndim;
    for (int i = 0; i < k->out[0]->ndim && g; i++)
        if (i < shift || x->shape[i - shift] != g->shape[i])
            g = mw_sum(c, g, i, true);
    gin[0] = mw_reshape(c, g, x->ndim, x->shape);
    return mw_err(c);
}

const mw_op mw_view_reshape = {
    "reshape", "x[..] -> y[..]", "The same elements in another shape.", 1, 1, NULL, NULL, reshape_vjp,
    0,         mw_reads_nothing,
};
const mw_op mw_view_slice = {
    "slice",
    "x[..] -> y[..]",
    "A range of one dimension.",
    1,
    1,
    NULL,
    NULL,
    slice_vjp,
    sizeof(mw_view_attrs),
    mw_reads_nothing,
};
const mw_op mw_view_permute = {
    "permute",
    "x[..] -> y[..]",
    "Dimensions in another order.",
    1,
    1,
    NULL,
    NULL,
    permute_vjp,
    sizeof(mw_view_attrs),
    mw_reads_nothing,
};
const mw_op mw_view_expand = {
    "expand", "x[..] -> y[..]", "Broadcast to a larger shape.", 1, 1, NULL, NULL, expand_vjp,
    0,        mw_reads_nothing,
};

mw_tensor *mw_view_recorded(mw_ctx *c, const mw_op *op, mw_tensor *x, mw_tensor *view,
                            const mw_view_attrs *attrs)
{
    if (view && !mw_tensor_plain(c, x))
        return NULL;
    if (view && c->tape) {
        mw_call k = {.op = op, .nin = 1, .in = {x}, .out = {view}, .attrs = attrs};
        mw_tape_record(c, &k);
    }
    return view;
}
