// task_internal.h: a piece of work to measure: one op at one size; private to core/measure.
#ifndef MW_TASK_INTERNAL_H
#define MW_TASK_INTERNAL_H

#include "core/base/clock.h"
#include "core/ops.h"

#include <stdio.h>

typedef struct mw_task {
    const char *op;
    int64_t n[6];   // as the op's comment in task.c says
    mw_dtype dtype; // of everything
    double flop;    // operations; 0 where bytes are what counts
    double bytes;   // read and written once
    char shape[64];
    mw_tensor *in[4];
} mw_task;

int mw_task_count(void);
// Task i in dtype, with operands in the open scope.
mw_status mw_task_make(mw_ctx *c, int i, mw_dtype dtype, mw_task *t);
// After a task's scope: true when it went well. That memory did not suffice is said on `out` and forgotten.
bool mw_task_done(mw_ctx *c, const mw_task *t, FILE *out);
// Run it once; the result belongs to the open scope.
mw_tensor *mw_task_run(mw_ctx *c, const mw_task *t);
// Seconds of one run: the least of several, for about `budget` seconds, after a run that is not counted.
double mw_task_time(mw_ctx *c, const mw_task *t, double budget);

#endif
