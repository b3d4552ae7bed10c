// position_net.h: grounding tokens from boxes and phrases: what GLIGEN's gated layers attend to.
//
// Li et al., "GLIGEN: Open-Set Grounded Text-to-Image Generation" (arXiv 2301.07093), eq. 5.
#ifndef MW_POSITION_NET_H
#define MW_POSITION_NET_H

#include "nodes/nets/unet/unet.h"

#define MW_GROUNDING_SLOTS 30 // of the published models: always as many, used or not

typedef struct mw_grounding {
    int64_t pictures, slots;
    const double *box;  // pictures * slots * 4: x0, y0, x1, y1 in 0..1; anything finite where mask is 0
    const double *mask; // pictures * slots: 1 used; 0 the learned null features stand in
    mw_tensor *phrase;  // [pictures,slots,phrase_width] pooled text states of the phrases
} mw_grounding;

// [pictures,slots,context], for mw_unet_in.objs. m: a gated model.
mw_tensor *mw_position_net(mw_ctx *c, const mw_unet_model *m, const mw_grounding *g);

#endif
