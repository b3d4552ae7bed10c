// llm_config.h: the shape of a decoder-only language model, from a transformers config.json
// (LlamaForCausalLM, MistralForCausalLM, Qwen2ForCausalLM).
#ifndef MW_LLM_CONFIG_H
#define MW_LLM_CONFIG_H

#include "nodes/nets/base/config.h"

typedef struct mw_llm_config {
    const char *type; // "llama", "mistral", "qwen2"
    int width;        // of the residual stream
    int inner;        // width of the MLP
    int layers;
    int heads, kv_heads; // queries; keys and values: kv_heads divides heads
    int head;            // width of a head, even
    int vocab;
    bool tied;               // the output matrix is the embedding
    bool qkv_bias, out_bias; // of the projections around attention
} mw_llm_config;

// Parse and validate, rope and window settings included. `file` is for messages.
mw_status mw_llm_config_read(mw_ctx *c, const json_t *json, const char *file, mw_llm_config *out);

// Numbers in all weights.
int64_t mw_llm_config_count(const mw_llm_config *m);

#endif
