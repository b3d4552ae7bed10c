// clip_vision.h: the vision tower of CLIP and of what was made from it (OWL-ViT).
#ifndef MW_CLIP_VISION_H
#define MW_CLIP_VISION_H

#include "nodes/nets/clip/clip_layer.h"
#include "nodes/nets/base/config.h"

typedef struct mw_clip_vision_config {
    int image; // side of the square it sees, in pixels
    int patch; // side of a token, in pixels; divides image
    int layers;
    mw_clip_shape shape;
} mw_clip_vision_config;

// From a transformers vision config (CLIPVisionConfig, OwlViTVisionConfig); the defaults are CLIP ViT-B/32's
// but for the picture's side. Asks for its keys only: the caller ends the reading.
void mw_clip_vision_config_read(mw_config *cfg, int image, mw_clip_vision_config *out);

// Tokens along a side.
static inline int mw_clip_vision_side(const mw_clip_vision_config *f) { return f->image / f->patch; }

// States of the last layer, without a norm behind it: pixels [B,S,S,3] f32 -> [B, 1 + tokens, D], the class
// token first. path: of the tower ("vision_model"); pre_norm: name of its first norm, which differs.
mw_tensor *mw_clip_vision_forward(const mw_nn *m, const mw_clip_vision_config *f, const char *path,
                                  const char *pre_norm, mw_tensor *pixels);

#endif
