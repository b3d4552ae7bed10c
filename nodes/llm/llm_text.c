// llm_text.c: a language model's answer to a prompt or a conversation.
#include "core/graph/node.h"
#include "core/graph/seed.h"
#include "nodes/nets/llm/llm.h"

#include <stdlib.h>
#include <string.h>

enum {
    LLM,
    PROMPT,
    MESSAGES,
    MAX_TOKENS,
    TEMPERATURE,
    TOP_K,
    TOP_P,
    MIN_P,
    REPEAT_PENALTY,
    SEED,
    STOP,
    GRAMMAR
};
static const mw_port in[] = {
    [LLM] = {.name = "llm", .type = "llm", .doc = "the model"},
    [PROMPT] = {.name = "prompt", .type = "text", .def = "null", .doc = "text that is continued"},
    [MESSAGES] =
        {.name = "messages",
         .type = "list",
         .def = "null",
         .doc = "a conversation, written out by the model's chat template: { { role = \"user\", content = "
                "\"...\" }, ... }"},
    [MAX_TOKENS] = {.name = "max_tokens",
                    .type = "integer",
                    .def = "256",
                    .min = 1,
                    .max = 1000000,
                    .doc = "the longest answer"},
    [TEMPERATURE] = {.name = "temperature",
                     .type = "number",
                     .def = "0",
                     .min = 0,
                     .max = 100,
                     .doc = "0: the likeliest token each time; above: drawn, the higher the more freely"},
    [TOP_K] = {.name = "top_k",
               .type = "integer",
               .def = "0",
               .min = 0,
               .max = 1000000,
               .doc = "draw among this many of the likeliest tokens; 0: all"},
    [TOP_P] = {.name = "top_p",
               .type = "number",
               .def = "1",
               .min = 0,
               .max = 1,
               .doc = "draw among the likeliest tokens that have this probability together"},
    [MIN_P] = {.name = "min_p",
               .type = "number",
               .def = "0",
               .min = 0,
               .max = 1,
               .doc = "draw among tokens with at least this share of the likeliest one's probability"},
    [REPEAT_PENALTY] = {.name = "repeat_penalty",
                        .type = "number",
                        .def = "1",
                        .min = 0.001,
                        .max = 1000,
                        .doc = "above 1: tokens that occurred become less likely"},
    [SEED] = {.name = "seed", .type = "seed", .def = "null", .doc = "of what is drawn"},
    [STOP] = {.name = "stop",
              .type = "texts",
              .def = "null",
              .doc = "texts that end the answer and are no part of it"},
    [GRAMMAR] =
        {.name = "grammar",
         .type = "choice",
         .def = "\"none\"",
         .choices = "none|layout",
         .doc = "layout: the answer is always one, as layout reads it (512 x 512); for models that run here"},
    {.name = NULL},
};

enum { TEXT, IDS, REASON };
static const mw_out out[] = {
    [TEXT] = {.name = "text", .type = "text", .doc = "the answer"},
    [IDS] = {.name = "ids", .type = "list", .doc = "its tokens; empty where a server does not tell them"},
    [REASON] = {.name = "reason",
                .type = "text",
                .doc =
                    "why it ended: \"stop\" (a stop text; of servers also the model's own end), \"length\", "
                    "\"end\""},
    {.name = NULL},
};
static const mw_out emits[] = {
    {.name = "token", .type = "text", .doc = "the answer, piece by piece as it is made"},
    {.name = NULL},
};

// Texts of a list, or the one; free() the array.
static const char **texts(mw_ctx *c, const mw_value *v, size_t *n)
{
    bool one = mw_value_kind(v) == MW_TEXT;
    *n = one ? 1 : mw_value_count(v);
    const char **list = mw_alloc(c, (*n + 1) * sizeof *list);
    for (size_t i = 0; list && i < *n; i++)
        list[i] = mw_value_as_text(one ? v : mw_value_at(v, i));
    return list;
}

static mw_llm_message *messages(mw_ctx *c, const mw_value *v, size_t *n)
{
    *n = mw_value_count(v);
    mw_llm_message *list = mw_alloc(c, (*n + 1) * sizeof *list);
    for (size_t i = 0; list && i < *n; i++) {
        const mw_value *role = mw_value_get(mw_value_at(v, i), "role");
        const mw_value *content = mw_value_get(mw_value_at(v, i), "content");
        if (mw_value_kind(role) != MW_TEXT || mw_value_kind(content) != MW_TEXT)
            mw_fail(c, MW_E_ARG, "message %zu must be { role = \"user\", content = \"...\" }", i + 1);
        list[i] = (mw_llm_message){mw_value_as_text(role), mw_value_as_text(content)};
    }
    return list;
}

static void emit(void *user, const char *utf8, size_t length)
{
    mw_ctx *c = user;
    mw_emit(c, "token", mw_value_text(c, utf8, length));
}

static void answer(mw_ctx *c, const mw_llm_answer *a, mw_value **o)
{
    o[TEXT] = mw_value_text(c, a->text, a->length);
    o[IDS] = mw_value_list(c);
    for (size_t k = 0; k < a->n_ids; k++)
        mw_value_push(c, o[IDS], mw_value_number(c, a->ids[k]));
    const char *reason = mw_llm_reason_name(a->reason);
    o[REASON] = mw_value_text(c, reason, strlen(reason));
}

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    size_t n_messages, n_stop;
    mw_llm_message *m = messages(c, i[MESSAGES], &n_messages);
    const char **stop = texts(c, i[STOP], &n_stop);
    mw_llm_request r = {
        .prompt = mw_value_kind(i[PROMPT]) == MW_TEXT ? mw_value_as_text(i[PROMPT]) : NULL,
        .messages = m,
        .n_messages = n_messages,
        .max_tokens = (int)mw_value_as_number(i[MAX_TOKENS]),
        .temperature = mw_value_as_number(i[TEMPERATURE]),
        .top_k = (int)mw_value_as_number(i[TOP_K]),
        .top_p = mw_value_as_number(i[TOP_P]),
        .min_p = mw_value_as_number(i[MIN_P]),
        .repeat_penalty = mw_value_as_number(i[REPEAT_PENALTY]),
        .seeded = mw_value_kind(i[SEED]) != MW_NIL,
        .stop = stop,
        .n_stop = n_stop,
        .on_text = mw_listened(c, "token") ? emit : NULL,
        .user = c,
    };
    if (r.seeded)
        r.seed = mw_seed_bits(i[SEED]);
    mw_grammar *grammar = NULL;
    if (!strcmp(mw_value_as_text(i[GRAMMAR]), "layout"))
        r.grammar = grammar = mw_grammar_layout(c, (const int[]){512, 512}, NULL, 0);
    mw_llm_answer a = {0};
    if (!mw_err(c) && mw_llm_complete(c, mw_llm_of(i[LLM]), &r, &a) == MW_OK)
        answer(c, &a, o);
    mw_llm_answer_free(&a);
    mw_grammar_free(grammar);
    free(stop);
    free(m);
    return mw_err(c);
}

const mw_node_type mw_node_llm_text = {
    .name = "llm_text",
    .version = 1,
    .doc = "Asks a language model to continue a text, or to answer in a conversation.",
    .in = in,
    .out = out,
    .emits = emits,
    .run = run,
};
