// lms_step.c: one linear multistep.
#include "nodes/nets/sampling/step_node.h"

static const mw_port in[] = {
    MW_STEP_PORTS,
    {"order", "integer", "4", 1, 4, NULL, NULL, NULL, "how many predictions the slope is fitted through"},
    {0},
};

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    mw_step_in own = {.order = (int)mw_value_as_number(i[MW_STEP_PORT_OWN])};
    return mw_step_node_run(c, MW_LMS, own, i, o);
}

const mw_node_type mw_node_lms_step = {
    "lms_step",   1,   0, "One step of the linear multistep method over noise levels, as in k-diffusion.", in,
    mw_step_outs, run,
};
