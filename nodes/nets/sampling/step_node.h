// step_node.h: what the nodes of one reverse step (ddim_step, euler_step, ...) share: ports, outputs,
// running.
#ifndef MW_STEP_NODE_H
#define MW_STEP_NODE_H

#include "core/graph/node.h"
#include "nodes/nets/sampling/sampler.h"

// clang-format off
// The first ports of every step node; its own follow.
#define MW_STEP_PORTS \
    [MW_STEP_PORT_SCHEDULE] = {.name = "schedule", .type = "schedule", .doc = "the times of the run, made by the node schedule"}, \
    [MW_STEP_PORT_STEP] = {.name = "step", .type = "integer", .max = 100000, .doc = "which step, counted from 0"}, \
    [MW_STEP_PORT_LATENTS] = {.name = "latents", .type = "latents", .alias = "sample", \
        .doc = "[B,4,h,w] the latents at this step"}, \
    [MW_STEP_PORT_NOISE_PRED] = {.name = "noise_pred", .type = "latents", .alias = "model_output", \
        .doc = "[B,4,h,w] the network's output, after guidance"}, \
    [MW_STEP_PORT_NOISE] = {.name = "variance_noise", .type = "latents", .def = "null", \
        .doc = "[B,4,h,w] unit normal noise, for the steps that add some"}, \
    [MW_STEP_PORT_STATE] = {.name = "state", .type = "any", .def = "null", \
        .doc = "the step before's output of that name; none at the first"}
// clang-format on
enum {
    MW_STEP_PORT_SCHEDULE,
    MW_STEP_PORT_STEP,
    MW_STEP_PORT_LATENTS,
    MW_STEP_PORT_NOISE_PRED,
    MW_STEP_PORT_NOISE,
    MW_STEP_PORT_STATE,
    MW_STEP_PORT_OWN
};

extern const mw_out mw_step_outs[], mw_step_emits[];

// Run a step node for `sampler`. own: what its further ports say (the tensors in it are filled in here).
mw_status mw_step_node_run(mw_ctx *c, mw_sampler sampler, mw_step_in own, mw_value *const *in,
                           mw_value **out);

#endif
