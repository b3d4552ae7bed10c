// batch.c: pictures put together into batches, and taken out again.
#include "nodes/nets/base/batch.h"

#include "core/ops.h"
#include "core/tensor/tape.h"

#include <stdlib.h>

mw_tensor *mw_batch_join(mw_ctx *c, int n, mw_tensor *const *parts)
{
    mw_tensor **all = n > 1 ? mw_alloc(c, (size_t)n * sizeof(mw_tensor *)) : NULL;
    if (n < 2 || !all)
        return n == 1 && mw_err(c) == MW_OK ? parts[0] : NULL;
    for (int i = 0; i < n; i++)
        all[i] = parts[i];
    for (int left = n, made; left > 1; left = made) { // as many at a time as an op takes
        made = 0;
        for (int i = 0; i < left; i += MW_MAXIN)
            all[made++] =
                i + 1 < left ? mw_concat(c, left - i < MW_MAXIN ? left - i : MW_MAXIN, all + i, 0) : all[i];
    }
    mw_tensor *joined = all[0];
    free(all);
    return mw_err(c) == MW_OK ? joined : NULL;
}

mw_tensor *mw_batch_of_places(mw_ctx *c, int n, const mw_batch_place *place, const int *which)
{
    mw_tensor **parts = mw_alloc(c, (size_t)(n + 1) * sizeof(mw_tensor *));
    int nparts = 0;
    for (int i = 0, end; parts && i < n; i = end) { // neighbours in one go
        const mw_batch_place *first = &place[which[i]];
        for (end = i + 1; end < n; end++)
            if (place[which[end]].t != first->t || place[which[end]].row != first->row + end - i)
                break;
        bool whole = end - i == mw_dim(first->t, 0);
        parts[nparts++] = whole ? first->t : mw_slice(c, first->t, 0, first->row, end - i);
    }
    mw_tensor *all = parts ? mw_batch_join(c, nparts, parts) : NULL;
    free(parts);
    return all;
}

mw_tensor *mw_batch_rows(mw_ctx *c, mw_tensor *t, int n, const int *row)
{
    if (!t || mw_err(c) != MW_OK)
        return NULL;
    if (mw_dim(t, 0) == 1) {
        int64_t shape[MW_MAXDIM] = {n};
        for (int i = 1; i < t->ndim; i++)
            shape[i] = t->shape[i];
        return n == 1 ? t : mw_expand(c, t, t->ndim, shape);
    }
    mw_batch_place *place = mw_alloc(c, (size_t)n * sizeof *place);
    int *which = mw_alloc(c, (size_t)n * sizeof *which);
    for (int i = 0; place && which && i < n; i++) {
        place[i] = (mw_batch_place){t, row[i]};
        which[i] = i;
    }
    mw_tensor *all = place && which ? mw_batch_of_places(c, n, place, which) : NULL;
    free(place);
    free(which);
    return all;
}
