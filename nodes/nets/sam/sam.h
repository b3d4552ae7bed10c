// sam.h: Segment Anything (Kirillov et al. 2023): masks of what points, boxes or coarse masks point at.
//
// Weight names are those of transformers' SamModel.
#ifndef MW_SAM_H
#define MW_SAM_H

#include "core/graph/value.h"
#include "nodes/nets/pictures/image_prep.h"
#include "nodes/nets/sam/sam_config.h"
#include "nodes/nets/base/weights.h"

typedef struct mw_sam_model {
    mw_sam_config config;
    mw_weights *weights; // owned
} mw_sam_model;

// Walk the network dry, so that every missing or misshapen weight is found, then load.
mw_status mw_sam_load(mw_ctx *c, mw_sam_model *m);

// Pixels [1,S,S,3] f32, S = config.image, as mw_image_prep_run makes them -> [1,e,e,C], e tokens along a
// side.
mw_tensor *mw_sam_encode(mw_ctx *c, const mw_sam_model *m, mw_tensor *pixels);

// What a point means.
enum { MW_SAM_OUTSIDE = 0, MW_SAM_INSIDE = 1, MW_SAM_NOTHING = -1 };

// n prompts, each with `npoints` points and, where boxes are given, one box. Coordinates are pixels of the
// resized picture (mw_sam_to_model). Without boxes a point that means nothing is added, as the network was
// trained.
typedef struct mw_sam_prompt {
    int n, npoints;
    const double *points; // [n][npoints][x, y]
    const int *labels;    // [n][npoints]
    const double *boxes;  // [n][x0, y0, x1, y1] or NULL
    mw_tensor *mask;      // [1 or n, 4e, 4e, 1] logits of a coarse mask, or NULL
} mw_sam_prompt;

// Masks [n,M,4e,4e] f32 (logits; > 0 is inside) and the network's guess of their overlap with the truth,
// [n,M] f32. several: M = config.masks for prompts that may mean several things; else M = 1.
mw_status mw_sam_decode(mw_ctx *c, const mw_sam_model *m, mw_tensor *embedding, const mw_sam_prompt *prompt,
                        bool several, mw_tensor **masks, mw_tensor **scores);

// Mask logits at the original's size: [n,M,height,width] f32.
mw_tensor *mw_sam_upscale(mw_ctx *c, mw_tensor *masks, const mw_image_geometry *g);

// Coordinates of the original picture to those of the resized one; n pairs x, y in place.
void mw_sam_to_model(const mw_image_geometry *g, double *xy, int n);

// What preprocessor_config.json need not say.
mw_image_prep mw_sam_prep(const mw_sam_config *config);

#endif
