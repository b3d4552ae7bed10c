// binary.c: sums, differences, products and quotients with broadcasting.
#include "tests/ops/harness.h"

typedef mw_tensor *(*operation)(mw_ctx *, mw_tensor *, mw_tensor *);

static double apply(int which, double a, double b)
{
    return which == 0 ? a + b : which == 1 ? a - b : which == 2 ? a * b : a / b;
}

typedef struct shape {
    int ndim;
    int64_t n[MW_MAXDIM];
} shape;

static const shape pairs[][2] = {
    {{1, {1}}, {1, {1}}},
    {{0, {0}}, {3, {2, 3, 4}}},
    {{3, {2, 3, 300}}, {3, {2, 3, 300}}},
    {{4, {2, 5, 6, 77}}, {1, {77}}},
    {{4, {2, 5, 6, 77}}, {4, {2, 1, 1, 77}}},
    {{4, {2, 5, 6, 77}}, {4, {2, 5, 6, 1}}},
    {{3, {7, 1, 33}}, {3, {1, 5, 1}}},
    {{2, {1, 9}}, {3, {4, 3, 1}}},
    {{6, {2, 1, 3, 1, 2, 1}}, {6, {1, 2, 1, 3, 1, 5}}},
    {{2, {0, 3}}, {2, {1, 3}}},
};

// Position in a sample of shape s of the element at `flat` of the result's shape.
static int64_t place(const shape *s, const shape *result, int64_t flat)
{
    int64_t at = 0, step = 1;
    for (int i = 1; i <= result->ndim; i++) {
        int64_t n = result->n[result->ndim - i], index = flat % n;
        flat /= n;
        if (i <= s->ndim) {
            at += s->n[s->ndim - i] == 1 ? 0 : index * step;
            step *= s->n[s->ndim - i];
        }
    }
    return at;
}

static shape joined(const shape *a, const shape *b)
{
    shape r = {a->ndim > b->ndim ? a->ndim : b->ndim, {0}};
    for (int i = 1; i <= r.ndim; i++) {
        int64_t na = i > a->ndim ? 1 : a->n[a->ndim - i], nb = i > b->ndim ? 1 : b->n[b->ndim - i];
        r.n[r.ndim - i] = na == 1 ? nb : na;
    }
    return r;
}

static void broadcasting_agrees(void **state)
{
    (void)state;
    static const operation operations[] = {mw_add, mw_sub, mw_mul, mw_div};
    for (int p = 0; p < COUNT(pairs); p++)
        for (int variant = 0; variant < 16; variant++) {
            const shape *sa = &pairs[p][0], *sb = &pairs[p][1];
            int which = variant % 4;
            sample a = random_sample(variant & 4 ? MW_F16 : MW_F32, variant & 1, -2, 2, sa->ndim, sa->n);
            sample b = random_sample(variant & 8 ? MW_F16 : MW_F32, variant & 2, 1, 3, sb->ndim, sb->n);
            shape r = joined(sa, sb);
            int64_t n = count_of(r.ndim, r.n);
            double *want = calloc((size_t)n + 1, sizeof *want);
            for (int64_t i = 0; i < n; i++)
                want[i] = apply(which, a.v[place(sa, &r, i)], b.v[place(sb, &r, i)]);
            mw_tensor *got = operations[which](c, a.t, b.t);
            assert_non_null(got);
            assert_int_equal(got->dtype, a.t->dtype);
            assert_near(got, r.ndim, r.n, want, 1e-6);
            free(want);
            free(a.v);
            free(b.v);
        }
}

static void shapes_that_do_not_fit(void **state)
{
    (void)state;
    mw_tensor *a = tensor_of(MW_SHAPE(2, 3), (float[]){1, 2, 3, 4, 5, 6});
    mw_tensor *b = tensor_of(MW_SHAPE(2), (float[]){1, 2});
    assert_error(mw_add(c, a, b),
                 "add a[..], b[..] -> y[..]: [2,3] f32 and [2] f32 cannot be broadcast together");
    assert_error(mw_mul(c, a, mw_tensor_from_i32(c, MW_SHAPE(1), (int32_t[]){1})),
                 "input 2 must be f32 or f16, got i32");
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(broadcasting_agrees), TEST(shapes_that_do_not_fit)};
    static const char kernels[] = "elementwise:binary";
    return RUN_FAMILIES(kernels, kernels, tests);
}
