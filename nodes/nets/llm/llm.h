// llm.h: a language model as nodes see it: text in, text out, whether it runs here or behind an endpoint.
//
// What travels on wires of the type "llm" is a mw_llm. Its makers: local.h (a folder or a .gguf, on the open
// device), endpoint.h (an OpenAI-compatible server).
#ifndef MW_LLM_H
#define MW_LLM_H

#include "core/graph/value.h"
#include "nodes/nets/llm/grammar.h"

typedef struct mw_llm_message {
    const char *role, *content; // "system", "user" or "assistant"; UTF-8 without zero bytes
} mw_llm_message;

// What is asked. Everything is borrowed for the call. Start from mw_llm_request_default.
typedef struct mw_llm_request {
    // One of: text that is continued (a server that only chats gets it as one user message), or a
    // conversation that the model's chat template writes out. Neither becomes special tokens.
    const char *prompt;
    const mw_llm_message *messages;
    size_t n_messages;
    int max_tokens;        // 1 and above
    double temperature;    // 0: the likeliest token each time
    int top_k;             // 0: all
    double top_p, min_p;   // 1, 0: all
    double repeat_penalty; // 1: none
    bool seeded;           // false: the maker's own default (0 locally; not sent to a server)
    uint64_t seed;
    const char *const *stop; // texts that end the answer and are no part of it
    size_t n_stop;
    const mw_grammar *grammar; // what the answer may be, or NULL
    // Called on the caller's thread with each piece of the answer, in order, as soon as its letters are whole
    // and no stop text can begin in it; together they are the answer's text. NULL: nobody listens.
    void (*on_text)(void *user, const char *utf8, size_t length);
    void *user;
} mw_llm_request;

// Greedy, 256 tokens, no filter, no seed.
mw_llm_request mw_llm_request_default(void);

typedef enum {
    MW_LLM_STOP,   // at a stop text, or where the grammar is complete; a server tells no end from it
    MW_LLM_LENGTH, // max_tokens were made
    MW_LLM_END,    // the model ended its answer
} mw_llm_reason;
const char *mw_llm_reason_name(mw_llm_reason r); // "stop", "length", "end"

typedef struct mw_llm_answer {
    char *text; // UTF-8, which may hold zero bytes; also what came before a failure
    size_t length;
    int32_t *ids; // of the answer's tokens, the one that ended it left out; NULL from a server
    size_t n_ids;
    size_t prompt_tokens; // 0: not told
    mw_llm_reason reason;
} mw_llm_answer;
void mw_llm_answer_free(mw_llm_answer *a); // what it holds; accepts one that is all zero

typedef struct mw_llm mw_llm;

typedef struct mw_llm_type {
    // Answers; `out` is all zero before, and to be freed also after a failure. May be called by several
    // threads at once. A prompt that does not fit the context is an error that counts tokens.
    mw_status (*complete)(mw_ctx *c, mw_llm *m, const mw_llm_request *r, mw_llm_answer *out);
} mw_llm_type;

// First member of each maker's own struct. `object.type` is the maker's, with the name "llm".
struct mw_llm {
    mw_object object;
    const mw_llm_type *type;
    char *name;      // for messages: the path as typed, or "model at URL"; owned by the maker
    char *folder;    // that its config lies in; NULL: none (a server); owned by the maker
    bool chats;      // `messages` can be asked: it has a chat template, or is a server's chat endpoint
    bool chats_only; // a prompt is asked as one user message
    const struct mw_llm_tokenizer *tokenizer; // tokenizer.h; NULL: not known (a server's); the maker's
};

// The model on a wire of type "llm", borrowed; NULL when it is none.
mw_llm *mw_llm_of(const mw_value *v);

// Checks the request (one of prompt and messages, UTF-8, ranges), then asks the model. Errors name the model.
mw_status mw_llm_complete(mw_ctx *c, mw_llm *m, const mw_llm_request *r, mw_llm_answer *out);

// MW_E_ARG when max_tokens are too few for the shortest answer that the request's grammar lets through.
mw_status mw_llm_grammar_fits(mw_ctx *c, const mw_llm *m, const mw_llm_request *r);

#endif
