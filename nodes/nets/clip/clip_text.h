// clip_text.h: the CLIP text encoder.
//
// Weight names are those of transformers without the prefix "text_model.": "encoder.layers.0.mlp.fc1.weight",
// "text_projection.weight".
#ifndef MW_CLIP_TEXT_H
#define MW_CLIP_TEXT_H

#include "nodes/nets/clip/clip_text_config.h"
#include "nodes/nets/base/weights.h"

typedef struct mw_clip_text {
    mw_clip_text_config config;
    mw_weights *weights; // owned
} mw_clip_text;

// What to compute beyond the last hidden state, and where it goes. Tensors belong to the open scope.
typedef struct mw_clip_text_out {
    bool all;              // in: keep every hidden state
    int skip;              // in: 0 = the last layer; n = stop n layers earlier
    bool pool;             // in: compute pooled (and text_embeds where the model projects)
    mw_tensor *last;       // [B,L,D] state of layer (layers - skip), final norm applied
    mw_tensor *last_plain; // [B,L,D] the same without the final norm
    mw_tensor *pooled;     // [B,D] of the LAST layer, normed, at the end-of-text position
    mw_tensor *embeds;     // [B,P] projection of pooled; NULL for the class without one
    mw_tensor **hidden; // in: room for layers + 1 tensors when `all`; [0] the embeddings, [i] after layer i
    int32_t *position;  // in: room for B values, or NULL; the end-of-text positions
} mw_clip_text_out;

// ids: B*L token ids on the host, 0 <= id < vocab, L <= positions. key_mask: B*L of 0 / 1, or NULL (as
// pipelines do): keys hidden in addition to the causal rule. Results have the weights' dtype.
mw_status mw_clip_text_forward(mw_ctx *c, const mw_clip_text *m, const int32_t *ids, const int32_t *key_mask,
                               int64_t B, int64_t L, mw_clip_text_out *out);

// End-of-text position of one row of ids, by the rule of mw_clip_text_config.eos.
int mw_clip_text_end(const mw_clip_text_config *cfg, const int32_t *ids, int64_t L);

// Walk the network dry, so that every missing or misshapen weight is found, then load. Takes nothing over.
mw_status mw_clip_text_load(mw_ctx *c, mw_clip_text *m);

#endif
