// test_rng.c: random streams against those of torch, numpy and CUDA's generator (tests/golden/noise), and
// their rules.
#include "core/base/rng.h"
#include "core/base/rng_internal.h"
#include "core/io/json.h"
#include "core/io/safetensors.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static mw_ctx *c;

// Values of f32 and f64 entries.
static double value(const mw_st_entry *e, int64_t i)
{
    float f;
    double d;
    if (e->dtype == MW_ST_F32) {
        memcpy(&f, e->data + 4 * i, 4);
        return (double)f;
    }
    memcpy(&d, e->data + 8 * i, 8);
    return d;
}

static int64_t whole(const mw_st_entry *e, int64_t i)
{
    int64_t x;
    memcpy(&x, e->data + 8 * i, 8);
    return x;
}

typedef void fill(uint64_t seed, double *out, int64_t n);

static void fill_torch(uint64_t seed, double *out, int64_t n)
{
    mw_torch_rng g;
    mw_torch_rng_seed(&g, seed);
    float *v = malloc((size_t)n * sizeof *v);
    mw_torch_randn(&g, v, (size_t)n);
    for (int64_t i = 0; i < n; i++)
        out[i] = (double)v[i];
    free(v);
}

static void fill_philox(uint64_t seed, uint64_t call, double *out, int64_t n)
{
    float *v = malloc((size_t)n * sizeof *v);
    mw_philox_randn(seed, call, 0, v, (size_t)n);
    for (int64_t i = 0; i < n; i++)
        out[i] = (double)v[i];
    free(v);
}

static void fill_philox0(uint64_t seed, double *out, int64_t n) { fill_philox(seed, 0, out, n); }

static void fill_philox1(uint64_t seed, double *out, int64_t n) { fill_philox(seed, 1, out, n); }

static void fill_legacy(uint64_t seed, double *out, int64_t n)
{
    mw_numpy_legacy g;
    mw_numpy_legacy_seed(&g, (uint32_t)seed);
    for (int64_t i = 0; i < n; i++)
        out[i] = mw_numpy_legacy_normal(&g);
}

static void fill_pcg64(uint64_t seed, double *out, int64_t n)
{
    mw_numpy_pcg64 g;
    mw_numpy_pcg64_seed(&g, seed);
    for (int64_t i = 0; i < n; i++)
        out[i] = mw_numpy_pcg64_normal(&g);
}

static void fill_pcg64_f32(uint64_t seed, double *out, int64_t n)
{
    mw_numpy_pcg64 g;
    mw_numpy_pcg64_seed(&g, seed);
    for (int64_t i = 0; i < n; i++)
        out[i] = (double)mw_numpy_pcg64_normal_f32(&g);
}

// Entries "<stream>.seed<N>.<sides>[.head64|.tail64]" and, for philox, ".call<k>" in between.
static void check_stream(const mw_st *s, const char *prefix, const char *part, fill *of, double tolerance)
{
    int seen = 0;
    double *v = malloc(16384 * sizeof *v);
    for (size_t i = 0; i < mw_st_count(s); i++) {
        const mw_st_entry *e = mw_st_at(s, i);
        unsigned long long seed, side;
        int at = 0;
        if (strncmp(e->name, prefix, strlen(prefix)) != 0 || (part && !strstr(e->name, part)))
            continue;
        assert_int_equal(sscanf(e->name + strlen(prefix), ".seed%llu.%n", &seed, &at), 1);
        const char *p = e->name + strlen(prefix) + at;
        int64_t n = 1;
        for (int used; sscanf(p, "%llu%n", &side, &used) == 1; p += *p == 'x') {
            n *= (int64_t)side;
            p += used;
        }
        of(seed, v, n);
        int64_t from = strstr(e->name, "tail64") ? n - e->count : 0;
        for (int64_t j = 0; j < e->count; j++)
            if (!(fabs(v[from + j] - value(e, j)) <= tolerance))
                fail_msg("%s[%lld]: %.17g, expected %.17g", e->name, (long long)j, v[from + j], value(e, j));
        seen++;
    }
    free(v);
    assert_true(seen >= 10);
}

// Mean and mean square of the long draws, which are not stored whole.
static void check_summaries(const char *file, const char *prefix, const char *part, fill *of,
                            double tolerance)
{
    json_t *k = mw_json_load(c, file), *one;
    assert_non_null(k);
    const char *name;
    int seen = 0;
    json_object_foreach(json_object_get(json_object_get(k, "params"), "summaries"), name, one)
    {
        unsigned long long seed;
        if (strncmp(name, prefix, strlen(prefix)) != 0 || (part && !strstr(name, part)))
            continue;
        assert_int_equal(sscanf(name + strlen(prefix), ".seed%llu", &seed), 1);
        int64_t n = json_integer_value(json_object_get(one, "count"));
        double *v = malloc((size_t)n * sizeof *v), mean = 0, square = 0;
        of(seed, v, n);
        for (int64_t i = 0; i < n; i++) {
            mean += v[i] / (double)n;
            square += v[i] * v[i] / (double)n;
        }
        free(v);
        assert_true(fabs(mean - json_number_value(json_object_get(one, "mean"))) < tolerance);
        assert_true(fabs(square - json_number_value(json_object_get(one, "mean_square"))) < tolerance);
        seen++;
    }
    json_decref(k);
    assert_true(seen >= 5);
}

static void torch_draws(void **state)
{
    (void)state;
    mw_st *s = mw_st_open(c, "tests/golden/noise/torch_cpu/expected.safetensors");
    assert_non_null(s);
    check_stream(s, "randn", NULL, fill_torch, 1e-6);
    check_summaries("tests/golden/noise/torch_cpu/case.json", "randn", NULL, fill_torch, 1e-6);
    static const size_t sizes[] = {3, 5, 16, 1, 20, 2, 252, 7};
    for (size_t i = 0; i < mw_st_count(s); i++) {
        const mw_st_entry *e = mw_st_at(s, i);
        unsigned long long seed;
        mw_torch_rng g;
        if (sscanf(e->name, "words.seed%llu", &seed) == 1) {
            mw_torch_rng_seed(&g, seed);
            for (int64_t j = 0; j < e->count; j++)
                assert_int_equal(mw_mt19937_word(&g.words), whole(e, j));
        }
        if (sscanf(e->name, "sequence.seed%llu", &seed) == 1) {
            float v[306];
            size_t at = 0;
            mw_torch_rng_seed(&g, seed);
            for (size_t j = 0; j < sizeof sizes / sizeof *sizes; at += sizes[j++])
                mw_torch_randn(&g, v + at, sizes[j]);
            assert_int_equal(at, e->count);
            for (int64_t j = 0; j < e->count; j++)
                assert_true(fabs((double)v[j] - value(e, j)) <= 1e-6);
        }
    }
    mw_st_close(s);
}

static void torch_rules(void **state)
{
    (void)state;
    mw_torch_rng a, b;
    float v[40], w[40];
    mw_torch_rng_seed(&a, 5);
    mw_torch_rng_seed(&b, UINT64_C(0x900000005)); // only the low half counts
    mw_torch_randn(&a, v, 33);
    mw_torch_randn(&b, w, 33);
    assert_memory_equal(v, w, 33 * sizeof *v);
    mw_torch_rng_seed(&b, 5);
    mw_torch_randn(&b, w, 32);
    assert_memory_equal(v, w, 17 * sizeof *v); // the first values of a longer draw are the same,
    assert_true(v[17] != w[17]);               // the last 16 of a broken block are not
    mw_torch_randn(&a, v, 0);
    b = a;
    mw_torch_rand(&a, v, 40);
    mw_torch_rand(&b, w, 40);
    assert_memory_equal(v, w, sizeof v);
    for (int i = 0; i < 40; i++)
        assert_true(v[i] >= 0 && v[i] < 1);
}

static void philox_draws(void **state)
{
    (void)state;
    mw_st *s = mw_st_open(c, "tests/golden/noise/philox_cuda/expected.safetensors");
    assert_non_null(s);
    check_stream(s, "randn", ".call0", fill_philox0, 2e-6);
    check_stream(s, "randn", ".call1", fill_philox1, 2e-6);
    check_summaries("tests/golden/noise/philox_cuda/case.json", "randn", ".call1", fill_philox1, 1e-6);
    int seen = 0;
    for (size_t i = 0; i < mw_st_count(s); i++) {
        const mw_st_entry *e = mw_st_at(s, i);
        unsigned long long seed;
        if (sscanf(e->name, "words.seed%llu", &seed) != 1)
            continue;
        for (uint32_t j = 0; j < e->count; j++) {
            uint32_t w[4];
            mw_philox_words(seed, (uint32_t[]){0, 0, j / 4, 0}, w);
            assert_int_equal(w[j % 4], whole(e, j));
        }
        seen++;
    }
    assert_true(seen >= 5);
    float all[100], part[10];
    mw_philox_randn(9, 3, 0, all, 100);
    mw_philox_randn(9, 3, 57, part, 10);
    assert_memory_equal(all + 57, part, sizeof part);
    mw_st_close(s);
}

static void numpy_draws(void **state)
{
    (void)state;
    mw_st *s = mw_st_open(c, "tests/golden/noise/numpy/expected.safetensors");
    assert_non_null(s);
    check_stream(s, "legacy", NULL, fill_legacy, 1e-13);
    check_stream(s, "pcg64_f64", NULL, fill_pcg64, 1e-13);
    check_stream(s, "pcg64_f32", NULL, fill_pcg64_f32, 1e-6);
    check_summaries("tests/golden/noise/numpy/case.json", "legacy", NULL, fill_legacy, 1e-11);
    check_summaries("tests/golden/noise/numpy/case.json", "pcg64_f64", NULL, fill_pcg64, 1e-11);
    check_summaries("tests/golden/noise/numpy/case.json", "pcg64_f32", NULL, fill_pcg64_f32, 1e-6);
    mw_st_close(s);
}

// Written down from numpy 2.4.6: default_rng(7) and RandomState(7).
static void numpy_integers(void **state)
{
    (void)state;
    static const int64_t pcg_small[] = {9, 6, 6, 8, 5}, pcg_order[] = {3, 2, 6, 4, 1, 5, 0, 7};
    static const int64_t pcg_large[] = {-604275779670, -439438986724, 821452713617};
    static const int64_t legacy_small[] = {4, 9, 6, 3, 3}, legacy_order[] = {6, 3, 4, 7, 5, 2, 1, 0};
    static const int64_t legacy_large[] = {650496783975, 396459895993, 611018672663};
    const int64_t far = INT64_C(1) << 40;
    int64_t order[8];
    mw_numpy_pcg64 p;
    mw_numpy_pcg64_seed(&p, 7);
    for (int i = 0; i < 5; i++)
        assert_int_equal(mw_numpy_pcg64_integer(&p, 0, 10), pcg_small[i]);
    for (int i = 0; i < 3; i++)
        assert_int_equal(mw_numpy_pcg64_integer(&p, -far, far), pcg_large[i]);
    mw_numpy_pcg64_permutation(&p, order, 8);
    assert_memory_equal(order, pcg_order, sizeof order);
    assert_true(mw_numpy_pcg64_random(&p) == 0.2784256121007733);
    assert_int_equal(mw_numpy_pcg64_integer(&p, 3, 4), 3);
    mw_numpy_legacy l;
    mw_numpy_legacy_seed(&l, 7);
    for (int i = 0; i < 5; i++)
        assert_int_equal(mw_numpy_legacy_integer(&l, 0, 10), legacy_small[i]);
    for (int i = 0; i < 3; i++)
        assert_int_equal(mw_numpy_legacy_integer(&l, -far, far), legacy_large[i]);
    mw_numpy_legacy_permutation(&l, order, 8);
    assert_memory_equal(order, legacy_order, sizeof order);
    assert_true(mw_numpy_legacy_random(&l) == 0.8688014582078086);
}

// A million normals reach every strip, every wedge and the tail; one wrong rejection would shift all that
// follow.
static void numpy_long(void **state)
{
    (void)state;
    mw_numpy_pcg64 g;
    mw_numpy_pcg64_seed(&g, 7);
    double sum = 0, top = 0;
    for (int i = 0; i < 1000000; i++) {
        double x = mw_numpy_pcg64_normal(&g);
        sum += x;
        top = fmax(top, fabs(x));
    }
    assert_true(fabs(sum + 112.78554893201783) < 1e-8 && fabs(top - 4.947871460149176) < 1e-12);
    assert_int_equal(mw_numpy_pcg64_integer(&g, 0, INT64_C(1) << 62), INT64_C(595379012850238424));
    mw_numpy_pcg64_seed(&g, 7);
    sum = 0;
    for (int i = 0; i < 1000000; i++)
        sum += (double)mw_numpy_pcg64_normal_f32(&g);
    assert_true(fabs(sum + 0.6975912719835833) < 1e-4);
    assert_int_equal(mw_numpy_pcg64_integer(&g, 0, INT64_C(1) << 62), INT64_C(1733330754650789476));
}

static double ulps(double got, double want)
{
    return fabs(got - want) / (nextafter(fabs(want), INFINITY) - fabs(want));
}

static void functions(void **state)
{
    (void)state;
    mw_numpy_legacy g;
    mw_numpy_legacy_seed(&g, 3);
    for (int i = 0; i < 20000; i++) {
        double u = mw_numpy_legacy_random(&g), x = i % 2 ? u + 0.5 : u * pow(10, -i % 9), s, r;
        assert_true(ulps(mw_rng_log(x), log(x)) < 3);
        assert_true(ulps(mw_rng_exp(-20 * u), exp(-20 * u)) < 3);
        mw_rng_sincos(6.283185307179586 * u, &s, &r);
        assert_true(ulps(s, sin(6.283185307179586 * u)) < 3 && ulps(r, cos(6.283185307179586 * u)) < 3);
    }
    assert_true(mw_rng_log(1) == 0 && mw_rng_exp(0) == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(torch_draws), cmocka_unit_test(torch_rules),    cmocka_unit_test(philox_draws),
        cmocka_unit_test(numpy_draws), cmocka_unit_test(numpy_integers), cmocka_unit_test(numpy_long),
        cmocka_unit_test(functions),
    };
    c = mw_ctx_new();
    cmocka_set_message_output(CM_OUTPUT_STDOUT);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    mw_ctx_free(c);
    return failed;
}
