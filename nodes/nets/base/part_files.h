// part_files.h: which file of a diffusers part folder holds the weights.
#ifndef MW_PART_FILES_H
#define MW_PART_FILES_H

#include "core/base/ctx.h"

// The .safetensors file or shard index of <folder>, whose file names start with `stem`
// ("diffusion_pytorch_model", "model"). variant "fp16": <stem>.fp16.safetensors; NULL or "": the plain name,
// else the only variant there is. free() the result. NULL with MW_E_FILE that says what the folder holds
// instead (a pickle, other variants, nothing).
char *mw_part_weights(mw_ctx *c, const char *folder, const char *stem, const char *variant);

// Does the folder hold weights of that part in any form, be it one that mw_part_weights refuses?
bool mw_part_has_weights(mw_ctx *c, const char *folder, const char *stem);
// Has the folder that variant? Then mw_part_weights gives it.
bool mw_part_has_variant(mw_ctx *c, const char *folder, const char *stem, const char *variant);

#endif
