// safetensors_convert.c: the elements of an entry as f32 or f16.
#include "core/io/safetensors.h"

#include "core/base/half.h"
#include "core/base/text.h"

#include <float.h>
#include <math.h>
#include <string.h>

// An 8-bit float of the given number of mantissa bits and exponent bias. FNUZ kinds have one NaN, at minus
// zero, and no infinities; E4M3 has NaN where all bits are set and no infinities; E5M2 is like IEEE.
static float decode_f8(uint8_t b, mw_st_dtype d)
{
    bool fnuz = d == MW_ST_F8_E4M3FNUZ || d == MW_ST_F8_E5M2FNUZ;
    int mantissa_bits = d == MW_ST_F8_E4M3 || d == MW_ST_F8_E4M3FNUZ ? 3 : 2;
    int bias = (mantissa_bits == 3 ? 7 : 15) + fnuz;
    int mantissa = b & ((1 << mantissa_bits) - 1), exponent = (b & 0x7f) >> mantissa_bits;
    float sign = b & 0x80 ? -1.0f : 1.0f;
    if (fnuz ? b == 0x80 : d == MW_ST_F8_E4M3 ? (b & 0x7f) == 0x7f : exponent == 31 && mantissa)
        return NAN;
    if (d == MW_ST_F8_E5M2 && exponent == 31)
        return sign * INFINITY;
    if (!exponent)
        return sign * ldexpf((float)mantissa, 1 - bias - mantissa_bits);
    return sign * ldexpf((float)(mantissa + (1 << mantissa_bits)), exponent - bias - mantissa_bits);
}

static void f8_table(mw_st_dtype d, float table[256])
{
    for (int i = 0; i < 256; i++)
        table[i] = d == MW_ST_F8_E8M0 ? (i == 255 ? NAN : ldexpf(1.0f, i - 127)) : decode_f8((uint8_t)i, d);
}

// Elements that lie at any alignment, one C type each, to float.
#define DECODE(type, expression)                                                                             \
    for (size_t i = 0; i < n; i++) {                                                                         \
        type x;                                                                                              \
        memcpy(&x, from + i * sizeof x, sizeof x);                                                           \
        out[i] = (expression);                                                                               \
    }                                                                                                        \
    return true

// Elements are converted so many at a time.
enum { BLOCK = 2048 };

// At most BLOCK elements from `from`; false when the dtype has no plain numbers.
static bool decode(mw_st_dtype d, const uint8_t *from, size_t n, float *out)
{
    uint16_t halves[BLOCK];
    float table[256];
    switch (d) {
    case MW_ST_F32: memcpy(out, from, n * sizeof *out); return true;
    case MW_ST_F16:
        memcpy(halves, from, n * sizeof *halves);
        mw_halves_to_floats(halves, out, n);
        return true;
    case MW_ST_BF16: DECODE(uint16_t, mw_bfloat_to_float(x));
    case MW_ST_F64: DECODE(double, (float)x);
    case MW_ST_BOOL: DECODE(uint8_t, x ? 1.0f : 0.0f);
    case MW_ST_U8: DECODE(uint8_t, (float)x);
    case MW_ST_I8: DECODE(int8_t, (float)x);
    case MW_ST_U16: DECODE(uint16_t, (float)x);
    case MW_ST_I16: DECODE(int16_t, (float)x);
    case MW_ST_U32: DECODE(uint32_t, (float)x);
    case MW_ST_I32: DECODE(int32_t, (float)x);
    case MW_ST_U64: DECODE(uint64_t, (float)x);
    case MW_ST_I64: DECODE(int64_t, (float)x);
    case MW_ST_F8_E5M2:
    case MW_ST_F8_E4M3:
    case MW_ST_F8_E8M0:
    case MW_ST_F8_E4M3FNUZ:
    case MW_ST_F8_E5M2FNUZ: f8_table(d, table); DECODE(uint8_t, table[x]);
    case MW_ST_F4:
    case MW_ST_F6_E2M3:
    case MW_ST_F6_E3M2:
    case MW_ST_C64:
    case MW_ST_DTYPES: break;
    }
    return false;
}

// The next elements of e from `at` on, as floats; how many, 0 at the end or on failure.
static size_t next_block(mw_ctx *c, const mw_st_entry *e, size_t at, float *out)
{
    size_t left = (size_t)e->count - at, n = left < BLOCK ? left : BLOCK;
    char name[100];
    if (mw_err(c) != MW_OK || !n)
        return 0;
    if (decode(e->dtype, e->data + at * (size_t)mw_st_dtype_bits(e->dtype) / 8, n, out))
        return n;
    mw_fail(c, MW_E_FILE, "%s: tensor '%s' is stored as %s, which is not supported", e->file,
            mw_printable(e->name, name, sizeof name), mw_st_dtype_name(e->dtype));
    return 0;
}

mw_status mw_st_read_f32(mw_ctx *c, const mw_st_entry *e, float *out)
{
    for (size_t at = 0, n; (n = next_block(c, e, at, out + at)); at += n)
        ;
    return mw_err(c);
}

static void check_range(mw_ctx *c, const mw_st_entry *e, const float *x, size_t n)
{
    char name[100];
    unsigned beyond = 0;
    for (size_t i = 0; i < n; i++)
        beyond |= fabsf(x[i]) >= 65520.0f && fabsf(x[i]) <= FLT_MAX;
    for (size_t i = 0; beyond && i < n; i++)
        if (isfinite(x[i]) && fabsf(x[i]) >= 65520.0f)
            mw_fail(c, MW_E_NUMBER, "%s: tensor '%s' holds %g, beyond the range of f16; load it as f32",
                    e->file, mw_printable(e->name, name, sizeof name), (double)x[i]);
}

mw_status mw_st_read_f16(mw_ctx *c, const mw_st_entry *e, uint16_t *out)
{
    float block[BLOCK];
    if (mw_err(c) == MW_OK && e->dtype == MW_ST_F16) {
        memcpy(out, e->data, e->bytes);
        return MW_OK;
    }
    for (size_t at = 0, n; (n = next_block(c, e, at, block)); at += n) {
        mw_floats_to_halves(block, out + at, n);
        check_range(c, e, block, n);
    }
    return mw_err(c);
}
