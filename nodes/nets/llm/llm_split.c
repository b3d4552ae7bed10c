// llm_split.c: which layers of a language model lie on the device, and which stay in host memory.
#include "nodes/nets/llm/llm_network.h"

#include "core/io/describe.h"

#include <stdio.h>
#include <stdlib.h>

enum { TOKENS = 256, MOST_CONTEXT = 4096 }; // of a pass; positions of a cache that room is kept for

// The layer that a weight belongs to; -1: none.
static int layer_of(const char *name)
{
    int layer = -1;
    return sscanf(name, "model.layers.%4d.", &layer) == 1 ? layer : -1;
}

// Bytes of what a pass of many tokens takes at a time, one layer's weights among it.
static uint64_t work_bytes(mw_ctx *c, const mw_llm_network *n)
{
    static const int32_t ids[TOKENS];
    bool was = c->dry;
    c->dry = true;
    mw_dry_begin();
    mw_scope_begin(c);
    mw_llm_pass p = {.batch = 1,
                     .tokens = TOKENS,
                     .ids = ids,
                     .blocks = -1,
                     .rows = ids,
                     .n_rows = 1,
                     .want_logits = true};
    mw_llm_forward(c, n, &p);
    mw_scope_end(c, NULL);
    c->dry = was;
    return mw_dry_peak();
}

static uint64_t cache_bytes(const mw_llm_network *n, int64_t context)
{
    const mw_llm_config *f = &n->config;
    int64_t positions = context < MOST_CONTEXT ? context : MOST_CONTEXT;
    return 2 * (uint64_t)(f->layers * positions * f->kv_heads * f->head) * mw_dtype_size(n->dtype);
}

// Weights of the layers from `first` on stay in host memory.
static void pass_from(mw_ctx *c, mw_llm_network *n, int first)
{
    const char *name;
    int ndim;
    int64_t shape[4];
    for (size_t i = 0; mw_weights_at(n->weights, i, &name, &ndim, shape); i++)
        if (layer_of(name) >= first)
            mw_weights_pass(c, n->weights, i);
}

static void report(mw_ctx *c, const mw_llm_network *n, int here, const uint64_t *layers, uint64_t all)
{
    char text[2][32];
    uint64_t there = 0;
    for (int i = here; i < n->config.layers; i++)
        there += layers[i];
    mw_bytes_text(all - there, text[0], sizeof text[0]);
    mw_bytes_text(there, text[1], sizeof text[1]);
    if (!there)
        mw_log(c, MW_LOG_INFO, "%s: all %d layers on the device, %s of weights", mw_weights_path(n->weights),
               n->config.layers, text[0]);
    else
        mw_warn(
            c,
            "%s: %d of %d layers on the device, %s of weights; the others stay in host memory, %s that each "
            "pass brings over",
            mw_weights_path(n->weights), here, n->config.layers, text[0], text[1]);
}

mw_status mw_llm_split(mw_ctx *c, mw_llm_network *n, int64_t context)
{
    const char *name;
    int ndim, here = 0, count = n->config.layers;
    int64_t shape[4];
    uint64_t *layers = mw_alloc(c, (size_t)count * sizeof *layers), all = 0;
    if (!layers || !c->stream)
        return free(layers), mw_err(c);
    for (size_t i = 0; mw_weights_at(n->weights, i, &name, &ndim, shape); i++) {
        uint64_t bytes = mw_weights_bytes_at(c, n->weights, i);
        all += bytes;
        if (layer_of(name) >= 0)
            layers[layer_of(name)] += bytes;
    }
    uint64_t taken = all + work_bytes(c, n) + cache_bytes(n, context), limit = mw_memory_limit(c);
    for (here = count; here > 0 && taken > limit; here--)
        taken -= layers[here - 1];
    if (mw_err(c) == MW_OK) {
        if (all)
            report(c, n, here, layers, all);
        if (here < count)
            pass_from(c, n, here);
    }
    free(layers);
    return mw_err(c);
}
