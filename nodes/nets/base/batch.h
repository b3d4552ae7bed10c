// batch.h: pictures put together into batches, and taken out again: along the first dimension.
#ifndef MW_BATCH_H
#define MW_BATCH_H

#include "core/tensor/tensor.h"

// One picture of a batch.
typedef struct mw_batch_place {
    mw_tensor *t;
    int row;
} mw_batch_place;

// t[row[0]], t[row[1]], ...: [n,..]; t itself when those are all its rows in order. t may be NULL. A t of one
// row stands for any: it is broadcast.
mw_tensor *mw_batch_rows(mw_ctx *c, mw_tensor *t, int n, const int *row);
// The same of rows that lie in several tensors of one shape but for the first dimension: place[which[i]].
mw_tensor *mw_batch_of_places(mw_ctx *c, int n, const mw_batch_place *place, const int *which);
// n tensors, one behind the other along the first dimension.
mw_tensor *mw_batch_join(mw_ctx *c, int n, mw_tensor *const *parts);

#endif
