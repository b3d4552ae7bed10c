// llm.c: opens a language model.
#include "core/base/env.h"
#include "core/base/paths.h"
#include "core/graph/node.h"
#include "nodes/nets/llm/endpoint.h"
#include "nodes/nets/llm/local.h"

#include <stdlib.h>
#include <string.h>

enum { PATH, CONTEXT, DTYPE, ENDPOINT, MODEL, KEY_ENV, TIMEOUT, TRIES, WAIT, LONGEST_WAIT };
static const mw_port in[] = {
    [PATH] = {.name = "path",
              .type = "path",
              .def = "null",
              .doc =
                  "a model that runs here: a folder as transformers lays it out (config.json, safetensors, "
                  "tokenizer), or a .gguf file"},
    [CONTEXT] = {.name = "context",
                 .type = "integer",
                 .def = "null",
                 .min = 2,
                 .max = 1 << 24,
                 .unit = "tokens",
                 .doc =
                     "of a model that runs here: the most tokens of a prompt with its answer; without it, as "
                     "many as the model was made for (memory is taken for those that come)"},
    [DTYPE] = {.name = "dtype",
               .type = "choice",
               .def = "\"auto\"",
               .choices = "auto|f32=fp32=float32|f16=fp16=float16",
               .doc = "of a model that runs here: how keys and values are stored, and weights that its file "
                      "does not hold in blocks; auto: as --dtype says, else f32"},
    [ENDPOINT] =
        {.name = "endpoint",
         .type = "text",
         .def = "null",
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

static mw_llm *open_endpoint(mw_ctx *c, mw_value *const *i)
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
    return mw_endpoint_open(c, &e);
}

static mw_llm *open_path(mw_ctx *c, mw_value *const *i)
{
    const char *name = mw_value_as_text(i[PATH]), *dtype = mw_value_as_text(i[DTYPE]);
    if (!strcmp(dtype, "auto"))
        dtype = mw_env_of(c).dtype ? mw_env_of(c).dtype : "f32";
    char *path = mw_find_path(c, name);
    mw_llm_local_options o = {.path = path,
                              .name = name,
                              .context = (int)mw_value_as_number(i[CONTEXT]),
                              .dtype = !strcmp(dtype, "f16") ? MW_F16 : MW_F32};
    mw_llm *m = path ? mw_llm_local_open(c, &o) : NULL;
    free(path);
    return m;
}

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    bool here = mw_value_kind(i[PATH]) != MW_NIL, there = mw_value_kind(i[ENDPOINT]) != MW_NIL;
    if (here == there)
        return mw_fail(c, MW_E_ARG, "a language model is opened by 'path' or by 'endpoint', got %s",
                       here ? "both" : "neither");
    mw_llm *m = here ? open_path(c, i) : open_endpoint(c, i);
    o[0] = m ? mw_value_object(c, &m->object) : NULL;
    return mw_err(c);
}

const mw_node_type mw_node_llm = {
    .name = "llm",
    .version = 2,
    .doc = "Opens a language model that runs here, or one behind an OpenAI-compatible server.",
    .in = in,
    .out = out,
    .run = run,
};
