// unet.h: the text-conditioned UNet of Stable Diffusion 1, 2 and XL.
//
// Weight and module names are those of diffusers ("down_blocks.0.resnets.1.conv1.weight").
#ifndef MW_UNET_H
#define MW_UNET_H

#include "nodes/nets/unet/unet_config.h"
#include "nodes/nets/base/weights.h"

typedef struct mw_unet_model {
    mw_unet_config config;
    mw_weights *weights; // owned
} mw_unet_model;

// Where maps and module outputs go. Both callbacks may be NULL; the tensors are borrowed (retain to keep).
typedef struct mw_unet_taps {
    void *user;
    // Is the map of this cross-attention wanted? path: "mid_block.attentions.0.transformer_blocks.0.attn2".
    bool (*want_map)(void *user, const char *path);
    void (*map)(mw_ctx *c, void *user, const char *path, mw_tensor *probs); // [n*B - first,heads,h*w,L] f32
    int64_t first; // maps are of the texts from this one on
    // Output of a module: time_embedding, add_embedding [B,..]; conv_in, down_blocks.i, mid_block,
    // up_blocks.i, conv_norm_out (before its activation) [B,h,w,C].
    void (*act)(mw_ctx *c, void *user, const char *module, mw_tensor *x);
} mw_unet_taps;

// What runs with one text and one time have in common (keys and values of the text, projections of the time):
// the first run of such computes it, the others find it there.
typedef struct mw_unet_memo mw_unet_memo;
mw_unet_memo *mw_unet_memo_new(mw_ctx *c);
void mw_unet_memo_free(mw_unet_memo *m); // NULL accepted

typedef struct mw_unet_in {
    mw_tensor *latents; // [B,C,h,w] f32, any size >= 1
    const double *t;    // B timesteps, may be fractional
    // [n*B,L,context]: n texts for each picture, those of the first text for all pictures in front. What lies
    // before the first attention to the text is computed once for them. text_time: n = 1.
    mw_tensor *text;
    mw_tensor *pooled;        // [B,P], text_time only
    const double *time_ids;   // B * n, text_time only; n = (config.add_width - P) / config.time_id_width
    int ntime_ids;            // n: 6, or 5 in the SDXL refiner
    mw_tensor *objs;          // [n*B,N,context] of mw_position_net; NULL: gated layers, if any, are skipped
    const mw_unet_taps *taps; // may be NULL
    // Of earlier runs with the same t, text, pooled and time_ids (for whatever latents), or NULL. Not for a
    // tape that watches the text or weights.
    mw_unet_memo *memo;
    // Stop behind the softmax of the last cross-attention whose map is wanted: what comes later changes no
    // map. The result is then the features that far, of no use but to tell success.
    bool maps_only;
} mw_unet_in;

// The network's output [n*B,out,h,w] f32 (predicted noise, or v). Differentiable with respect to latents,
// text and objs; on a tape that recomputes, residual blocks and transformer layers without a wanted map are
// segments.
mw_tensor *mw_unet_forward(mw_ctx *c, const mw_unet_model *m, const mw_unet_in *in);

// Full path of a cross-attention from what a user may type: itself, a module inside which there is just one
// ("mid_block.attentions.0"), or a short form: "down.2.1", "up.1.0.0" (block, attention, layer), "mid",
// "mid.0.0" (attention, layer), "mid.0.0.0"; what is left out is 0. MW_E_ARG, listing what there is, when
// there is no such layer. buf: at least 96 bytes.
mw_status mw_unet_layer_path(mw_ctx *c, const mw_unet_config *cfg, const char *name, char *buf, size_t size);
// The i-th cross-attention in order of execution: its path into buf and, where not NULL, heads and level
// (latents are halved `level` times there). False when i is past the last.
bool mw_unet_layer_at(const mw_unet_config *cfg, int i, char *buf, size_t size, int *heads, int *level);

// Walk the network dry, so that every missing or misshapen weight is found, then load.
mw_status mw_unet_load(mw_ctx *c, mw_unet_model *m);

#endif
