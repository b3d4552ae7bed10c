// llm_network.h: decoder-only language models: LLaMA (Touvron et al. 2023) and what grew out of it.
//
// One network for all families of llm_config.h. The residual stream and everything that is added to it is
// f32: Gemma's passes what f16 holds. The embedding's rows are read on the host, from where they lie in the
// file.
#ifndef MW_LLM_NETWORK_H
#define MW_LLM_NETWORK_H

#include "nodes/nets/base/weights.h"
#include "nodes/nets/llm/kv_cache.h"
#include "nodes/nets/llm/llm_config.h"

typedef struct mw_llm_network {
    mw_llm_config config;
    mw_weights *weights;
    mw_dtype dtype;          // of weights that are not quantised, of keys and values
    mw_weight_source source; // of the embedding's rows
    mw_block_rows table;     // they, where they lie in the file,
    float *plain_table;      // or all of them as numbers
    double *frequencies[2];  // of rope, of rope_windowed
} mw_llm_network;

// From a folder as transformers lays it out, or a .gguf file: reads the config, checks that all weights are
// there and have the right shapes; their values are read when they are first used. `out` is all zero before;
// mw_llm_network_close in any case.
mw_status mw_llm_network_open(mw_ctx *c, const char *path, mw_dtype dtype, mw_llm_network *out);
void mw_llm_network_close(mw_llm_network *n);

// Where the device has no room for all weights beside what passes of many tokens and a cache of `context`
// positions take: the last layers stay in host memory, and each pass brings them over. What goes where is
// said in the log. Decided by the limit of memory, never by what is free. After opening, before the first
// pass.
mw_status mw_llm_split(mw_ctx *c, mw_llm_network *n, int64_t context);

// What one pass reads, and what is wanted of it.
typedef struct mw_llm_pass {
    int64_t batch, tokens;
    const int32_t *ids; // [batch,tokens]; shorter sequences end in any ids, which nothing before them sees
    mw_kv_cache *cache; // of `batch` sequences: the positions before; the pass adds its own. NULL: none
    int blocks;         // run the first so many; below 0: all
    // Called with the stream [batch,tokens,width] as the embedding gave it (layer -1) and behind each block.
    // May be NULL.
    void (*on_stream)(mw_ctx *c, void *user, int layer, mw_tensor *stream);
    void *user;
    // Of which positions (b * tokens + t) norm and logits are wanted; NULL: of all.
    const int32_t *rows;
    int64_t n_rows;
    bool want_norm, want_logits;
    // ---- results, in the open scope
    mw_tensor *stream; // [batch,tokens,width] behind the last block that ran, before any norm
    mw_tensor *norm;   // [n_rows,width] the final norm of it
    mw_tensor *logits; // [n_rows,vocab]
} mw_llm_pass;

// MW_E_ARG for ids that are not in the vocabulary.
mw_status mw_llm_forward(mw_ctx *c, const mw_llm_network *n, mw_llm_pass *p);

// An empty cache for this network.
mw_kv_cache *mw_llm_cache(mw_ctx *c, const mw_llm_network *n, int64_t batch, int64_t positions);

#endif
