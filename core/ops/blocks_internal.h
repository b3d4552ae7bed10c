// blocks_internal.h: weights in the blocks of files (mw_weight_blocks); private to core/ops.
#ifndef MW_BLOCKS_INTERNAL_H
#define MW_BLOCKS_INTERNAL_H

#include "core/ops/gemm_internal.h"

enum { MW_BLOCKS_AT_ONCE = 32 }; // weights of a row that kernels widen together

bool mw_is_blocks(const mw_tensor *w);
// What kernels must know of it: bytes of a row, the type's number, rows of a group (mw_block_rows).
void mw_blocks_facts(const mw_tensor *w, int64_t *row_bytes, int32_t *type, int32_t *group);

// Rows of w[N,K] in y's dtype: row ids[i] to row i of y (NaN where there is none), row i itself without ids.
// ids and y are contiguous.
mw_status mw_blocks_rows(mw_ctx *c, const mw_tensor *w, const mw_tensor *ids, const mw_tensor *y);
// All of w as a plain f32 tensor.
mw_tensor *mw_blocks_widen(mw_ctx *c, const mw_tensor *w);

// y = act(x w^T + bias) + residual, as mw_linear has it.
mw_status mw_blocks_linear(mw_ctx *c, mw_tensor *x, mw_tensor *w, mw_tensor *bias, mw_activation act,
                           mw_tensor *residual, const mw_tensor *y);

#endif
