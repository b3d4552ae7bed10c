// unet_config.h: the shape of a text-conditioned UNet, from a diffusers config.json (UNet2DConditionModel).
//
// What the config says once for all levels, in reverse or per level is resolved here into one entry per
// block, so that the network has no rules of that kind.
#ifndef MW_UNET_CONFIG_H
#define MW_UNET_CONFIG_H

#include "nodes/nets/base/config.h"

#define MW_UNET_LEVELS 8  // most blocks on either side
#define MW_UNET_LAYERS 12 // most residual blocks in one block

typedef struct mw_unet_block {
    bool attends;              // a transformer follows each residual block
    bool only_cross;           // attn1 looks at the text too (only_cross_attention)
    bool resamples;            // ends in a downsampling or upsampling convolution
    int channels;              // out
    int layers;                // residual blocks (an up block has one more than layers_per_block)
    int heads;                 // divides channels
    int context;               // width of the text states
    int depth[MW_UNET_LAYERS]; // transformer layers after each residual block
} mw_unet_block;

typedef enum { MW_MID_NONE, MW_MID_PLAIN, MW_MID_CROSS } mw_unet_mid;

typedef struct mw_unet_config {
    int in_channels, out_channels;
    int sample_height, sample_width; // native latent size; 0 when the config names none
    bool doubtful_size; // one number below 64, written by diffusers before 0.9.0: its pipelines of SD 1 and 2
                        // take 64 instead
    int base;           // channels of the first level, and of the sinusoid of t
    int time_width;     // width of the time embedding
    int levels;
    mw_unet_block down[MW_UNET_LEVELS], up[MW_UNET_LEVELS]; // in the order of execution
    mw_unet_mid mid_kind;
    mw_unet_block mid;
    int groups;        // of all group norms
    double norm_eps;   // of residual blocks and conv_norm_out
    bool center_input; // the latents enter as 2 x - 1
    bool cos_first;    // flip_sin_to_cos
    double freq_shift;
    int down_padding;                    // 1: both sides; 0: below and right only
    int conv_in_kernel, conv_out_kernel; // odd
    // addition_embed_type "text_time" (SDXL): pooled text and size conditioning enter with t
    bool text_time;
    int time_id_width; // sinusoid of each time id (addition_time_embed_dim)
    int add_width; // width of pooled text and all time ids together (projection_class_embeddings_input_dim)
    int context;   // D of encoder_hidden_states: the widest any block takes (they must agree)
    bool gated;    // GLIGEN: a gated attention to grounding tokens in every transformer layer
    int phrase_width; // of a phrase's embedding that a grounding token is made of; gated only
} mw_unet_config;

// Parse and validate. `file` is for messages.
mw_status mw_unet_config_read(mw_ctx *c, const json_t *json, const char *file, mw_unet_config *out);

#endif
