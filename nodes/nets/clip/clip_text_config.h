// clip_text_config.h: the shape of a CLIP text encoder, from a transformers config.json.
#ifndef MW_CLIP_TEXT_CONFIG_H
#define MW_CLIP_TEXT_CONFIG_H

#include "nodes/nets/base/config.h"

typedef struct mw_clip_text_config {
    int vocab;     // rows of the token table
    int positions; // the longest sequence (77)
    int width;     // D
    int inner;     // width of the MLP
    int layers;
    int heads;      // divides width
    int projection; // width of text_embeds; 0: the class without a projection
    int eos;    // id that ends the text; 2 is a legacy mark: the pooled position is that of the largest id
    double eps; // of the layer norms
    mw_activation act;
    bool masks_padding; // pipelines of one encoder hide the padding from the attention
} mw_clip_text_config;

// Parse and validate. `file` is for messages. A whole CLIP config with a "text_config" inside is accepted
// too; it has a projection, as has the class CLIPTextModelWithProjection.
mw_status mw_clip_text_config_read(mw_ctx *c, const json_t *json, const char *file, mw_clip_text_config *out);

#endif
