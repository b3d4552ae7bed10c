// chat_template.h: conversations as a model's own chat template writes them out, to text or to tokens.
//
// The template runs as its file has it (nodes/nets/jinja), with the variables that transformers gives:
// messages, add_generation_prompt, tools = none, documents = none, bos_token, eos_token, unk_token,
// pad_token. What comes of the messages never becomes control tokens. strftime_now is not there: a template
// that asks whether it is writes the date that it was published with.
#ifndef MW_CHAT_TEMPLATE_H
#define MW_CHAT_TEMPLATE_H

#include "nodes/nets/jinja/jinja.h"
#include "nodes/nets/llm/llm.h"
#include "nodes/nets/llm/tokenizer.h"

typedef struct mw_chat_template mw_chat_template;

// The template of a tokenizer's file; read-only, threads may share it; lives no longer than the tokenizer.
// `file` is for messages. NULL where the file has none (nothing pending), and with MW_E_FILE where it is not
// understood. Free with mw_chat_template_free.
mw_chat_template *mw_chat_template_open(mw_ctx *c, const mw_llm_tokenizer *t, const char *file);
void mw_chat_template_free(mw_chat_template *x); // accepts NULL

// The text of a conversation, with the begin of the answer (generate). MW_E_ARG where the template refuses
// it: by its own words, where roles do not take turns as it wants.
mw_status mw_chat_render(mw_ctx *c, const mw_chat_template *x, const mw_llm_message *messages, size_t n,
                         bool generate, mw_jinja_text *out);
// Its ids behind those in `out`: control tokens of the template's text are parsed, and nothing is added.
mw_status mw_chat_encode(mw_ctx *c, const mw_chat_template *x, const mw_llm_message *messages, size_t n,
                         bool generate, mw_llm_ids *out);

#endif
