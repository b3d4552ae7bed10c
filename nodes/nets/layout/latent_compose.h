// latent_compose.h: latents of objects drawn alone, laid over those of the background.
//
// "LLM-grounded Diffusion" (arXiv 2305.13655), stage 2. Planes are row-major [channels][h][w] on the host.
#ifndef MW_LATENT_COMPOSE_H
#define MW_LATENT_COMPOSE_H

#include "nodes/nets/layout/layout.h"

typedef struct mw_composed_object {
    const float *latents; // [channels,h,w] at the step
    const uint8_t *mask;  // [h,w] where the object was drawn
    int dx, dy;           // cells that latents and mask move; what comes in is zero
} mw_composed_object;

// Objects with larger masks (moved) lie under smaller ones, equal ones in their order. `out` holds the
// background, or zeros, and is painted over: at a run's start first the bounds of each mask grown by a cell,
// then the masks. Strict leaves cells that came in with a move out of those bounds; faithful paints their
// zeros. owner[h*w] := 1 + the number of the object that a cell is of, 0 where none.
mw_status mw_latents_compose(mw_ctx *c, const mw_composed_object *object, int n, int channels, int h, int w,
                             bool start, mw_layout_mode mode, float *out, int32_t *owner);

#endif
