// rope.c: rotary position embedding. Paper: Su et al.: RoFormer (2021), in the form that pairs the halves of
// a head.
#include "core/ops/ops_internal.h"

typedef struct attrs {
    int heads;
    bool back; // turn the other way: the gradient
} attrs;

enum { X, TABLE };

static mw_status infer(mw_ctx *c, mw_call *k)
{
    const mw_tensor *x = k->in[X], *table = k->in[TABLE];
    int heads = ((const attrs *)k->attrs)->heads;
    char text[MW_SHAPE_TEXT], other[MW_SHAPE_TEXT];
    if (x->ndim != 3 || x->dtype > MW_F16)
        return mw_op_fail(c, k, "x must be [B,T,H*D] in f32 or f16, got %s",
                          mw_shape_text(x, text, sizeof text));
    if (heads < 1 || x->shape[2] % heads)
        return mw_op_fail(c, k, "%lld columns cannot be cut into %d heads", (long long)x->shape[2], heads);
    if (table->ndim != 2 || table->dtype != MW_F32 || table->shape[0] != x->shape[1] || table->shape[1] % 2 ||
        table->shape[1] > x->shape[2] / heads)
        return mw_op_fail(c, k, "table must be [%lld,R] f32 with an even R up to %lld, got %s",
                          (long long)x->shape[1], (long long)(x->shape[2] / heads),
                          mw_shape_text(table, other, sizeof other));
    return mw_op_like(c, k, x);
}

static mw_status forward(mw_ctx *c, const mw_call *k)
{
    const attrs *a = k->attrs;
    mw_tensor *y = k->out[0];
    if (!mw_numel(y))
        return MW_OK;
    mw_scope_begin(c);
    mw_tensor *x = k->in[X], *table = mw_contiguous(c, k->in[TABLE]);
    if (x->stride[2] != 1)
        x = mw_contiguous(c, x);
    int64_t width = mw_dim(y, 2) / a->heads, rows = mw_dim(y, 0) * mw_dim(y, 1) * a->heads;
    int each;
    mw_launch l = mw_op_rows(c, "elementwise", "rope", rows, width, &each);
    l.t = y->dtype;
    if (x && table)
        MW_RUN(c, &l, MW_T(x), MW_T(table), MW_T(y), MW_L(rows), MW_I(each), MW_I(mw_dim(y, 1)),
               MW_I(a->heads), MW_I(width), MW_I(mw_dim(table, 1)), MW_L(x->stride[0]), MW_L(x->stride[1]),
               MW_F(a->back ? -1 : 1));
    mw_scope_end(c, NULL);
    return mw_err(c);
}

static mw_tensor *rotate(mw_ctx *c, mw_tensor *x, mw_tensor *table, int heads, bool back);

// A rotation's transpose turns back.
static mw_status vjp(mw_ctx *c, const mw_call *k, mw_tensor *const *gout, mw_tensor **gin, const bool *want)
{
    const attrs *a = k->attrs;
    if (want[TABLE])
        return mw_op_fail(c, k, "the table of angles takes no gradient");
    gin[X] = rotate(c, gout[0], k->in[TABLE], a->heads, !a->back);
    return mw_err(c);
}

static unsigned reads_table(const mw_call *k, const bool *want)
{
    (void)k, (void)want;
    return MW_READS_IN(TABLE);
}

static const mw_op op = {
    .name = "rope",
    .sig = "x[B,T,H*D], table[T,R] -> y[B,T,H*D]",
    .doc = "the pairs (i, i + R/2) of each head's first R columns, rotated by the angles of their row.",
    .nin = 2,
    .nreq = 2,
    .infer = infer,
    .forward = forward,
    .vjp = vjp,
    .attrs_size = sizeof(attrs),
    .reads = reads_table,
};

static mw_tensor *rotate(mw_ctx *c, mw_tensor *x, mw_tensor *table, int heads, bool back)
{
    return mw_apply(c, &op, (mw_tensor *[]){x, table}, 2, &(attrs){heads, back});
}

mw_tensor *mw_rope(mw_ctx *c, mw_tensor *x, mw_tensor *table, int heads)
{
    return rotate(c, x, table, heads, false);
}
