// uni_pc_step.c: one step of UniPC.
#include "nodes/nets/sampling/step_node.h"

static const mw_port in[] = {
    MW_STEP_PORTS,
    {.name = NULL},
};

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    return mw_step_node_run(c, MW_UNI_PC, (mw_step_in){0}, i, o);
}

const mw_node_type mw_node_uni_pc_step = {
    .name = "uni_pc_step",
    .version = 1,
    .doc = "One predictor step of UniPC, after correcting the step before with what the network saw here. "
           "Zhao et "
           "al. 2023.",
    .in = in,
    .out = mw_step_outs,
    .emits = mw_step_emits,
    .run = run,
};
