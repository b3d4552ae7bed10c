// schedule_betas.c: how much of the picture is left at each training step.
//
// Done in f32 where PyTorch does: the timesteps of truncated sigma schedules depend on the last bit of these
// tables.
#include "nodes/nets/sampling/schedule_internal.h"

#include <math.h>
#include <stdlib.h>

// n points from a to b as torch.linspace gives them: counted from the nearer end, one rounding each.
static float point(double a, double b, int n, int i)
{
    float low = (float)a, high = (float)b, step = n > 1 ? (high - low) / (float)(n - 1) : 0;
    if (i < n / 2 || n == 1)
        return (float)((double)low + (double)step * i);
    return (float)((double)high - (double)step * (n - 1 - i));
}

// Nichol & Dhariwal 2021, eq. 17
static double cosine_bar(double t)
{
    double x = cos((t + 0.008) / 1.008 * 3.14159265358979323846 / 2);
    return x * x;
}

static double laplace_bar(double t)
{
    double lambda = -0.5 * copysign(1, 0.5 - t) * log(1 - 2 * fabs(0.5 - t) + 1e-6);
    return sqrt(exp(lambda) / (1 + exp(lambda)));
}

static float beta_of_bar(double (*bar)(double), int n, int i)
{
    double beta = 1 - bar((i + 1.0) / n) / bar((double)i / n);
    return (float)(beta < 0.999 ? beta : 0.999);
}

static float beta_at(const mw_schedule *s, const double *trained, int i)
{
    double start = s->set[MW_SET_BETA_START], end = s->set[MW_SET_BETA_END];
    if (trained)
        return (float)trained[i];
    switch ((int)s->set[MW_SET_BETA_SCHEDULE]) {
    case MW_BETAS_LINEAR: return point(start, end, s->train, i);
    case MW_BETAS_SCALED_LINEAR: {
        float root = point(sqrt(start), sqrt(end), s->train, i);
        return root * root;
    }
    case MW_BETAS_COSINE: return beta_of_bar(cosine_bar, s->train, i);
    case MW_BETAS_LAPLACE: return beta_of_bar(laplace_bar, s->train, i);
    default: return 1.0f / (1.0f + expf(-point(-6, 6, s->train, i))) * (float)(end - start) + (float)start;
    }
}

static void accumulate(float *alphas, int n)
{
    double product = 1;
    for (int i = 0; i < n; i++)
        alphas[i] = (float)(product *= alphas[i]);
}

// Lin et al. 2023, algorithm 1: shift and scale so that nothing is left at the last step. bar: alpha_bar, in
// place.
static void end_in_noise(float *bar, int n)
{
    float first = sqrtf(bar[0]), last = sqrtf(bar[n - 1]), scale = first / (first - last), before = 0;
    for (int i = 0; i < n; i++) {
        float root = (sqrtf(bar[i]) - last) * scale, square = root * root;
        float beta = 1.0f - (i ? square / before : square);
        bar[i] = 1.0f - beta;
        before = square;
    }
    accumulate(bar, n);
}

mw_status mw_schedule_betas(mw_ctx *c, mw_schedule *s, const double *trained)
{
    int n = s->train;
    float *bar = mw_alloc(c, (size_t)n * sizeof *bar);
    if (!bar)
        return mw_err(c);
    for (int i = 0; i < n; i++)
        bar[i] = 1.0f - beta_at(s, trained, i);
    accumulate(bar, n);
    bool zero_snr = mw_schedule_on(s, MW_SET_RESCALE_BETAS_ZERO_SNR);
    if (zero_snr)
        end_in_noise(bar, n);
    for (int i = 0; i < n; i++) {
        s->alpha_bar[i] = bar[i];
        if (!(bar[i] >= 0 && bar[i] <= 1))
            mw_fail(c, MW_E_ARG,
                    "beta_schedule: the betas leave alphas_cumprod[%d] = %g, which is not in 0..1", i,
                    (double)bar[i]);
    }
    // A noise level of infinity has no number; the least alpha_bar that f16 can hold has.
    if (zero_snr && s->sigmas)
        s->alpha_bar[n - 1] = ldexp(1, -24);
    free(bar);
    return mw_err(c);
}
