// dpmpp_2m_step.c: one step of DPM-Solver++.
#include "nodes/nets/sampling/step_node.h"

static const mw_port in[] = {
    MW_STEP_PORTS,
    {.name = NULL},
};

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    return mw_step_node_run(c, MW_DPMPP_2M, (mw_step_in){0}, i, o);
}

const mw_node_type mw_node_dpmpp_2m_step = {
    .name = "dpmpp_2m_step",
    .version = 1,
    .doc = "One multistep of DPM-Solver++ (the schedule says which order, midpoint or heun, ODE or sde; sde "
           "needs "
           "variance_noise). Lu et al. 2022.",
    .in = in,
    .out = mw_step_outs,
    .emits = mw_step_emits,
    .run = run,
};
