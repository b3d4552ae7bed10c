// vae.h: the variational autoencoder between pictures and latents.
#ifndef MW_VAE_H
#define MW_VAE_H

#include "core/graph/value.h"
#include "nodes/nets/vae/vae_config.h"
#include "nodes/nets/base/weights.h"

typedef struct mw_vae_model {
    mw_vae_config config;
    mw_weights *weights; // owned
} mw_vae_model;

// Outputs of modules, borrowed: "encoder.conv_in", "decoder.up_blocks.1", ... [B,h,w,C]. NULL: none.
typedef struct mw_vae_taps {
    void *user;
    void (*act)(mw_ctx *c, void *user, const char *module, mw_tensor *x);
} mw_vae_taps;

// Pictures [B,H,W,3] f32 in -1..1 -> [B,h,w,2*C] f32: mean and logvar of the posterior (unscaled) side by
// side, logvar clamped to -30..20. H, W at least 2^(levels - 1); odd sizes round down at each level.
mw_tensor *mw_vae_encode_moments(mw_ctx *c, const mw_vae_model *m, mw_tensor *image, const mw_vae_taps *taps);
// Unscaled latents z [B,C,h,w] -> [B,H,W,3] f32, about -1..1.
mw_tensor *mw_vae_decode_plain(mw_ctx *c, const mw_vae_model *m, mw_tensor *z, const mw_vae_taps *taps);
typedef enum { MW_VAE_DECODE, MW_VAE_ENCODE } mw_vae_half;

// mw_vae_decode_plain of latents [B,C,h,w], or mw_vae_encode_moments of pictures [B,H,W,3] whose sides are
// multiples of the pixels per latent. tile, a node's parameter: "auto" (whole; in tiles, with a warning,
// where memory does not suffice), "none" (whole), or the side of square tiles in pixels. Tiles overlap by a
// quarter and are blended linearly.
mw_tensor *mw_vae_run(mw_ctx *c, const mw_vae_model *m, mw_vae_half half, mw_tensor *in,
                      const mw_value *tile);

// Between unscaled latents z and those on wires: z * scaling.
mw_tensor *mw_vae_scale(mw_ctx *c, const mw_vae_model *m, mw_tensor *z);
mw_tensor *mw_vae_unscale(mw_ctx *c, const mw_vae_model *m, mw_tensor *latents);

// Walk the network dry, so that every missing or misshapen weight is found, then load.
mw_status mw_vae_load(mw_ctx *c, mw_vae_model *m);

#endif
