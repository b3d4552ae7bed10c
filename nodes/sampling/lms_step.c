// lms_step.c: one linear multistep.
#include "nodes/nets/sampling/step_node.h"

enum { ORDER = MW_STEP_PORT_OWN };
static const mw_port in[] = {
    MW_STEP_PORTS,
    [ORDER] = {.name = "order",
               .type = "integer",
               .def = "4",
               .min = 1,
               .max = 4,
               .doc = "how many predictions the slope is fitted through"},
    {.name = NULL},
};

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    mw_step_in own = {.order = (int)mw_value_as_number(i[ORDER])};
    return mw_step_node_run(c, MW_LMS, own, i, o);
}

const mw_node_type mw_node_lms_step = {
    .name = "lms_step",
    .version = 1,
    .doc = "One step of the linear multistep method over noise levels, as in k-diffusion.",
    .in = in,
    .out = mw_step_outs,
    .emits = mw_step_emits,
    .run = run,
};
