// weights_internal.h: the table of a network's weights, for the files that fill and check it.
#ifndef MW_WEIGHTS_INTERNAL_H
#define MW_WEIGHTS_INTERNAL_H

#include "nodes/nets/base/weights.h"

#include <pthread.h>

typedef enum { MW_WEIGHT_LINEAR, MW_WEIGHT_CONV, MW_WEIGHT_VECTOR, MW_WEIGHT_TABLE } mw_weight_kind;

typedef struct mw_weight_entry {
    char *name;
    mw_weight_kind kind;
    mw_dtype dtype; // of the tensor
    int ndim;
    int64_t shape[4];  // as the network asks for it
    mw_tensor *tensor; // NULL until loaded
} mw_weight_entry;

// The first few of many things that a message names.
enum { MW_WEIGHTS_LISTED = 4 };
typedef struct mw_few {
    char text[1024];
    int n;
} mw_few;

struct mw_weights {
    mw_weight_source source; // closed once everything is loaded
    bool open;               // the source is still there
    char *path, *label;
    mw_dtype dtype;
    mw_weight_entry *entries;
    size_t n, capacity;
    uint32_t *slots; // hash table of 1 + index into entries; 0 is free
    size_t nslots;   // a power of two
    mw_few problems; // of the dry run
    size_t bytes, beside;
    int64_t count;
    atomic_int ready;     // all tensors are loaded
    pthread_mutex_t lock; // of loading
};

// NULL when nobody asked for it.
mw_weight_entry *mw_weights_lookup(const mw_weights *w, const char *name);
int64_t mw_weight_numel(const mw_weight_entry *e);
void mw_few_add(mw_few *l, const char *sentence);

#endif
