// model.h: the handles of a checkpoint's parts that travel on wires.
//
// Objects are counted (mw_object_retain, mw_object_release); the constructors give one share. Everything in
// them is read-only once made, so that several threads may run one model.
#ifndef MW_MODEL_H
#define MW_MODEL_H

#include "core/graph/value.h"
#include "nodes/nets/clip/clip_text.h"
#include "nodes/nets/unet/unet.h"
#include "nodes/nets/vae/vae.h"

struct mw_clip_tokenizer; // nodes/nets/clip/clip_tokenizer.h

typedef struct mw_unet {
    mw_object base; // "unet"
    mw_unet_model model;
} mw_unet;

typedef struct mw_vae {
    mw_object base; // "vae"
    mw_vae_model model;
} mw_vae;

// Holds one vocabulary; SDXL's two encoders have one each.
typedef struct mw_tokenizer {
    mw_object base;                      // "tokenizer"
    struct mw_clip_tokenizer *tokenizer; // owned
} mw_tokenizer;

typedef struct mw_text_encoder {
    mw_object base; // "text_encoder"
    int n;          // 1, or 2 (SDXL: states joined, pooled from the last)
    mw_clip_text encoder[2];
    mw_tokenizer *tokenizer[2]; // one share each
    // SDXL takes the state before the last layer without the final norm, SD 1 and 2 the last with it.
    bool penultimate;
    // An empty negative prompt stands for states of zeros (SDXL's base model).
    bool zero_empty_negative;
} mw_text_encoder;

// Load a part: takes over the source (also on failure), walks the network dry, reads the weights. NULL on
// failure.
mw_unet *mw_unet_new(mw_ctx *c, const mw_unet_config *config, mw_weight_source source, mw_dtype dtype);
mw_vae *mw_vae_new(mw_ctx *c, const mw_vae_config *config, mw_weight_source source, mw_dtype dtype);
// n encoders with n sources (taken over) and n tokenizers (a share of each is taken).
mw_text_encoder *mw_text_encoder_new(mw_ctx *c, int n, const mw_clip_text_config *configs,
                                     mw_weight_source *sources, mw_tokenizer *const *tokenizers,
                                     mw_dtype dtype);
// Takes over the tokenizer, also on failure.
mw_tokenizer *mw_tokenizer_new(mw_ctx *c, struct mw_clip_tokenizer *tokenizer);

#endif
