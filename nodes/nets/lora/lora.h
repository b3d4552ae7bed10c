// lora.h: low-rank changes of a model's weights (Hu et al. 2021): W' = W + strength * (alpha / rank) * up *
// down.
#ifndef MW_LORA_H
#define MW_LORA_H

#include "nodes/nets/checkpoint/checkpoint.h"

// A LoRA bound to the weights of one model; counted, read-only once made.
typedef struct mw_lora mw_lora;

// Open a file (or a folder that holds pytorch_lora_weights.safetensors or adapter_model.safetensors) and find
// for each of its modules the weight of the model that it changes. NULL with MW_E_FILE, naming file and
// module, when a module matches nothing, lacks a factor or has the wrong shape, or when the file holds
// another kind of adapter.
mw_lora *mw_lora_open(mw_ctx *c, const char *path, const mw_checkpoint *model);
void mw_lora_release(mw_lora *l); // accepts NULL

// The model with the LoRA merged in; strengths for the UNet and for the text encoders. NULL on failure.
mw_checkpoint *mw_lora_apply(mw_ctx *c, mw_lora *l, mw_checkpoint *model, double strength,
                             double text_strength);

// The change alone: strength * (alpha / rank) * up * down for the weight `name` (in the network's names) of
// part 0 = unet, 1 = text_encoder, 2 = text_encoder_2, added to values, row-major in the weight's shape. A
// weight that the LoRA leaves alone stays as it is.
mw_status mw_lora_add(mw_ctx *c, const mw_lora *l, int part, double strength, const char *name, int ndim,
                      const int64_t *shape, float *values);

#endif
