// reduce.c: sum, mean and maximum over one dimension.
#include "core/ops/ops_internal.h"

enum { SUM, MEAN, MAX }; // as in kernels/reduce.cl

typedef struct attrs {
    int function, dim;
    bool keep;
} attrs;

static mw_status infer(mw_ctx *c, mw_call *k)
{
    const mw_tensor *x = k->in[0];
    const attrs *a = k->attrs;
    char text[MW_SHAPE_TEXT];
    int dim = a->dim, ndim = 0;
    int64_t shape[MW_MAXDIM];
    if (!mw_op_floats(c, k) || !mw_op_dim(c, k, x, &dim))
        return mw_err(c);
    if (a->function == MAX && x->shape[dim] == 0)
        return mw_op_fail(c, k, "there is no maximum of nothing: %s", mw_shape_text(x, text, sizeof text));
    for (int i = 0; i < x->ndim; i++)
        if (i != dim)
            shape[ndim++] = x->shape[i];
        else if (a->keep)
            shape[ndim++] = 1;
    k->out[0] = mw_tensor_new(c, x->dtype, ndim, shape);
    return mw_err(c);
}

static mw_status forward(mw_ctx *c, const mw_call *k)
{
    const attrs *a = k->attrs;
    const mw_tensor *in = k->in[0];
    mw_tensor *y = k->out[0];
    int dim = a->dim < 0 ? a->dim + in->ndim : a->dim, chunk;
    int64_t inner = mw_op_count(in, dim + 1, in->ndim), n = in->shape[dim], total = mw_numel(y);
    if (!total)
        return MW_OK;
    mw_scope_begin(c);
    mw_tensor *x = mw_contiguous(c, k->in[0]);
    if (inner == 1) {
        mw_launch l = mw_op_rows(c, "reduce", "reduce_rows", total, n, &chunk);
        l.t = y->dtype;
        MW_RUN(c, &l, MW_T(x), MW_T(y), MW_L(total), MW_L(n), MW_I(chunk), MW_I(a->function));
    } else {
        mw_launch l = mw_op_flat(c, "reduce", "reduce_columns", total, &chunk);
        l.t = y->dtype;
        MW_RUN(c, &l, MW_T(x), MW_T(y), MW_L(total), MW_I(chunk), MW_L(n), MW_L(inner), MW_I(a->function));
    }
    mw_scope_end(c, NULL);
    return mw_err(c);
}

// The gradient of a sum or mean is spread over what was summed; that of a maximum goes to where it stands
// first.
static mw_status vjp(mw_ctx *c, const mw_call *k, mw_tensor *const *gout, mw_tensor **gin, const bool *want)
{
    (void)want;
    const attrs *a = k->attrs;
    mw_tensor *in = k->in[0];
    int dim = a->dim < 0 ? a->dim + in->ndim : a->dim;
    int64_t n = in->shape[dim], shape[MW_MAXDIM];
    if (a->function != MAX) {
        for (int i = 0; i < in->ndim; i++)
            shape[i] = i == dim ? 1 : in->shape[i];
        mw_tensor *g = a->function == MEAN ? mw_affine(c, gout[0], 1.0 / (double)n, 0) : gout[0];
        gin[0] = mw_expand(c, mw_reshape(c, g, in->ndim, shape), in->ndim, in->shape);
        return mw_err(c);
    }
    mw_tensor *x = mw_op_dense(c, in, MW_F32), *y = mw_op_dense(c, k->out[0], MW_F32);
    int64_t total = mw_numel(gout[0]), group = mw_op_group(c);
    gin[0] = mw_op_grad_like(c, x);
    mw_launch l = {
        .file = "grad",
        .entry = "max_grad",
        .variant = mw_op_variant(c),
        .dims = 1,
        .global = {(size_t)((total + group - 1) / group * group)},
        .local = {(size_t)group},
    };
    if (!gin[0] || !y)
        return mw_err(c);
    return MW_RUN(c, &l, MW_T(x), MW_T(y), MW_T(gout[0]), MW_T(gin[0]), MW_L(total), MW_L(n),
                  MW_L(mw_op_count(in, dim + 1, in->ndim)));
}

static unsigned reads(const mw_call *k, const bool *want)
{
    return ((const attrs *)k->attrs)->function == MAX ? mw_reads_inputs(k, want) | MW_READS_OUT(0) : 0;
}

#define REDUCE(id, formula)                                                                                  \
    static const mw_op id = {                                                                                \
        #id, "x[..,n,..] -> y[..,1,..]", formula, 1, 1, infer, forward, vjp, sizeof(attrs), reads}

REDUCE(sum, "Sum over one dimension.");
REDUCE(mean, "Mean over one dimension.");
REDUCE(max, "Maximum over one dimension; NaN wins.");

mw_tensor *mw_sum(mw_ctx *c, mw_tensor *x, int dim, bool keep)
{
    return mw_apply(c, &sum, &x, 1, &(attrs){SUM, dim, keep});
}

mw_tensor *mw_mean(mw_ctx *c, mw_tensor *x, int dim, bool keep)
{
    return mw_apply(c, &mean, &x, 1, &(attrs){MEAN, dim, keep});
}

mw_tensor *mw_max(mw_ctx *c, mw_tensor *x, int dim, bool keep)
{
    return mw_apply(c, &max, &x, 1, &(attrs){MAX, dim, keep});
}
