// bench.h: what the programs of the benchmarks share: the clock, operands from files.
#ifndef MW_BENCH_H
#define MW_BENCH_H

#include "core/base/ctx.h"
#include "core/cl/device.h"
#include "core/tensor/tensor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static inline double bench_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// A tensor from a file of f32.
static inline mw_tensor *bench_tensor(mw_ctx *c, const char *path, int ndim, const int64_t *shape)
{
    size_t n = 1;
    for (int i = 0; i < ndim; i++)
        n *= (size_t)shape[i];
    float *v = malloc(n * sizeof *v);
    FILE *f = fopen(path, "rb");
    mw_tensor *t = NULL;
    if (v && f && fread(v, sizeof *v, n, f) == n)
        t = mw_tensor_from_f32(c, MW_F32, ndim, shape, v);
    else
        mw_fail(c, MW_E_FILE, "%s: %zu values cannot be read", path, n);
    if (f)
        fclose(f);
    free(v);
    return t;
}

#endif
