// hf_folder.h: a network's folder as transformers lays it out: config.json, weights, processor_config.json.
#ifndef MW_HF_FOLDER_H
#define MW_HF_FOLDER_H

#include "core/io/json.h"
#include "nodes/nets/base/source.h"

typedef struct mw_hf_folder {
    char *config_path, *prep_path; // owned
    json_t *config;                // owned
    json_t
        *prep; // owned: "image_processor" of processor_config.json, else preprocessor_config.json, else NULL
} mw_hf_folder;

// Reads the JSON files. MW_E_FILE when `path` is no folder or has no config.json. Free with mw_hf_close, also
// on failure.
mw_status mw_hf_open(mw_ctx *c, const char *path, mw_hf_folder *out);
void mw_hf_close(mw_hf_folder *f);

// The folder's weights ("model.safetensors" or shards) under the names that the rule makes of theirs;
// mw_rule_unet leaves them as they are. Empty on failure.
mw_weight_source mw_hf_weights(mw_ctx *c, const char *path, const mw_name_rule *rule);

#endif
