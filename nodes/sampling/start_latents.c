// start_latents.c: the latents a run begins with: noise, or a picture's latents with noise on them.
#include "core/graph/node.h"
#include "core/ops.h"
#include "nodes/nets/sampling/sampler.h"

enum { SCHEDULE, NOISE, LATENTS, STRENGTH };
static const mw_port in[] = {
    [SCHEDULE] = {.name = "schedule",
                  .type = "schedule",
                  .doc = "the times of the run, made by the node schedule"},
    [NOISE] = {.name = "noise", .type = "latents", .doc = "[B,4,h,w] unit normal noise"},
    [LATENTS] = {.name = "latents",
                 .type = "latents",
                 .def = "null",
                 .doc = "[B,4,h,w] or [1,4,h,w] a picture's latents; none: from noise alone"},
    [STRENGTH] =
        {.name = "strength",
         .type = "number",
         .def = "0.8",
         .max = 1,
         .doc =
             "share of the steps that are run on a picture: 0 leaves it as it is, 1 makes almost a new one"},
    {.name = NULL},
};

enum { OUT_LATENTS, OUT_FIRST };
static const mw_out out[] = {
    [OUT_LATENTS] = {.name = "latents", .type = "latents", .doc = "[B,4,h,w] what the first step takes"},
    [OUT_FIRST] = {.name = "first",
                   .type = "integer",
                   .doc = "the first step to run; the number of steps when none is to be run"},
    {.name = NULL},
};

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    mw_schedule *s = mw_schedule_from_value(c, i[SCHEDULE]);
    mw_tensor *noise = mw_value_as_tensor(i[NOISE]), *latents = mw_value_as_tensor(i[LATENTS]),
              *start = latents;
    int first = s && latents ? mw_schedule_first_step(s, mw_value_as_number(i[STRENGTH])) : 0;
    if (s && !latents)
        start = s->init_noise_sigma == 1 ? noise : mw_affine(c, noise, s->init_noise_sigma, 0);
    else if (s && first < s->steps)
        start = mw_sampler_add_noise(c, s, first, latents, noise);
    mw_schedule_free(s);
    if (mw_err(c))
        return mw_err(c);
    o[OUT_LATENTS] = mw_value_tensor(c, start);
    o[OUT_FIRST] = mw_value_number(c, first);
    return mw_err(c);
}

const mw_node_type mw_node_start_latents = {
    .name = "start_latents",
    .version = 1,
    .doc = "What a run begins with: noise scaled as the schedule starts, or a picture's latents noised to "
           "the step from which `strength` of the steps are left.",
    .in = in,
    .out = out,
    .run = run,
};
