// peak.c: the device's limits by kernels that do nothing else.
#include "core/measure/measure.h"

#include "core/cl/device.h"
#include "core/measure/task_internal.h"
#include "core/tensor/launch.h"

enum { GPU_GROUP = 64 };

// Launches a second at the rate of the shortest of many, after one that compiles: others may be running.
static double most_often(mw_ctx *c, const mw_launch *l, const mw_arg *args, int nargs)
{
    enum { LEAST = 24 };
    const double budget = 0.25; // seconds
    double least = 0, begin = 0;
    for (int i = 0; !mw_err(c) && (i <= LEAST || mw_seconds() - begin < budget); i++) {
        double start = mw_seconds();
        mw_run(c, l, args, nargs);
        mw_device_finish(c);
        double s = mw_seconds() - start;
        if (i == 0)
            begin = mw_seconds();
        else
            least = i == 1 || s < least ? s : least;
    }
    return mw_err(c) || least <= 0 ? 0 : 1 / least;
}

void mw_measure_flops(mw_ctx *c, mw_peak *p)
{
    enum { CPU_LANES = 16, GPU_LANES = 4, CHAINS = 16 };
    const mw_caps *caps = mw_device_caps(c);
    size_t items = (size_t)caps->compute_units * (caps->cpu ? 4 : 64 * GPU_GROUP);
    int loops = caps->cpu ? 1 << 17 : 1 << 12; // a CPU's cores do that in a millisecond or two
    mw_scope_begin(c);
    mw_tensor *y = mw_tensor_new(c, MW_F32, MW_SHAPE((int64_t)items));
    mw_launch l = {.file = "peak",
                   .entry = "multiply_add",
                   .dims = 1,
                   .global = {items},
                   .local = {caps->cpu ? 1 : GPU_GROUP}};
    double flops = 2.0 * CHAINS * (caps->cpu ? CPU_LANES : GPU_LANES) * loops * (double)items *
        most_often(c, &l, (mw_arg[]){MW_T(y), MW_I(loops), MW_F(0.5), MW_F(0.25)}, 4);
    p->flops = flops > p->flops ? flops : p->flops;
    mw_scope_end(c, NULL);
}

void mw_measure_bytes(mw_ctx *c, mw_peak *p)
{
    const mw_caps *caps = mw_device_caps(c);
    enum { BLOCKS = 1 << 20 };
    int block = caps->cpu ? 1 << 16 : 64;
    for (int inputs = 1; inputs <= 2; inputs++) {
        int64_t n = MW_BEYOND_CACHES / (inputs + 1) / (int64_t)sizeof(float) / BLOCKS * BLOCKS;
        mw_scope_begin(c);
        mw_tensor *y = mw_tensor_new(c, MW_F32, MW_SHAPE(n)), *x = mw_tensor_new(c, MW_F32, MW_SHAPE(n));
        mw_tensor *z = inputs == 2 ? mw_tensor_new(c, MW_F32, MW_SHAPE(n)) : x;
        mw_fill(c, x, 1); // memory that was never written may be one page of zeros
        mw_fill(c, z, 2);
        mw_launch l = {.file = "peak",
                       .entry = "stream",
                       .dims = 1,
                       .global = {(size_t)(n / block)},
                       .local = {caps->cpu ? 1 : GPU_GROUP}};
        mw_arg args[] = {MW_T(x), MW_T(z), MW_T(y), MW_I(inputs), MW_I(block)};
        double bytes = (inputs + 1.0) * sizeof(float) * (double)n * most_often(c, &l, args, 5);
        p->bytes = bytes > p->bytes ? bytes : p->bytes;
        mw_scope_end(c, NULL);
    }
}
