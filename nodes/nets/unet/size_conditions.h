// size_conditions.h: what SDXL's UNet is told beside the text: the pooled prompt and the picture's sizes.
#ifndef MW_SIZE_CONDITIONS_H
#define MW_SIZE_CONDITIONS_H

#include "core/graph/value.h"
#include "nodes/nets/unet/unet.h"

enum { MW_TIME_IDS = 6 }; // of each picture

// Sizes as ports bring them, in pixels; nil: that of the latents, for `crop` {0, 0}.
typedef struct mw_sizes {
    const mw_value *original; // "original_size" {width, height}: what the picture was scaled from
    const mw_value *crop;     // "crop" {left, top}: of the cut
    const mw_value *target;   // "target_size" {width, height}: of the cut
} mw_sizes;

// Checks u->pooled, whose port is "pooled", and adds the sizes for every picture of u->latents. Nothing for a
// model without such inputs. *ids: what u->time_ids then points to; free() it when u is done with, also after
// a failure. MW_E_ARG and MW_E_SHAPE name the port.
mw_status mw_unet_add_sizes(mw_ctx *c, const mw_unet_config *f, const mw_sizes *s, mw_unet_in *u,
                            double **ids);

#endif
