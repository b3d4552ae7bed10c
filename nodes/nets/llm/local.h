// local.h: a language model that runs here: its network, its tokenizer, the cache of what it read last.
#ifndef MW_LLM_LOCAL_H
#define MW_LLM_LOCAL_H

#include "nodes/nets/llm/chat_template.h"
#include "nodes/nets/llm/llm.h"
#include "nodes/nets/llm/llm_network.h"
#include "nodes/nets/llm/tokenizer.h"

#include <pthread.h>

typedef struct mw_llm_local {
    mw_llm base;
    mw_llm_network network;
    mw_llm_tokenizer *tokenizer;
    mw_chat_template *chat; // NULL: the model does not chat
    int context;            // most positions of a prompt with its answer
    // ---- of one answer at a time
    pthread_mutex_t lock;
    mw_kv_cache *cache;
    int32_t *kept;                     // the tokens whose keys and values the cache holds from its beginning
    size_t n_kept;                     // whole blocks of the last prompt; see mw_llm_read
    mw_grammar_vocabulary *vocabulary; // made for the first grammar
} mw_llm_local;

typedef struct mw_llm_local_options {
    const char *path; // a folder as transformers lays it out, or a .gguf file
    const char *name; // for messages: as the user typed it
    int context;      // 0: as many positions as the model was made for
    mw_dtype dtype;   // of weights that are not quantised, and of the cache
} mw_llm_local_options;

// Opens and checks all files; weights are read when first used. NULL on failure.
mw_llm *mw_llm_local_open(mw_ctx *c, const mw_llm_local_options *o);

// The model that runs here behind this handle; NULL for a server's, with MW_E_ARG that says what needs it.
mw_llm_local *mw_llm_local_of(mw_ctx *c, mw_llm *m, const char *what);

// ---- local_complete.c
mw_status mw_llm_local_complete(mw_ctx *c, mw_llm *m, const mw_llm_request *r, mw_llm_answer *out);
// The ids of a prompt, or of a conversation written out by the model's chat template, begin token included
// where the model wants one. MW_E_ARG that counts tokens where they leave no room in the context.
mw_status mw_llm_local_encode(mw_ctx *c, const mw_llm_local *m, const mw_llm_request *r, mw_llm_ids *out);
// MW_E_ARG that counts where n tokens and `more` do not fit the context.
mw_status mw_llm_local_fits(mw_ctx *c, const mw_llm_local *m, size_t n, size_t more);
// Reads a prompt of n tokens, in blocks that begin at the same positions whatever is kept of an earlier one,
// so that the bits are the same; logits[vocab] := those behind its last token. The caller holds the lock.
mw_status mw_llm_local_read(mw_ctx *c, mw_llm_local *m, const int32_t *ids, size_t n, float *logits);
// The logits behind the last `last` of n tokens, [last,vocab] f32, in the open scope; nothing of them is
// kept.
mw_tensor *mw_llm_local_logits(mw_ctx *c, mw_llm_local *m, const int32_t *ids, size_t n, size_t last);

#endif
