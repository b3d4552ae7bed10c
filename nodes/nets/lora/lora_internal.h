// lora_internal.h: a LoRA file taken apart.
#ifndef MW_LORA_INTERNAL_H
#define MW_LORA_INTERNAL_H

#include "nodes/nets/lora/lora.h"
#include "nodes/nets/lora/lora_names.h"

#include <jansson.h>

typedef struct mw_lora_module {
    bool bare; // the file names no part
    mw_lora_part part;
    char *name;   // as spelled in the file
    char *key;    // mw_lora_module_key of it
    char *weight; // the weight it changes, in the network's names
    const mw_st_entry *factor[MW_LORA_ROLES];
    double scale; // alpha / rank
} mw_lora_module;

struct mw_lora {
    mw_files *files;
    char *path;
    mw_lora_module *modules; // sorted by part and key while read, by part and weight once bound
    size_t n;
    atomic_int refs;
};

// Group the entries of an open file into modules with their factors and scales.
mw_status mw_lora_read(mw_ctx *c, mw_lora *l);

// PEFT's settings of a part, an object without the part's prefix. MW_E_FILE, naming file and key, where one
// is not supported; unknown keys are warned of.
mw_status mw_lora_check_settings(mw_ctx *c, const json_t *json, const char *file);

// alpha / rank of every module, from .alpha entries, the metadata or an adapter_config.json beside the file.
mw_status mw_lora_read_scales(mw_ctx *c, mw_lora *l);

#endif
