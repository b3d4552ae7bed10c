// hidden.h: what a language model makes of texts: the states of one of its layers, pooled to a vector.
#ifndef MW_LLM_HIDDEN_H
#define MW_LLM_HIDDEN_H

#include "nodes/nets/llm/local.h"

typedef enum {
    MW_POOL_MEAN, // over all tokens, the begin token included
    MW_POOL_LAST, // the last token's
    MW_POOL_NONE, // all of them
} mw_llm_pool;

// Layers: block i, from 0 (the residual stream behind it, before any norm), or one of these.
enum { MW_HIDDEN_EMBEDDING = -1, MW_HIDDEN_FINAL = -2 }; // in front of all blocks; behind the final norm

// The states of n texts (1 and above tokens each): [n,width] f32, in the open scope; of one text that is not
// pooled [tokens,width]. Without a cache; texts pass through the network several at a time.
mw_tensor *mw_llm_hidden(mw_ctx *c, const mw_llm_local *m, int layer, mw_llm_pool pool,
                         const mw_llm_ids *texts, size_t n);

#endif
