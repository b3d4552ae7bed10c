// llm.c: what is common to all language models on wires: requests are checked, answers freed.
#include "nodes/nets/llm/llm.h"

#include "core/base/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

mw_llm_request mw_llm_request_default(void)
{
    return (mw_llm_request){.max_tokens = 256, .top_p = 1, .repeat_penalty = 1};
}

const char *mw_llm_reason_name(mw_llm_reason r)
{
    static const char *const name[] = {
        [MW_LLM_STOP] = "stop", [MW_LLM_LENGTH] = "length", [MW_LLM_END] = "end"};
    return name[r];
}

void mw_llm_answer_free(mw_llm_answer *a)
{
    free(a->text);
    free(a->ids);
    *a = (mw_llm_answer){0};
}

mw_llm *mw_llm_of(const mw_value *v)
{
    mw_object *o = mw_value_as_object(v);
    return o && !strcmp(o->type->name, "llm") ? (mw_llm *)o : NULL;
}

static bool is_utf8(const char *text)
{
    size_t n = strlen(text);
    return mw_utf8_length(text, n) == n;
}

static void check_texts(mw_ctx *c, const mw_llm_request *r)
{
    if (!r->prompt == !r->n_messages)
        mw_fail(c, MW_E_ARG, "a language model is asked with a prompt or with messages, got %s",
                r->prompt ? "both" : "neither");
    if (r->prompt && !is_utf8(r->prompt))
        mw_fail(c, MW_E_ARG, "the prompt is no UTF-8");
    for (size_t i = 0; i < r->n_messages; i++) {
        const mw_llm_message *m = &r->messages[i];
        if (strcmp(m->role, "system") && strcmp(m->role, "user") && strcmp(m->role, "assistant"))
            mw_fail(c, MW_E_ARG, "message %zu: the role must be system, user or assistant, got '%s'", i + 1,
                    m->role);
        if (!is_utf8(m->content))
            mw_fail(c, MW_E_ARG, "message %zu is no UTF-8", i + 1);
    }
    for (size_t i = 0; i < r->n_stop; i++)
        if (!*r->stop[i])
            mw_fail(c, MW_E_ARG, "a stop text is empty: it would end every answer before its first letter");
}

static void check_number(mw_ctx *c, const char *name, double x, double min, double max)
{
    if (!(x >= min && x <= max))
        mw_fail(c, MW_E_ARG, "%s must be %g to %g, got %g", name, min, max, x);
}

mw_status mw_llm_complete(mw_ctx *c, mw_llm *m, const mw_llm_request *r, mw_llm_answer *out)
{
    *out = (mw_llm_answer){0};
    check_texts(c, r);
    check_number(c, "max_tokens", r->max_tokens, 1, INT32_MAX);
    check_number(c, "temperature", r->temperature, 0, 100);
    check_number(c, "top_k", r->top_k, 0, INT32_MAX);
    check_number(c, "top_p", r->top_p, 0, 1);
    check_number(c, "min_p", r->min_p, 0, 1);
    check_number(c, "repeat_penalty", r->repeat_penalty, 1e-3, 1e3);
    if (r->n_messages && !m->chats)
        mw_fail(c, MW_E_ARG, "%s has no chat template: ask it with a prompt, not with messages", m->name);
    return mw_err(c) ? mw_err(c) : m->type->complete(c, m, r, out);
}

mw_status mw_llm_grammar_fits(mw_ctx *c, const mw_llm *m, const mw_llm_request *r)
{
    mw_grammar_state s;
    mw_grammar_begin(&s);
    int least = r->grammar ? mw_grammar_shortest(r->grammar, &s) : 0;
    if (r->max_tokens < least)
        mw_fail(c, MW_E_ARG,
                "%s: the grammar's shortest answer may take %d tokens, and there is room for %d "
                "('max_tokens', or the "
                "context)",
                m->name, least, r->max_tokens);
    return mw_err(c);
}
