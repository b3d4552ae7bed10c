// exec.h: runs what a target needs, in topological order, independent branches side by side.
//
// A node runs when all that feeds it is there; its results go after their last use, unless they are a
// target's or held. Results whose key is in the cache are taken from there, and what only they need is not
// run.
#ifndef MW_EXEC_H
#define MW_EXEC_H

#include "core/graph/cache.h"
#include "core/graph/emit.h"

typedef struct mw_exec mw_exec;

typedef struct mw_progress_report {
    const char *node; // type of the node that moved
    int done, total;  // nodes of this run, those from the cache not counted
    double elapsed;   // seconds
    double left;      // seconds, estimated; negative while nothing is known
} mw_progress_report;

typedef struct mw_exec_options {
    int threads; // that run nodes, the caller's included; 0: one more than there are devices
    bool timing; // wait for the device after each node, so that times are those of the work
    // Called at most ten times a second, under a lock, from any thread; may be NULL.
    void (*progress)(void *user, const mw_progress_report *r);
    void *user;
    mw_listener listener; // to what nodes hand out while they run; .hear NULL: none
} mw_exec_options;

// Time of the nodes of one type.
typedef struct mw_node_time {
    const char *type;
    int runs, cached;
    uint64_t waits; // calls that waited for the device: reads, writes that block
    double seconds;
} mw_node_time;

// The graph and the cache are borrowed (cache may be NULL: nothing is kept). Free before the graph.
mw_exec *mw_exec_new(mw_ctx *c, mw_graph *g, mw_cache *cache, const mw_exec_options *o);
void mw_exec_free(mw_exec *x);

// Run what the n nodes need; then each one's results are in its node, held until mw_exec_let_go. Errors carry
// "where: node: "; after an error or a cancellation nothing is left behind. Not to be called from within a
// node.
mw_status mw_exec_run(mw_ctx *c, mw_exec *x, const int *targets, int n);
// One result of a node that is held; borrowed.
mw_value *mw_exec_result(const mw_exec *x, int node, int out);
// On the thread that runs; from within a node too: what the run still needs goes after its last use.
void mw_exec_let_go(mw_exec *x, int node);

// Where the graph is crowded and nothing runs, nodes that nobody names go (mw_graph_sweep).
bool mw_exec_crowded(const mw_exec *x);
void mw_exec_sweep(mw_ctx *c, mw_exec *x);

// True when one of the targets, or what feeds it, uses a device.
bool mw_exec_needs_device(const mw_exec *x, const int *targets, int n);

// True when `check` may answer for this node: its result is held or cached, or follows from literals alone
// (MW_NODE_LITERAL nodes only).
bool mw_exec_is_literal(mw_ctx *c, mw_exec *x, int node);

// What runs on this thread now follows from more than its node's inputs (a clock, a random number):
// its results and what follows from them are not cached. Nothing happens outside of a node's run.
void mw_exec_unrepeatable(void);
// The node's results are held, and nothing that they follow from is another now.
bool mw_exec_holds(mw_ctx *c, mw_exec *x, int node);

// What was brought from one device to another so far: of an output or input that a line of the script has.
typedef struct mw_move {
    char *what;   // "graph.lua:9: unet: 'noise_pred'"
    int from, to; // devices
    int tensors;
    uint64_t bytes;
} mw_move;
// In the order of the first of each; borrowed until the next run.
const mw_move *mw_exec_moves(const mw_exec *x, int *count);

// Entries of the types that were asked for so far, longest first; free() it.
mw_node_time *mw_exec_times(mw_ctx *c, const mw_exec *x, int *count);

#endif
