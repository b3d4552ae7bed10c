// concat.c: tensors one behind the other along a dimension.
#include "core/ops/ops_internal.h"

typedef struct attrs {
    int dim;
} attrs;

static mw_status infer(mw_ctx *c, mw_call *k)
{
    const mw_tensor *x = k->in[0];
    int dim = ((const attrs *)k->attrs)->dim;
    char text[MW_SHAPE_TEXT], other[MW_SHAPE_TEXT];
    int64_t shape[MW_MAXDIM];
    if (!mw_op_dim(c, k, x, &dim))
        return mw_err(c);
    if (x->dtype == MW_U8)
        return mw_op_fail(c, k, "u8 tensors cannot be joined");
    for (int i = 0; i < x->ndim; i++)
        shape[i] = x->shape[i];
    for (int i = 1; i < k->nin; i++) {
        const mw_tensor *t = k->in[i];
        bool fits =
            t->ndim == x->ndim && (t->dtype > MW_F16 || x->dtype > MW_F16 ? t->dtype == x->dtype : true);
        for (int d = 0; d < x->ndim && fits; d++)
            fits = d == dim || t->shape[d] == x->shape[d];
        if (!fits)
            return mw_op_fail(c, k, "input %d, %s, does not fit to the first, %s, along dimension %d", i + 1,
                              mw_shape_text(t, other, sizeof other), mw_shape_text(x, text, sizeof text),
                              dim);
        shape[dim] += t->shape[dim];
    }
    k->out[0] = mw_tensor_new(c, x->dtype, x->ndim, shape);
    return mw_err(c);
}

static mw_status forward(mw_ctx *c, const mw_call *k)
{
    mw_tensor *y = k->out[0];
    int dim = ((const attrs *)k->attrs)->dim;
    dim = dim < 0 ? dim + y->ndim : dim;
    int64_t inner = mw_op_count(y, dim + 1, y->ndim), begin = 0;
    for (int i = 0; i < k->nin; i += 2) { // two in one launch
        mw_tensor *second = i + 1 < k->nin ? k->in[i + 1] : NULL;
        int64_t length[2] = {k->in[i]->shape[dim], second ? second->shape[dim] : 0};
        int64_t both = length[0] + length[1], total = mw_op_count(y, 0, dim) * both * inner;
        if (!total)
            continue;
        mw_scope_begin(c);
        mw_tensor *x = mw_op_dense(c, k->in[i], y->dtype), *part = mw_slice(c, y, dim, begin, both);
        second = second ? mw_op_dense(c, second, y->dtype) : x;
        int chunk;
        mw_launch l = mw_op_flat(c, "move", "concat", total, &chunk);
        l.t = y->dtype == MW_I32 ? MW_F32 : y->dtype; // moving f32 changes no bits
        MW_RUN(c, &l, MW_T(x), MW_T(second), MW_T(part), MW_L(total), MW_I(chunk), MW_L(length[0] * inner),
               MW_L(length[1] * inner), MW_L(y->shape[dim] * inner));
        mw_scope_end(c, NULL);
        begin += both;
    }
    return mw_err(c);
}

static mw_status vjp(mw_ctx *c, const mw_call *k, mw_tensor *const *gout, mw_tensor **gin, const bool *want)
{
    int dim = ((const attrs *)k->attrs)->dim;
    int64_t begin = 0;
    for (int i = 0; i < k->nin; i++) {
        int64_t length = mw_dim(k->in[i], dim);
        if (want[i])
            gin[i] = mw_slice(c, gout[0], dim, begin, length);
        begin += length;
    }
    return mw_err(c);
}

static const mw_op op = {
    .name = "concat",
    .sig = "x1[..,n1,..], x2[..,n2,..], .. -> y[..,n1+n2+..,..]",
    .doc = "The inputs one behind the other along a dimension.",
    .nin = MW_MAXIN,
    .nreq = MW_MAXIN,
    .infer = infer,
    .forward = forward,
    .vjp = vjp,
    .attrs_size = sizeof(attrs),
    .reads = mw_reads_nothing,
};

mw_tensor *mw_concat(mw_ctx *c, int n, mw_tensor *const *x, int dim)
{
    if (n < 1 || n > MW_MAXIN) {
        mw_fail(c, MW_E_ARG, "concat: 1 to %d tensors, got %d", MW_MAXIN, n);
        return NULL;
    }
    return mw_apply(c, &op, x, n, &(attrs){dim});
}
