// attention_grad_internal.c: the gradients of attention and of its probabilities.
//
// With P = softmax(scale q k^T): gv = P^T g, gP = g v^T, gS = P (gP - sum gP P), gq = scale gS k, gk = scale
// gS^T q. The probabilities are made again for a few rows of queries at a time, so that T x S never stands
// whole in memory.
#include "core/ops/ops_internal.h"

static const int64_t BLOCK_BYTES = (int64_t)32 << 20; // of the probabilities of one block of queries

// [B,T,H*D] as [B,H,T,D], and back.
static mw_tensor *heads_first(mw_ctx *c, mw_tensor *x, int heads)
{
    int64_t d = mw_dim(x, 2) / heads;
    x = mw_reshape(c, x, MW_SHAPE(mw_dim(x, 0), mw_dim(x, 1), heads, d));
    return mw_permute(c, x, (int[]){0, 2, 1, 3});
}

static mw_tensor *heads_last(mw_ctx *c, mw_tensor *x)
{
    x = mw_permute(c, x, (int[]){0, 2, 1, 3});
    return x ? mw_reshape(c, x, MW_SHAPE(mw_dim(x, 0), mw_dim(x, 1), mw_dim(x, 2) * mw_dim(x, 3))) : NULL;
}

static mw_tensor *swapped(mw_ctx *c, mw_tensor *x) { return mw_transpose(c, x, 2, 3); }

// gq [B,t,H*D] and gk^T [B,H,D,S] from P [B,H,t,S] and the gradient of P. Transposed, since the large matrix
// is then read the way it lies.
static void through_softmax(mw_ctx *c, mw_tensor *p, mw_tensor *gp, mw_tensor *q, mw_tensor *k, int heads,
                            double scale, const bool *want, mw_tensor **gq, mw_tensor **gk)
{
    mw_tensor *gs = mw_op_softmax_grad(c, p, gp);
    if (want[0])
        *gq = heads_last(c, mw_matmul(c, gs, heads_first(c, k, heads), scale));
    if (want[1])
        *gk = mw_matmul(c, swapped(c, heads_first(c, q, heads)), gs, scale);
}

void mw_op_attention_probs_grad(mw_ctx *c, mw_tensor *p, mw_tensor *gp, mw_tensor *q, mw_tensor *k, int heads,
                                double scale, const bool *want, mw_tensor **gq, mw_tensor **gk)
{
    through_softmax(c, p, gp, mw_cast(c, q, MW_F32), mw_cast(c, k, MW_F32), heads, scale, want, gq, gk);
    if (want[1])
        *gk = heads_last(c, swapped(c, *gk));
}

static mw_tensor *plus(mw_ctx *c, mw_tensor *sum, mw_tensor *x) { return sum && x ? mw_add(c, sum, x) : x; }

// x[B,S,G*D] with each head as often as heads of queries share it.
static mw_tensor *repeated(mw_ctx *c, mw_tensor *x, const mw_op_attention *a)
{
    x = mw_cast(c, x, MW_F32);
    if (a->heads == a->kv_heads || !x)
        return x;
    int64_t B = x->shape[0], S = x->shape[1], D = x->shape[2] / a->kv_heads, times = a->heads / a->kv_heads;
    x = mw_reshape(c, x, MW_SHAPE(B, S, a->kv_heads, 1, D));
    x = mw_expand(c, x, MW_SHAPE(B, S, a->kv_heads, times, D));
    return mw_reshape(c, x, MW_SHAPE(B, S, a->heads * D));
}

// The gradient of `repeated`.
static mw_tensor *summed(mw_ctx *c, mw_tensor *g, const mw_op_attention *a)
{
    if (a->heads == a->kv_heads || !g)
        return g;
    int64_t B = g->shape[0], S = g->shape[1], D = g->shape[2] / a->heads;
    g = mw_reshape(c, g, MW_SHAPE(B, S, a->kv_heads, a->heads / a->kv_heads, D));
    return mw_reshape(c, mw_sum(c, g, 3, false), MW_SHAPE(B, S, a->kv_heads * D));
}

void mw_op_attention_grad(mw_ctx *c, const mw_op_attention *a, mw_tensor *g, const bool *want,
                          mw_tensor **gin)
{
    mw_tensor *q = mw_cast(c, a->q, MW_F32), *k = repeated(c, a->k, a), *v = repeated(c, a->v, a);
    int64_t rows = mw_dim(q, 1), row_bytes = mw_dim(q, 0) * a->heads * mw_dim(k, 1) * 4;
    int64_t block = a->causal || row_bytes * rows <= BLOCK_BYTES ? rows : BLOCK_BYTES / (row_bytes + 1);
    block = block < 1 ? 1 : block;
    mw_tensor *sum[3] = {0}; // gq, gk^T, gv^T
    for (int64_t at = 0; at < rows && !mw_err(c); at += block) {
        int64_t n = rows - at < block ? rows - at : block;
        mw_scope_begin(c);
        mw_tensor *qs = mw_slice(c, q, 1, at, n), *gs = heads_first(c, mw_slice(c, g, 1, at, n), a->heads);
        mw_tensor *p = mw_op_window_probs(c, qs, k, a->heads, a->scale, a->causal, a->window, a->mask);
        mw_tensor *part[3] = {0};
        if (want[0] || want[1]) {
            mw_tensor *gp = mw_matmul(c, gs, swapped(c, heads_first(c, v, a->heads)), 1);
            through_softmax(c, p, gp, qs, k, a->heads, a->scale, want, &part[0], &part[1]);
        }
        if (want[2])
            part[2] = mw_matmul(c, swapped(c, gs), p, 1);
        if (sum[0] && part[0])
            part[0] = mw_concat(c, 2, (mw_tensor *[]){sum[0], part[0]}, 1);
        part[1] = plus(c, sum[1], part[1]);
        part[2] = plus(c, sum[2], part[2]);
        mw_scope_end_many(c, part, 3);
        for (int i = 0; i < 3; i++)
            sum[i] = part[i];
    }
    for (int i = 0; i < 3; i++)
        if (want[i])
            gin[i] = i == 0 ? sum[i] : summed(c, heads_last(c, swapped(c, sum[i])), a);
}
