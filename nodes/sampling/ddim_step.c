// ddim_step.c: one reverse step of DDIM.
#include "nodes/nets/sampling/step_node.h"

enum { DDIM_ETA = MW_STEP_PORT_OWN, CLIPPED };
static const mw_port in[] = {
    MW_STEP_PORTS,
    [DDIM_ETA] =
        {.name = "ddim_eta",
         .type = "number",
         .def = "0",
         .max = 1,
         .alias = "σ|sigma",
         .doc = "share of DDPM's noise: 0 = deterministic, 1 = ancestral; above 0 it needs variance_noise"},
    [CLIPPED] = {.name = "use_clipped_model_output",
                 .type = "bool",
                 .def = "false",
                 .doc = "where the expected picture is clipped, derive the noise from it again"},
    {.name = NULL},
};

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    mw_step_in own = {.ddim_eta = mw_value_as_number(i[DDIM_ETA]),
                      .use_clipped_model_output = mw_value_as_bool(i[CLIPPED])};
    return mw_step_node_run(c, MW_DDIM, own, i, o);
}

const mw_node_type mw_node_ddim_step = {
    .name = "ddim_step",
    .version = 1,
    .doc = "One step of DDIM: from the noise predicted at this time to the time a fixed stride before. Song "
           "et al. "
           "2021, eq. 12 and 16.",
    .in = in,
    .out = mw_step_outs,
    .emits = mw_step_emits,
    .run = run,
};
