// ddim_step.c: one reverse step of DDIM.
#include "nodes/nets/sampling/step_node.h"

static const mw_port in[] = {
    MW_STEP_PORTS,
    {"ddim_eta", "number", "0", 0, 1, NULL, "σ|sigma", NULL,
     "share of DDPM's noise: 0 = deterministic, 1 = ancestral; above 0 it needs variance_noise"},
    {"use_clipped_model_output", "bool", "false", 0, 0, NULL, NULL, NULL,
     "where the expected picture is clipped, derive the noise from it again"},
    {0},
};

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    mw_step_in own = {.ddim_eta = mw_value_as_number(i[MW_STEP_PORT_OWN]),
                      .use_clipped_model_output = mw_value_as_bool(i[MW_STEP_PORT_OWN + 1])};
    return mw_step_node_run(c, MW_DDIM, own, i, o);
}

const mw_node_type mw_node_ddim_step = {
    "ddim_step",
    1,
    0,
    "One step of DDIM: from the noise predicted at this time to the time a fixed stride before. Song et al. "
    "2021, eq. 12 and 16.",
    in,
    mw_step_outs,
    run,
};
