// gemm_test.h: what the tests of linear, conv2d and matmul share: both families of kernels, random operands,
// comparison with results computed in double.
#ifndef GEMM_TEST_H
#define GEMM_TEST_H

#include "tests/ops/families.h"

#include "core/cl/tune.h"
#include "core/ops.h"

#include <math.h>

// Values in [-1,1), the same in every run.
static float noise(void)
{
    static uint32_t s = 1;
    s = s * 1664525u + 1013904223u;
    return (float)(s >> 8) / (float)(1 << 23) - 1;
}

static mw_tensor *noisy(mw_dtype dtype, int ndim, const int64_t *shape)
{
    int64_t n = 1;
    for (int i = 0; i < ndim; i++)
        n *= shape[i];
    float *v = malloc((size_t)n * sizeof *v);
    for (int64_t i = 0; i < n; i++)
        v[i] = noise();
    mw_tensor *t = mw_tensor_from_f32(c, dtype, ndim, shape, v);
    free(v);
    return t;
}

static float *values(const mw_tensor *t)
{
    if (!t)
        return NULL;
    float *v = malloc((size_t)mw_numel(t) * sizeof *v + 1);
    if (mw_tensor_read_f32(c, t, v) != MW_OK)
        print_error("%s\n", mw_errmsg(c));
    return v;
}

static inline double activated(double v, mw_activation act)
{
    switch (act) {
    case MW_ACT_SILU: return v / (1 + exp(-v));
    case MW_ACT_GELU: return 0.5 * v * (1 + erf(v / sqrt(2)));
    case MW_ACT_QUICK_GELU: return v / (1 + exp(-1.702 * v));
    case MW_ACT_GELU_TANH: return 0.5 * v * (1 + tanh(sqrt(2 / M_PI) * (v + 0.044715 * v * v * v)));
    default: return v;
    }
}

// y against want[numel]: every element, and the relative L2 error; slack: how much more rounding than a plain
// sum.
static void agrees_within(const mw_tensor *y, const double *want, double slack)
{
    if (!y)
        fail_msg("%s", mw_errmsg(c));
    float *got = values(y);
    double most = 0, error = 0, norm = 0, worst = 0;
    for (int64_t i = 0; i < mw_numel(y); i++) {
        most = fmax(most, fabs(want[i]));
        worst = fmax(worst, fabs(got[i] - want[i]));
        assert_true(isfinite(got[i]));
        error += (got[i] - want[i]) * (got[i] - want[i]);
        norm += want[i] * want[i];
    }
    free(got);
    double bound = y->dtype == MW_F16 ? 6e-4 : 2e-6 * slack;
    if (worst > 4 * bound * (1 + most) || sqrt(error) > bound * sqrt(norm) + 1e-12)
        fail_msg("worst error %g of %g, relative %g", worst, most, sqrt(error / norm));
}

static inline void agrees(const mw_tensor *y, const double *want) { agrees_within(y, want, 1); }

// Runs check(arg) in every way that the choices it meets allow; the choices are forgotten again.
static inline void in_every_way(void (*check)(const void *), const void *arg)
{
    const char *key;
    const char *const *ways;
    mw_tune_record(c, true);
    check(arg);
    for (size_t i = 0; mw_tune_recorded(c, i, &key, &ways); i++)
        for (int w = 0; ways[w]; w++) {
            mw_tune_set(c, key, ways[w]);
            check(arg);
        }
    for (size_t i = 0; mw_tune_recorded(c, i, &key, &ways); i++)
        mw_tune_set(c, key, NULL);
    mw_tune_record(c, false);
}

#endif
