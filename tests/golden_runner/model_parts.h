// model_parts.h: runs the parts of a checkpoint on a case's inputs.
#ifndef GOLDEN_MODEL_PARTS_H
#define GOLDEN_MODEL_PARTS_H

#include "nodes/nets/checkpoint/checkpoint.h"
#include "tests/golden_runner/golden.h"

// A folder, or a single file with its folder of configs (NULL: none), in the case's dtype.
mw_checkpoint *golden_checkpoint(mw_ctx *c, golden_case *k, const char *path, const char *config);

// The text states of input `input_ids`, given as `name`.
mw_tensor *golden_model_states(mw_ctx *c, golden_case *k, const mw_checkpoint *model, const char *name);

// The UNet's output on input `latents` at t with those text states, given as `name`.
mw_status golden_model_noise(mw_ctx *c, golden_case *k, const mw_checkpoint *model, double t,
                             mw_tensor *states, const char *name);

#endif
