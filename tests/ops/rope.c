// rope.c: rotary position embedding against a double reference.
#include "tests/ops/harness.h"

static void rotations_agree(void **state)
{
    (void)state;
    static const struct {
        int64_t B, T, D, R;
        int heads;
    } cases[] = {{1, 1, 2, 2, 1}, {2, 5, 24, 24, 3}, {1, 7, 64, 64, 9}, {2, 3, 20, 10, 2}, {1, 300, 6, 4, 1}};
    for (int n = 0; n < 4 * COUNT(cases); n++) {
        int64_t B = cases[n / 4].B, T = cases[n / 4].T, D = cases[n / 4].D, R = cases[n / 4].R;
        int heads = cases[n / 4].heads;
        sample x = random_sample(n & 1 ? MW_F16 : MW_F32, n & 2, -2, 2, MW_SHAPE(B, T, heads * D));
        sample table = random_sample(MW_F32, n & 2, -1, 1, MW_SHAPE(T, R));
        double *y = malloc(sizeof *y * (size_t)x.n);
        for (int64_t i = 0; i < x.n; i++) {
            int64_t column = i % D, t = i / (heads * D) % T, pair = column % (R / 2);
            double cosine = table.v[t * R + pair], sine = table.v[t * R + R / 2 + pair];
            y[i] = column >= R   ? x.v[i]
                : column < R / 2 ? x.v[i] * cosine - x.v[i + R / 2] * sine
                                 : x.v[i] * cosine + x.v[i - R / 2] * sine;
        }
        assert_near(mw_rope(c, x.t, table.t, heads), MW_SHAPE(B, T, heads * D), y, 1e-6);
        free(x.v);
        free(table.v);
        free(y);
    }
}

static void wrong_shapes(void **state)
{
    (void)state;
    mw_tensor *x = tensor_of(MW_SHAPE(1, 1, 6), (float[]){1, 2, 3, 4, 5, 6});
    mw_tensor *t = tensor_of(MW_SHAPE(1, 4), (float[]){1, 2, 3, 4});
    assert_error(mw_rope(c, x, t, 4), "6 columns cannot be cut into 4 heads");
    assert_error(mw_rope(c, x, t, 2), "table must be [1,R] f32 with an even R up to 3, got [1,4] f32");
    assert_error(mw_rope(c, t, t, 1), "x must be [B,T,H*D]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(rotations_agree), TEST(wrong_shapes)};
    return RUN_FAMILIES("elementwise:rope", "elementwise:rope", tests);
}
