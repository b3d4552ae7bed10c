// few_internal.h: products of a few rows with weights in blocks, with what comes before them, in one launch;
// private to core/ops.
#ifndef MW_FEW_INTERNAL_H
#define MW_FEW_INTERNAL_H

#include "core/ops/blocks_internal.h"

enum { MW_FEW_WEIGHTS = 3 };

// y[i] = act(x' w[i]^T + bias[i]) + residual for i < n, where x' is x; the RMS norm of x with gamma; or,
// gated, act(x) * up (and no activation behind).
typedef struct mw_few {
    mw_tensor *x, *up, *gamma; // contiguous; up, gamma may be NULL; gamma f32
    double eps;
    mw_activation act;
    int n;
    mw_tensor *w[MW_FEW_WEIGHTS];    // in blocks, with as many columns as x
    mw_tensor *bias[MW_FEW_WEIGHTS]; // f32: all, or none
    mw_tensor *residual;             // of y[0]'s shape and x's dtype, or NULL
    const mw_tensor *y[MW_FEW_WEIGHTS];
} mw_few;

// Whether the kernel can do so many rows of so many columns: else each step must be done on its own.
bool mw_few_fits(const mw_ctx *c, int64_t rows, int64_t columns);
mw_status mw_few_run(mw_ctx *c, const mw_few *f);

#endif
