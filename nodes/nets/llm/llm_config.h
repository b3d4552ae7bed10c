// llm_config.h: the shape of a decoder-only language model: LLaMA, Mistral, Qwen2, Qwen3, Gemma 3 (text),
// from a transformers config.json or a GGUF's metadata.
#ifndef MW_LLM_CONFIG_H
#define MW_LLM_CONFIG_H

#include "core/tensor/activation.h"
#include "nodes/nets/base/config.h"
#include "nodes/nets/llm/rope.h"

enum { MW_LLM_MAX_LAYERS = 1024 };

typedef struct mw_llm_config {
    const char *type; // "llama", "mistral", "qwen2", "qwen3", "gemma3"
    int width;        // of the residual stream
    int inner;        // width of the MLP
    int layers;
    int heads, kv_heads; // queries; keys and values: kv_heads divides heads
    int head;            // width of a head, even
    int vocab;
    int context;             // positions it was made for
    bool tied;               // the output matrix is the embedding (GGUF: the file has no other)
    bool qkv_bias, out_bias; // of the projections around attention
    bool head_norms;         // each head of q and k goes through an RMS norm of its own
    bool sandwich;           // a norm behind attention and MLP too, before each is added to the stream
    bool norms_from_one;     // stored norm weights are one less than what is multiplied
    bool scaled_embedding;   // times sqrt(width)
    double eps;              // of the RMS norms
    double scale;            // of logits of attention
    mw_activation act;       // of the MLP's gate
    int window; // a query of a windowed layer sees this many positions, its own included; 0: none
    bool windowed[MW_LLM_MAX_LAYERS];
    mw_rope_settings rope, rope_windowed; // of whole and of windowed layers
} mw_llm_config;

// Parse and validate. `file` is for messages. The text part is taken of a config that has one beside others
// (Gemma 3 with pictures).
mw_status mw_llm_config_read(mw_ctx *c, const json_t *json, const char *file, mw_llm_config *out);

// The rotation of layer i, and its window (0: it sees all).
const mw_rope_settings *mw_llm_config_rope(const mw_llm_config *m, int layer);
int mw_llm_config_window(const mw_llm_config *m, int layer);

// Numbers in all weights.
int64_t mw_llm_config_count(const mw_llm_config *m);

#endif
