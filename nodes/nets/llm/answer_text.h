// answer_text.h: a language model's answer as it grows: stop texts end it, pieces are handed out.
#ifndef MW_ANSWER_TEXT_H
#define MW_ANSWER_TEXT_H

#include "nodes/nets/llm/llm.h"

typedef struct mw_answer_text {
    const mw_llm_request *request; // its stop texts and listener
    char *text;                    // so far, zero-terminated once something was added; owned
    size_t length, room;
    size_t given; // bytes that the listener has
} mw_answer_text;

// Text that became whole is added (zero bytes are left out); what no stop text can begin in goes to the
// listener. True when a stop text came: the answer ends before it.
bool mw_answer_text_add(mw_ctx *c, mw_answer_text *a, const char *utf8, size_t length);
// Nothing more comes: the listener gets the rest.
void mw_answer_text_end(mw_answer_text *a);

#endif
