// inspect_internal.h: what the files of inspect share.
#ifndef MW_INSPECT_INTERNAL_H
#define MW_INSPECT_INTERNAL_H

#include "core/io/inspect.h"

// A JSON file: a network's or sampler's config, a pipeline's index, an index of shards.
void mw_inspect_json(mw_ctx *c, const char *path, FILE *out);
// A .safetensors file or an index of shards, with all tensors.
void mw_inspect_tensors(mw_ctx *c, const char *path, FILE *out);
// Fails where a language model's folder or GGUF file lacks a weight, or holds a wrong one; the same of its
// tokenizer.
void mw_inspect_llm(mw_ctx *c, const char *path, bool weights, bool tokenizer);
// A GGUF file.
void mw_inspect_gguf(mw_ctx *c, const char *path, FILE *out);
// A pipeline's folder, or the folder of one part.
void mw_inspect_folder(mw_ctx *c, const char *path, FILE *out);

// Fails with what lies in a folder that is none of a model.
mw_status mw_inspect_loose(mw_ctx *c, const char *folder);

#endif
