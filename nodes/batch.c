// batch.c: pictures, or what belongs to them, put together into one batch.
#include "core/graph/node.h"
#include "nodes/nets/base/batch.h"

#include <stdlib.h>
#include <string.h>

enum { ITEMS };

static const mw_port in[] = {
    [ITEMS] = {.name = "items",
               .type = "list",
               .doc = "[B,..] tensors of one shape but for the first dimension"},
    {.name = NULL},
};

static const mw_out out[] = {
    {.name = "batch", .type = "tensor", .doc = "[B,..] all of them, one behind the other"},
    {.name = NULL},
};

static mw_status check(mw_ctx *c, mw_tensor *const *part, size_t i)
{
    char first[96], got[96];
    bool fits = part[i] && part[i]->ndim == part[0]->ndim && part[i]->ndim > 0;
    for (int d = 1; fits && d < part[0]->ndim; d++)
        fits = part[i]->shape[d] == part[0]->shape[d];
    if (fits)
        return mw_err(c);
    return mw_fail(c, MW_E_SHAPE,
                   "'items' must be tensors of one shape but for the first dimension: entry 1 is %s, "
                   "entry %zu is %s",
                   mw_shape_text(part[0], first, sizeof first), i + 1,
                   part[i] ? mw_shape_text(part[i], got, sizeof got) : "no tensor");
}

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    size_t n = mw_value_count(i[ITEMS]);
    if (n < 1 || n > INT32_MAX)
        return mw_fail(c, MW_E_ARG, "'items' is an empty list");
    mw_tensor **part = mw_alloc(c, n * sizeof(mw_tensor *));
    for (size_t k = 0; part && k < n && mw_err(c) == MW_OK; k++) {
        part[k] = mw_value_as_tensor(mw_value_at(i[ITEMS], k));
        check(c, part, k);
    }
    o[0] = mw_err(c) == MW_OK ? mw_value_tensor(c, mw_batch_join(c, (int)n, part)) : NULL;
    free(part);
    return mw_err(c);
}

const mw_node_type mw_node_batch = {
    .name = "batch",
    .version = 1,
    .doc = "Pictures, or what belongs to them, put together into one batch.",
    .in = in,
    .out = out,
    .run = run,
};
