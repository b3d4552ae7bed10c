// unary.c: functions of one element, gated units and linear combinations against double references.
#include "tests/ops/harness.h"

static double silu(double x) { return x / (1 + exp(-x)); }
static double gelu(double x) { return 0.5 * x * (1 + erf(x / sqrt(2))); }
static double quick_gelu(double x) { return x / (1 + exp(-1.702 * x)); }
static double gelu_tanh(double x)
{
    return 0.5 * x * (1 + tanh(sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}
static double affine(double x) { return 3 * x - 2; }
static double clamp(double x) { return fmin(fmax(x, -0.5), 0.75); }
static double cube(double x) { return x * x * x; }
static double square(double x) { return x * x; }

static mw_tensor *run_silu(mw_tensor *x) { return mw_activate(c, x, MW_ACT_SILU); }
static mw_tensor *run_gelu(mw_tensor *x) { return mw_activate(c, x, MW_ACT_GELU); }
static mw_tensor *run_quick(mw_tensor *x) { return mw_activate(c, x, MW_ACT_QUICK_GELU); }
static mw_tensor *run_tanh(mw_tensor *x) { return mw_activate(c, x, MW_ACT_GELU_TANH); }
static mw_tensor *run_affine(mw_tensor *x) { return mw_affine(c, x, 3, -2); }
static mw_tensor *run_clamp(mw_tensor *x) { return mw_clamp(c, x, -0.5, 0.75); }
static mw_tensor *run_cube(mw_tensor *x) { return mw_pow(c, x, 3); }
static mw_tensor *run_square(mw_tensor *x) { return mw_pow(c, x, 2); }
static mw_tensor *run_exp(mw_tensor *x) { return mw_exp(c, x); }
static mw_tensor *run_log(mw_tensor *x) { return mw_log_e(c, x); }
static mw_tensor *run_sqrt(mw_tensor *x) { return mw_sqrt(c, x); }
static mw_tensor *run_root(mw_tensor *x) { return mw_pow(c, x, 0.5); }
static mw_tensor *run_abs(mw_tensor *x) { return mw_abs(c, x); }

static const struct {
    mw_tensor *(*run)(mw_tensor *);
    double (*want)(double);
    double low, high;
} functions[] = {
    {run_silu, silu, -20, 20},    {run_gelu, gelu, -6, 6},     {run_quick, quick_gelu, -20, 20},
    {run_tanh, gelu_tanh, -6, 6}, {run_affine, affine, -3, 3}, {run_clamp, clamp, -2, 2},
    {run_cube, cube, -3, 3},      {run_square, square, -3, 3}, {run_exp, exp, -10, 10},
    {run_log, log, 0.001, 50},    {run_sqrt, sqrt, 0, 50},     {run_root, sqrt, 0, 50},
    {run_abs, fabs, -2, 2},
};

static const int64_t shapes[][3] = {{1, 1, 1}, {1, 7, 77}, {2, 1, 300}, {3, 5, 16}, {2, 100, 129}, {0, 3, 4}};

static void functions_agree(void **state)
{
    (void)state;
    for (int f = 0; f < COUNT(functions); f++)
        for (int i = 0; i < COUNT(shapes); i++)
            for (int variant = 0; variant < 4; variant++) {
                sample x = random_sample(variant & 1 ? MW_F16 : MW_F32, variant & 2, functions[f].low,
                                         functions[f].high, 3, shapes[i]);
                for (int64_t e = 0; e < x.n; e++)
                    x.v[e] = functions[f].want(x.v[e]);
                assert_near(functions[f].run(x.t), 3, shapes[i], x.v, 1e-6);
                free(x.v);
            }
}

static void edges_of_functions(void **state)
{
    (void)state;
    float in[] = {NAN, INFINITY, -INFINITY, 0, 100, -100, 200, -200};
    mw_tensor *x = tensor_of(MW_SHAPE(8), in);
    assert_near(mw_exp(c, x), MW_SHAPE(8), (double[]){NAN, INFINITY, 0, 1, INFINITY, 0, INFINITY, 0}, 0);
    assert_near(run_silu(x), MW_SHAPE(8), (double[]){NAN, INFINITY, NAN, 0, 100, 0, 200, 0}, 0);
    assert_near(run_gelu(x), MW_SHAPE(8), (double[]){NAN, INFINITY, NAN, 0, 100, 0, 200, 0}, 0);
    assert_near(mw_clamp(c, x, -1, 1), MW_SHAPE(8), (double[]){NAN, 1, -1, 0, 1, -1, 1, -1}, 0);
    assert_near(mw_abs(c, x), MW_SHAPE(8), (double[]){NAN, INFINITY, INFINITY, 0, 100, 100, 200, 200}, 0);
}

static void geglu_agrees(void **state)
{
    (void)state;
    static const int64_t cases[][2] = {{1, 1}, {3, 7}, {77, 300}, {5, 1280}};
    for (int i = 0; i < COUNT(cases); i++)
        for (int variant = 0; variant < 4; variant++) {
            int64_t rows = cases[i][0], n = cases[i][1];
            sample x =
                random_sample(variant & 1 ? MW_F16 : MW_F32, variant & 2, -3, 3, MW_SHAPE(rows, 2 * n));
            for (int64_t r = 0; r < rows; r++)
                for (int64_t e = 0; e < n; e++)
                    x.v[r * n + e] = x.v[r * 2 * n + e] * gelu(x.v[r * 2 * n + n + e]);
            assert_near(mw_geglu(c, x.t), MW_SHAPE(rows, n), x.v, 2e-6);
            free(x.v);
        }
    assert_error(mw_geglu(c, tensor_of(MW_SHAPE(1, 3), (float[]){1, 2, 3})), "must be even, got [1,3] f32");
}

// Also where both lie side by side in one product's rows.
static void gated_units_agree(void **state)
{
    (void)state;
    static const int64_t cases[][2] = {{1, 1}, {3, 7}, {77, 300}};
    for (int i = 0; i < COUNT(cases); i++)
        for (int variant = 0; variant < 8; variant++) {
            int64_t rows = cases[i][0], n = cases[i][1];
            mw_dtype dtype = variant & 1 ? MW_F16 : MW_F32;
            sample x = random_sample(dtype, variant & 2, -3, 3, MW_SHAPE(rows, 2 * n));
            double *want = malloc(sizeof *want * (size_t)(rows * n));
            for (int64_t r = 0; r < rows; r++)
                for (int64_t e = 0; e < n; e++) {
                    double g = x.v[r * 2 * n + e], u = x.v[r * 2 * n + n + e];
                    want[r * n + e] = u * (variant & 4 ? gelu(g) : g / (1 + exp(-g)));
                }
            mw_tensor *gate = mw_slice(c, x.t, 1, 0, n), *up = mw_slice(c, x.t, 1, n, n);
            assert_near(mw_glu(c, gate, up, variant & 4 ? MW_ACT_GELU : MW_ACT_SILU), MW_SHAPE(rows, n), want,
                        2e-6);
            free(x.v);
            free(want);
        }
    mw_tensor *a = tensor_of(MW_SHAPE(2), (float[]){1, 2}), *b = tensor_of(MW_SHAPE(1), (float[]){1});
    assert_error(mw_glu(c, a, b, MW_ACT_SILU), "gate is [2] f32, up is [1] f32");
}

static void linear_combinations_agree(void **state)
{
    (void)state;
    const double coef[6] = {0.5, -2, 3, 0.25, 1, -1.5};
    for (int n = 1; n <= 6; n++)
        for (int variant = 0; variant < 4; variant++) {
            mw_tensor *x[6];
            double want[3 * 101] = {0};
            for (int i = 0; i < n; i++) {
                sample s = random_sample(variant & 1 ? MW_F16 : MW_F32, variant & 2 && i % 2, -1, 1,
                                         MW_SHAPE(3, 101));
                for (int64_t e = 0; e < s.n; e++)
                    want[e] += coef[i] * s.v[e];
                x[i] = s.t;
                free(s.v);
            }
            assert_near(mw_lincomb(c, n, x, coef), MW_SHAPE(3, 101), want, 2e-6);
        }
    mw_tensor *wrong[2] = {tensor_of(MW_SHAPE(2), (float[]){1, 2}), tensor_of(MW_SHAPE(1), (float[]){1})};
    assert_error(mw_lincomb(c, 2, wrong, coef), "input 2 is [1] f32, the first is [2] f32");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(functions_agree),   TEST(edges_of_functions),        TEST(geglu_agrees),
        TEST(gated_units_agree), TEST(linear_combinations_agree),
    };
    static const char kernels[] = "elementwise:unary elementwise:lincomb elementwise:glu";
    return RUN_FAMILIES(kernels, kernels, tests);
}
