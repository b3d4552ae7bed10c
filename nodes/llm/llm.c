// llm.c: opens a language model.
#include "core/graph/node.h"
#include "nodes/nets/llm/endpoint.h"

enum { ENDPOINT, MODEL, KEY_ENV, TIMEOUT, TRIES, WAIT, LONGEST_WAIT };
static const mw_port in[] = {
    [ENDPOINT] =
        {.name = "endpoint",
         .type = "text",
         .doc = "the address of an OpenAI-compatible server (llama.cpp's, vLLM, Ollama, OpenAI's), as "
                "http://127.0.0.1:8080/v1: it chats; ending in /completions it continues texts. It must "
                "be typed as a parameter (-p), or stand in the configuration file as `endpoint`"},
    [MODEL] = {.name = "model", .type = "text", .def = "null", .doc = "the name that the server knows it by"},
    [KEY_ENV] =
        {.name = "key_env",
         .type = "text",
         .def = "null",
         .doc = "the environment variable that holds the server's key, which is read when it is sent and "
                "kept nowhere; typed, or in the configuration file as `key-env`"},
    [TIMEOUT] = {.name = "timeout",
                 .type = "number",
                 .def = "300",
                 .min = 0.01,
                 .max = 86400,
                 .unit = "seconds",
                 .doc = "how long to wait for a further byte of an answer"},
    [TRIES] = {.name = "tries",
               .type = "integer",
               .def = "5",
               .min = 1,
               .max = 100,
               .doc = "how often to ask, in all, where a server is busy (429), fails (5xx) or breaks the "
                      "connection"},
    [WAIT] = {.name = "wait",
              .type = "number",
              .def = "1",
              .min = 0,
              .max = 3600,
              .unit = "seconds",
              .doc =
                  "pause before asking for the second time, doubled each further time; where the server says "
                  "how long, that counts"},
    [LONGEST_WAIT] = {.name = "longest_wait",
                      .type = "number",
                      .def = "60",
                      .min = 0,
                      .max = 86400,
                      .unit = "seconds",
                      .doc = "no pause is longer, whatever the server says"},
    {.name = NULL},
};

static const mw_out out[] = {
    {.name = "llm", .type = "llm", .doc = "the model"},
    {.name = NULL},
};

// NULL where the port is nil.
static const char *given(const mw_value *v)
{
    return mw_value_kind(v) == MW_TEXT ? mw_value_as_text(v) : NULL;
}

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    mw_endpoint_options e = {
        .url = mw_value_as_text(i[ENDPOINT]),
        .model = given(i[MODEL]),
        .key_env = given(i[KEY_ENV]),
        .timeout = mw_value_as_number(i[TIMEOUT]),
        .tries = (int)mw_value_as_number(i[TRIES]),
        .wait = mw_value_as_number(i[WAIT]),
        .longest_wait = mw_value_as_number(i[LONGEST_WAIT]),
    };
    mw_llm *m = mw_endpoint_open(c, &e);
    o[0] = m ? mw_value_object(c, &m->object) : NULL;
    return mw_err(c);
}

const mw_node_type mw_node_llm = {
    .name = "llm",
    .version = 1,
    .flags = MW_NODE_HOST,
    .doc = "Opens a language model behind an OpenAI-compatible server.",
    .in = in,
    .out = out,
    .run = run,
};
