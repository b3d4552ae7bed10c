// group_norm.c: group norm against a double reference.
#include "tests/ops/harness.h"

static double silu(double x) { return x / (1 + exp(-x)); }

// B, h, w, channels, groups
static const int64_t group_cases[][5] = {
    {1, 1, 1, 1, 1},    {2, 7, 3, 30, 3}, {1, 16, 16, 320, 32}, {2, 9, 11, 77, 7}, {3, 5, 1, 12, 12},
    {1, 40, 40, 24, 1}, {2, 0, 3, 8, 2},  {1, 70, 60, 6, 2}, // the last: too large for one launch
};

static void group_norm_agrees(void **state)
{
    (void)state;
    for (int i = 0; i < COUNT(group_cases); i++)
        for (int variant = 0; variant < 8; variant++) {
            int64_t B = group_cases[i][0], h = group_cases[i][1], w = group_cases[i][2],
                    C = group_cases[i][3];
            int groups = (int)group_cases[i][4];
            int64_t width = C / groups;
            bool act = variant & 4;
            sample x =
                random_sample(variant & 1 ? MW_F16 : MW_F32, variant & 2, 10, 12, MW_SHAPE(B, h, w, C));
            sample g = random_sample(MW_F32, false, -2, 2, MW_SHAPE(C)),
                   b = random_sample(MW_F32, false, -2, 2, MW_SHAPE(C));
            for (int64_t p = 0; p < B; p++)
                for (int64_t q = 0; q < groups; q++)
                    normalise(x.v + p * h * w * C + q * width, h * w, C, width, 1e-6, true);
            for (int64_t e = 0; e < x.n; e++) {
                x.v[e] = x.v[e] * g.v[e % C] + b.v[e % C];
                x.v[e] = act ? silu(x.v[e]) : x.v[e];
            }
            mw_tensor *y = mw_group_norm(c, x.t, g.t, b.t, groups, 1e-6, act ? MW_ACT_SILU : MW_ACT_NONE);
            assert_near(y, MW_SHAPE(B, h, w, C), x.v, 2e-5);
            free(x.v);
            free(g.v);
            free(b.v);
        }
}

// A mean far from zero: E[x^2] - E[x]^2 in f32 would lose the variance of 1e-2 at 1e3 wholly.
static void statistics_survive_a_large_mean(void **state)
{
    (void)state;
    enum { N = 64 * 64, C = 4 };
    sample x = random_sample(MW_F32, false, 1000, 1000.3, MW_SHAPE(1, N, C));
    sample g = random_sample(MW_F32, false, 1, 1, MW_SHAPE(C)),
           b = random_sample(MW_F32, false, 0, 0, MW_SHAPE(C));
    normalise(x.v, N, C, C, 1e-6, true);
    assert_near(mw_group_norm(c, x.t, g.t, b.t, 1, 1e-6, MW_ACT_NONE), MW_SHAPE(1, N, C), x.v, 2e-3);
    free(x.v);
    free(g.v);
    free(b.v);
}

static void results_repeat(void **state)
{
    (void)state;
    sample x = random_sample(MW_F32, false, -1, 1, MW_SHAPE(2, 31, 17, 64)),
           g = random_sample(MW_F32, false, -1, 1, MW_SHAPE(64));
    float *first = malloc(sizeof *first * (size_t)x.n), *again = malloc(sizeof *again * (size_t)x.n);
    mw_tensor_read_f32(c, mw_group_norm(c, x.t, g.t, g.t, 8, 1e-5, MW_ACT_SILU), first);
    for (int i = 0; i < 5; i++) {
        mw_tensor_read_f32(c, mw_group_norm(c, x.t, g.t, g.t, 8, 1e-5, MW_ACT_SILU), again);
        assert_memory_equal(first, again, sizeof *first * (size_t)x.n);
    }
    free(first);
    free(again);
    free(x.v);
    free(g.v);
}

static void wrong_shapes(void **state)
{
    (void)state;
    mw_tensor *x = tensor_of(MW_SHAPE(1, 6), (float[]){1, 2, 3, 4, 5, 6}),
              *g = tensor_of(MW_SHAPE(3), (float[]){1, 2, 3});
    assert_error(mw_group_norm(c, x, g, g, 4, 1e-5, MW_ACT_NONE), "6 channels cannot be cut into 4 groups");
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(group_norm_agrees), TEST(statistics_survive_a_large_mean),
                                       TEST(results_repeat), TEST(wrong_shapes)};
    return RUN_FAMILIES("norm:group_stats norm:group_apply norm:group_whole",
                        "norm:group_stats norm:group_apply", tests);
}
