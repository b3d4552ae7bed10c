// ldm_names.h: names of single-file checkpoints (the original latent-diffusion and OpenCLIP code) as
// diffusers names.
//
// All functions take the part of a name after the network's prefix ("model.diffusion_model.",
// "first_stage_model.", ...) and write the diffusers name to out[size]. They answer false (0) for a name they
// do not know or that does not fit.
#ifndef MW_LDM_NAMES_H
#define MW_LDM_NAMES_H

#include "nodes/nets/base/source.h"

// UNet. `sep` is '.' for checkpoint entries, '_' for the modules of LoRA files, whose names carry no dots.
// layers_per_block as in the UNet's config.
bool mw_ldm_unet_name(const char *name, char sep, int layers_per_block, char *out, size_t size);

// Autoencoder; `levels` is the number of entries in the config's block_out_channels (up levels count
// backwards there). Its attention weights are 1x1 convolutions [C,C,1,1] where diffusers has [C,C].
bool mw_ldm_vae_name(const char *name, int levels, char *out, size_t size);

// Text tower; the names come without "text_model." in front. Fills *how; `piece` counts from 0 and chooses q,
// k or v of a joint projection.
bool mw_openclip_name(const char *name, int piece, mw_name_piece *how, char *out, size_t size);

#endif
