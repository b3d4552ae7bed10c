// gguf_source.h: the weights of a language model in a GGUF file, under the names that transformers gives
// them.
//
// "blk.3.attn_q.weight" is asked for as "model.layers.3.self_attn.q_proj.weight", and so on for LLaMA
// (Mistral), Qwen2, Qwen3 and Gemma 3. Rows of q and k of architecture llama, which its converter reorders,
// are given in transformers' order, so that a network always rotates halves of a head. "rope_freqs.weight"
// (divisors of the rotation's frequencies) keeps its name. Gemma's norms hold the 1 already that transformers
// adds to them.
#ifndef MW_GGUF_SOURCE_H
#define MW_GGUF_SOURCE_H

#include "core/io/gguf.h"
#include "nodes/nets/base/weights.h"

// Takes over g, also on failure: the source closes it. MW_E_FILE for an architecture that is not known, for a
// tensor of a type that is not supported, and where heads do not divide the rows of q or k. Quantised
// matrices are to be had as they lie (mw_weight_source.blocks), row by row.
mw_status mw_gguf_source(mw_ctx *c, mw_gguf *g, mw_weight_source *out);

#endif
