// measure.h: how fast the ops are on the context's device: `moonweave bench` and `moonweave tune`.
#ifndef MW_MEASURE_H
#define MW_MEASURE_H

#include "core/base/ctx.h"

#include <stdio.h>

// The device's limits: the most that was measured.
typedef struct mw_peak {
    double flops; // f32 operations a second, a multiply-add counts as two
    double bytes; // read and written a second, through memory; the better of a copy and a sum of two
} mw_peak;
// Measures a limit for about half a second and raises *p where it was higher.
void mw_measure_flops(mw_ctx *c, mw_peak *p);
void mw_measure_bytes(mw_ctx *c, mw_peak *p);

// A table on `out`: op, shape, dtype, time, and, against the limit of the device, the rate of the operations
// that were really computed, or of the bytes that must go through memory. Takes about a minute.
mw_status mw_bench(mw_ctx *c, FILE *out);

// Tries every way the ops know at a diffusion model's sizes, keeps the fastest for each class of sizes and
// writes each to the device's tuning file as soon as it is settled: a tuning that is stopped (MW_E_CANCEL)
// keeps those. A way whose result differs from the first one's is never kept. Progress goes to log.
mw_status mw_tune(mw_ctx *c, FILE *log);

#endif
