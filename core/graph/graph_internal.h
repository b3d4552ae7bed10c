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
    mw_value *files; // path -> identity text, asked for once
};

#endif
