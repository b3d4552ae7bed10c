// sampler_uni_pc.c: UniPC, predictor and corrector with B(h) = h or expm1(h), orders 1 to 3 (Zhao et al.
// 2023).
#include "nodes/nets/sampling/sampler_internal.h"

#include <math.h>

#define MAXORDER 3

// Solve a[n][n] x = b by elimination with pivots; a and b are used up.
static void solve(int n, double a[MAXORDER][MAXORDER], double *b, double *x)
{
    for (int i = 0; i < n; i++) {
        int p = i;
        for (int r = i + 1; r < n; r++)
            p = fabs(a[r][i]) > fabs(a[p][i]) ? r : p;
        for (int k = 0; k < n; k++) {
            double swap = a[i][k];
            a[i][k] = a[p][k];
            a[p][k] = swap;
        }
        double swap = b[i];
        b[i] = b[p];
        b[p] = swap;
        for (int r = i + 1; r < n; r++) {
            double f = a[r][i] / a[i][i];
            for (int k = i; k < n; k++)
                a[r][k] -= f * a[i][k];
            b[r] -= f * b[i];
        }
    }
    for (int i = n - 1; i >= 0; i--) {
        x[i] = b[i];
        for (int k = i + 1; k < n; k++)
            x[i] -= a[i][k] * x[k];
        x[i] /= a[i][i];
    }
}

// The weights of n differences at relative positions r (the last of a corrector's is 1), from the first n
// conditions of eq. 8 of the paper. hh: the step in log signal-to-noise, signed; bh: B(h).
static void weights(int n, const double *r, double hh, double bh, double *rho)
{
    double a[MAXORDER][MAXORDER], b[MAXORDER], phi = expm1(hh) / hh - 1, factorial = 1;
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < n; k++)
            a[i][k] = pow(r[k], i);
        b[i] = phi * factorial / bh;
        factorial *= i + 2;
        phi = phi / hh - 1 / factorial;
    }
    solve(n, a, b, rho);
}

static double lambda(const mw_schedule *s, int step) { return -log(s->sigmas[step]); }

// From step `from` to the next: latents := k[0] * latents + k[1] m0 + k[2] m1 + ..., m0 the prediction at
// `from`, m1 that before it, ... With `corrects`, k[order + 1] is that of the prediction at the step arrived
// at.
static void coefficients(const mw_schedule *s, int from, int order, bool corrects, double *k)
{
    bool of_picture = mw_schedule_on(s, MW_SET_PREDICT_X0);
    double sigma_t = s->sigmas[from + 1], sigma_s = s->sigmas[from];
    double alpha_t = 1 / sqrt(sigma_t * sigma_t + 1), alpha_s = 1 / sqrt(sigma_s * sigma_s + 1);
    double h = lambda(s, from + 1) - lambda(s, from), hh = of_picture ? -h : h;
    double scale = of_picture ? alpha_t : sigma_t * alpha_t;
    double bh = mw_schedule_is(s, MW_SET_SOLVER_TYPE, MW_SOLVER_BH1) ? hh : expm1(hh);
    double r[MAXORDER], rho[MAXORDER] = {0.5, 0.5, 0.5};
    int n = order - 1 + corrects;
    for (int i = 1; i < order; i++)
        r[i - 1] = (lambda(s, from - i) - lambda(s, from)) / h;
    if (corrects)
        r[order - 1] = 1;
    if (corrects ? order > 1 : order > 2)
        weights(n, r, hh, bh, rho);
    k[0] = of_picture ? sigma_t * alpha_t / (sigma_s * alpha_s) : alpha_t / alpha_s;
    k[1] = -scale * expm1(hh);
    for (int i = 0; i < n; i++) {
        double share = -scale * bh * rho[i] / r[i];
        k[2 + i] = share;
        k[1] -= share;
    }
}

static int order_at(const mw_schedule *s, int step, int history)
{
    int order = (int)s->set[MW_SET_SOLVER_ORDER], left = s->steps - step;
    if (mw_schedule_on(s, MW_SET_LOWER_ORDER_FINAL) && left < order)
        order = left;
    if (s->sigmas[step + 1] == s->sigmas[step]) // no way to go, along which nothing differs
        return 1;
    return order < history ? order : history;
}

static mw_tensor *advance(mw_stepping *g, int from, int order, mw_tensor *latents, mw_tensor *arrived)
{
    mw_tensor *x[MAXORDER + 2] = {latents};
    double k[MAXORDER + 2];
    for (int i = 0; i < order; i++)
        x[1 + i] = g->state->history[i];
    if (arrived)
        x[1 + order] = arrived;
    coefficients(g->s, from, order, arrived != NULL, k);
    return mw_blend(g, 1 + order + (arrived != NULL), x, k);
}

void mw_step_uni_pc(mw_stepping *g)
{
    const mw_schedule *s = g->s;
    mw_sampler_state *st = g->state;
    double sigma = s->sigmas[g->step], signal = 1 / sqrt(sigma * sigma + 1);
    bool of_picture = mw_schedule_on(s, MW_SET_PREDICT_X0);
    mw_tensor *picture = mw_blend_linear(g, mw_picture_of(s, signal, sigma * signal)), *x = g->in->latents,
              *m;
    if (of_picture)
        m = picture = mw_limit(g, picture);
    else
        m = mw_blend_linear(g, mw_noise_of(s, signal, sigma * signal));
    int before = g->step - 1;
    if (st->nhistory && st->sample && before >= 0 &&
        !(before < MW_SAMPLER_MAXSTEPS && (s->disable_corrector[before / 64] >> (before % 64) & 1)))
        x = advance(g, before, order_at(s, before, st->nhistory), st->sample, m);
    mw_remember(st, m, (int)s->set[MW_SET_SOLVER_ORDER]);
    st->sample = x;
    g->out->pred_original = picture;
    g->out->latents = advance(g, g->step, order_at(s, g->step, st->nhistory), x, NULL);
}
