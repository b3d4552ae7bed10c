// sampler_euler.c: Euler and Euler ancestral (Karras et al. 2022; k-diffusion's forms), and linear multistep.
//
// Latents here are picture + sigma * noise; the network was given them divided by sqrt(sigma^2 + 1).
#include "nodes/nets/sampling/sampler_internal.h"

#include <math.h>

static mw_mixture picture_at(const mw_schedule *s, double sigma)
{
    double signal = 1 / sqrt(sigma * sigma + 1);
    mw_mixture k = mw_picture_of(s, signal, sigma * signal);
    return (mw_mixture){k.x * signal, k.e};
}

// (latents - picture) / sigma: the slope of the latents over sigma.
static mw_mixture slope_at(const mw_schedule *s, double sigma)
{
    if (mw_schedule_is(s, MW_SET_PREDICTION_TYPE, MW_PREDICT_EPSILON))
        return (mw_mixture){0, 1};
    mw_mixture k = picture_at(s, sigma);
    return (mw_mixture){(1 - k.x) / sigma, -k.e / sigma};
}

// Along the slope to sigma `to`, then `noise` more.
static void euler(mw_stepping *g, double to, double noise)
{
    double sigma = g->s->sigmas[g->step], dt = to - sigma;
    mw_mixture d = slope_at(g->s, sigma);
    mw_finish(g, picture_at(g->s, sigma), (mw_finish_coef){0, 1 + dt * d.x, dt * d.e, noise});
}

void mw_step_euler(mw_stepping *g) { euler(g, g->s->sigmas[g->step + 1], 0); }

void mw_step_euler_ancestral(mw_stepping *g)
{
    double from = g->s->sigmas[g->step], to = g->s->sigmas[g->step + 1];
    double up = sqrt(fmax(to * to * (from * from - to * to) / (from * from), 0));
    euler(g, sqrt(fmax(to * to - up * up, 0)), up);
}

// Integral over one step of the Lagrange polynomial that is 1 at sigma[step - j] and 0 at the other nodes.
// Gauss' rule with four points is exact up to degree 7.
static double lagrange_integral(const double *sigma, int step, int order, int j)
{
    static const double x[4] = {-0.86113631159405257522, -0.33998104358485626480, 0.33998104358485626480,
                                0.86113631159405257522};
    static const double w[4] = {0.34785484513745385737, 0.65214515486254614263, 0.65214515486254614263,
                                0.34785484513745385737};
    double a = sigma[step], b = sigma[step + 1], sum = 0;
    for (int i = 0; i < 4; i++) {
        double at = (a + b) / 2 + (b - a) / 2 * x[i], p = 1;
        for (int k = 0; k < order; k++)
            if (k != j)
                p *= (at - sigma[step - k]) / (sigma[step - j] - sigma[step - k]);
        sum += w[i] * p;
    }
    return sum * (b - a) / 2;
}

void mw_step_lms(mw_stepping *g)
{
    const mw_schedule *s = g->s;
    mw_sampler_state *st = g->state;
    double sigma = s->sigmas[g->step], k[1 + MW_SAMPLER_HISTORY] = {1};
    mw_tensor *x[1 + MW_SAMPLER_HISTORY] = {g->in->latents};
    g->out->pred_original = mw_blend_linear(g, picture_at(s, sigma));
    mw_remember(st, mw_blend_linear(g, slope_at(s, sigma)), g->in->order);
    for (int j = 0; j < st->nhistory; j++) {
        x[1 + j] = st->history[j];
        k[1 + j] = lagrange_integral(s->sigmas, g->step, st->nhistory, j);
    }
    g->out->latents = mw_blend(g, 1 + st->nhistory, x, k);
}
