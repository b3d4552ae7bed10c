// embedding.c: rows of a table by number.
#include "core/ops/blocks_internal.h"
#include "core/ops/ops_internal.h"

typedef struct attrs {
    mw_dtype dtype;
} attrs;

static mw_status infer(mw_ctx *c, mw_call *k)
{
    const mw_tensor *table = k->in[0], *ids = k->in[1];
    mw_dtype dtype = ((const attrs *)k->attrs)->dtype;
    char text[MW_SHAPE_TEXT];
    int64_t shape[MW_MAXDIM];
    if (table->ndim != 2 || (table->packing ? !mw_is_blocks(table) : table->dtype > MW_F16))
        return mw_op_fail(c, k, "table must be [V,D] in f32, f16 or blocks, got %s",
                          mw_shape_text(table, text, sizeof text));
    if (ids->dtype != MW_I32 || ids->ndim >= MW_MAXDIM)
        return mw_op_fail(c, k, "ids must be i32 with at most %d dimensions, got %s", MW_MAXDIM - 1,
                          mw_shape_text(ids, text, sizeof text));
    if (dtype > MW_F16)
        return mw_op_fail(c, k, "the result must be f32 or f16, not %s", mw_dtype_name(dtype));
    for (int i = 0; i < ids->ndim; i++)
        shape[i] = ids->shape[i];
    shape[ids->ndim] = table->shape[1];
    k->out[0] = mw_tensor_new(c, dtype, ids->ndim + 1, shape);
    return mw_err(c);
}

static mw_status forward(mw_ctx *c, const mw_call *k)
{
    mw_tensor *y = k->out[0];
    int64_t n = mw_numel(y);
    if (!n)
        return MW_OK;
    mw_scope_begin(c);
    mw_tensor *ids = mw_contiguous(c, k->in[1]);
    if (mw_is_blocks(k->in[0])) {
        mw_blocks_rows(c, k->in[0], ids, y);
        mw_scope_end(c, NULL);
        return mw_err(c);
    }
    mw_tensor *table = mw_contiguous(c, k->in[0]);
    int chunk;
    mw_launch l = mw_op_flat(c, "move", "embedding", n, &chunk);
    l.t = y->dtype;
    l.w = k->in[0]->dtype;
    MW_RUN(c, &l, MW_T(table), MW_T(ids), MW_T(y), MW_L(n), MW_I(chunk), MW_L(mw_dim(y, -1)),
           MW_L(k->in[0]->shape[0]));
    mw_scope_end(c, NULL);
    return mw_err(c);
}

static mw_status vjp(mw_ctx *c, const mw_call *k, mw_tensor *const *gout, mw_tensor **gin, const bool *want)
{
    if (!want[0] || !(gin[0] = mw_op_grad_like(c, k->in[0])) || !mw_numel(gin[0]))
        return mw_err(c);
    mw_scope_begin(c);
    mw_tensor *ids = mw_contiguous(c, k->in[1]);
    int chunk;
    mw_launch l = mw_op_flat(c, "grad", "embedding_grad", mw_numel(gin[0]), &chunk);
    MW_RUN(c, &l, MW_T(ids), MW_T(gout[0]), MW_T(gin[0]), MW_L(mw_numel(gin[0])), MW_I(chunk),
           MW_L(mw_dim(gin[0], 1)), MW_L(mw_numel(ids)));
    mw_scope_end(c, NULL);
    return mw_err(c);
}

static unsigned reads_ids(const mw_call *k, const bool *want)
{
    (void)k, (void)want;
    return MW_READS_IN(1);
}

static const mw_op op = {
    .name = "embedding",
    .sig = "table[V,D], ids[..] -> y[..,D]",
    .doc = "table[ids[..]]; NaN where an id is outside 0..V-1.",
    .nin = 2,
    .nreq = 2,
    .infer = infer,
    .forward = forward,
    .vjp = vjp,
    .reads = reads_ids,
    .attrs_size = sizeof(attrs),
    .prepared = MW_READS_IN(0),
};

mw_tensor *mw_embedding(mw_ctx *c, mw_tensor *table, mw_tensor *ids, mw_dtype dtype)
{
    return mw_apply(c, &op, (mw_tensor *[]){table, ids}, 2, &(attrs){dtype});
}
