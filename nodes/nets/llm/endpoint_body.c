// endpoint_body.c: what is asked of a server, as JSON.
#include "nodes/nets/llm/endpoint_internal.h"

// An object under way; `whole` is false once memory was out.
typedef struct body {
    json_t *o;
    bool whole;
} body;

static void set(body *b, const char *key, json_t *value)
{
    b->whole = json_object_set_new(b->o, key, value) == 0 && b->whole;
}

static void add(body *b, json_t *list, json_t *value)
{
    b->whole = json_array_append_new(list, value) == 0 && b->whole;
}

static json_t *message(const char *role, const char *content)
{
    return json_pack("{s:s,s:s}", "role", role, "content", content);
}

static json_t *messages(body *b, const mw_llm_request *r)
{
    json_t *list = json_array();
    if (r->prompt)
        add(b, list, message("user", r->prompt));
    for (size_t i = 0; i < r->n_messages; i++)
        add(b, list, message(r->messages[i].role, r->messages[i].content));
    return list;
}

static json_t *stops(body *b, const mw_llm_request *r)
{
    if (r->n_stop == 1)
        return json_string(r->stop[0]);
    json_t *list = json_array();
    for (size_t i = 0; i < r->n_stop; i++)
        add(b, list, json_string(r->stop[i]));
    return list;
}

// Filters that OpenAI's API does not have, under the names of llama.cpp, vLLM and Ollama.
static void filters(body *b, const mw_llm_request *r)
{
    if (r->top_p != 1)
        set(b, "top_p", json_real(r->top_p));
    if (r->top_k)
        set(b, "top_k", json_integer(r->top_k));
    if (r->min_p != 0)
        set(b, "min_p", json_real(r->min_p));
    if (r->repeat_penalty != 1) {
        set(b, "repeat_penalty", json_real(r->repeat_penalty));
        set(b, "repetition_penalty", json_real(r->repeat_penalty));
    }
}

char *mw_endpoint_body(mw_ctx *c, const char *model, bool chat, const mw_llm_request *r, bool stream)
{
    body b = {json_object(), true};
    if (model)
        set(&b, "model", json_string(model));
    set(&b, chat ? "messages" : "prompt", chat ? messages(&b, r) : json_string(r->prompt));
    set(&b, "max_tokens", json_integer(r->max_tokens));
    set(&b, "temperature", json_real(r->temperature));
    filters(&b, r);
    if (r->n_stop)
        set(&b, "stop", stops(&b, r));
    if (r->seeded)
        set(&b, "seed", json_integer((json_int_t)(r->seed & INT64_MAX)));
    if (stream) {
        set(&b, "stream", json_true());
        set(&b, "stream_options", json_pack("{s:b}", "include_usage", 1));
    }
    char *text = b.whole ? json_dumps(b.o, JSON_COMPACT) : NULL;
    json_decref(b.o);
    if (!text)
        mw_fail(c, MW_E_MEMORY, "host memory ran out");
    return text;
}
