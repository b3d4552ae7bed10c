// sampler_internal.h: what the samplers share.
#ifndef MW_SAMPLER_INTERNAL_H
#define MW_SAMPLER_INTERNAL_H

#include "nodes/nets/sampling/sampler.h"
#include "nodes/nets/sampling/schedule_internal.h"

// x * latents + e * network output
typedef struct mw_mixture {
    double x, e;
} mw_mixture;

// One step in progress.
typedef struct mw_stepping {
    mw_ctx *c;
    const mw_schedule *s;
    int step;
    const mw_step_in *in; // tensors of one dtype and shape
    mw_sampler_state *state;
    mw_step_out *out;
} mw_stepping;

void mw_step_ddim(mw_stepping *g);
void mw_step_ddpm(mw_stepping *g);
void mw_step_euler(mw_stepping *g);
void mw_step_euler_ancestral(mw_stepping *g);
void mw_step_lms(mw_stepping *g);
void mw_step_dpmpp_2m(mw_stepping *g);
void mw_step_uni_pc(mw_stepping *g);
void mw_step_pndm(mw_stepping *g);

// The clean picture, and the noise, in latents = signal * picture + noise * unit noise with signal^2 +
// noise^2 = 1, by what the network predicts.
mw_mixture mw_picture_of(const mw_schedule *s, double signal, double noise);
mw_mixture mw_noise_of(const mw_schedule *s, double signal, double noise);

// Sum of coef[i] * x[i]; x[i] may be NULL where coef[i] is 0. NULL with MW_E_NUMBER when a coefficient is not
// finite.
mw_tensor *mw_blend(mw_stepping *g, int n, mw_tensor *const *x, const double *coef);
// x * latents + e * network output
mw_tensor *mw_blend_linear(mw_stepping *g, mw_mixture k);

// Are predicted pictures clipped or thresholded?
bool mw_has_limit(const mw_schedule *s);
// The picture clipped or thresholded as the settings say; itself when they do not.
mw_tensor *mw_limit(mw_stepping *g, mw_tensor *picture);

// The end of a one-step method: with picture = k-of-latents-and-output, limited where the settings say so,
// latents := c.picture * picture + c.x * latents + c.e * output + c.n * variance noise.
typedef struct mw_finish_coef {
    double picture, x, e, n;
} mw_finish_coef;
void mw_finish(mw_stepping *g, mw_mixture picture, mw_finish_coef k);

// Put a prediction in front of the history; `keep` are kept.
void mw_remember(mw_sampler_state *state, mw_tensor *t, int keep);

#endif
