// endpoint_body.c: what is asked of a server, as JSON.
#include "nodes/nets/llm/endpoint_internal.h"

static json_t *messages(const mw_llm_request *r)
{
    json_t *list = json_array();
    if (r->prompt)
        json_array_append_new(list, json_pack("{s:s,s:s}", "role", "user", "content", r->prompt));
    for (size_t i = 0; i < r->n_messages; i++)
        json_array_append_new(
            list, json_pack("{s:s,s:s}", "role", r->messages[i].role, "content", r->messages[i].content));
    return list;
}

static json_t *stops(const mw_llm_request *r)
{
    if (r->n_stop == 1)
        return json_string(r->stop[0]);
    json_t *list = json_array();
    for (size_t i = 0; i < r->n_stop; i++)
        json_array_append_new(list, json_string(r->stop[i]));
    return list;
}

// Filters that OpenAI's API does not have, under the names of llama.cpp, vLLM and Ollama.
static void filters(json_t *o, const mw_llm_request *r)
{
    if (r->top_p != 1)
        json_object_set_new(o, "top_p", json_real(r->top_p));
    if (r->top_k)
        json_object_set_new(o, "top_k", json_integer(r->top_k));
    if (r->min_p != 0)
        json_object_set_new(o, "min_p", json_real(r->min_p));
    if (r->repeat_penalty != 1) {
        json_object_set_new(o, "repeat_penalty", json_real(r->repeat_penalty));
        json_object_set_new(o, "repetition_penalty", json_real(r->repeat_penalty));
    }
}

char *mw_endpoint_body(mw_ctx *c, const char *model, bool chat, const mw_llm_request *r, bool stream)
{
    json_t *o = json_object();
    if (model)
        json_object_set_new(o, "model", json_string(model));
    json_object_set_new(o, chat ? "messages" : "prompt", chat ? messages(r) : json_string(r->prompt));
    json_object_set_new(o, "max_tokens", json_integer(r->max_tokens));
    json_object_set_new(o, "temperature", json_real(r->temperature));
    filters(o, r);
    if (r->n_stop)
        json_object_set_new(o, "stop", stops(r));
    if (r->seeded)
        json_object_set_new(o, "seed", json_integer((json_int_t)(r->seed & INT64_MAX)));
    if (stream) {
        json_object_set_new(o, "stream", json_true());
        json_object_set_new(o, "stream_options", json_pack("{s:b}", "include_usage", 1));
    }
    char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
    json_decref(o);
    if (!text)
        mw_fail(c, MW_E_MEMORY, "host memory ran out");
    return text;
}
