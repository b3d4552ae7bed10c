// pndm_step.c: one call of PNDM.
#include "nodes/nets/sampling/step_node.h"

static const mw_port in[] = {
    MW_STEP_PORTS,
    {.name = NULL},
};

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    return mw_step_node_run(c, MW_PNDM, (mw_step_in){0}, i, o);
}

const mw_node_type mw_node_pndm_step = {
    .name = "pndm_step",
    .version = 1,
    .doc = "One call of PNDM (also called PLMS), which makes more calls than steps. Liu et al. 2022.",
    .in = in,
    .out = mw_step_outs,
    .emits = mw_step_emits,
    .run = run,
};
