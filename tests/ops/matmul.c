// matmul.c: mw_matmul against the formula in double: sizes, batches, broadcasting, transposed and strided
// views.
#include "tests/ops/gemm_test.h"

// want = alpha a b for operands of any strides, read through the views that the op gets.
static void check(mw_tensor *a, mw_tensor *b, double alpha)
{
    mw_tensor *y = mw_matmul(c, a, b, alpha);
    if (!y)
        fail_msg("%s", mw_errmsg(c));
    int64_t m = mw_dim(a, -2), depth = mw_dim(a, -1), n = mw_dim(b, -1), total = mw_numel(y);
    int64_t lead[MW_MAXDIM];
    for (int i = 0; i < y->ndim; i++)
        lead[i] = y->shape[i];
    lead[y->ndim - 2] = m, lead[y->ndim - 1] = depth;
    float *av = values(mw_contiguous(c, mw_expand(c, a, y->ndim, lead)));
    lead[y->ndim - 2] = depth, lead[y->ndim - 1] = n;
    float *bv = values(mw_contiguous(c, mw_expand(c, b, y->ndim, lead)));
    double *want = calloc((size_t)total, sizeof *want);
    for (int64_t i = 0; i < total; i++) {
        int64_t col = i % n, row = i / n % m, batch = i / n / m;
        for (int64_t k = 0; k < depth; k++)
            want[i] += alpha * av[(batch * m + row) * depth + k] * bv[(batch * depth + k) * n + col];
    }
    agrees(y, want);
    free(av), free(bv), free(want);
}

static void all_sizes(void **state)
{
    (void)state;
    static const int64_t sizes[][3] = {{1, 1, 1},      {3, 5, 7},     {77, 64, 77},
                                       {200, 390, 40}, {1, 500, 333}, {65, 2, 129}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (mw_dtype d = MW_F32; d <= MW_F16; d++) {
            mw_scope_begin(c);
            int64_t m = sizes[i][0], k = sizes[i][1], n = sizes[i][2];
            check(noisy(d, MW_SHAPE(m, k)), noisy(d, MW_SHAPE(k, n)), 0.5);
            check(mw_transpose(c, noisy(d, MW_SHAPE(k, m)), 0, 1),
                  mw_transpose(c, noisy(d, MW_SHAPE(n, k)), 0, 1), 1);
            mw_scope_end(c, NULL);
        }
}

static void batches(void **state)
{
    (void)state;
    mw_scope_begin(c);
    mw_tensor *a = noisy(MW_F32, MW_SHAPE(2, 3, 10, 20)), *b = noisy(MW_F32, MW_SHAPE(2, 3, 20, 6));
    mw_tensor *heads = mw_permute(c, noisy(MW_F32, MW_SHAPE(2, 10, 3, 20)), (int[]){0, 2, 1, 3});
    mw_tensor *row = noisy(MW_F32, MW_SHAPE(3, 1, 20)), *one = noisy(MW_F32, MW_SHAPE(20, 6));
    check(a, b, 1);
    check(heads, b, 2);
    check(heads, mw_transpose(c, heads, 2, 3), 0.25);
    check(row, b, 1);
    check(a, one, 1);
    check(noisy(MW_F32, MW_SHAPE(10, 20)), b, 1);
    check(mw_slice(c, a, 1, 1, 1), mw_slice(c, b, 0, 1, 1), 1);
    check(mw_slice(c, a, 3, 4, 9), mw_slice(c, b, 2, 4, 9), 1);
    check(noisy(MW_F32, MW_SHAPE(2, 1, 3, 1, 4, 5)), noisy(MW_F32, MW_SHAPE(3, 1, 2, 5, 3)), 1);
    mw_scope_end(c, NULL);
}

static void check_way(const void *heads)
{
    mw_tensor *a = mw_transpose(c, *(mw_tensor *const *)heads, 1, 2);
    check(a, mw_transpose(c, a, 2, 3), 0.5);
}

static void every_way_agrees(void **state)
{
    (void)state;
    mw_scope_begin(c);
    mw_tensor *heads = noisy(MW_F32, MW_SHAPE(1, 33, 5, 12));
    in_every_way(check_way, &heads);
    mw_scope_end(c, NULL);
}

static void mistakes_are_told(void **state)
{
    (void)state;
    mw_scope_begin(c);
    mw_tensor *a = noisy(MW_F32, MW_SHAPE(2, 3, 4)), *b = noisy(MW_F32, MW_SHAPE(3, 4, 5));
    mw_tensor *bad[] = {b, mw_slice(c, b, 0, 0, 1), noisy(MW_F32, MW_SHAPE(4)),
                        noisy(MW_F32, MW_SHAPE(3, 4))};
    assert_non_null(mw_matmul(c, a, bad[1], 1));
    for (int i = 0; i < 4; i += i ? 1 : 2) {
        assert_null(mw_matmul(c, a, bad[i], 1));
        assert_int_equal(mw_err(c), MW_E_SHAPE);
        mw_err_clear(c);
    }
    mw_scope_end(c, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_sizes),
        cmocka_unit_test(batches),
        cmocka_unit_test(every_way_agrees),
        cmocka_unit_test(mistakes_are_told),
    };
    return RUN_FAMILIES("pack:pack gemm:gemm", "pack:pack gemm_gpu:gemm", tests);
}
