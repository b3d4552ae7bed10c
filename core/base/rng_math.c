// rng_math.c: logarithm, exponential, sine and cosine from additions and products alone.
// A C library picks other code on other processors, and its last bits differ; a seed must not notice.
#include "core/base/rng_internal.h"

#include <math.h>

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

// Constants split so that a small integer times the high part is exact.
#define LN2_HIGH 0x1.62e42fefa0000p-1
#define LN2_LOW 0x1.cf79abc9e3b3ap-40
#define HALF_PI_HIGH 0x1.921fb54440000p+0
#define HALF_PI_LOW 0x1.68c234c4c6629p-39

double mw_rng_log(double x)
{
    int e;
    double m = frexp(x, &e);
    if (m < 0.70710678118654752) {
        m *= 2;
        e--;
    }
    // log(1+f) = 2 artanh(s), s = f/(2+f); written so that the leading f is added last.
    double f = m - 1, s = f / (2 + f), z = s * s, tail = 0;
    for (int k = 25; k >= 3; k -= 2)
        tail = (tail + 2.0 / k) * z;
    double half = 0.5 * f * f;
    return e * LN2_HIGH - ((half - (s * (half + tail) + e * LN2_LOW)) - f);
}

double mw_rng_exp(double x)
{
    double n = floor(x * 1.4426950408889634 + 0.5);
    double r = (x - n * LN2_HIGH) - n * LN2_LOW, y = 1;
    for (int k = 16; k >= 2; k--)
        y = 1 + y * r / k;
    return ldexp(1 + y * r, (int)n);
}

void mw_rng_sincos(double x, double *sine, double *cosine)
{
    int n = (int)(x * 0.63661977236758134 + 0.5);
    double r = (x - n * HALF_PI_HIGH) - n * HALF_PI_LOW, z = r * r, s = 0, c = 0;
    for (int k = 18; k >= 2; k -= 2) {
        s = -(1 + s) * z / (k * (k + 1));
        c = -(1 + c) * z / (k * (k - 1));
    }
    // s and c are now sin(r)/r - 1 and cos(r) - 1.
    double of[4] = {r + r * s, 1 + c, -(r + r * s), -(1 + c)};
    *sine = of[n & 3];
    *cosine = of[(n + 1) & 3];
}
