// sampler_pndm.c: PNDM: pseudo Runge-Kutta and linear multistep (Liu et al. 2022).
#include "nodes/nets/sampling/sampler_internal.h"

#include <math.h>

#define WARMUP 12 // calls of the Runge-Kutta warm-up: four for each of three steps

static double alpha_bar(const mw_schedule *s, int t)
{
    if (t >= s->train) // a schedule made by hand may have strides of its own
        t = s->train - 1;
    return t >= 0 ? s->alpha_bar[t] : mw_schedule_on(s, MW_SET_SET_ALPHA_TO_ONE) ? 1 : s->alpha_bar[0];
}

// Eq. 11 of the paper: latents at time `from` to time `to` along the direction sum of k[i] * e[i].
static mw_tensor *transfer(mw_stepping *g, mw_tensor *latents, int from, int to, int n, mw_tensor *const *e,
                           const double *k)
{
    double now = alpha_bar(g->s, from), then = alpha_bar(g->s, to);
    double direction = -(then - now) / (now * sqrt(1 - then) + sqrt(now * (1 - now) * then)),
           own = sqrt(then / now);
    mw_tensor *x[1 + MW_SAMPLER_HISTORY] = {latents};
    double coef[1 + MW_SAMPLER_HISTORY];
    if (mw_schedule_is(g->s, MW_SET_PREDICTION_TYPE, MW_PREDICT_V)) { // noise = signal * v + noise * latents
        own += direction * sqrt(1 - now);
        direction *= sqrt(now);
    }
    coef[0] = own;
    for (int i = 0; i < n; i++) {
        x[1 + i] = e[i];
        coef[1 + i] = direction * k[i];
    }
    return mw_blend(g, 1 + n, x, coef);
}

// One of the four calls of a Runge-Kutta step. They all start from the latents of the first.
static void runge_kutta(mw_stepping *g)
{
    const mw_schedule *s = g->s;
    mw_sampler_state *st = g->state;
    int stage = g->step % 4, half = s->train / s->asked / 2;
    int t = (int)s->timesteps[g->step], to = stage % 2 ? t : t - half;
    mw_tensor *e = g->in->noise_pred;
    double share = stage == 0 || stage == 3 ? 1.0 / 6 : 1.0 / 3;
    if (stage == 0) {
        mw_remember(st, e, MW_SAMPLER_HISTORY);
        st->sample = g->in->latents;
        st->sum = NULL;
    } else if (!st->sample || !st->sum) {
        mw_fail(g->c, MW_E_ARG,
                "pndm cannot start at step %d, inside a Runge-Kutta step: start at %d or pass the state",
                g->step, g->step - stage);
        return;
    }
    st->sum = mw_blend(g, 2, (mw_tensor *[]){e, st->sum}, (double[]){share, stage ? 1 : 0});
    g->out->latents = transfer(g, st->sample, (int)s->timesteps[g->step - stage], to, 1,
                               stage == 3 ? &st->sum : &e, (double[]){1});
}

// Adams-Bashforth weights of the predictions, newest first, by how many there are.
static const double adams[4][4] = {
    {1},
    {3.0 / 2, -1.0 / 2},
    {23.0 / 12, -16.0 / 12, 5.0 / 12},
    {55.0 / 24, -59.0 / 24, 37.0 / 24, -9.0 / 24},
};

static void multistep(mw_stepping *g)
{
    const mw_schedule *s = g->s;
    mw_sampler_state *st = g->state;
    int stride = s->train / s->asked, t = (int)s->timesteps[g->step];
    bool again =
        g->step == 1 && st->nhistory == 1 && st->sample; // the first step once more, with the mean slope
    if (again) {
        mw_tensor *e[2] = {g->in->noise_pred, st->history[0]};
        g->out->latents = transfer(g, st->sample, t + stride, t, 2, e, (double[]){0.5, 0.5});
        st->sample = NULL;
        return;
    }
    mw_remember(st, g->in->noise_pred, MW_SAMPLER_HISTORY);
    st->sample = g->step == 0 ? g->in->latents : NULL;
    st->sum = NULL;
    g->out->latents =
        transfer(g, g->in->latents, t, t - stride, st->nhistory, st->history, adams[st->nhistory - 1]);
}

void mw_step_pndm(mw_stepping *g)
{
    double now = g->s->alpha_bar[(int)g->s->timesteps[g->step]];
    g->out->pred_original = mw_blend_linear(g, mw_picture_of(g->s, sqrt(now), sqrt(1 - now)));
    if (!mw_schedule_on(g->s, MW_SET_SKIP_PRK_STEPS) && g->step < WARMUP)
        runge_kutta(g);
    else
        multistep(g);
}
