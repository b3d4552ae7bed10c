// step_node.h: what the nodes of one reverse step (ddim_step, euler_step, ...) share: ports, outputs,
// running.
#ifndef MW_STEP_NODE_H
#define MW_STEP_NODE_H

#include "core/graph/node.h"
#include "nodes/nets/sampling/sampler.h"

// clang-format off
// The first ports of every step node, in this order; its own follow.
#define MW_STEP_PORTS \
    {"schedule", "schedule", NULL, 0, 0, NULL, NULL, NULL, "the times of the run, made by the node schedule"}, \
    {"step", "integer", NULL, 0, 100000, NULL, NULL, NULL, "which step, counted from 0"}, \
    {"latents", "latents", NULL, 0, 0, NULL, "sample", NULL, "[B,4,h,w] the latents at this step"}, \
    {"noise_pred", "latents", NULL, 0, 0, NULL, "model_output", NULL, \
     "[B,4,h,w] the network's output, after guidance"}, \
    {"variance_noise", "latents", "null", 0, 0, NULL, NULL, NULL, \
     "[B,4,h,w] unit normal noise, for the steps that add some"}, \
    {"state", "any", "null", 0, 0, NULL, NULL, NULL, "the step before's output of that name; none at the first"}
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

extern const mw_out mw_step_outs[];

// Run a step node for `sampler`. own: what its further ports say (the tensors in it are filled in here).
mw_status mw_step_node_run(mw_ctx *c, mw_sampler sampler, mw_step_in own, mw_value *const *in,
                           mw_value **out);

#endif
