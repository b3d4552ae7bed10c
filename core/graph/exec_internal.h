// exec_internal.h: what exec.c (the plan and the workers) and job.c (one node) share.
#ifndef MW_EXEC_INTERNAL_H
#define MW_EXEC_INTERNAL_H

#include "core/base/clock.h"
#include "core/cl/device.h"
#include "core/graph/exec.h"

#include <pthread.h>

typedef struct mw_emitter mw_emitter; // emit.c

// What one worker is doing.
typedef struct mw_job {
    mw_exec *x;
    const mw_gnode *node;
    double began;
    int64_t done, total; // of the node's own progress
    int64_t emitted;     // values handed out
    bool unrepeatable;
    uint64_t waits; // for the device
} mw_job;

// A set of slots that gives the lowest first, so that work goes on in the script's order.
typedef struct slot_heap {
    int *slots, count;
} slot_heap;

// Nodes that were met on a walk, each once.
typedef struct mw_walk {
    mw_gnode **nodes;
    int count, room;
} mw_walk;

typedef struct type_stat {
    int runs, cached, left;
    uint64_t waits;
    double seconds;
} type_stat;

// A result whose numbers are being counted (numbers.c).
typedef struct mw_numbers mw_numbers;

struct mw_exec {
    mw_graph *g;
    mw_cache *cache;
    mw_exec_options o;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    mw_emitter *emitter; // NULL: nobody listens
    type_stat *stats;    // by schema index
    int nstats;
    bool running_now;
    // one run: the nodes that it needs have slots 1 .. size, in the order of their ids
    int size;
    mw_gnode **nodes;       // by slot, as all below
    bool *run;              // to be run; else taken from the cache or already there
    int *waiting;           // inputs still to come
    int *uses;              // consumers (and targets) that still need the results
    int *first, *consumers; // consumers[first[i] .. first[i + 1]) need slot i
    slot_heap ready, ready_main;
    int left, total, busy, started, sleepers;
    int on[MW_MOST_STREAMS]; // nodes that run on each device
    mw_move *moves;          // in all runs
    int nmoves;
    bool alone; // memory does not suffice for two nodes at a time
    double began, reported;
    mw_numbers *numbers, **last_number; // oldest first
    mw_status failed;
    char *message;
};

// Runs one node on this worker: its inputs are resolved, its results checked. NULL-terminated nothing: nout
// values in *out on success (array and shares for the caller). On failure the context carries "where: node:
// sentence".
mw_status mw_job_run(mw_ctx *c, mw_exec *x, mw_job *job, mw_gnode *n, mw_value ***out);

// ---- numbers.c
// Starts the count for a result that must be numbers: output o of the job's node, made of `in`.
void mw_numbers_watch(mw_ctx *c, const mw_job *job, mw_value *const *in, const mw_out *o, mw_value *v);
// Under the lock: looks at the counts that have come; with wait, at all of them. MW_E_NUMBER with the node
// that made the first bad result, unless an error is pending already.
mw_status mw_numbers_look(mw_ctx *c, mw_exec *x, bool wait);
// Into the pending error of a node that is one of many: at which step.
void mw_numbers_tell_step(mw_ctx *c, const mw_schema *s, mw_value *const *in);

// ---- placement.c: where several devices are open (mw_placement_matters)
bool mw_placement_matters(const mw_ctx *c);
// MW_E_DEVICE when the node is to run on a device that the run has not.
mw_status mw_placement_check(mw_ctx *c, const mw_gnode *n);
// With the lock held and all that feeds n there: where it runs.
mw_stream *mw_placement_choose(const mw_ctx *c, const mw_exec *x, const mw_gnode *n);
// One share of v, the port `port` of n, or of a copy with all tensors on the context's stream; NULL with an
// error pending.
mw_value *mw_placement_bring(mw_ctx *c, mw_exec *x, const mw_gnode *n, const char *port, mw_value *v);
// The same of a result of n, brought once for all that use it.
mw_value *mw_placement_result(mw_ctx *c, mw_exec *x, mw_gnode *n, int out);
// n's results are those on the context's stream from now on.
void mw_placement_return(mw_ctx *c, mw_exec *x, mw_gnode *n);

// ---- plan.c
// The node's results are there, or were in the cache and are there now.
bool mw_plan_known(mw_ctx *c, mw_exec *x, int id);
void mw_plan_drop(mw_gnode *n); // the node's results go
mw_status mw_plan_make(mw_ctx *c, mw_exec *x, const int *targets, int n);
void mw_plan_forget(mw_exec *x);
type_stat *mw_plan_stat(mw_exec *x, const mw_gnode *n);
// Nothing that the node waits for is left.
void mw_plan_ready(mw_exec *x, int slot);
int mw_plan_pop(slot_heap *h);
int mw_plan_dep(const mw_exec *x, const mw_gnode *n, int d); // the slot of the d-th that feeds n

// Adds the node, or all that feed n, where the walk has not met them; false with an error pending. End it.
bool mw_walk_add(mw_ctx *c, mw_walk *w, mw_gnode *n);
bool mw_walk_add_deps(mw_ctx *c, const mw_graph *g, mw_walk *w, const mw_gnode *n);
void mw_walk_end(mw_walk *w);

// Under the lock: tell the watcher how far it is, if the last time is long enough ago.
void mw_exec_report(mw_exec *x, const mw_job *job);

#endif
