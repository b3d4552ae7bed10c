// half.c: conversions between f32 and the 16-bit float formats.
#include "core/base/half.h"

#include <string.h>

static uint32_t bits_of(float f)
{
    uint32_t u;
    memcpy(&u, &f, 4);
    return u;
}

static float float_of(uint32_t u)
{
    float f;
    memcpy(&f, &u, 4);
    return f;
}

float mw_half_to_float(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, e = (h >> 10) & 31, m = h & 0x3ff;
    if (e == 31)
        return float_of(sign | 0x7f800000 | (m << 13));
    if (e == 0)
        return float_of(sign | bits_of((float)m * 0x1p-24f));
    return float_of(sign | ((e + 112) << 23) | (m << 13));
}

uint16_t mw_float_to_half(float f)
{
    uint32_t u = bits_of(f), sign = (u >> 16) & 0x8000, a = u & 0x7fffffff;
    if (a > 0x7f800000)
        return (uint16_t)(sign | 0x7e00);
    if (a >= 0x477ff000) // 65520 and above round to infinity
        return (uint16_t)(sign | 0x7c00);
    if (a < 0x38800000) { // below the smallest normal half: let the float adder round at 2^-24
        uint32_t m = bits_of(float_of(a) + 0.5f) - bits_of(0.5f);
        return (uint16_t)(sign | m);
    }
    uint32_t rounded = a + 0xfff + ((a >> 13) & 1);
    return (uint16_t)(sign | ((rounded - 0x38000000) >> 13));
}

float mw_bfloat_to_float(uint16_t b) { return float_of((uint32_t)b << 16); }

void mw_halves_to_floats(const uint16_t *h, float *f, size_t n)
{
    for (size_t i = 0; i < n; i++)
        f[i] = mw_half_to_float(h[i]);
}

void mw_floats_to_halves(const float *f, uint16_t *h, size_t n)
{
    for (size_t i = 0; i < n; i++)
        h[i] = mw_float_to_half(f[i]);
}
