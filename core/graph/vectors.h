// vectors.h: one vector for each of many texts (what a language model made of captions) on the wires of a
// graph.
//
// The value is {captions = {"a red cat", ...}, vectors = [N,D] f32 or f16}: vector i belongs to caption i.
#ifndef MW_VECTORS_H
#define MW_VECTORS_H

#include "core/graph/value.h"

// Takes over the share of `captions`, a list of texts, as many as `vectors` has rows. One share; NULL on
// failure.
mw_value *mw_vectors_make(mw_ctx *c, mw_value *captions, mw_tensor *vectors);

// A safetensors file with the tensor "vectors" and, in its metadata, "captions", a JSON list of texts.
mw_status mw_vectors_write(mw_ctx *c, const char *path, const mw_value *vectors);

#endif
