// vae_config.h: the shape of a variational autoencoder, from a diffusers config.json (AutoencoderKL).
#ifndef MW_VAE_CONFIG_H
#define MW_VAE_CONFIG_H

#include "nodes/nets/base/config.h"

#define MW_VAE_LEVELS 8

typedef struct mw_vae_config {
    int in_channels, out_channels; // of pictures
    int latent_channels;
    int levels;                  // the encoder shrinks by 2^(levels - 1)
    int channels[MW_VAE_LEVELS]; // finest level first
    int layers;                  // residual blocks of an encoder level; the decoder has one more
    int groups;
    bool attends;           // attention in the middle (mid_block_add_attention)
    bool quant, post_quant; // 1x1 convolutions around the latents
    double scaling;         // latents on wires = z * scaling
    bool force_upcast;      // f16 activations overflow: such a model of the SDXL family must run in f32
    int sample_size;        // pixels of the pictures it was trained on: the size of tiles
} mw_vae_config;

// Parse and validate. `file` is for messages.
mw_status mw_vae_config_read(mw_ctx *c, const json_t *json, const char *file, mw_vae_config *out);

#endif
