// clip_layer.h: the transformer layer that CLIP's text and vision towers are made of.
#ifndef MW_CLIP_LAYER_H
#define MW_CLIP_LAYER_H

#include "nodes/nets/base/nn.h"

typedef struct mw_clip_shape {
    int width, inner, heads; // heads divide width
    double eps;
    mw_activation act;
} mw_clip_shape;

// Attention and MLP, each with its norm in front and a sum behind: x[B,L,D] -> [B,L,D]. key_mask[B,L] i32 or
// NULL.
mw_tensor *mw_clip_layer(const mw_nn *m, const mw_clip_shape *s, const char *path, mw_tensor *x, bool causal,
                         mw_tensor *key_mask);

#endif
