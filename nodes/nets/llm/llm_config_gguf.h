// llm_config_gguf.h: the shape of a language model from the metadata of a GGUF file.
#ifndef MW_LLM_CONFIG_GGUF_H
#define MW_LLM_CONFIG_GGUF_H

#include "core/io/gguf.h"
#include "nodes/nets/llm/llm_config.h"

// As mw_llm_config_read: architectures llama (Mistral too), qwen2, qwen3, gemma3. What the metadata does not
// say (biases, a head of its own) is taken from the tensors that are there.
mw_status mw_llm_config_gguf(mw_ctx *c, const mw_gguf *g, mw_llm_config *out);

#endif
