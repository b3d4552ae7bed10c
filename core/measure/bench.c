// bench.c: the table of `moonweave bench`.
#include "core/measure/measure.h"

#include "core/cl/device.h"
#include "core/measure/task_internal.h"

mw_status mw_bench(mw_ctx *c, FILE *out)
{
    const double budget = 0.2;
    mw_peak peak = mw_measure_peak(c);
    if (mw_err(c))
        return mw_err(c);
    fprintf(out, "%s: %.0f GFLOP/s f32 multiply-adds, %.1f GB/s copied\n", mw_device_get_info(c)->name,
            peak.flops / 1e9, peak.bytes / 1e9);
    fprintf(out, "%-14s %-20s %-5s %10s %12s %9s\n", "op", "shape", "dtype", "ms", "rate", "of limit");
    for (int i = 0; i < 2 * mw_task_count() && !mw_cancelled(c); i++) {
        mw_task t;
        mw_scope_begin(c);
        mw_task_make(c, i % mw_task_count(), i < mw_task_count() ? MW_F32 : MW_F16, &t);
        double s = mw_task_time(c, &t, budget);
        mw_scope_end(c, NULL);
        if (!mw_task_done(c, &t, out))
            continue;
        double rate = (t.flop > 0 ? t.flop : t.bytes) / s;
        fprintf(out, "%-14s %-20s %-5s %10.3f %7.1f %s %7.0f %%\n", t.op, t.shape, mw_dtype_name(t.dtype),
                s * 1e3, rate / 1e9, t.flop > 0 ? "GF/s" : "GB/s",
                100 * rate / (t.flop > 0 ? peak.flops : peak.bytes));
        fflush(out);
    }
    return mw_err(c);
}
