// sam_internal.h: what the parts of Segment Anything share. Private to sam*.c.
#ifndef MW_SAM_INTERNAL_H
#define MW_SAM_INTERNAL_H

#include "nodes/nets/base/nn.h"
#include "nodes/nets/sam/sam.h"

typedef struct mw_sam_net {
    mw_nn nn;
    const mw_sam_config *cfg;
} mw_sam_net;

// Zeros of a shape, without storage of their own.
mw_tensor *mw_sam_zeros(const mw_sam_net *n, int ndim, const int64_t *shape);

// Position encoding [n, C] of n points x, y in 0..1 (equation of Tancik et al. 2020: sines and cosines of
// random projections), in the weights' dtype.
mw_tensor *mw_sam_positions(const mw_sam_net *n, const double *xy, int64_t count);

// Tokens [P, k, C] of points and boxes; NULL (without an error) when the prompt has neither.
mw_tensor *mw_sam_sparse(const mw_sam_net *n, const mw_sam_prompt *prompt);
// [1 or P, e, e, C] to be added to the picture's embedding.
mw_tensor *mw_sam_dense(const mw_sam_net *n, const mw_sam_prompt *prompt);

#endif
