// graph_internal.h: what graph.c and key.c share.
#ifndef MW_GRAPH_INTERNAL_H
#define MW_GRAPH_INTERNAL_H

#include "core/graph/graph.h"

#include <stdatomic.h>

// A script's limits reach what it makes here, too.
enum { MW_MOST_NODES = 1 << 20, MW_NODE_BLOCK = 1 << 10 };

// A function of the script may add nodes while other threads run some: what is there never moves.
struct mw_graph {
    mw_gnode *
        *blocks[MW_MOST_NODES / MW_NODE_BLOCK]; // of MW_NODE_BLOCK nodes each, made when the first is needed
    atomic_int count;
    mw_schema **schemas;
    int nschemas;
    char *policy;
    size_t bytes;    // of all literals
    mw_value *files; // path -> identity text, as it was when this evaluation began
    int64_t born;    // seconds since 1970
};

// ---- file_identity.c
// Text that is another when the file or folder that `name` leads to (mw_find_path) was changed; empty when
// there is none. since: when the graph was made; of what was written after that the content counts too.
mw_value *mw_file_identity(mw_ctx *c, const char *name, int64_t since);

#endif
