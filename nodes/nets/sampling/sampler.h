// sampler.h: one reverse step of each sampler: coefficients on the host in double, then one or two passes
// over tensors.
#ifndef MW_SAMPLER_H
#define MW_SAMPLER_H

#include "nodes/nets/sampling/schedule.h"

#define MW_SAMPLER_HISTORY 4

// What one step hands to the next. Tensors belong to the scope they were made in. All zero at the start of a
// run, which may be at any step (a picture's latents noised to that step): the methods then warm up from
// there.
typedef struct mw_sampler_state {
    bool begun;
    int next;     // the step it is for
    int nhistory; // earlier predictions, newest first; what they are is the sampler's affair
    mw_tensor *history[MW_SAMPLER_HISTORY];
    mw_tensor
        *sample; // UniPC: the last corrected latents; PNDM: those the current Runge-Kutta step started from
    mw_tensor *sum; // PNDM: weighted sum of the current Runge-Kutta step's predictions
} mw_sampler_state;

typedef struct mw_step_in {
    mw_tensor *latents;            // [B,..]
    mw_tensor *noise_pred;         // same shape: the network's output (noise, v or picture: prediction_type)
    mw_tensor *variance_noise;     // same shape, unit normal; may be NULL where the step draws no noise
    double ddim_eta;               // DDIM: 0 = deterministic, 1 = as much noise as DDPM
    bool use_clipped_model_output; // DDIM: derive the noise again from the clipped picture
    int order;                     // LMS: 1..4
} mw_step_in;

typedef struct mw_step_out {
    mw_tensor *latents;
    mw_tensor *pred_original; // the clean picture this step expects, after clipping
} mw_step_out;

// One step. *state is read and replaced. MW_E_ARG: no such step, a state of another step, noise missing;
// MW_E_SHAPE: shapes differ; MW_E_NUMBER: the settings make a coefficient infinite at this step.
mw_status mw_sampler_step(mw_ctx *c, const mw_schedule *s, int64_t step, const mw_step_in *in,
                          mw_sampler_state *state, mw_step_out *out);

// picture + noise in the proportions of a step; picture's batch of 1 is repeated to that of noise.
mw_tensor *mw_sampler_add_noise(mw_ctx *c, const mw_schedule *s, int step, mw_tensor *picture,
                                mw_tensor *noise);
// What a v-predicting network is trained to give there: signal * noise - level * picture (Salimans & Ho
// 2022).
mw_tensor *mw_sampler_velocity(mw_ctx *c, const mw_schedule *s, int step, mw_tensor *picture,
                               mw_tensor *noise);

#endif
