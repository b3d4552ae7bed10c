// linear.c: mw_linear against the formula in double: sizes, dtypes, views, bias, activations, residual.
#include "tests/ops/gemm_test.h"

typedef struct setting {
    int64_t m, k, n;
    mw_dtype x, w;
    bool bias, residual, prepared;
    mw_activation act;
} setting;

static void check(const setting *s)
{
    mw_scope_begin(c);
    mw_tensor *x = noisy(s->x, MW_SHAPE(s->m, s->k)), *w = noisy(s->w, MW_SHAPE(s->n, s->k));
    mw_tensor *b = s->bias ? noisy(s->w, MW_SHAPE(s->n)) : NULL;
    mw_tensor *r = s->residual ? noisy(s->x, MW_SHAPE(s->m, s->n)) : NULL;
    float *xv = values(x), *wv = values(w), *bv = values(b), *rv = values(r);
    double *want = malloc((size_t)(s->m * s->n) * sizeof *want);
    for (int64_t m = 0; m < s->m; m++)
        for (int64_t n = 0; n < s->n; n++) {
            double sum = b ? bv[n] : 0;
            for (int64_t k = 0; k < s->k; k++)
                sum += (double)xv[m * s->k + k] * wv[n * s->k + k];
            want[m * s->n + n] = activated(sum, s->act) + (r ? rv[m * s->n + n] : 0);
        }
    agrees(mw_linear(c, x, s->prepared ? mw_prepare_linear(c, w) : w, b, s->act, r), want);
    free(xv), free(wv), free(bv), free(rv), free(want);
    mw_scope_end(c, NULL);
}

static void all_sizes(void **state)
{
    (void)state;
    static const int64_t sizes[][3] = {{1, 1, 1},      {1, 320, 1280}, {2, 7, 33},
                                       {4, 1000, 5},   {13, 64, 32},   {77, 130, 96},
                                       {300, 385, 65}, {64, 800, 352}, {150, 40, 700}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        setting s = {sizes[i][0], sizes[i][1], sizes[i][2], MW_F32,     MW_F32,
                     i % 2,       i % 3 == 0,  i % 2,       MW_ACT_NONE};
        check(&s);
        s.x = s.w = MW_F16;
        check(&s);
    }
    check(&(setting){40, 70, 50, MW_F32, MW_F16, true, true, true, MW_ACT_NONE});
}

static void all_activations(void **state)
{
    (void)state;
    for (mw_activation a = MW_ACT_NONE; a <= MW_ACT_GELU_TANH; a++) {
        check(&(setting){9, 20, 45, MW_F32, MW_F32, true, true, false, a});
        check(&(setting){9, 20, 45, MW_F32, MW_F32, false, false, true, a});
    }
}

static void check_way(const void *s) { check(s); }

// CLBlast, where the family offers it, and the pass that it leaves to do.
static void every_way_agrees(void **state)
{
    (void)state;
    in_every_way(check_way, &(setting){70, 40, 50, MW_F32, MW_F32, true, true, true, MW_ACT_SILU});
    in_every_way(check_way, &(setting){70, 40, 50, MW_F32, MW_F32, false, false, true, MW_ACT_NONE});
}

// x as a slice, a permutation and with five dimensions; w a transposed view; bias of another dtype.
static void views(void **state)
{
    (void)state;
    mw_scope_begin(c);
    mw_tensor *whole = noisy(MW_F32, MW_SHAPE(3, 5, 2, 40)), *wt = noisy(MW_F32, MW_SHAPE(24, 10));
    mw_tensor *w = mw_transpose(c, wt, 0, 1), *bias = noisy(MW_F16, MW_SHAPE(10));
    mw_tensor *cut = mw_slice(c, mw_slice(c, whole, 3, 8, 24), 1, 1, 3);
    mw_tensor *forms[] = {cut, mw_permute(c, cut, (int[]){2, 0, 1, 3}),
                          mw_reshape(c, mw_contiguous(c, cut), MW_SHAPE(1, 3, 3, 1, 2, 24)),
                          mw_transpose(c, mw_slice(c, whole, 3, 0, 5), 1, 3), mw_slice(c, whole, 0, 2, 1)};
    for (int f = 0; f < 5; f++) {
        int64_t depth = mw_dim(forms[f], -1), rows = mw_numel(forms[f]) / depth;
        mw_tensor *v = f < 3 ? w : noisy(MW_F32, MW_SHAPE(10, depth));
        float *xv = values(forms[f]), *wv = values(v), *bv = values(bias);
        double *want = calloc((size_t)rows * 10, sizeof *want);
        for (int64_t i = 0; i < rows * 10; i++) {
            want[i] = bv[i % 10];
            for (int64_t k = 0; k < depth; k++)
                want[i] += (double)xv[i / 10 * depth + k] * wv[i % 10 * depth + k];
        }
        mw_tensor *y = mw_linear(c, forms[f], v, bias, MW_ACT_NONE, NULL);
        agrees(y, want);
        assert_int_equal(y->ndim, forms[f]->ndim);
        free(xv), free(wv), free(bv), free(want);
    }
    mw_scope_end(c, NULL);
}

static void mistakes_are_told(void **state)
{
    (void)state;
    mw_scope_begin(c);
    mw_tensor *x = noisy(MW_F32, MW_SHAPE(3, 8)), *w = noisy(MW_F32, MW_SHAPE(4, 8));
    assert_null(mw_linear(c, x, noisy(MW_F32, MW_SHAPE(4, 7)), NULL, MW_ACT_NONE, NULL));
    assert_int_equal(mw_err(c), MW_E_SHAPE);
    mw_err_clear(c);
    assert_null(mw_linear(c, x, w, noisy(MW_F32, MW_SHAPE(3)), MW_ACT_NONE, NULL));
    assert_int_equal(mw_err(c), MW_E_SHAPE);
    mw_err_clear(c);
    assert_null(mw_linear(c, x, w, NULL, MW_ACT_NONE, x));
    assert_int_equal(mw_err(c), MW_E_SHAPE);
    mw_err_clear(c);
    assert_null(mw_prepare_linear(c, mw_reshape(c, x, MW_SHAPE(24))));
    assert_int_equal(mw_err(c), MW_E_SHAPE);
    mw_err_clear(c);
    assert_null(mw_linear(c, NULL, w, NULL, MW_ACT_NONE, NULL));
    mw_err_clear(c);
    mw_scope_end(c, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_sizes), cmocka_unit_test(every_way_agrees),  cmocka_unit_test(all_activations),
        cmocka_unit_test(views),     cmocka_unit_test(mistakes_are_told),
    };
    return RUN_FAMILIES("pack:pack gemm:gemm", "pack:pack gemm_gpu:gemm gemm_gpu:finish", tests);
}
