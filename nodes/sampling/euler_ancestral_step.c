// euler_ancestral_step.c: one ancestral Euler step.
#include "nodes/nets/sampling/step_node.h"

static const mw_port in[] = {
    MW_STEP_PORTS,
    {.name = NULL},
};

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    return mw_step_node_run(c, MW_EULER_ANCESTRAL, (mw_step_in){0}, i, o);
}

const mw_node_type mw_node_euler_ancestral_step = {
    .name = "euler_ancestral_step",
    .version = 1,
    .doc = "One Euler step that goes further down than the next noise level and adds variance_noise up to "
           "it, as in "
           "k-diffusion.",
    .in = in,
    .out = mw_step_outs,
    .emits = mw_step_emits,
    .run = run,
};
