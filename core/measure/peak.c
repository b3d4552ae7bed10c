// peak.c: the device's limits by kernels that do nothing else.
#include "core/measure/measure.h"

#include "core/cl/device.h"
#include "core/measure/task_internal.h"
#include "core/tensor/launch.h"

enum { ROUNDS = 24 }; // the best of them: something else may be running

static double peak_flops(mw_ctx *c, const mw_caps *caps)
{
    enum { CPU_LANES = 16, GPU_LANES = 4, CHAINS = 16, GPU_GROUP = 64 };
    size_t items = (size_t)caps->compute_units * (caps->cpu ? 4 : 64 * GPU_GROUP);
    int loops = caps->cpu ? 1 << 19 : 1 << 12;
    mw_tensor *y = mw_tensor_new(c, MW_F32, MW_SHAPE((int64_t)items));
    mw_launch l = {.file = "peak",
                   .entry = "multiply_add",
                   .dims = 1,
                   .global = {items},
                   .local = {caps->cpu ? 1 : GPU_GROUP}};
    double best = 0;
    for (int i = 0; i < ROUNDS && !mw_err(c); i++) {
        double start = mw_seconds();
        MW_RUN(c, &l, MW_T(y), MW_I(loops), MW_F(0.5), MW_F(0.25));
        mw_device_finish(c);
        double rate = 2.0 * CHAINS * (caps->cpu ? CPU_LANES : GPU_LANES) * loops * (double)items /
            (mw_seconds() - start);
        best = i && rate > best ? rate : best; // the first run compiles
    }
    return best;
}

static double peak_bytes(mw_ctx *c, const mw_caps *caps)
{
    enum { GPU_GROUP = 64 };
    int64_t n = 1 << 24; // floats: beyond the caches
    int block = caps->cpu ? 1 << 16 : 64;
    mw_tensor *x = mw_tensor_new(c, MW_F32, MW_SHAPE(n)), *y = mw_tensor_new(c, MW_F32, MW_SHAPE(n));
    mw_launch l = {.file = "peak",
                   .entry = "stream",
                   .dims = 1,
                   .global = {(size_t)(n / block)},
                   .local = {caps->cpu ? 1 : GPU_GROUP}};
    double best = 0;
    for (int i = 0; i < ROUNDS && !mw_err(c); i++) {
        double start = mw_seconds();
        MW_RUN(c, &l, MW_T(x), MW_T(y), MW_I(block));
        mw_device_finish(c);
        double rate = 2.0 * sizeof(float) * (double)n / (mw_seconds() - start);
        best = i && rate > best ? rate : best;
    }
    return best;
}

mw_peak mw_measure_peak(mw_ctx *c)
{
    const mw_caps *caps = mw_device_caps(c);
    mw_scope_begin(c);
    mw_peak p = {peak_flops(c, caps), peak_bytes(c, caps)};
    mw_scope_end(c, NULL);
    return p;
}
