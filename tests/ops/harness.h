// harness.h: what the tests of ops share: both kernel families, random inputs, strided views, references in
// double.
#ifndef MW_OPS_HARNESS_H
#define MW_OPS_HARNESS_H

#include "tests/ops/families.h"

#include "core/ops.h"

#include <math.h>

static uint64_t random_state = 88172645463325252u;

#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))

// Uniform in [low, high).
static inline double uniform(double low, double high)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return low + (high - low) * (double)(random_state >> 11) / 9007199254740992.0;
}

static inline int64_t count_of(int ndim, const int64_t *shape)
{
    int64_t n = 1;
    for (int i = 0; i < ndim; i++)
        n *= shape[i];
    return n;
}

// A random tensor of dtype and what it holds (after rounding to dtype) as doubles; free() the values.
// strided: a view whose dimensions lie in reverse order within a larger tensor, so that no stride is 1.
typedef struct sample {
    mw_tensor *t;
    double *v;
    int64_t n;
} sample;

static inline sample random_sample(mw_dtype dtype, bool strided, double low, double high, int ndim,
                                   const int64_t *shape)
{
    int64_t n = count_of(ndim, shape), big[MW_MAXDIM] = {0}, all = 1;
    int order[MW_MAXDIM];
    sample s = {NULL, calloc((size_t)n + 1, sizeof(double)), n};
    for (int i = 0; i < ndim; i++) {
        big[i] = shape[ndim - 1 - i];
        order[i] = ndim - 1 - i;
    }
    strided = strided && ndim > 1 && ndim < MW_MAXDIM;
    if (strided)
        big[ndim] = 2;
    all = strided ? 2 * n : n;
    float *data = malloc(sizeof *data * (size_t)(all + 1));
    for (int64_t i = 0; i < all; i++)
        data[i] = (float)uniform(low, high);
    if (strided) {
        mw_tensor *t = mw_tensor_from_f32(c, dtype, ndim + 1, big, data);
        t = mw_reshape(c, mw_slice(c, t, ndim, 1, 1), ndim, big);
        s.t = mw_permute(c, t, order);
    } else {
        s.t = mw_tensor_from_f32(c, dtype, ndim, shape, data);
    }
    mw_tensor_read_f32(c, s.t, data);
    assert_string_equal(mw_errmsg(c), "");
    for (int64_t i = 0; i < n; i++)
        s.v[i] = data[i];
    free(data);
    return s;
}

// got must have `shape` and the values of want, within `tolerance` of each value, or of the largest of a
// block (at most 1; for a single value 1) where that is more. f16 results add their rounding.
static inline void assert_near(mw_tensor *got, int ndim, const int64_t *shape, const double *want,
                               double tolerance)
{
    assert_string_equal(mw_errmsg(c), "");
    assert_non_null(got);
    assert_int_equal(got->ndim, ndim);
    assert_true(mw_is_contiguous(got));
    for (int i = 0; i < ndim; i++)
        assert_int_equal(got->shape[i], shape[i]);
    int64_t n = mw_numel(got);
    float *data = malloc(sizeof *data * (size_t)(n + 1));
    assert_int_equal(mw_tensor_read_f32(c, got, data), MW_OK);
    if (got->dtype == MW_F16)
        tolerance += 1.0 / 1024;
    double largest = n == 1;
    for (int64_t i = 0; i < n; i++)
        largest = isfinite(want[i]) ? fmax(largest, fabs(want[i])) : largest;
    for (int64_t i = 0; i < n; i++) {
        bool same = (isnan(want[i]) && isnan(data[i])) || (double)data[i] == want[i];
        double error = fabs(data[i] - want[i]), allowed = tolerance * fmax(fmin(1, largest), fabs(want[i]));
        if (!same && !(error <= allowed))
            fail_msg("element %lld of %lld: got %.9g, want %.9g, error %.3g, allowed %.3g", (long long)i,
                     (long long)n, (double)data[i], want[i], error, allowed);
    }
    free(data);
}

// (x - mean) / sqrt(var + eps) over n values `step` apart, blocks of `width` neighbours at each.
static inline void normalise(double *x, int64_t n, int64_t step, int64_t width, double eps, bool centred)
{
    double mean = 0, var = 0;
    for (int64_t i = 0; i < n * width && centred; i++)
        mean += x[i / width * step + i % width];
    mean /= (double)(n * width);
    for (int64_t i = 0; i < n * width; i++) {
        double d = x[i / width * step + i % width] - mean;
        var += d * d;
    }
    var /= (double)(n * width);
    for (int64_t i = 0; i < n * width; i++) {
        double *v = &x[i / width * step + i % width];
        *v = (*v - mean) / sqrt(var + eps);
    }
}

// The pending sentence must hold `part`; it is then forgotten.
static inline void assert_error(mw_tensor *got, const char *part)
{
    assert_null(got);
    assert_int_equal(mw_err(c), MW_E_SHAPE);
    if (!strstr(mw_errmsg(c), part))
        fail_msg("'%s' does not say '%s'", mw_errmsg(c), part);
    mw_err_clear(c);
}

static inline mw_tensor *tensor_of(int ndim, const int64_t *shape, const float *data)
{
    return mw_tensor_from_f32(c, MW_F32, ndim, shape, data);
}

static inline int begin_test(void **state)
{
    (void)state;
    random_state = 88172645463325252u;
    mw_scope_begin(c);
    return mw_err(c);
}

static inline int end_test(void **state)
{
    (void)state;
    while (c->scope)
        mw_scope_end(c, NULL);
    mw_err_clear(c);
    return mw_device_memory(c).used == 0 && mw_live_tensors() == 0 ? 0 : -1;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin_test, end_test)

#endif
