// hidden.c: states of one layer of a language model, pooled.
#include "nodes/nets/llm/hidden.h"

#include "core/graph/node.h"
#include "core/ops.h"

#include <stdlib.h>
#include <string.h>

enum { AT_A_TIME = 32, TOKENS = 512 }; // texts, and tokens of them with those that fill up

typedef struct {
    mw_ctx *c;
    const mw_llm_local *m;
    int layer;
    mw_llm_pool pool;
} job;

// How many of the texts pass together.
static size_t batch_of(const mw_llm_ids *texts, size_t n)
{
    size_t longest = 0, batch = 0;
    while (batch < n && batch < AT_A_TIME) {
        size_t longer = texts[batch].n > longest ? texts[batch].n : longest;
        if (batch && longer * (batch + 1) > TOKENS)
            break;
        longest = longer;
        batch++;
    }
    return batch;
}

// [batch,tokens,width] of so many texts, filled up at their ends.
static mw_tensor *states(const job *j, const mw_llm_ids *texts, size_t batch, size_t tokens)
{
    int32_t *ids = mw_alloc(j->c, batch * tokens * sizeof *ids);
    for (size_t b = 0; ids && b < batch; b++)
        memcpy(ids + b * tokens, texts[b].id, texts[b].n * sizeof *ids);
    bool final = j->layer == MW_HIDDEN_FINAL;
    mw_llm_pass p = {.batch = (int64_t)batch,
                     .tokens = (int64_t)tokens,
                     .ids = ids,
                     .blocks = final ? -1 : j->layer + 1,
                     .want_norm = final};
    mw_tensor *x = NULL;
    if (ids && mw_llm_forward(j->c, &j->m->network, &p) == MW_OK)
        x = final ? mw_reshape(j->c, p.norm, MW_SHAPE((int64_t)batch, (int64_t)tokens, -1)) : p.stream;
    free(ids);
    return x;
}

// [1,width] of the first n tokens of text b; all of them where they are not pooled.
static mw_tensor *pooled(const job *j, mw_tensor *x, size_t b, size_t n)
{
    mw_ctx *c = j->c;
    x = mw_slice(c, x, 0, (int64_t)b, 1);
    x = mw_reshape(c, x, MW_SHAPE(mw_dim(x, 1), mw_dim(x, 2)));
    if (j->pool == MW_POOL_LAST)
        return mw_slice(c, x, 0, (int64_t)n - 1, 1);
    x = mw_slice(c, x, 0, 0, (int64_t)n);
    return j->pool == MW_POOL_MEAN ? mw_mean(c, x, 0, true) : x;
}

static void run_batch(const job *j, const mw_llm_ids *texts, size_t batch, size_t at, mw_tensor *out)
{
    size_t longest = 0;
    for (size_t b = 0; b < batch; b++)
        longest = texts[b].n > longest ? texts[b].n : longest;
    mw_scope_begin(j->c);
    mw_tensor *x = states(j, texts, batch, longest);
    for (size_t b = 0; x && b < batch && mw_err(j->c) == MW_OK; b++) {
        mw_tensor *v = pooled(j, x, b, texts[b].n);
        mw_write(j->c, mw_slice(j->c, out, 0, (int64_t)(at + b), mw_dim(v, 0)), v);
    }
    mw_scope_end(j->c, NULL);
}

mw_tensor *mw_llm_hidden(mw_ctx *c, const mw_llm_local *m, int layer, mw_llm_pool pool,
                         const mw_llm_ids *texts, size_t n)
{
    const job j = {c, m, layer, pool};
    int64_t rows = (int64_t)(pool == MW_POOL_NONE ? texts[0].n : n);
    mw_tensor *out = mw_tensor_new(c, MW_F32, MW_SHAPE(rows, m->network.config.width));
    for (size_t at = 0, batch; at < n && mw_err(c) == MW_OK; at += batch) {
        batch = batch_of(texts + at, n - at);
        run_batch(&j, texts + at, batch, at, out);
        if (!mw_progress(c, (int64_t)(at + batch), (int64_t)n))
            break;
    }
    return mw_err(c) == MW_OK ? out : NULL;
}
