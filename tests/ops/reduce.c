// reduce.c: sums, means, maxima and the largest k.
#include "tests/ops/harness.h"

typedef mw_tensor *(*reduction)(mw_ctx *, mw_tensor *, int, bool);
static const reduction reductions[] = {mw_sum, mw_mean, mw_max};

static double reduced(int which, const double *x, int64_t n, int64_t step)
{
    double r = which == 2 ? -INFINITY : 0;
    for (int64_t i = 0; i < n; i++)
        r = which == 2 ? fmax(r, x[i * step]) : r + x[i * step];
    return which == 1 ? r / (double)n : r;
}

static const int64_t shapes[][3] = {{1, 1, 1},     {3, 7, 77},   {300, 2, 5},
                                    {2, 1000, 40}, {1, 1, 5000}, {4, 0, 3}};

static void reductions_agree(void **state)
{
    (void)state;
    for (int i = 0; i < COUNT(shapes); i++)
        for (int dim = 0; dim < 3; dim++)
            for (int variant = 0; variant < 12; variant++) {
                const int64_t *n = shapes[i];
                int which = variant / 4;
                if (which == 2 && n[dim] == 0)
                    continue;
                sample x = random_sample(variant & 1 ? MW_F16 : MW_F32, variant & 2, -1, 2, 3, n);
                int64_t inner = dim == 0 ? n[1] * n[2]
                    : dim == 1           ? n[2]
                                         : 1,
                        outer = dim == 0 ? 1
                    : dim == 1           ? n[0]
                                         : n[0] * n[1];
                double *want = calloc((size_t)(outer * inner) + 1, sizeof *want);
                for (int64_t o = 0; o < outer; o++)
                    for (int64_t e = 0; e < inner; e++)
                        want[o * inner + e] = reduced(which, x.v + o * n[dim] * inner + e, n[dim], inner);
                int64_t keep[3] = {n[0], n[1], n[2]},
                        drop[2] = {dim == 0 ? n[1] : n[0], dim == 2 ? n[1] : n[2]};
                keep[dim] = 1;
                assert_near(reductions[which](c, x.t, dim, true), 3, keep, want, 1e-5);
                assert_near(reductions[which](c, x.t, dim - 3, false), 2, drop, want, 1e-5);
                free(want);
                free(x.v);
            }
}

static void maxima_of_specials(void **state)
{
    (void)state;
    mw_tensor *x = tensor_of(MW_SHAPE(3, 2), (float[]){NAN, 1, -INFINITY, -INFINITY, 3, NAN});
    assert_near(mw_max(c, x, 1, false), MW_SHAPE(3), (double[]){NAN, -INFINITY, NAN}, 0);
    assert_near(mw_max(c, x, 0, false), MW_SHAPE(2), (double[]){NAN, NAN}, 0);
    assert_error(mw_max(c, tensor_of(MW_SHAPE(0, 2), (float[]){0}), 0, false),
                 "no maximum of nothing: [0,2] f32");
    assert_error(mw_sum(c, x, 2, false), "no dimension 2 in [3,2] f32");
}

static const double *sorting;

static int order(const void *a, const void *b)
{
    int64_t i = *(const int64_t *)a, j = *(const int64_t *)b;
    if (sorting[i] != sorting[j])
        return sorting[i] > sorting[j] ? -1 : 1;
    return i < j ? -1 : 1;
}

static void check_topk(const sample *x, int64_t rows, int64_t n, int k)
{
    mw_tensor *places, *values = mw_topk(c, x->t, k, &places);
    double *want = calloc((size_t)(rows * k) + 1, sizeof *want),
           *at = calloc((size_t)(rows * k) + 1, sizeof *at);
    int64_t *index = malloc(sizeof *index * (size_t)n);
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t i = 0; i < n; i++)
            index[i] = i;
        sorting = x->v + r * n;
        qsort(index, (size_t)n, sizeof *index, order);
        for (int64_t i = 0; i < k; i++) {
            want[r * k + i] = sorting[index[i]];
            at[r * k + i] = (double)index[i];
        }
    }
    assert_near(values, MW_SHAPE(rows, k), want, 0);
    assert_int_equal(places->dtype, MW_I32);
    assert_near(places, MW_SHAPE(rows, k), at, 0);
    free(want);
    free(at);
    free(index);
}

static void topk_agrees(void **state)
{
    (void)state;
    static const int64_t cases[][3] = {{1, 1, 1},  {5, 7, 3},    {3, 77, 77}, {2, 300, 60},
                                       {4, 64, 0}, {1, 16400, 9}}; // the last: too long to be ranked
    for (int i = 0; i < COUNT(cases); i++)
        for (int variant = 0; variant < 4; variant++) { // f16 and the narrow range make ties
            sample x = random_sample(variant & 1 ? MW_F16 : MW_F32, variant & 2, 1, 1.01, 2, cases[i]);
            check_topk(&x, cases[i][0], cases[i][1], (int)cases[i][2]);
            free(x.v);
        }
}

static void topk_of_ties_and_nan(void **state)
{
    (void)state;
    mw_tensor *places, *x = tensor_of(MW_SHAPE(6), (float[]){1, 2, NAN, 2, -INFINITY, 2});
    assert_near(mw_topk(c, x, 5, &places), MW_SHAPE(5), (double[]){NAN, 2, 2, 2, 1}, 0);
    assert_near(places, MW_SHAPE(5), (double[]){2, 1, 3, 5, 0}, 0);
    assert_near(mw_topk(c, x, 1, NULL), MW_SHAPE(1), (double[]){NAN}, 0);
    assert_error(mw_topk(c, x, 7, NULL), "the 7 largest cannot be taken from rows of [6] f32");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reductions_agree),
        TEST(maxima_of_specials),
        TEST(topk_agrees),
        TEST(topk_of_ties_and_nan),
    };
    return RUN_FAMILIES("reduce:reduce_rows reduce:reduce_columns reduce:topk_heap",
                        "reduce:reduce_rows reduce:reduce_columns reduce:topk_rank reduce:topk_heap", tests);
}
