// latent_compose.h: where latents of objects drawn alone go, laid over those of the background.
//
// "LLM-grounded Diffusion" (arXiv 2305.13655), stage 2.
#ifndef MW_LATENT_COMPOSE_H
#define MW_LATENT_COMPOSE_H

#include "nodes/nets/layout/layout.h"

typedef struct mw_composed_object {
    const uint8_t *mask; // [h,w] where the object was drawn
    int dx, dy;          // cells that latents and mask move; what comes in is zero
} mw_composed_object;

// source[h*w] := what each cell shows: 0 zeros, else 1 + cell of the background, else 1 + k * h * w + cell of
// the k-th object, from 1. Objects with larger masks (moved) lie under smaller ones, equal ones in their
// order, over the background (at a run's start) or zeros: at the start first the bounds of each mask grown by
// a cell, then the masks. Strict leaves cells that came in with a move out of those bounds; faithful paints
// their zeros. owner[h*w] := the number of the object that a cell is of, 0 where none.
mw_status mw_latents_compose(mw_ctx *c, const mw_composed_object *object, int n, int h, int w, bool start,
                             mw_layout_mode mode, int32_t *source, int32_t *owner);

#endif
