// rng_internal.h: elementary functions whose bits do not depend on the C library or the processor.
#ifndef MW_RNG_INTERNAL_H
#define MW_RNG_INTERNAL_H

// Each is within 2 units in the last place.
double mw_rng_log(double x); // x > 0, normal
double mw_rng_exp(double x); // -700 < x < 700
// Sine and cosine of x in [0, 7].
void mw_rng_sincos(double x, double *sine, double *cosine);

#endif
