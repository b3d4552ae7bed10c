// move.c: concatenation, embedding and resampling.
#include "tests/ops/harness.h"

static void concat_agrees(void **state)
{
    (void)state;
    static const int64_t lengths[] = {3, 1, 0, 7};
    for (int dim = 0; dim < 3; dim++)
        for (int variant = 0; variant < 4; variant++) {
            int64_t shape[3] = {2, 5, 77}, total = 0, begin = 0;
            mw_tensor *parts[4];
            sample s[4];
            for (int i = 0; i < 4; i++) {
                shape[dim] = lengths[i] * (dim == 2 ? 20 : 1);
                total += shape[dim];
                s[i] = random_sample(variant & 1 ? MW_F16 : MW_F32, variant & 2, -1, 1, 3, shape);
                parts[i] = s[i].t;
            }
            shape[dim] = total;
            double *want = calloc((size_t)count_of(3, shape), sizeof *want);
            int64_t inner = dim == 0 ? 5 * 77 : dim == 1 ? 77 : 1, outer = dim == 0 ? 1 : dim == 1 ? 2 : 10;
            for (int i = 0; i < 4; i++) {
                int64_t run = lengths[i] * (dim == 2 ? 20 : 1) * inner;
                for (int64_t o = 0; o < outer; o++)
                    memcpy(want + o * total * inner + begin, s[i].v + o * run, sizeof *want * (size_t)run);
                begin += run;
                free(s[i].v);
            }
            assert_near(mw_concat(c, 4, parts, dim), 3, shape, want, 0);
            free(want);
        }
}

static void concat_of_integers_and_errors(void **state)
{
    (void)state;
    int32_t big = 0x7fc12345;
    mw_tensor *i = mw_tensor_from_i32(c, MW_SHAPE(2), (int32_t[]){big, -1}), *both[2] = {i, i};
    int32_t got[4];
    assert_int_equal(mw_tensor_read_i32(c, mw_concat(c, 2, both, 0), got), MW_OK);
    assert_true(got[0] == big && got[1] == -1 && got[2] == big && got[3] == -1);
    mw_tensor *wrong[2] = {tensor_of(MW_SHAPE(1, 2), (float[]){1, 2}),
                           tensor_of(MW_SHAPE(1, 3), (float[]){1, 2, 3})};
    assert_error(mw_concat(c, 2, wrong, 0), "input 2, [1,3] f32, does not fit to the first, [1,2] f32");
    assert_error(mw_concat(c, 2, wrong, 2), "no dimension 2");
}

static void embedding_agrees(void **state)
{
    (void)state;
    static const int64_t widths[] = {1, 7, 300, 768};
    const int32_t ids[6] = {0, 10, 3, 3, -1, 11};
    for (int i = 0; i < COUNT(widths); i++)
        for (int variant = 0; variant < 8; variant++) {
            int64_t n = widths[i];
            sample table = random_sample(variant & 1 ? MW_F16 : MW_F32, variant & 2, -1, 1, MW_SHAPE(11, n));
            double *want = calloc((size_t)(6 * n), sizeof *want);
            for (int64_t e = 0; e < 6 * n; e++) {
                int32_t id = ids[e / n];
                want[e] = id < 0 || id > 10 ? NAN : table.v[id * n + e % n];
            }
            mw_tensor *y = mw_embedding(c, table.t, mw_tensor_from_i32(c, MW_SHAPE(2, 3), ids),
                                        variant & 4 ? MW_F16 : MW_F32);
            assert_near(y, MW_SHAPE(2, 3, n), want, 0);
            free(want);
            free(table.v);
        }
    mw_tensor *t = tensor_of(MW_SHAPE(1, 1), (float[]){1});
    assert_error(mw_embedding(c, t, t, MW_F32), "ids must be i32");
}

// B, h, w, C, h2, w2
static const int64_t resizes[][6] = {
    {1, 1, 1, 1, 1, 1},   {2, 4, 5, 20, 8, 10}, {1, 7, 9, 3, 13, 18},
    {1, 13, 8, 17, 5, 3}, {2, 3, 3, 4, 1, 77},  {1, 2, 2, 4, 0, 2},
};

static double at(const sample *x, const int64_t *r, int64_t b, double v, double u, int64_t e)
{
    int64_t h = r[1], w = r[2], C = r[3];
    v = fmax(v, 0);
    u = fmax(u, 0);
    int64_t v0 = (int64_t)v, u0 = (int64_t)u, v1 = v0 + 1 < h ? v0 + 1 : h - 1,
            u1 = u0 + 1 < w ? u0 + 1 : w - 1;
    double fv = v - (double)v0, fu = u - (double)u0;
#define X(i, j) x->v[((b * h + (i)) * w + (j)) * C + e]
    return (X(v0, u0) * (1 - fu) + X(v0, u1) * fu) * (1 - fv) + (X(v1, u0) * (1 - fu) + X(v1, u1) * fu) * fv;
#undef X
}

static void resizing_agrees(void **state)
{
    (void)state;
    for (int i = 0; i < COUNT(resizes); i++)
        for (int variant = 0; variant < 8; variant++) {
            const int64_t *r = resizes[i], h2 = r[4], w2 = r[5];
            bool linear = variant & 4;
            sample x = random_sample(variant & 1 ? MW_F16 : MW_F32, variant & 2, -1, 1, 4, r);
            int64_t n = r[0] * h2 * w2 * r[3];
            double *want = calloc((size_t)n + 1, sizeof *want);
            for (int64_t e = 0; e < n; e++) {
                int64_t p = e / r[3], b = p / w2 / h2, v = p / w2 % h2, u = p % w2;
                if (linear)
                    want[e] = at(&x, r, b, ((double)v + 0.5) * (double)r[1] / (double)h2 - 0.5,
                                 ((double)u + 0.5) * (double)r[2] / (double)w2 - 0.5, e % r[3]);
                else
                    want[e] = x.v[((b * r[1] + v * r[1] / h2) * r[2] + u * r[2] / w2) * r[3] + e % r[3]];
            }
            mw_tensor *y = linear ? mw_resize_bilinear(c, x.t, h2, w2) : mw_resize_nearest(c, x.t, h2, w2);
            assert_near(y, MW_SHAPE(r[0], h2, w2, r[3]), want, linear ? 4e-6 : 0);
            free(want);
            free(x.v);
        }
    mw_tensor *x = tensor_of(MW_SHAPE(2, 2), (float[]){1, 2, 3, 4});
    assert_error(mw_resize_nearest(c, x, 2, 2), "x must be [B,h,w,C], got [2,2] f32");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(concat_agrees),
        TEST(concat_of_integers_and_errors),
        TEST(embedding_agrees),
        TEST(resizing_agrees),
    };
    return RUN_FAMILIES(tests);
}
