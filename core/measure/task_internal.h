// task_internal.h: a piece of work to measure: one op at one size; private to core/measure.
#ifndef MW_TASK_INTERNAL_H
#define MW_TASK_INTERNAL_H

#include "core/base/clock.h"
#include "core/measure/measure.h"
#include "core/ops.h"

#include <stdio.h>

enum { MW_BEYOND_CACHES = 256 << 20 }; // bytes that a device's memory, and not its caches, is measured with

typedef struct mw_size {
    const char *op;
    int64_t n[6]; // as the op's comment in task.c says
} mw_size;
extern const mw_size mw_sizes[]; // those of Stable Diffusion 1.5 at 512 x 512; a NULL op ends them

typedef struct mw_task {
    const char *op;
    int64_t n[6];   // of its size
    mw_dtype dtype; // of everything
    double flop;    // operations by the op's definition; 0 where bytes are what counts
    double bytes;   // that it must read and write
    int64_t sets;   // operands for so many runs, each its own, one after the other in x; 1 where flop counts
    char shape[64];
    mw_tensor *in[4];
} mw_task;

// What was measured of one run.
typedef struct mw_timing {
    double seconds;
    double products; // operations of the matrix products that it really computed
} mw_timing;

// The op at that size in dtype, with operands in the open scope. Where bytes count there are sets for at
// least `moved` bytes in all.
mw_status mw_task_make(mw_ctx *c, const mw_size *size, mw_dtype dtype, int64_t moved, mw_task *t);
// After a task's scope: true when it went well. That memory did not suffice is said on `out` and forgotten.
bool mw_task_done(mw_ctx *c, const mw_task *t, FILE *out);
// Run it once, on a set's operands; the result belongs to the open scope.
mw_tensor *mw_task_run(mw_ctx *c, const mw_task *t, int64_t set);
// One run: the shortest of several, for about `budget` seconds, after one that is not counted. Where there
// are several sets all are run in turn, with all results kept until the last, and one's share is meant.
mw_timing mw_task_time(mw_ctx *c, const mw_task *t, double budget);

// The task's line in the table of `moonweave bench`.
void mw_bench_print(FILE *out, const mw_task *t, mw_timing m, mw_peak p);
// mw_bench and mw_tune of these sizes, in one dtype.
void mw_bench_sizes(mw_ctx *c, const mw_size *sizes, mw_dtype dtype, mw_peak *p, FILE *out);
void mw_tune_sizes(mw_ctx *c, const mw_size *sizes, mw_dtype dtype, FILE *log);

#endif
