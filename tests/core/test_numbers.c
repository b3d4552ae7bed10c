// test_numbers.c: every half, and the elements of stored tensors as f32 and f16.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "core/base/half.h"
#include "core/io/safetensors.h"

#include <math.h>

static mw_status convert(mw_st_dtype d, int n, const void *data, float *f32, uint16_t *f16)
{
    mw_ctx *c = mw_ctx_new();
    c->log_level = MW_LOG_ERROR;
    int64_t shape = n;
    mw_st_entry e = {"t", "f", d, 1, &shape, n, data, (size_t)n * (size_t)mw_st_dtype_bits(d) / 8};
    mw_st_read_f32(c, &e, f32);
    mw_st_read_f16(c, &e, f16);
    mw_status s = mw_err(c);
    mw_ctx_free(c);
    return s;
}

static void every_half_goes_there_and_back(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 65536; i++) {
        int exponent = (int)(i >> 10 & 31), mantissa = (int)(i & 1023);
        double want = exponent == 31
            ? (mantissa ? NAN : INFINITY)
            : ldexp(exponent ? mantissa + 1024 : mantissa, (exponent ? exponent : 1) - 25);
        float got = mw_half_to_float((uint16_t)i);
        if (isnan(want)) {
            assert_true(isnan(got) && (mw_float_to_half(got) & 0x7fff) > 0x7c00);
            continue;
        }
        assert_true((double)got == (i & 0x8000 ? -want : want) && !signbit(got) == !(i & 0x8000));
        assert_int_equal(mw_float_to_half(got), i);
        // Half way to the next one goes to the even one, a little more goes up.
        if ((i & 0x7fff) < 0x7bff) {
            float middle = (got + mw_half_to_float((uint16_t)(i + 1))) / 2;
            assert_int_equal(mw_float_to_half(middle), i & 1 ? i + 1 : i);
            assert_int_equal(mw_float_to_half(nextafterf(middle, i & 0x8000 ? -INFINITY : INFINITY)), i + 1);
        }
    }
    assert_int_equal(mw_float_to_half(65519.996f), 0x7bff);
    assert_int_equal(mw_float_to_half(-65520.0f), 0xfc00);
}

// Landmarks of the 8-bit formats' published tables: largest, smallest, special values.
static void eight_bit_floats(void **state)
{
    (void)state;
    static const struct {
        mw_st_dtype d;
        uint8_t byte;
        float want;
    } cases[] = {
        {MW_ST_F8_E4M3, 0x7e, 448},
        {MW_ST_F8_E4M3, 0x01, 0.001953125f},
        {MW_ST_F8_E4M3, 0xb8, -1},
        {MW_ST_F8_E4M3, 0x7f, NAN},
        {MW_ST_F8_E4M3, 0x80, -0.0f},
        {MW_ST_F8_E5M2, 0x7b, 57344},
        {MW_ST_F8_E5M2, 0x01, 1.52587890625e-05f},
        {MW_ST_F8_E5M2, 0xfc, -INFINITY},
        {MW_ST_F8_E5M2, 0x7d, NAN},
        {MW_ST_F8_E4M3FNUZ, 0x7f, 240},
        {MW_ST_F8_E4M3FNUZ, 0x80, NAN},
        {MW_ST_F8_E5M2FNUZ, 0x7f, 57344},
        {MW_ST_F8_E5M2FNUZ, 0x01, 7.62939453125e-06f},
        {MW_ST_F8_E8M0, 0x80, 2},
        {MW_ST_F8_E8M0, 0xff, NAN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        float f;
        uint16_t h;
        assert_int_equal(convert(cases[i].d, 1, &cases[i].byte, &f, &h), MW_OK);
        assert_true(isnan(cases[i].want) ? isnan(f)
                                         : f == cases[i].want && !signbit(f) == !signbit(cases[i].want));
        assert_true(isnan(f) || h == mw_float_to_half(f));
    }
}

static void numbers(void **state)
{
    (void)state;
    float f[3];
    uint16_t h[3];
    assert_int_equal(convert(MW_ST_F64, 3, (double[]){1.5, -0.1, 1e-9}, f, h), MW_OK);
    assert_true(f[0] == 1.5f && f[1] == -0.1f && f[2] == 1e-9f && h[0] == 0x3e00 && h[1] == 0xae66 &&
                h[2] == 0);
    assert_int_equal(convert(MW_ST_BF16, 2, (uint16_t[]){0x3fc0, 0xff80}, f, h), MW_OK);
    assert_true(f[0] == 1.5f && isinf(f[1]) && h[1] == 0xfc00);
    assert_int_equal(convert(MW_ST_I64, 2, (int64_t[]){-3, 1000}, f, h), MW_OK);
    assert_true(f[0] == -3 && f[1] == 1000 && h[1] == 0x63d0);
    assert_int_equal(convert(MW_ST_BOOL, 3, (uint8_t[]){0, 1, 7}, f, h), MW_OK);
    assert_true(f[0] == 0 && f[1] == 1 && f[2] == 1);
    assert_int_equal(convert(MW_ST_F32, 2, (float[]){1, 70000}, f, h), MW_E_NUMBER);
    assert_int_equal(convert(MW_ST_C64, 1, (float[]){1, 2}, f, h), MW_E_FILE);
    assert_int_equal(convert(MW_ST_F4, 2, (uint8_t[]){0x21}, f, h), MW_E_FILE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_half_goes_there_and_back),
        cmocka_unit_test(eight_bit_floats),
        cmocka_unit_test(numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
