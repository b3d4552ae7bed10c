// step_node.c: from ports to a sampler's step and back.
#include "nodes/nets/sampling/step_node.h"

#include <string.h>

enum { OUT_LATENTS, OUT_PRED_ORIGINAL, OUT_STATE };
const mw_out mw_step_outs[] = {
    [OUT_LATENTS] = {.name = "latents", .type = "latents", .doc = "[B,4,h,w] the latents at the next step"},
    [OUT_PRED_ORIGINAL] = {.name = "pred_original",
                           .type = "latents",
                           .doc = "[B,4,h,w] the clean latents that this step expects"},
    [OUT_STATE] = {.name = "state",
                   .type = "any",
                   .doc = "what the next step needs to know of the steps so far"},
    {.name = NULL},
};

const mw_out mw_step_emits[] = {
    {.name = "preview", .type = "latents", .doc = "[B,4,h,w] the clean latents that this step expects"},
    {.name = NULL},
};

static void put(mw_ctx *c, mw_value *map, const char *key, mw_tensor *t)
{
    if (t)
        mw_value_set(c, map, key, mw_value_tensor(c, t));
}

// nil for the samplers that need no memory.
static mw_value *state_value(mw_ctx *c, mw_sampler sampler, const mw_sampler_state *s)
{
    if (!s->nhistory && !s->sample && !s->sum)
        return mw_value_nil(c);
    const char *id = mw_sampler_id(sampler);
    mw_value *map = mw_value_map(c), *history = mw_value_list(c);
    for (int i = 0; i < s->nhistory; i++)
        mw_value_push(c, history, mw_value_tensor(c, s->history[i]));
    mw_value_set(c, map, "sampler", mw_value_text(c, id, strlen(id)));
    mw_value_set(c, map, "next", mw_value_number(c, s->next));
    mw_value_set(c, map, "history", history);
    put(c, map, "sample", s->sample);
    put(c, map, "sum", s->sum);
    return map;
}

static mw_tensor *like(mw_ctx *c, mw_tensor *t, const mw_tensor *latents)
{
    char a[96], b[96];
    if (t && latents && !mw_same_shape(t, latents))
        mw_fail(c, MW_E_SHAPE, "the state is for latents %s, but these are %s", mw_shape_text(t, a, sizeof a),
                mw_shape_text(latents, b, sizeof b));
    return t;
}

static void read_state(mw_ctx *c, mw_sampler sampler, const mw_value *v, const mw_tensor *latents,
                       mw_sampler_state *s)
{
    if (mw_value_kind(v) == MW_NIL)
        return;
    const char *id = mw_value_as_text(mw_value_get(v, "sampler"));
    const mw_value *history = mw_value_get(v, "history");
    size_t n = mw_value_count(history);
    if (strcmp(id, mw_sampler_id(sampler)) || n > MW_SAMPLER_HISTORY) {
        mw_fail(c, MW_E_ARG, "'state' must be the state of a %s_step, got %s%s", mw_sampler_id(sampler),
                *id ? "one of sampler " : "a ", *id ? id : mw_kind_name(mw_value_kind(v)));
        return;
    }
    s->begun = true;
    s->next = (int)mw_value_as_number(mw_value_get(v, "next"));
    for (size_t i = 0; i < n; i++) {
        s->history[i] = like(c, mw_value_as_tensor(mw_value_at(history, i)), latents);
        if (!s->history[i])
            mw_fail(c, MW_E_ARG, "'state': entry %zu of 'history' is not a tensor", i + 1);
    }
    s->nhistory = (int)n;
    s->sample = like(c, mw_value_as_tensor(mw_value_get(v, "sample")), latents);
    s->sum = like(c, mw_value_as_tensor(mw_value_get(v, "sum")), latents);
}

mw_status mw_step_node_run(mw_ctx *c, mw_sampler sampler, mw_step_in own, mw_value *const *in, mw_value **out)
{
    mw_sampler_state state = {0};
    mw_step_out result = {0};
    mw_schedule *s = mw_schedule_from_value(c, in[MW_STEP_PORT_SCHEDULE]);
    own.latents = mw_value_as_tensor(in[MW_STEP_PORT_LATENTS]);
    own.noise_pred = mw_value_as_tensor(in[MW_STEP_PORT_NOISE_PRED]);
    own.variance_noise = mw_value_as_tensor(in[MW_STEP_PORT_NOISE]);
    if (s && s->sampler != sampler)
        mw_fail(c, MW_E_ARG, "the schedule is for sampler %s: use %s_step, or schedule { sampler = \"%s\" }",
                mw_sampler_id(s->sampler), mw_sampler_id(s->sampler), mw_sampler_id(sampler));
    read_state(c, sampler, in[MW_STEP_PORT_STATE], own.latents, &state);
    if (!mw_err(c))
        mw_sampler_step(c, s, (int64_t)mw_value_as_number(in[MW_STEP_PORT_STEP]), &own, &state, &result);
    mw_schedule_free(s);
    if (mw_err(c))
        return mw_err(c);
    if (mw_listened(c, "preview"))
        mw_emit(c, "preview", mw_value_tensor(c, result.pred_original));
    out[OUT_LATENTS] = mw_value_tensor(c, result.latents);
    out[OUT_PRED_ORIGINAL] = mw_value_tensor(c, result.pred_original);
    out[OUT_STATE] = state_value(c, sampler, &state);
    return mw_err(c);
}
