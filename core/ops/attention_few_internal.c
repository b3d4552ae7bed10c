// attention_few_internal.c: causal attention of few queries over many keys, one token's above all.
#include "core/ops/ops_internal.h"

enum {
    MOST_QUERIES = 8,
    MOST_ROWS = 64,   // queries of all heads that share one of keys
    LEAST_KEYS = 256, // of a part: below, joining the parts costs more than it saves
    GROUPS_PER_UNIT = 4,
    BLOCK = 64, // as in kernels/attention_few.cl
};

static int64_t up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

static int64_t rows_of(const mw_op_attention *a) { return mw_dim(a->q, 1) * (a->heads / a->kv_heads); }

static size_t work_bytes(const mw_ctx *c, const mw_op_attention *a)
{
    int64_t wide = up(mw_dim(a->q, 2) / a->heads, mw_op_lanes(c));
    return (size_t)(rows_of(a) * (2 * wide + BLOCK + 3)) * sizeof(float);
}

bool mw_op_few_queries(const mw_ctx *c, const mw_op_attention *a)
{
    enum { OTHERS = 1024 }; // bytes of local memory that kernels have beside what is asked for
    return mw_dim(a->q, 1) <= MOST_QUERIES && rows_of(a) <= MOST_ROWS && mw_dim(a->k, 1) > 0 &&
        work_bytes(c, a) + OTHERS <= mw_device_caps(c)->local_bytes;
}

// Keys of a part: enough parts for all units, none so short that joining it does not pay.
static int64_t keys_of_part(const mw_ctx *c, const mw_op_attention *a, int64_t seen)
{
    int64_t groups = mw_dim(a->q, 0) * a->kv_heads;
    int64_t wanted = (GROUPS_PER_UNIT * mw_device_caps(c)->compute_units + groups - 1) / groups;
    int64_t parts = seen / LEAST_KEYS < wanted ? seen / LEAST_KEYS : wanted;
    return up((seen + parts) / (parts + 1), BLOCK);
}

void mw_op_attention_few(mw_ctx *c, const mw_op_attention *a, mw_tensor *y)
{
    int64_t B = mw_dim(a->q, 0), T = mw_dim(a->q, 1), S = mw_dim(a->k, 1), D = mw_dim(a->q, 2) / a->heads;
    int64_t first = S - T - a->window + 1;
    first = first > 0 ? first / BLOCK * BLOCK : 0;
    int64_t part = keys_of_part(c, a, S - first), parts = (S - first + part - 1) / part, rows = rows_of(a);
    mw_tensor *sums = parts > 1 ? mw_tensor_new(c, MW_F32, MW_SHAPE(B, a->kv_heads, parts, rows, D + 2)) : y;
    if (!sums)
        return;
    size_t group = (size_t)mw_op_group(c);
    mw_launch l = {
        .file = "attention_few",
        .entry = "attention_few",
        .variant = mw_op_variant(c),
        .t = y->dtype,
        .w = a->k->dtype,
        .dims = 3,
        .global = {(size_t)parts * group, (size_t)a->kv_heads, (size_t)B},
        .local = {group, 1, 1},
        .products = 4.0 * (double)(B * a->kv_heads * rows) * (double)((S - first) * D),
    };
    MW_RUN(c, &l, MW_T(a->q), MW_T(a->k), MW_T(a->v), MW_T(y), MW_T(sums), MW_I(T), MW_I(S), MW_I(D),
           MW_I(a->heads), MW_I(first), MW_I(part), MW_I(a->window), MW_L(a->q->stride[0]),
           MW_L(a->q->stride[1]), MW_L(a->k->stride[0]), MW_L(a->k->stride[1]), MW_L(a->v->stride[0]),
           MW_L(a->v->stride[1]), MW_F(a->scale), MW_LOCAL(work_bytes(c, a)));
    if (parts == 1)
        return;
    l.entry = "attention_join";
    l.global[0] = (size_t)rows * group;
    l.products = 0;
    MW_RUN(c, &l, MW_T(sums), MW_T(y), MW_I(parts), MW_I(T), MW_I(D), MW_I(a->heads));
}
