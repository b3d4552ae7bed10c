// concat.c: concatenation along each dimension.
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

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(concat_agrees), TEST(concat_of_integers_and_errors)};
    static const char kernels[] = "move:concat";
    return RUN_FAMILIES(kernels, kernels, tests);
}
