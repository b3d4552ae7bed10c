// checkpoint_internal.h: what opening a folder and opening a single file share.
#ifndef MW_CHECKPOINT_INTERNAL_H
#define MW_CHECKPOINT_INTERNAL_H

#include "nodes/nets/checkpoint/checkpoint.h"

#include <jansson.h>

// Fill everything but the parts (unet, vae, text_encoder) of an empty checkpoint; what was filled stays on
// failure.
mw_status mw_checkpoint_fill_folder(mw_ctx *c, mw_checkpoint *k, const mw_checkpoint_options *o);
mw_status mw_checkpoint_fill_file(mw_ctx *c, mw_checkpoint *k, const mw_checkpoint_options *o);

// "text_encoder" or "text_encoder_2"; "tokenizer" or "tokenizer_2".
const char *mw_checkpoint_text_part(int i);
const char *mw_checkpoint_tokenizer_part(int i);

// Read <folder>/<part>/config.json into the checkpoint's config of that part. class: that which the
// pipeline's index names for a text encoder, which decides whether it projects; NULL: as its config says.
mw_status mw_checkpoint_read_unet(mw_ctx *c, mw_checkpoint *k, const char *folder);
mw_status mw_checkpoint_read_vae(mw_ctx *c, mw_checkpoint *k, const char *folder);
mw_status mw_checkpoint_read_text(mw_ctx *c, mw_checkpoint *k, const char *folder, int i, const char *class);
// Read <folder>/scheduler/scheduler_config.json. class: that which the pipeline's index names; NULL: as the
// file says.
mw_status mw_checkpoint_read_scheduler(mw_ctx *c, mw_checkpoint *k, const char *folder, const char *class);

// What diffusers' pipelines of SD 1 and 2 (not XL) change in outdated configs, with a warning for each.
void mw_checkpoint_mend_configs(mw_ctx *c, mw_checkpoint *k);

#endif
