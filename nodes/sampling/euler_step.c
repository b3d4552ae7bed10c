// euler_step.c: one Euler step.
#include "nodes/nets/sampling/step_node.h"

static const mw_port in[] = {
    MW_STEP_PORTS,
    {.name = NULL},
};

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    return mw_step_node_run(c, MW_EULER, (mw_step_in){0}, i, o);
}

const mw_node_type mw_node_euler_step = {
    .name = "euler_step",
    .version = 1,
    .doc =
        "One Euler step along the slope of the latents over the noise level. Karras et al. 2022, algorithm 2 "
        "without churn.",
    .in = in,
    .out = mw_step_outs,
    .emits = mw_step_emits,
    .run = run,
};
