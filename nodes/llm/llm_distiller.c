// llm_distiller.c: what a language model makes of texts, as vectors for the SUR-adapter.
#include "core/base/paths.h"
#include "core/graph/node.h"
#include "core/graph/seed.h"
#include "core/graph/value_json.h"
#include "core/graph/vectors.h"
#include "nodes/nets/llm/hidden.h"
#include "nodes/nets/llm/vector_resize.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LLM, PROMPT, LAYER, POOL, WIDTH, RESIZE, SEED };
static const mw_port in[] = {
    [LLM] = {.name = "llm", .type = "llm", .doc = "a model that runs here"},
    [PROMPT] = {.name = "prompt",
                .type = "texts",
                .doc = "a text, or a list of them; the model's begin token is put in front"},
    [LAYER] = {.name = "layer",
               .type = "any",
               .def = "-1",
               .doc =
                   "i: the residual stream behind block i, from 0, before any norm; -1: the last block's "
                   "(-2: the one before "
                   "it, ...); \"final\": behind the final norm; \"embedding\": in front of the first block"},
    [POOL] = {.name = "pool",
              .type = "choice",
              .def = "\"mean\"",
              .choices = "mean|last|none",
              .doc = "mean: over all tokens, as the SUR-adapter's authors do; last: the last token's; none: "
                     "all of them, of "
                     "one text"},
    [WIDTH] = {.name = "width",
               .type = "integer",
               .def = "null",
               .min = 1,
               .max = 1 << 16,
               .doc = "of the result, the text encoder's: a linear layer that is never trained brings the "
                      "vectors to it; without "
                      "it, and where it is the model's own, they stay as they are"},
    [RESIZE] = {.name = "resize",
                .type = "path",
                .def = "null",
                .doc = "a .safetensors file with that layer's weights, llm_resize.fc.weight and "
                       "llm_resize.fc.bias; without it they are "
                       "drawn"},
    [SEED] = {.name = "seed",
              .type = "seed",
              .def = "0",
              .doc = "of the drawn weights: those of PyTorch's torch.nn.Linear after torch.manual_seed"},
    {.name = NULL},
};

enum { EMBEDDING, VECTORS };
static const mw_out out[] = {
    [EMBEDDING] = {.name = "embedding",
                   .type = "embedding",
                   .doc = "[D] for a text, [N,D] for a list of N, [tokens,D] with pool = \"none\""},
    [VECTORS] = {.name = "vectors",
                 .type = "vectors",
                 .doc = "the same with its texts, for train_adapter and files (nil with pool = \"none\")"},
    {.name = NULL},
};

static int read_layer(mw_ctx *c, const mw_value *v, int layers)
{
    double x = mw_value_as_number(v);
    if (mw_value_kind(v) == MW_TEXT && !strcmp(mw_value_as_text(v), "final"))
        return MW_HIDDEN_FINAL;
    if (mw_value_kind(v) == MW_TEXT && !strcmp(mw_value_as_text(v), "embedding"))
        return MW_HIDDEN_EMBEDDING;
    if (mw_value_kind(v) == MW_NUMBER && x == floor(x) && x >= -layers && x < layers)
        return (int)x + (x < 0 ? layers : 0);
    char *got = mw_value_to_json(c, v, 0);
    mw_fail(c, MW_E_ARG, "'layer' must be a whole number from %d to %d, \"final\" or \"embedding\", got %s",
            -layers, layers - 1, got ? got : "");
    free(got);
    return 0;
}

// The texts' tokens; as many as there are texts.
static mw_llm_ids *read_texts(mw_ctx *c, const mw_llm_local *m, const mw_value *captions)
{
    size_t n = mw_value_count(captions);
    mw_llm_ids *ids = mw_alloc(c, (n + 1) * sizeof *ids);
    for (size_t i = 0; ids && i < n && mw_err(c) == MW_OK; i++) {
        mw_llm_request r = mw_llm_request_default();
        r.prompt = mw_value_as_text(mw_value_at(captions, i));
        mw_llm_local_encode(c, m, &r, &ids[i]);
        if (n > 1)
            mw_fail_context(c, "text %zu", i + 1);
    }
    return ids;
}

// Brought to the wanted width.
static mw_tensor *resized(mw_ctx *c, mw_tensor *x, mw_value *const *i)
{
    int64_t width = (int64_t)mw_value_as_number(i[WIDTH]);
    if (mw_err(c) != MW_OK)
        return NULL;
    if (mw_value_kind(i[RESIZE]) != MW_NIL) {
        char *path = mw_find_path(c, mw_value_as_text(i[RESIZE]));
        mw_tensor *y = path ? mw_vector_resize_by(c, x, width, path) : NULL;
        free(path);
        return y;
    }
    if (!width || width == mw_dim(x, 1))
        return x;
    return mw_vector_resize(c, x, width, mw_seed_bits(i[SEED]));
}

static void give(mw_ctx *c, mw_value *const *i, mw_tensor *x, mw_llm_pool pool, mw_value *captions,
                 mw_value **o)
{
    bool one = mw_value_kind(i[PROMPT]) == MW_TEXT && pool != MW_POOL_NONE;
    if (mw_err(c) != MW_OK)
        return;
    o[EMBEDDING] = mw_value_tensor(c, one ? mw_reshape(c, x, MW_SHAPE(-1)) : x);
    o[VECTORS] = pool == MW_POOL_NONE ? mw_value_nil(c) : mw_vectors_make(c, mw_value_retain(captions), x);
}

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    mw_llm_local *m = mw_llm_local_of(c, mw_llm_of(i[LLM]), "llm_distiller");
    if (!m)
        return mw_err(c);
    const char *name = mw_value_as_text(i[POOL]);
    mw_llm_pool pool = !strcmp(name, "mean") ? MW_POOL_MEAN
        : !strcmp(name, "last")              ? MW_POOL_LAST
                                             : MW_POOL_NONE;
    int layer = read_layer(c, i[LAYER], m->network.config.layers);
    mw_value *captions = mw_value_kind(i[PROMPT]) == MW_LIST ? mw_value_retain(i[PROMPT]) : mw_value_list(c);
    if (mw_value_kind(i[PROMPT]) != MW_LIST)
        mw_value_push(c, captions, mw_value_retain(i[PROMPT]));
    size_t n = mw_value_count(captions);
    if (pool == MW_POOL_NONE && n > 1)
        mw_fail(c, MW_E_ARG, "pool = \"none\" gives the tokens of one text, got a list of %zu", n);
    mw_llm_ids *ids = mw_err(c) == MW_OK ? read_texts(c, m, captions) : NULL;
    if (mw_err(c) == MW_OK)
        give(c, i, resized(c, mw_llm_hidden(c, m, layer, pool, ids, n), i), pool, captions, o);
    for (size_t k = 0; ids && k < n; k++)
        mw_llm_ids_free(&ids[k]);
    free(ids);
    mw_value_release(captions);
    return mw_err(c);
}

const mw_node_type mw_node_llm_distiller = {
    .name = "llm_distiller",
    .version = 1,
    .doc = "The hidden knowledge of a language model about texts: the states of one of its layers, pooled to "
           "a vector, as the "
           "SUR-adapter (arXiv 2305.05189) wants it.",
    .in = in,
    .out = out,
    .run = run,
};
