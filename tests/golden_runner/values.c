// values.c: elements of files as doubles and back.
#include "tests/golden_runner/runner.h"

#include "core/base/half.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static mw_status bad_dtype(mw_ctx *c, const char *name, mw_st_dtype dtype)
{
    return mw_fail(c, MW_E_FILE, "tensor '%s': dtype %s is not compared", name, mw_st_dtype_name(dtype));
}

#define READ(type)                                                                                           \
    do {                                                                                                     \
        type x;                                                                                              \
        memcpy(&x, p, sizeof x);                                                                             \
        return (double)x;                                                                                    \
    } while (0)

static double value_at(mw_st_dtype dtype, const uint8_t *p)
{
    uint16_t half;
    switch (dtype) {
    case MW_ST_F64: READ(double);
    case MW_ST_F32: READ(float);
    case MW_ST_I64: READ(int64_t);
    case MW_ST_I32: READ(int32_t);
    case MW_ST_I16: READ(int16_t);
    case MW_ST_I8: READ(int8_t);
    case MW_ST_U8:
    case MW_ST_BOOL: return *p;
    case MW_ST_F16: memcpy(&half, p, 2); return (double)mw_half_to_float(half);
    default: return NAN;
    }
}

static bool can_compare(mw_st_dtype d)
{
    return d == MW_ST_F64 || d == MW_ST_F32 || d == MW_ST_F16 || d == MW_ST_I64 || d == MW_ST_I32 ||
        d == MW_ST_I16 || d == MW_ST_I8 || d == MW_ST_U8 || d == MW_ST_BOOL;
}

double *golden_unpack(mw_ctx *c, const char *name, mw_st_dtype dtype, const void *bytes, int64_t count)
{
    if (!can_compare(dtype)) {
        bad_dtype(c, name, dtype);
        return NULL;
    }
    double *v = mw_alloc(c, (size_t)count * sizeof *v + 1);
    size_t size = (size_t)mw_st_dtype_bits(dtype) / 8;
    for (int64_t i = 0; v && i < count; i++)
        v[i] = value_at(dtype, (const uint8_t *)bytes + (size_t)i * size);
    return v;
}

#define WRITE(type)                                                                                          \
    do {                                                                                                     \
        type y = (type)x;                                                                                    \
        memcpy(p, &y, sizeof y);                                                                             \
    } while (0)

// x is in the dtype's range.
static void put(mw_st_dtype dtype, double x, uint8_t *p)
{
    uint16_t half;
    switch (dtype) {
    case MW_ST_F64: WRITE(double); break;
    case MW_ST_F32: WRITE(float); break;
    case MW_ST_I64: WRITE(int64_t); break;
    case MW_ST_I32: WRITE(int32_t); break;
    case MW_ST_I16: WRITE(int16_t); break;
    case MW_ST_I8: WRITE(int8_t); break;
    case MW_ST_U8:
    case MW_ST_BOOL: WRITE(uint8_t); break;
    default: half = mw_float_to_half((float)x); memcpy(p, &half, 2);
    }
}

// Whole numbers of a dtype lie in [-2^low, 2^high); floats take anything.
static bool fits(mw_st_dtype dtype, double x)
{
    if (dtype == MW_ST_F64 || dtype == MW_ST_F32 || dtype == MW_ST_F16)
        return true;
    int bits = dtype == MW_ST_BOOL ? 1 : mw_st_dtype_bits(dtype);
    bool sign = dtype != MW_ST_BOOL && dtype != MW_ST_U8;
    double top = ldexp(1, sign ? bits - 1 : bits);
    return x >= (sign ? -top : 0) && x < top;
}

void *golden_pack(mw_ctx *c, const char *name, mw_st_dtype dtype, const double *v, int64_t count)
{
    if (!can_compare(dtype)) {
        bad_dtype(c, name, dtype);
        return NULL;
    }
    size_t size = (size_t)mw_st_dtype_bits(dtype) / 8;
    uint8_t *bytes = mw_alloc(c, (size_t)count * size + 1);
    for (int64_t i = 0; bytes && i < count; i++) {
        if (!fits(dtype, v[i])) {
            mw_fail(c, MW_E_NUMBER, "tensor '%s': %g is no %s", name, v[i], mw_st_dtype_name(dtype));
            break;
        }
        put(dtype, v[i], bytes + (size_t)i * size);
    }
    if (mw_err(c)) {
        free(bytes);
        return NULL;
    }
    return bytes;
}
