// bench.c: the table of `moonweave bench`.
#include "core/measure/measure.h"

#include "core/cl/device.h"
#include "core/measure/task_internal.h"

// What the row is measured by: operations or bytes a second.
static double rate_of(const mw_task *t, mw_timing m)
{
    return (t->flop > 0 ? m.products : t->bytes) / m.seconds;
}
static double limit_of(const mw_task *t, mw_peak p) { return t->flop > 0 ? p.flops : p.bytes; }

void mw_bench_print(FILE *out, const mw_task *t, mw_timing m, mw_peak p)
{
    fprintf(out, "%-14s %-20s %-5s %10.3f %7.1f %s %7.0f %%", t->op, t->shape, mw_dtype_name(t->dtype),
            m.seconds * 1e3, rate_of(t, m) / 1e9, t->flop > 0 ? "GF/s" : "GB/s",
            100 * rate_of(t, m) / limit_of(t, p));
    if (t->flop > m.products) // by a method with fewer
        fprintf(out, "  as %.1f GF/s done directly", t->flop / m.seconds / 1e9);
    fprintf(out, "\n");
    fflush(out);
}

// The machine may have been busier when its limits were measured than it is now: a row above one is a reason
// to measure that again.
static void raise_limit(mw_ctx *c, const mw_task *t, mw_timing m, mw_peak *p)
{
    enum { TRIES = 8 };
    for (int i = 0; i < TRIES && !mw_cancelled(c) && rate_of(t, m) > limit_of(t, *p); i++)
        t->flop > 0 ? mw_measure_flops(c, p) : mw_measure_bytes(c, p);
}

static void print_limits(mw_ctx *c, FILE *out, mw_peak p)
{
    fprintf(out, "%s: %.0f GFLOP/s f32 multiply-adds, %.1f GB/s through memory\n",
            mw_device_get_info(c)->name, p.flops / 1e9, p.bytes / 1e9);
}

void mw_bench_sizes(mw_ctx *c, const mw_size *sizes, mw_dtype dtype, mw_peak *p, FILE *out)
{
    const double budget = 0.2;
    for (; sizes->op && !mw_cancelled(c); sizes++) {
        mw_task t;
        mw_scope_begin(c);
        mw_task_make(c, sizes, dtype, MW_BEYOND_CACHES, &t);
        mw_timing m = mw_task_time(c, &t, budget);
        mw_scope_end(c, NULL);
        if (!mw_task_done(c, &t, out))
            continue;
        raise_limit(c, &t, m, p);
        if (!mw_err(c))
            mw_bench_print(out, &t, m, *p);
    }
}

mw_status mw_bench(mw_ctx *c, FILE *out)
{
    mw_peak first = {0};
    mw_measure_flops(c, &first);
    mw_measure_bytes(c, &first);
    if (mw_err(c))
        return mw_err(c);
    print_limits(c, out, first);
    fprintf(out, "%-14s %-20s %-5s %10s %12s %9s\n", "op", "shape", "dtype", "ms", "rate", "of limit");
    mw_peak peak = first;
    mw_bench_sizes(c, mw_sizes, MW_F32, &peak, out);
    mw_bench_sizes(c, mw_sizes, MW_F16, &peak, out);
    if (!mw_err(c) && (peak.flops > first.flops || peak.bytes > first.bytes)) {
        fprintf(out, "The limits were measured higher later; a row is a share of the highest until then:\n");
        print_limits(c, out, peak);
    }
    return mw_err(c);
}
