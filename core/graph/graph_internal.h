// graph_internal.h: what graph.c and key.c share.
#ifndef MW_GRAPH_INTERNAL_H
#define MW_GRAPH_INTERNAL_H

#include "core/graph/graph.h"

struct mw_graph {
    mw_gnode **nodes;
    int count, room;
    mw_schema **schemas;
    int nschemas;
    char *policy;
    size_t bytes;    // of all literals
    mw_value *files; // path -> identity text, asked for once
};

#endif
