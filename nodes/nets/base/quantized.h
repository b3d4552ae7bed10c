// quantized.h: weights of 8 bits that mean something only together with a scale in a tensor beside them.
//
// ComfyUI writes <module>.scale_weight or <module>.weight_scale, Hugging Face's tools the latter: the true
// weight is the stored one times that: one number, one for each row, or one for each block of rows and
// columns.
#ifndef MW_QUANTIZED_H
#define MW_QUANTIZED_H

#include "core/io/safetensors.h"

// Integers and 8-bit floats, which are seldom true values.
bool mw_is_coarse(mw_st_dtype d);

typedef enum {
    MW_NO_COMPANION,
    MW_WEIGHT_SCALE, // what <module>.weight is multiplied by
    MW_IDLE_MARK,    // says how activations would be rounded, or that scales are there: changes no weight
} mw_companion;

// What a tensor of this name is to the weight beside it; *module is the length of the module's name in it.
mw_companion mw_companion_of(const char *name, const mw_st_entry *e, size_t *module);

// Can `scale` be the scale of `weight`?
bool mw_scale_fits(const mw_st_entry *weight, const mw_st_entry *scale);
// values: all elements of `weight`, which `scale` fits. MW_E_FILE where the scale holds no finite numbers.
mw_status mw_scale_apply(mw_ctx *c, const mw_st_entry *weight, const mw_st_entry *scale, float *values);

#endif
