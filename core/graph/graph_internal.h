// graph_internal.h: what graph.c and key.c share.
#ifndef MW_GRAPH_INTERNAL_H
#define MW_GRAPH_INTERNAL_H

#include "core/graph/graph.h"

#include <stdatomic.h>

// A script's limits reach what it makes here, too.
enum { MW_MOST_NODES = 1 << 20, MW_MOST_IDS = 1 << 30, MW_NODE_BLOCK = 1 << 10 };

// Made when its first node is, gone with its last.
typedef struct mw_block {
    int live;
    mw_gnode *nodes[MW_NODE_BLOCK];
} mw_block;

// A function of the script may add nodes while other threads run some: what is there never moves.
struct mw_graph {
    mw_block **blocks; // MW_MOST_IDS / MW_NODE_BLOCK; pages that nobody touched take no memory
    atomic_int count;
    int live;    // nodes that are there
    int crowd;   // a sweep is due when there are more
    int ncalled; // nodes that are given functions
    mw_gnode *oldest, *newest;
    mw_schema **schemas;
    int nschemas;
    char *program, *recipe; // recipe.h; the latter NULL until there is a device
    size_t bytes;           // of all literals
    mw_value *files;        // path -> identity text, as it was when this evaluation began
    struct mw_cache *cache; // where results are that no node holds; NULL: nowhere
    unsigned long revision; // mw_revision_last of then
};

// ---- store.c
void mw_node_free(mw_gnode *n); // one that is not in a graph
// There is room for one more node; false with an error pending.
bool mw_graph_room(mw_ctx *c, mw_graph *g);
// Puts the node in, named once; its id.
int mw_graph_publish(mw_graph *g, mw_gnode *n);

// ---- placement.c
void mw_placement_forget(mw_gnode *n); // the copies of its results on other devices go

// ---- key.c
// The last revision of what feeds the node, as it is now.
unsigned long mw_graph_revision(const mw_graph *g, const mw_gnode *n);

// ---- file_identity.c
#endif
