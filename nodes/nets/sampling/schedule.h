// schedule.h: the times a sampler visits: timesteps, noise levels and the tables behind them.
//
// alpha_bar[t] is the share of the picture's variance left after t training steps, sigma = sqrt((1 -
// alpha_bar) / alpha_bar) the noise level of the same time when the picture's own scale is kept. A *step*
// here is one call of the network, counted from 0; PNDM makes more calls than it was asked for.
#ifndef MW_SCHEDULE_H
#define MW_SCHEDULE_H

#include "core/graph/value.h"
#include "nodes/nets/sampling/scheduler_config.h"

typedef struct mw_schedule {
    mw_sampler sampler;
    double set[MW_SETTINGS]; // every setting, defaults filled in
    uint64_t disable_corrector[MW_SAMPLER_MAXSTEPS / 64];
    int asked;         // the number of steps asked for
    int steps;         // calls of the network
    double *timesteps; // [steps] what the network is given; fractional for some
    double *sigmas;    // [nsigmas]; NULL for DDIM, DDPM and PNDM, which work on alpha_bar
    int nsigmas;       // at least steps + 1
    int train;         // entries of alpha_bar
    double *alpha_bar; // [train]
    double init_noise_sigma;
} mw_schedule;

// MW_E_ARG, naming the setting, for a combination that cannot work. steps: 1..1000. NULL on failure.
mw_schedule *mw_schedule_new(mw_ctx *c, const mw_scheduler_config *cfg, mw_sampler sampler, int steps);
void mw_schedule_free(mw_schedule *s); // accepts NULL

// A schedule on a wire is plain data: { sampler, step_node, steps, num_inference_steps, timesteps, sigmas,
// alphas_cumprod, init_noise_sigma, stochastic, config }. Back: MW_E_ARG when `v` is no such map. The caller
// frees.
mw_value *mw_schedule_value(mw_ctx *c, const mw_schedule *s);
mw_schedule *mw_schedule_from_value(mw_ctx *c, const mw_value *v);

// MW_E_ARG, naming the range, when there is no such step.
mw_status mw_schedule_check_step(mw_ctx *c, const mw_schedule *s, int64_t step);
// What the latents are multiplied by before they go to the network at this step: 1 / sqrt(sigma^2 + 1) or 1.
double mw_schedule_input_scale(const mw_schedule *s, int step);
// Latents at this step = signal * picture + noise * unit noise.
void mw_schedule_mix(const mw_schedule *s, int step, double *signal, double *noise);
// alpha_bar at the noise level of a step.
double mw_schedule_alpha_bar(const mw_schedule *s, int step);
// The first step to run so that `strength` (0..1) of the steps asked for are made; `steps` when that is none.
int mw_schedule_first_step(const mw_schedule *s, double strength);
// Does every step draw noise? (DDIM draws when its own parameter says so.)
bool mw_schedule_is_stochastic(const mw_schedule *s);

#endif
