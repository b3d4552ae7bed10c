// owlvit.h: OWL-ViT (Minderer et al. 2022): finds what texts name in a picture.
//
// Weight names are those of transformers' OwlViTForObjectDetection.
#ifndef MW_OWLVIT_H
#define MW_OWLVIT_H

#include "core/graph/value.h"
#include "nodes/nets/clip/clip_text.h"
#include "nodes/nets/clip/clip_vision.h"
#include "nodes/nets/pictures/image_prep.h"

typedef struct mw_owlvit {
    mw_object base; // "owlvit"
    mw_clip_text text;
    mw_clip_vision_config vision;
    mw_weights *weights; // of everything but the text tower; owned
    mw_image_prep prep;
    struct mw_clip_tokenizer *tokenizer; // owned
} mw_owlvit;

// Opens a folder as transformers lays it out. Everything is checked; weights are read when first used. The
// folder's vocabulary, else the one that comes with the program. One share; NULL with MW_E_FILE naming file
// and reason.
mw_owlvit *mw_owlvit_open(mw_ctx *c, const char *folder, mw_dtype dtype);

// Reads both towers' configs. `file` is for messages.
mw_status mw_owlvit_config_read(mw_ctx *c, const json_t *json, const char *file, mw_clip_text_config *text,
                                mw_clip_vision_config *vision);

// ids [Q][L] of Q queries (L <= config.positions) -> [Q,P] f32, of length 1. mask [Q][L]: 0 hides a padded
// place; it matters for queries without any text only. NULL: nothing is hidden.
mw_tensor *mw_owlvit_text(mw_ctx *c, const mw_owlvit *m, const int32_t *ids, const int32_t *mask, int64_t Q,
                          int64_t L);
// Prepared pixels [1,S,S,3] -> [1, 1 + n, D] states of the last layer, the class token first.
mw_tensor *mw_owlvit_image(mw_ctx *c, const mw_owlvit *m, mw_tensor *pixels);
// What the n places of the picture show: logits [n,Q] and boxes [n,4] (centre x, y, width, height in 0..1),
// f32 both.
mw_status mw_owlvit_detect(mw_ctx *c, const mw_owlvit *m, mw_tensor *image, mw_tensor *text,
                           mw_tensor **logits, mw_tensor **boxes);

// Ids of a query: begin, tokens, end, then 0, config.positions of them. False when it had to be cut.
bool mw_owlvit_ids(mw_ctx *c, const mw_owlvit *m, const char *text, size_t size, int32_t *ids);

#endif
