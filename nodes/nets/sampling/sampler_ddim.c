// sampler_ddim.c: DDIM (Song et al. 2021) and DDPM (Ho et al. 2020).
#include "nodes/nets/sampling/sampler_internal.h"

#include <math.h>

// alpha_bar of the time a DDIM step goes to: always the same stride back, whatever the spacing.
static double ddim_target(const mw_schedule *s, int step)
{
    int t = (int)s->timesteps[step] - s->train / s->asked;
    return t >= 0 ? s->alpha_bar[t] : mw_schedule_on(s, MW_SET_SET_ALPHA_TO_ONE) ? 1 : s->alpha_bar[0];
}

// Eq. 12 and 16 of the paper.
void mw_step_ddim(mw_stepping *g)
{
    const mw_schedule *s = g->s;
    double now = s->alpha_bar[(int)s->timesteps[g->step]], then = ddim_target(s, g->step);
    double signal = sqrt(now), noise = sqrt(1 - now);
    double variance = g->in->ddim_eta > 0 ? (1 - then) / (1 - now) * (1 - now / then) : 0;
    double sigma = g->in->ddim_eta * sqrt(fmax(variance, 0));
    double direction = sqrt(fmax(1 - then - sigma * sigma, 0));
    mw_mixture eps = mw_noise_of(s, signal, noise);
    mw_finish_coef k = {sqrt(then), direction * eps.x, direction * eps.e, sigma};
    if (direction == 0)
        k.x = k.e = 0;
    else if (g->in->use_clipped_model_output)
        k = (mw_finish_coef){sqrt(then) - direction * signal / noise, direction / noise, 0, sigma};
    mw_finish(g, mw_picture_of(s, signal, noise), k);
}

static double ddpm_deviation(const mw_schedule *s, double posterior, double beta)
{
    int type = (int)s->set[MW_SET_VARIANCE_TYPE];
    bool small = type == MW_VARIANCE_SMALL || type == MW_VARIANCE_SMALL_LOG;
    return sqrt(small ? fmax(posterior, 1e-20) : beta);
}

// Eq. 7 of the paper, between the times that are visited.
void mw_step_ddpm(mw_stepping *g)
{
    const mw_schedule *s = g->s;
    double now = s->alpha_bar[(int)s->timesteps[g->step]];
    double then = g->step + 1 < s->steps ? s->alpha_bar[(int)s->timesteps[g->step + 1]] : 1;
    double alpha = now / then, beta = 1 - alpha, posterior = (1 - then) / (1 - now) * beta;
    mw_finish_coef k = {sqrt(then) * beta / (1 - now), sqrt(alpha) * (1 - then) / (1 - now), 0, 0};
    if (s->timesteps[g->step] > 0)
        k.n = ddpm_deviation(s, posterior, beta);
    mw_finish(g, mw_picture_of(s, sqrt(now), sqrt(1 - now)), k);
}
