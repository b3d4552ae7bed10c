// sampler_dpmpp_2m.c: DPM-Solver++ and DPM-Solver, multistep, orders 1 to 3, as ODE and SDE (Lu et al. 2022).
#include "nodes/nets/sampling/sampler_internal.h"

#include <math.h>

typedef struct level {
    double alpha, sigma, lambda;
} level;

static level level_of(double sigma)
{
    double alpha = 1 / sqrt(sigma * sigma + 1);
    return (level){alpha, sigma * alpha, -log(sigma)}; // log(alpha / (sigma * alpha))
}

// latents := x * latents + d[0] D0 + d[1] D1 + d[2] D2 + n * noise, where D0 is the newest prediction, D1 and
// D2 its first and second differences over lambda.
typedef struct form {
    double x, d[3], n;
} form;

static form predicts_picture(level t, level s, int order, bool heun)
{
    double h = t.lambda - s.lambda, phi = expm1(-h);
    form f = {t.sigma / s.sigma, {-t.alpha * phi}, 0};
    if (order == 2 && !heun)
        f.d[1] = -0.5 * t.alpha * phi;
    else if (order > 1)
        f.d[1] = t.alpha * (phi / h + 1);
    if (order > 2)
        f.d[2] = -t.alpha * ((phi + h) / (h * h) - 0.5);
    return f;
}

static form predicts_picture_sde(level t, level s, int order, bool heun)
{
    double h = t.lambda - s.lambda, phi = -expm1(-2 * h);
    form f = {t.sigma / s.sigma * exp(-h), {t.alpha * phi}, t.sigma * sqrt(fmax(phi, 0))};
    if (order == 2 && !heun)
        f.d[1] = 0.5 * t.alpha * phi;
    else if (order > 1)
        f.d[1] = t.alpha * (phi / (-2 * h) + 1);
    if (order > 2)
        f.d[2] = t.alpha * ((phi - 2 * h) / (4 * h * h) - 0.5);
    return f;
}

static form predicts_noise(level t, level s, int order, bool heun)
{
    double h = t.lambda - s.lambda, phi = expm1(h);
    form f = {t.alpha / s.alpha, {-t.sigma * phi}, 0};
    if (order == 2 && !heun)
        f.d[1] = -0.5 * t.sigma * phi;
    else if (order > 1)
        f.d[1] = -t.sigma * (phi / h - 1);
    if (order > 2)
        f.d[2] = -t.sigma * ((phi - h) / (h * h) - 0.5);
    return f;
}

static form predicts_noise_sde(level t, level s, int order, bool heun)
{
    double h = t.lambda - s.lambda, phi = expm1(h);
    form f = {t.alpha / s.alpha, {-2 * t.sigma * phi}, t.sigma * sqrt(fmax(expm1(2 * h), 0))};
    if (order > 1)
        f.d[1] = heun ? -2 * t.sigma * (phi / h - 1) : -t.sigma * phi;
    return f;
}

static form form_of(const mw_schedule *s, int step, int order)
{
    static form (*const forms[])(level, level, int, bool) = {predicts_picture, predicts_picture_sde,
                                                             predicts_noise, predicts_noise_sde};
    return forms[(int)s->set[MW_SET_ALGORITHM_TYPE]](level_of(s->sigmas[step + 1]), level_of(s->sigmas[step]),
                                                     order,
                                                     mw_schedule_is(s, MW_SET_SOLVER_TYPE, MW_SOLVER_HEUN));
}

// Coefficients of the predictions themselves (newest first) in place of their differences.
static void expand_differences(const mw_schedule *s, int step, int order, const double *d, double *m)
{
    double l[4] = {level_of(s->sigmas[step + 1]).lambda};
    for (int i = 0; i < order; i++)
        l[1 + i] = level_of(s->sigmas[step - i]).lambda;
    double h = l[0] - l[1];
    m[0] = d[0];
    if (order < 2)
        return;
    double r0 = (l[1] - l[2]) / h, first[3] = {1 / r0, -1 / r0, 0}, second[3] = {0};
    if (order > 2) {
        double r1 = (l[2] - l[3]) / h, gap[3] = {1 / r0, -1 / r0 - 1 / r1, 1 / r1};
        for (int i = 0; i < 3; i++) {
            first[i] += r0 / (r0 + r1) * gap[i];
            second[i] = gap[i] / (r0 + r1);
        }
    }
    for (int i = 0; i < order; i++)
        m[i] = (i ? 0 : d[0]) + d[1] * first[i] + d[2] * second[i];
}

static int order_at(const mw_schedule *s, int step, int history)
{
    int order = (int)s->set[MW_SET_SOLVER_ORDER], left = s->steps - step;
    bool lower = mw_schedule_on(s, MW_SET_LOWER_ORDER_FINAL) && s->steps < 15;
    if (left == 1 &&
        (lower || mw_schedule_on(s, MW_SET_EULER_AT_FINAL) ||
         mw_schedule_is(s, MW_SET_FINAL_SIGMAS_TYPE, MW_FINAL_ZERO)))
        return 1;
    if (s->sigmas[step + 1] == s->sigmas[step]) // no way to go, along which nothing differs
        return 1;
    if (left == 2 && lower && order > 2)
        order = 2;
    return order < history ? order : history;
}

void mw_step_dpmpp_2m(mw_stepping *g)
{
    const mw_schedule *s = g->s;
    level now = level_of(s->sigmas[g->step]);
    bool of_noise = s->set[MW_SET_ALGORITHM_TYPE] >= MW_SOLVER_EPS;
    mw_tensor *picture = mw_limit(g, mw_blend_linear(g, mw_picture_of(s, now.alpha, now.sigma))),
              *m = picture;
    if (of_noise && mw_has_limit(s))
        m = mw_blend(g, 2, (mw_tensor *[]){g->in->latents, picture},
                     (double[]){1 / now.sigma, -now.alpha / now.sigma});
    else if (of_noise)
        m = mw_blend_linear(g, mw_noise_of(s, now.alpha, now.sigma));
    mw_remember(g->state, m, (int)s->set[MW_SET_SOLVER_ORDER]);

    int order = order_at(s, g->step, g->state->nhistory);
    form f = form_of(s, g->step, order);
    mw_tensor *x[5] = {g->in->latents, g->in->variance_noise};
    double k[5] = {f.x, f.n};
    expand_differences(s, g->step, order, f.d, k + 2);
    for (int i = 0; i < order; i++)
        x[2 + i] = g->state->history[i];
    g->out->pred_original = picture;
    g->out->latents = mw_blend(g, 2 + order, x, k);
}
