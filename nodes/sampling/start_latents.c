// start_latents.c: the latents a run begins with: noise, or a picture's latents with noise on them.
#include "core/graph/node.h"
#include "core/ops.h"
#include "nodes/nets/sampling/sampler.h"

static const mw_port in[] = {
    {"schedule", "schedule", NULL, 0, 0, NULL, NULL, NULL, "the times of the run, made by the node schedule"},
    {"noise", "latents", NULL, 0, 0, NULL, NULL, NULL, "[B,4,h,w] unit normal noise"},
    {"latents", "latents", "null", 0, 0, NULL, NULL, NULL,
     "[B,4,h,w] or [1,4,h,w] a picture's latents; none: from noise alone"},
    {"strength", "number", "0.8", 0, 1, NULL, NULL, NULL,
     "share of the steps that are run on a picture: 0 leaves it as it is, 1 makes almost a new one"},
    {0},
};

static const mw_out out[] = {
    {"latents", "latents", "[B,4,h,w] what the first step takes"},
    {"first", "integer", "the first step to run; the number of steps when none is to be run"},
    {0},
};

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    mw_schedule *s = mw_schedule_from_value(c, i[0]);
    mw_tensor *noise = mw_value_as_tensor(i[1]), *latents = mw_value_as_tensor(i[2]), *start = latents;
    int first = s && latents ? mw_schedule_first_step(s, mw_value_as_number(i[3])) : 0;
    if (s && !latents)
        start = s->init_noise_sigma == 1 ? noise : mw_affine(c, noise, s->init_noise_sigma, 0);
    else if (s && first < s->steps)
        start = mw_sampler_add_noise(c, s, first, latents, noise);
    mw_schedule_free(s);
    if (mw_err(c))
        return mw_err(c);
    o[0] = mw_value_tensor(c, start);
    o[1] = mw_value_number(c, first);
    return mw_err(c);
}

const mw_node_type mw_node_start_latents = {
    "start_latents",
    1,
    0,
    "What a run begins with: noise scaled as the schedule starts, or a picture's latents noised to "
    "the step from which `strength` of the steps are left.",
    in,
    out,
    run,
};
