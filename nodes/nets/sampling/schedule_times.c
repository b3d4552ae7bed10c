// schedule_times.c: the timesteps and noise levels a run visits (Lin et al. 2023, table 2; Karras et al.
// 2022, eq. 5).
#include "nodes/nets/sampling/beta_quantile.h"
#include "nodes/nets/sampling/schedule_internal.h"

#include <math.h>
#include <stdlib.h>

// Evenly spaced timesteps, highest first; how many. `top`: one above the highest time.
static int grid(const mw_schedule *s, int top, double *t)
{
    bool multistep = mw_schedule_is_multistep(s), whole = !mw_schedule_is_sigma_space(s);
    int n = s->asked, points = multistep ? n + 1 : n, drop = points - n;
    if (mw_schedule_is(s, MW_SET_TIMESTEP_SPACING, MW_SPACING_TRAILING)) {
        double ratio = (double)s->set[MW_SET_NUM_TRAIN_TIMESTEPS] / n, step = (top - ratio) - top;
        int count = (int)ceil(top / ratio - 1e-9);
        for (int i = 0; i < count && i < n; i++)
            t[i] = rint(top + i * step) - 1;
        return count < n ? count : n;
    }
    for (int i = 0; i < n; i++) {
        int k = n - 1 - i + drop;
        if (mw_schedule_is(s, MW_SET_TIMESTEP_SPACING, MW_SPACING_LEADING)) {
            t[i] = (double)k * (top / points) + s->set[MW_SET_STEPS_OFFSET];
        } else {
            double x = points == 1 ? 0 : k == points - 1 ? top - 1 : k * ((top - 1.0) / (points - 1));
            t[i] = whole ? rint(x) : (float)x;
        }
    }
    return n;
}

// One above the highest time of use: those at which lambda = log(alpha / sigma) is below the limit are left
// out.
static int highest_time(const mw_schedule *s)
{
    double limit = s->set[MW_SET_LAMBDA_MIN_CLIPPED];
    int clipped = 0;
    if (s->sampler != MW_DPMPP_2M || isnan(limit))
        return s->train;
    for (int i = 0; i < s->train; i++)
        clipped += 0.5 * log(s->alpha_bar[i] / (1 - s->alpha_bar[i])) < limit;
    return s->train - clipped;
}

static double interpolate(const double *y, int n, double x)
{
    if (x <= 0 || x >= n - 1)
        return x <= 0 ? y[0] : y[n - 1];
    int i = (int)x;
    return y[i] + (x - i) * (y[i + 1] - y[i]);
}

// The time at which the table has this noise level; between two entries, by the logarithm.
static double time_of(double sigma, const double *log_sigmas, int n)
{
    double x = log(sigma > 1e-10 ? sigma : 1e-10);
    int low =
        n - 1; // the table need not rise to its very end: with betas rescaled to zero SNR the last is capped
    while (low > 0 && log_sigmas[low] > x)
        low--;
    if (n < 2)
        return 0;
    low = low < n - 2 ? low : n - 2;
    double w = (log_sigmas[low] - x) / (log_sigmas[low] - log_sigmas[low + 1]);
    w = w < 0 ? 0 : w > 1 ? 1 : w;
    return (1 - w) * low + w * (low + 1);
}

static double spread_sigma(const mw_schedule *s, double low, double high, double ramp)
{
    const double rho = 7;
    if (mw_schedule_on(s, MW_SET_USE_KARRAS_SIGMAS)) {
        double a = pow(high, 1 / rho), b = pow(low, 1 / rho);
        return pow(a + ramp * (b - a), rho);
    }
    if (mw_schedule_on(s, MW_SET_USE_BETA_SIGMAS))
        return low + mw_beta_quantile(1 - ramp, 0.6, 0.6) * (high - low);
    return exp(log(high) + ramp * (log(low) - log(high)));
}

// What a sampler that takes whole timesteps only makes of a fractional one.
static double whole_time(const mw_schedule *s, double t)
{
    bool karras = mw_schedule_on(s, MW_SET_USE_KARRAS_SIGMAS), lu = mw_schedule_on(s, MW_SET_USE_LU_LAMBDAS);
    if (s->sampler == MW_UNI_PC)
        return karras ? rint(t) : trunc(t);
    if (s->sampler == MW_DPMPP_2M)
        return (karras || lu) && !mw_schedule_is(s, MW_SET_BETA_SCHEDULE, MW_BETAS_COSINE) ? rint(t)
                                                                                           : trunc(t);
    return (float)t;
}

static bool is_spread(const mw_schedule *s)
{
    return mw_schedule_on(s, MW_SET_USE_KARRAS_SIGMAS) || mw_schedule_on(s, MW_SET_USE_EXPONENTIAL_SIGMAS) ||
        mw_schedule_on(s, MW_SET_USE_BETA_SIGMAS) || mw_schedule_on(s, MW_SET_USE_LU_LAMBDAS);
}

static void spread(mw_schedule *s, const double *log_sigmas, double low, double high)
{
    if (!isnan(s->set[MW_SET_SIGMA_MIN]))
        low = s->set[MW_SET_SIGMA_MIN];
    if (!isnan(s->set[MW_SET_SIGMA_MAX]))
        high = s->set[MW_SET_SIGMA_MAX];
    s->steps = s->asked;
    for (int i = 0; i < s->steps; i++) {
        double ramp = s->steps > 1 ? (double)i / (s->steps - 1) : 0;
        s->sigmas[i] = spread_sigma(s, low, high, ramp);
        s->timesteps[i] = whole_time(s, time_of(s->sigmas[i], log_sigmas, s->train));
    }
}

// table: the noise level of every training step.
static void levels(mw_schedule *s, const double *table, const double *log_sigmas)
{
    int n = s->train;
    double low = table[0], high = table[n - 1];
    bool log_linear = mw_schedule_is(s, MW_SET_INTERPOLATION_TYPE, MW_INTERPOLATE_LOG_LINEAR);
    for (int i = 0; i < s->steps; i++)
        s->sigmas[i] = log_linear ? exp(log(high) + i * (log(low) - log(high)) / s->asked)
                                  : interpolate(table, n, s->timesteps[i]);
    // The multistep methods span the whole table, the others what the chosen timesteps span.
    if (mw_schedule_is_sigma_space(s) && !log_linear) {
        high = s->sigmas[0];
        low = s->sigmas[s->steps - 1];
    }
    double last = mw_schedule_is(s, MW_SET_FINAL_SIGMAS_TYPE, MW_FINAL_SIGMA_MIN) ? table[0] : 0;
    if (mw_schedule_on(s, MW_SET_USE_LU_LAMBDAS)) {
        low = exp(log_sigmas[0]);
        high = exp(log_sigmas[n - 1]);
    }
    if (is_spread(s)) {
        spread(s, log_sigmas, low, high);
        if (s->sampler == MW_UNI_PC && last > 0)
            last = s->sigmas[s->steps - 1];
    }
    s->nsigmas = s->steps;
    if (log_linear && !is_spread(s)) // it runs from the highest to the lowest in one step more than there are
        s->sigmas[s->nsigmas++] = low;
    s->sigmas[s->nsigmas++] = last;
    for (int i = 0; i < s->nsigmas; i++)
        s->sigmas[i] = (float)s->sigmas[i];
    if (mw_schedule_is(s, MW_SET_TIMESTEP_TYPE, MW_TIMESTEP_CONTINUOUS) &&
        mw_schedule_is(s, MW_SET_PREDICTION_TYPE, MW_PREDICT_V))
        for (int i = 0; i < s->steps; i++)
            s->timesteps[i] = (float)(0.25 * log(s->sigmas[i]));
}

// PNDM's calls (Liu et al. 2022): the linear multistep method visits the second time twice; with Runge-Kutta
// warm-up, four calls for each of the first three steps.
static mw_status pndm_calls(mw_ctx *c, mw_schedule *s)
{
    int n = s->steps, calls = 0;
    double d[MW_SAMPLER_MAXSTEPS], half = s->train / s->asked / 2;
    for (int i = 0; i < n; i++)
        d[i] = s->timesteps[i];
    if (mw_schedule_on(s, MW_SET_SKIP_PRK_STEPS)) {
        for (int i = 0; i < n; i++) {
            s->timesteps[calls++] = d[i];
            if (i == 1)
                s->timesteps[calls++] = d[i];
        }
    } else {
        if (n < 4)
            return mw_fail(c, MW_E_ARG, "pndm with skip_prk_steps = false needs at least 4 steps, got %d", n);
        for (int i = 0; i < 3; i++) {
            double quartet[4] = {d[i], d[i + 1] + half, d[i + 1] + half, d[i + 1]};
            for (int k = 0; k < 4; k++)
                s->timesteps[calls++] = quartet[k];
        }
        for (int i = 3; i < n; i++)
            s->timesteps[calls++] = d[i];
    }
    s->steps = calls;
    return mw_err(c);
}

mw_status mw_schedule_times(mw_ctx *c, mw_schedule *s)
{
    int n = s->train;
    s->steps = grid(s, highest_time(s), s->timesteps);
    if (s->steps < 1)
        return mw_fail(c, MW_E_ARG, "lambda_min_clipped %g leaves no timestep",
                       s->set[MW_SET_LAMBDA_MIN_CLIPPED]);
    if (s->sampler == MW_PNDM)
        pndm_calls(c, s);
    if (!s->sigmas) {
        for (int i = 0; i < s->steps && !mw_err(c); i++)
            if (s->timesteps[i] < 0 || s->timesteps[i] >= n)
                mw_fail(c, MW_E_ARG,
                        "steps_offset %g with %d steps asks for timestep %g, but there are only 0..%d",
                        s->set[MW_SET_STEPS_OFFSET], s->asked, s->timesteps[i], n - 1);
        return mw_err(c);
    }
    double *table = mw_alloc(c, (size_t)n * 2 * sizeof *table);
    if (!table)
        return mw_err(c);
    for (int i = 0; i < n; i++) {
        float bar = (float)s->alpha_bar[i];
        table[i] = sqrtf((1.0f - bar) / bar);
        table[n + i] = (float)log(table[i]);
    }
    levels(s, table, table + n);
    free(table);
    for (int i = 0; i < s->nsigmas; i++)
        if (!isfinite(s->sigmas[i]))
            return mw_fail(c, MW_E_ARG,
                           "the betas leave no picture at timestep %g, so that it has no noise level",
                           s->timesteps[i < s->steps ? i : s->steps - 1]);
    return mw_err(c);
}
