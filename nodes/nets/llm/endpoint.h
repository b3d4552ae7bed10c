// endpoint.h: a language model behind an OpenAI-compatible server: llama.cpp's, vLLM, Ollama, OpenAI's.
//
// What is asked and answered is the public description of OpenAI's API (chat/completions and completions,
// with server-sent events where somebody listens), as far as all of these servers keep to it.
#ifndef MW_ENDPOINT_H
#define MW_ENDPOINT_H

#include "nodes/nets/llm/llm.h"

typedef struct mw_endpoint_options {
    // "http://127.0.0.1:8080/v1": chats; ending in /completions but not in /chat/completions: continues
    // texts.
    const char *url;
    const char *model;         // as the server names it; NULL: not sent
    const char *key_env;       // the environment variable that holds the key; NULL: no key is sent
    double timeout;            // seconds without a byte of the answer
    int tries;                 // in all, 1 and above: 429, 5xx and broken connections are tried again
    double wait, longest_wait; // seconds before the second try, doubled each time; at most, also where told
} mw_endpoint_options;

// Nothing is contacted yet. Fails with MW_E_SCRIPT when c's env does not let the graph contact the address or
// use the variable, with MW_E_ARG for an address that is none or holds a password or a query. NULL on
// failure.
mw_llm *mw_endpoint_open(mw_ctx *c, const mw_endpoint_options *o);

#endif
