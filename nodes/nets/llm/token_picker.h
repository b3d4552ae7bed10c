// token_picker.h: which token comes next, by what a request asks: the likeliest, one that is drawn, one that
// a grammar allows.
#ifndef MW_TOKEN_PICKER_H
#define MW_TOKEN_PICKER_H

#include "nodes/nets/llm/llm.h"

typedef struct mw_token_picker mw_token_picker;

// For `n` tokens. vocabulary: of the request's grammar, where it has one. The request is borrowed.
mw_token_picker *mw_token_picker_new(mw_ctx *c, const mw_llm_request *r, size_t n,
                                     const mw_grammar_vocabulary *vocabulary);
void mw_token_picker_free(mw_token_picker *p); // accepts NULL

// A token of the prompt: the repeat penalty knows it.
void mw_token_picker_saw(mw_token_picker *p, int32_t id);
// The next token for these logits; MW_E_NUMBER where they are no numbers.
int32_t mw_token_picker_next(mw_ctx *c, mw_token_picker *p, const float *logits);
// It becomes part of the answer. True when the grammar is complete with it.
bool mw_token_picker_take(mw_token_picker *p, int32_t id);

#endif
