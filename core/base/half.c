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

// Neither of the two branches, so that the compiler makes vector code of the loops below.

static inline float widen(uint16_t h)
{
    uint32_t magnitude = (uint32_t)(h & 0x7fff) << 13;
    // The product moves the exponent from half's bias to float's, and makes subnormal halves normal floats.
    uint32_t u = bits_of(float_of(magnitude) * 0x1p112f);
    u |= magnitude >= 0x0f800000 ? 0x7f800000 : 0;
    return float_of(u | (uint32_t)(h & 0x8000) << 16);
}

static inline uint16_t narrow(float f)
{
    uint32_t u = bits_of(f), sign = u >> 16 & 0x8000, a = u & 0x7fffffff;
    // Below the smallest normal half: adding 0.5 puts the last bit of a half at the last bit of the sum.
    uint32_t small = bits_of(float_of(a) + 0.5f) - bits_of(0.5f);
    uint32_t normal = (a - (112u << 23) + 0xfff + (a >> 13 & 1)) >> 13;
    uint32_t h = a < 0x38800000 ? small : normal;
    h = a >= 0x477ff000 ? 0x7c00 : h; // 65520 and above round to infinity
    h = a > 0x7f800000 ? 0x7e00 : h;
    return (uint16_t)(sign | h);
}

float mw_half_to_float(uint16_t h) { return widen(h); }
uint16_t mw_float_to_half(float f) { return narrow(f); }

float mw_bfloat_to_float(uint16_t b) { return float_of((uint32_t)b << 16); }

void mw_halves_to_floats(const uint16_t *h, float *f, size_t n)
{
    for (size_t i = 0; i < n; i++)
        f[i] = widen(h[i]);
}

void mw_floats_to_halves(const float *f, uint16_t *h, size_t n)
{
    for (size_t i = 0; i < n; i++)
        h[i] = narrow(f[i]);
}
