// ddpm_step.c: one reverse step of DDPM.
#include "nodes/nets/sampling/step_node.h"

static const mw_port in[] = {
    MW_STEP_PORTS,
    {.name = NULL},
};

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    return mw_step_node_run(c, MW_DDPM, (mw_step_in){0}, i, o);
}

const mw_node_type mw_node_ddpm_step = {
    .name = "ddpm_step",
    .version = 1,
    .doc = "One step of DDPM: the posterior mean plus noise; every step but the last needs variance_noise. "
           "Ho et "
           "al. 2020, eq. 7 and 11.",
    .in = in,
    .out = mw_step_outs,
    .emits = mw_step_emits,
    .run = run,
};
