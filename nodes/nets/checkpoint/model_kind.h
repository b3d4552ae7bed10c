// model_kind.h: what a file of weights is, told from the names of its tensors.
#ifndef MW_MODEL_KIND_H
#define MW_MODEL_KIND_H

#include "core/io/safetensors.h"

// "a UNet in diffusers' layout, SDXL" into buf; returns buf. "" when nothing is known of it.
const char *mw_model_kind(mw_ctx *c, const mw_st *s, char *buf, size_t size);

#endif
