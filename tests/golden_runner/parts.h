// parts.h: what the families of networks share: a part's config and weights from the case's model folder.
#ifndef GOLDEN_PARTS_H
#define GOLDEN_PARTS_H

#include "tests/golden_runner/golden.h"

#include "core/io/image.h"
#include "nodes/nets/base/source.h"

// The folder's config.json, path in *path; json_decref and free() them.
json_t *golden_config(mw_ctx *c, const char *folder, char **path);
// The folder's weights ("<stem>.safetensors") as mw_unet_new and its like take them. On failure empty.
mw_weight_source golden_weights(mw_ctx *c, const char *folder, const char *stem, const mw_name_rule *rule);
// Channels-last [B,h,w,C] given as the case has it, [B,C,h,w].
void golden_give_planes(mw_ctx *c, golden_case *k, const char *name, mw_tensor *x);
// [B,C,h,w] input as channels-last [B,h,w,C] f32.
mw_tensor *golden_input_channels_last(mw_ctx *c, golden_case *k, const char *name);
// [H,W,3] input of 8 bits as a picture; rgb is borrowed from the case, NULL on failure.
mw_image golden_input_image(mw_ctx *c, golden_case *k, const char *name);

#endif
