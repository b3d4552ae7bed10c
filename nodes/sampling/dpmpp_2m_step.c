// dpmpp_2m_step.c: one step of DPM-Solver++.
#include "nodes/nets/sampling/step_node.h"

static const mw_port in[] = {
    MW_STEP_PORTS,
    {0},
};

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    return mw_step_node_run(c, MW_DPMPP_2M, (mw_step_in){0}, i, o);
}

const mw_node_type mw_node_dpmpp_2m_step = {
    "dpmpp_2m_step",
    1,
    0,
    "One multistep of DPM-Solver++ (the schedule says which order, midpoint or heun, ODE or sde; sde needs "
    "variance_noise). Lu et al. 2022.",
    in,
    mw_step_outs,
    run,
};
