// token_picker.c: which token comes next, by what a request asks.
#include "nodes/nets/llm/token_picker.h"

#include "core/base/rng.h"
#include "nodes/nets/llm/sampling.h"

#include <math.h>
#include <stdlib.h>

struct mw_token_picker {
    const mw_llm_request *r;
    const mw_grammar_vocabulary *vocabulary;
    size_t n;
    double *x, *scratch;
    mw_sampling_item *items;
    uint8_t *seen, *allowed;
    mw_numpy_pcg64 random;
    mw_grammar_state state;
    int taken;
};

mw_token_picker *mw_token_picker_new(mw_ctx *c, const mw_llm_request *r, size_t n,
                                     const mw_grammar_vocabulary *vocabulary)
{
    mw_token_picker *p = mw_alloc(c, sizeof *p);
    if (!p)
        return NULL;
    *p = (mw_token_picker){.r = r, .n = n, .vocabulary = vocabulary};
    p->x = mw_alloc(c, n * sizeof *p->x);
    p->seen = mw_alloc(c, n);
    if (r->temperature > 0) {
        p->scratch = mw_alloc(c, n * sizeof *p->scratch);
        p->items = mw_alloc(c, n * sizeof *p->items);
        mw_numpy_pcg64_seed(&p->random, r->seeded ? r->seed : 0);
    }
    if (r->grammar) {
        p->allowed = mw_alloc(c, n);
        mw_grammar_begin(&p->state);
    }
    if (mw_err(c) == MW_OK)
        return p;
    mw_token_picker_free(p);
    return NULL;
}

void mw_token_picker_free(mw_token_picker *p)
{
    if (!p)
        return;
    free(p->x);
    free(p->scratch);
    free(p->items);
    free(p->seen);
    free(p->allowed);
    free(p);
}

void mw_token_picker_saw(mw_token_picker *p, int32_t id)
{
    if (id >= 0 && (size_t)id < p->n)
        p->seen[id] = 1;
}

int32_t mw_token_picker_next(mw_ctx *c, mw_token_picker *p, const float *logits)
{
    const mw_llm_request *r = p->r;
    if (p->allowed)
        mw_grammar_mask(r->grammar, &p->state, p->vocabulary, r->max_tokens - p->taken, p->allowed);
    for (size_t i = 0; i < p->n; i++)
        p->x[i] = !p->allowed || p->allowed[i] ? (double)logits[i] : -INFINITY;
    mw_sampling_penalise(p->x, p->n, p->seen, r->repeat_penalty);
    size_t best = mw_sampling_best(p->x, p->n);
    if (!isfinite(p->x[best])) {
        mw_fail(c, MW_E_NUMBER, "the logits of the next token are no numbers");
        return -1;
    }
    if (!(r->temperature > 0))
        return (int32_t)best;
    mw_sampling_temperature(p->x, p->n, r->temperature);
    mw_sampling_top_k(p->x, p->n, (size_t)r->top_k, p->scratch);
    mw_sampling_top_p(p->x, p->n, r->top_p, p->items);
    mw_sampling_min_p(p->x, p->n, r->min_p);
    mw_sampling_probabilities(p->x, p->n);
    return (int32_t)mw_sampling_draw(p->x, p->n, mw_numpy_pcg64_random(&p->random));
}

bool mw_token_picker_take(mw_token_picker *p, int32_t id)
{
    mw_token_picker_saw(p, id);
    p->taken++;
    if (!p->allowed)
        return false;
    mw_grammar_take(p->r->grammar, &p->state, p->vocabulary, id);
    return mw_grammar_complete(&p->state);
}
