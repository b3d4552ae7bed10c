// sam_config.h: the shape of a Segment Anything network, from a transformers config.json (SamModel).
#ifndef MW_SAM_CONFIG_H
#define MW_SAM_CONFIG_H

#include "nodes/nets/base/config.h"

#define MW_SAM_LAYERS 128

typedef struct mw_sam_config {
    // ---- the picture's encoder
    int image; // side of the square it sees, in pixels
    int patch; // side of a token, in pixels; divides image
    int width; // of the tokens
    int inner; // of their MLPs
    int layers, heads;
    int window;                        // side of the squares in which layers attend, in tokens; 0: everywhere
    bool everywhere[MW_SAM_LAYERS];    // layers that attend everywhere
    bool qkv_bias, absolute, relative; // biases; position tables
    double eps;
    mw_activation act;
    // ---- prompts and masks
    int channels;      // C of the picture's embedding and of prompts; divisible by 8
    int features;      // frequencies of the position encoding: channels / 2
    int mask_channels; // of the coarse mask's embedding; divisible by 4
    double prompt_eps;
    mw_activation prompt_act;
    int decoder_layers, decoder_heads, decoder_inner;
    int shrink; // of the width in the decoder's last attention of tokens to the picture
    double decoder_eps;
    int masks;                    // that it offers at once (3); one more is for unambiguous prompts
    int score_depth, score_inner; // of the head that guesses the overlap
} mw_sam_config;

// Tokens along a side.
static inline int mw_sam_side(const mw_sam_config *f) { return f->image / f->patch; }

// Parse and validate. `file` is for messages.
mw_status mw_sam_config_read(mw_ctx *c, const json_t *json, const char *file, mw_sam_config *out);

#endif
