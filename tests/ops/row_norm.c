// row_norm.c: layer norm, RMS norm and softmax against double references.
#include "tests/ops/harness.h"

static const int64_t row_shapes[][2] = {{1, 1}, {7, 77}, {3, 300}, {130, 16}, {2, 1280}, {0, 5}};

static void row_norms_agree(void **state)
{
    (void)state;
    for (int i = 0; i < COUNT(row_shapes); i++)
        for (int variant = 0; variant < 16; variant++) {
            int64_t rows = row_shapes[i][0], n = row_shapes[i][1];
            bool centred = variant & 8;
            sample x = random_sample(variant & 1 ? MW_F16 : MW_F32, variant & 2, 3, 5, MW_SHAPE(rows, n));
            sample g = random_sample(variant & 4 ? MW_F16 : MW_F32, false, -2, 2, MW_SHAPE(n));
            sample b = random_sample(MW_F32, false, -2, 2, MW_SHAPE(n));
            for (int64_t r = 0; r < rows; r++) {
                normalise(x.v + r * n, n, 1, 1, 1e-5, centred);
                for (int64_t e = 0; e < n; e++)
                    x.v[r * n + e] = x.v[r * n + e] * g.v[e] + (centred ? b.v[e] : 0);
            }
            mw_tensor *y = centred ? mw_layer_norm(c, x.t, g.t, b.t, 1e-5) : mw_rms_norm(c, x.t, g.t, 1e-5);
            // beta takes gamma's dtype, which costs half a unit of f16
            assert_near(y, MW_SHAPE(rows, n), x.v, variant & 4 ? 2e-3 : 1e-5);
            free(x.v);
            free(g.v);
            free(b.v);
        }
}

static void softmax_agrees(void **state)
{
    (void)state;
    for (int i = 0; i < COUNT(row_shapes); i++)
        for (int variant = 0; variant < 4; variant++) {
            int64_t rows = row_shapes[i][0], n = row_shapes[i][1];
            sample x = random_sample(variant & 1 ? MW_F16 : MW_F32, variant & 2, -9, 9, MW_SHAPE(rows, n));
            for (int64_t r = 0; r < rows; r++) {
                double top = -INFINITY, sum = 0;
                for (int64_t e = 0; e < n; e++)
                    top = fmax(top, x.v[r * n + e]);
                for (int64_t e = 0; e < n; e++)
                    sum += x.v[r * n + e] = exp(x.v[r * n + e] - top);
                for (int64_t e = 0; e < n; e++)
                    x.v[r * n + e] /= sum;
            }
            assert_near(mw_softmax(c, x.t), MW_SHAPE(rows, n), x.v, 1e-6);
            free(x.v);
        }
}

static void softmax_of_extremes(void **state)
{
    (void)state;
    mw_tensor *x = tensor_of(MW_SHAPE(4, 3),
                             (float[]){1e30f, 1e30f, -1e30f, -INFINITY, 0, -INFINITY, //
                                       -1e4f, -1e4f, -1e4f, NAN, 0, 1});
    double want[] = {0.5, 0.5, 0, 0, 1, 0, 1. / 3, 1. / 3, 1. / 3, NAN, NAN, NAN};
    assert_near(mw_softmax(c, x), MW_SHAPE(4, 3), want, 1e-6);
}

static void wrong_shapes(void **state)
{
    (void)state;
    mw_tensor *x = tensor_of(MW_SHAPE(1, 6), (float[]){1, 2, 3, 4, 5, 6}),
              *g = tensor_of(MW_SHAPE(3), (float[]){1, 2, 3});
    assert_error(mw_layer_norm(c, x, g, g, 1e-5), "gamma must be [6], got [3] f32");
    assert_error(mw_softmax(c, mw_tensor_scalar(c, 1)), "must have a dimension");
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(row_norms_agree), TEST(softmax_agrees), TEST(softmax_of_extremes),
                                       TEST(wrong_shapes)};
    static const char kernels[] = "norm:layer_norm norm:softmax";
    return RUN_FAMILIES(kernels, kernels, tests);
}
