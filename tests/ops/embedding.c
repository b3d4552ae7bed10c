// embedding.c: rows of a table by number.
#include "tests/ops/harness.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(embedding_agrees)};
    static const char kernels[] = "move:embedding";
    return RUN_FAMILIES(kernels, kernels, tests);
}
