// resize.c: resampling, nearest and bilinear.
#include "tests/ops/harness.h"

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
    const struct CMUnitTest tests[] = {TEST(resizing_agrees)};
    static const char kernels[] = "move:resize_nearest move:resize_bilinear";
    return RUN_FAMILIES(kernels, kernels, tests);
}
