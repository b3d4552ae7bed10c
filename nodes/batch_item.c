// batch_item.c: what belongs to one picture of a batch.
#include "core/graph/node.h"

enum { BATCH, ITEM };

static const mw_port in[] = {
    [BATCH] = {.name = "batch",
               .type = "any",
               .doc =
                   "[B,..] a tensor, attention maps of several pictures, or a list with an entry for each"},
    [ITEM] = {.name = "item", .type = "integer", .min = 1, .max = 1e9, .doc = "which, from 1"},
    {.name = NULL},
};

static const mw_out out[] = {
    {.name = "item", .type = "any", .doc = "[1,..] of a tensor, the same of each of the maps, or the entry"},
    {.name = NULL},
};

static void refuse(mw_ctx *c, int64_t item, int64_t n)
{
    mw_fail(c, MW_E_ARG, "'item' must be from 1 to %lld, as many as the batch has, got %lld", (long long)n,
            (long long)item);
}

static mw_value *item_of(mw_ctx *c, mw_value *v, int64_t item)
{
    mw_tensor *t = mw_value_as_tensor(v);
    int64_t n = t ? mw_dim(t, 0) : (int64_t)mw_value_count(v);
    mw_value *map = NULL;
    switch (mw_value_kind(v)) {
    case MW_TENSOR:
        if (item > n)
            refuse(c, item, n);
        return mw_err(c) == MW_OK ? mw_value_tensor(c, mw_slice(c, t, 0, item - 1, 1)) : NULL;
    case MW_LIST:
        if (item > n)
            refuse(c, item, n);
        return mw_err(c) == MW_OK ? mw_value_retain(mw_value_at(v, (size_t)item - 1)) : NULL;
    case MW_MAP:
        map = mw_value_map(c);
        for (size_t k = 0; k < mw_value_count(v) && mw_err(c) == MW_OK; k++)
            mw_value_set(c, map, mw_value_key_at(v, k), item_of(c, mw_value_at(v, k), item));
        return map;
    default: break;
    }
    mw_fail(c, MW_E_ARG, "'batch' must be a tensor, maps or a list, got a %s",
            mw_kind_name(mw_value_kind(v)));
    return NULL;
}

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    o[0] = item_of(c, i[BATCH], (int64_t)mw_value_as_number(i[ITEM]));
    return mw_err(c);
}

const mw_node_type mw_node_batch_item = {
    .name = "batch_item",
    .version = 1,
    .doc = "What belongs to one picture of a batch: its latents, its attention maps, its entry of a list.",
    .in = in,
    .out = out,
    .run = run,
};
