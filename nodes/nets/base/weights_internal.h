// weights_internal.h: the table of a network's weights, for the files that fill and check it.
#ifndef MW_WEIGHTS_INTERNAL_H
#define MW_WEIGHTS_INTERNAL_H

#include "core/cl/device.h"
#include "nodes/nets/base/weights.h"

#include <pthread.h>

typedef enum { MW_WEIGHT_LINEAR, MW_WEIGHT_CONV, MW_WEIGHT_VECTOR, MW_WEIGHT_TABLE } mw_weight_kind;

typedef struct mw_weight_entry {
    char *name;
    mw_weight_kind kind;
    mw_dtype dtype; // of the tensor
    int ndim;
    int64_t shape[4];     // as the network asks for it
    bool in_blocks;       // it stays in the source's blocks:
    mw_block_rows blocks; // these
    bool passing;         // mw_weights_pass
} mw_weight_entry;

// The first few of many things that a message names.
enum { MW_WEIGHTS_LISTED = 4 };
typedef struct mw_few {
    char text[1024];
    int n;
} mw_few;

// The weights on one stream, in the order of the entries.
typedef struct mw_weights_copy {
    atomic_int ready;    // all are loaded
    mw_tensor **tensors; // NULL until then
} mw_weights_copy;

// The source, while tensors read from where it lies in memory.
typedef struct mw_weights_lease {
    atomic_int refs; // of the tensors, and of the weights while they have the source open
    mw_weight_source source;
} mw_weights_lease;

struct mw_weights {
    mw_weight_source source; // closed once everything is loaded; not where another stream may want it too
    bool open;               // the source is still there
    bool passing;            // and stays, since some weights are read each time
    mw_weights_lease *lease; // NULL: no tensor reads from it
    char *path, *label;
    mw_dtype dtype;
    mw_weight_entry *entries;
    size_t n, capacity;
    uint32_t *slots; // hash table of 1 + index into entries; 0 is free
    size_t nslots;   // a power of two
    mw_few problems; // of the dry run
    size_t bytes, beside;
    int64_t count;
    mw_weights_copy on[MW_MOST_STREAMS]; // by the stream's number
    atomic_int set; // 1 + the number of the only stream that has what mw_weight_set gave; 0: none was set
    atomic_ulong revision; // mw_weights_revision
    pthread_mutex_t lock;  // of loading
};

// ---- weights_load.c
// The copy on the context's stream, or the first's without one (dry runs).
mw_weights_copy *mw_weights_here(const mw_ctx *c, mw_weights *w);
void mw_weights_free_copy(const mw_weights *w, mw_weights_copy *y);
void mw_weights_close_source(mw_weights *w);
// A passing weight, in the open scope.
mw_tensor *mw_weights_read_passing(mw_ctx *c, mw_weights *w, const mw_weight_entry *e);

// ---- weights.c
// NULL when nobody asked for it.
mw_weight_entry *mw_weights_lookup(const mw_weights *w, const char *name);
int64_t mw_weight_numel(const mw_weight_entry *e);
// Of the device's memory; none for blocks that are read where they lie.
size_t mw_weight_bytes(const mw_ctx *c, const mw_weight_entry *e);
void mw_few_add(mw_few *l, const char *sentence);

#endif
