// vector_resize.h: the layer that brings vectors of a language model to a text encoder's width: linear,
// random, and never trained (SUR-adapter, arXiv 2305.05189).
#ifndef MW_VECTOR_RESIZE_H
#define MW_VECTOR_RESIZE_H

#include "core/tensor/tensor.h"

// x[n,from] to [n,to]: what torch.manual_seed(seed); torch.nn.Linear(from, to) makes of it.
mw_tensor *mw_vector_resize(mw_ctx *c, mw_tensor *x, int64_t to, uint64_t seed);

// With the weights of a file: "llm_resize.fc.weight" [to,from] and "llm_resize.fc.bias" [to]. MW_E_FILE when
// they are not there or do not fit x, and when `to` is above 0 and not theirs.
mw_tensor *mw_vector_resize_by(mw_ctx *c, mw_tensor *x, int64_t to, const char *path);

#endif
