// half.h: conversions between f32 and the 16-bit float formats, on the host, the same on every machine.
#ifndef MW_HALF_H
#define MW_HALF_H

#include <stddef.h>
#include <stdint.h>

float mw_half_to_float(uint16_t h);
// Round to nearest, ties to even; overflow gives infinity; NaN stays NaN.
uint16_t mw_float_to_half(float f);
float mw_bfloat_to_float(uint16_t b);

void mw_halves_to_floats(const uint16_t *h, float *f, size_t n);
void mw_floats_to_halves(const float *f, uint16_t *h, size_t n);

#endif
