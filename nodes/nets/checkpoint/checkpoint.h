// checkpoint.h: a whole Stable Diffusion model: its parts, and where their weights come from.
//
// Opening reads the configs and checks that every weight is there and has the right shape; a part's weights
// are read when it is first used. LoRAs make a new checkpoint that shares the files and the parts they leave
// alone.
#ifndef MW_CHECKPOINT_H
#define MW_CHECKPOINT_H

#include "nodes/nets/checkpoint/model.h"
#include "nodes/nets/sampling/scheduler_config.h"
#include "nodes/nets/base/source.h"

typedef struct mw_checkpoint {
    mw_object base; // "checkpoint"
    char *path;
    const char *kind; // "sd1", "sd2", "sdxl"
    mw_dtype dtype;
    // SDXL: an empty negative prompt means states of zeros, not those of the empty text.
    bool zero_empty_negative;
    int ntext; // text encoders: 1, or 2 (sdxl)
    mw_unet_config unet_config;
    mw_vae_config vae_config;
    mw_clip_text_config text_config[2];
    mw_source *unet_source, *vae_source, *text_source[2]; // one share each
    mw_unet *unet;                                        // as are these
    mw_vae *vae;
    mw_text_encoder *text_encoder;
    mw_tokenizer *tokenizer[2];
    mw_scheduler *scheduler;
} mw_checkpoint;

typedef struct mw_checkpoint_options {
    const char *path;    // as found: a folder or a file
    mw_dtype dtype;      // storage of weights and activations: f32 or f16
    const char *variant; // of a folder: "fp16"; NULL or ""
    const char *config;  // of a single file: a folder of configs, laid out as a diffusers folder; NULL or ""
} mw_checkpoint_options;

// Opens a diffusers folder or a single-file checkpoint. NULL with MW_E_FILE and a sentence that names file
// and reason.
mw_checkpoint *mw_checkpoint_open(mw_ctx *c, const mw_checkpoint_options *o);

// What the user asked for (--dtype), else f16 on GPUs that compute in it, and f32 elsewhere: on CPUs f16 is
// no faster, and less exact, also where they report it.
mw_dtype mw_checkpoint_auto_dtype(const mw_ctx *c);
// The storage meant by "auto", "f16" or "f32".
mw_dtype mw_checkpoint_dtype(const mw_ctx *c, const char *name);

// A checkpoint that differs from `base` in some sources and tokenizers (each a share that is taken over;
// NULL: as in base; tokenizer may itself be NULL). A text encoder has as many tokens as its tokenizer then
// needs. Parts with the same source are shared. Takes them over also on failure.
mw_checkpoint *mw_checkpoint_with(mw_ctx *c, mw_checkpoint *base, mw_source *unet, mw_source *text[2],
                                  mw_tokenizer *tokenizer[2]);

// "sd1", "sd2" or "sdxl" from what the configs say.
const char *mw_checkpoint_kind(const mw_unet_config *unet);

#endif
