// finite.h: whether a tensor's numbers are numbers, without waiting for them.
#ifndef MW_FINITE_H
#define MW_FINITE_H

#include "core/tensor/tensor.h"

typedef struct mw_finite mw_finite;

// Lets the device count the elements of t (any view) that are NaN or infinite. NULL where there is nothing to
// count (whole numbers, no elements, a dry run) or an error is pending. Every one needs one mw_finite_end.
mw_finite *mw_finite_begin(mw_ctx *c, mw_tensor *t);
// The device has counted.
bool mw_finite_known(const mw_finite *f);
// How many they are; waits when that isn't known yet, and frees. 0 for NULL.
int64_t mw_finite_end(mw_ctx *c, mw_finite *f);

#endif
