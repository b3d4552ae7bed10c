// store.c: the nodes that are there: found by id, named by whoever needs them, gone when nobody does.
#include "core/graph/graph_internal.h"

#include "core/graph/recipe.h"

#include <stdlib.h>
#include <string.h>

enum { FEW = 4096 }; // so many nodes are never swept

mw_graph *mw_graph_new(mw_ctx *c)
{
    mw_graph *g = mw_alloc(c, sizeof *g);
    if (!g)
        return NULL;
    g->blocks = mw_alloc(c, MW_MOST_IDS / MW_NODE_BLOCK * sizeof *g->blocks);
    g->files = mw_value_map(c);
    g->program = mw_recipe_text(c, false);
    g->crowd = FEW;
    if (g->blocks && g->files && g->program)
        return g;
    mw_graph_free(g);
    return NULL;
}

void mw_node_free(mw_gnode *n)
{
    if (!n)
        return;
    for (int i = 0; n->in && i < n->schema->nin; i++)
        mw_value_release(n->in[i]);
    for (int i = 0; n->out && i < n->schema->nout; i++)
        mw_value_release(n->out[i]);
    mw_placement_forget(n);
    free(n->in);
    free(n->out);
    free(n->linked);
    free(n->deps);
    free(n->where);
    free(n);
}

void mw_graph_free(mw_graph *g)
{
    if (!g)
        return;
    int last = mw_graph_count(g) / MW_NODE_BLOCK; // which may have been made for a node that was refused
    for (int i = 0; g->blocks && i <= last && i < MW_MOST_IDS / MW_NODE_BLOCK; i++)
        free(g->blocks[i]);
    for (mw_gnode *n = g->oldest, *newer; n; n = newer) {
        newer = n->newer;
        mw_node_free(n);
    }
    for (int i = 0; i < g->nschemas; i++)
        mw_schema_free(g->schemas[i]);
    mw_value_release(g->files);
    free(g->blocks);
    free(g->schemas);
    free(g->recipe);
    free(g->program);
    free(g);
}

int mw_graph_count(const mw_graph *g) { return atomic_load_explicit(&g->count, memory_order_acquire); }

mw_gnode *mw_graph_node(const mw_graph *g, int id)
{
    if (id < 0 || id >= mw_graph_count(g))
        return NULL;
    const mw_block *b = g->blocks[id / MW_NODE_BLOCK];
    return b ? b->nodes[id % MW_NODE_BLOCK] : NULL;
}

mw_gnode *mw_graph_first(const mw_graph *g) { return g->oldest; }

bool mw_graph_room(mw_ctx *c, mw_graph *g)
{
    int id = mw_graph_count(g);
    if (g->live >= MW_MOST_NODES || id >= MW_MOST_IDS) {
        mw_fail(c, MW_E_SCRIPT, "more than %d nodes", g->live >= MW_MOST_NODES ? MW_MOST_NODES : MW_MOST_IDS);
        return false;
    }
    mw_block **b = &g->blocks[id / MW_NODE_BLOCK];
    if (!*b)
        *b = mw_alloc(c, sizeof **b);
    return *b != NULL;
}

// Other threads see the node when the count says so, and not before it is whole.
int mw_graph_publish(mw_graph *g, mw_gnode *n)
{
    mw_block *b = g->blocks[mw_graph_count(g) / MW_NODE_BLOCK];
    n->id = mw_graph_count(g);
    n->refs = 1;
    b->nodes[n->id % MW_NODE_BLOCK] = n;
    b->live++;
    n->older = g->newest;
    *(g->newest ? &g->newest->newer : &g->oldest) = n;
    g->newest = n;
    g->live++;
    g->ncalled += n->called;
    g->bytes += n->bytes;
    for (int d = 0; d < n->ndeps; d++)
        mw_graph_retain(g, n->deps[d]);
    atomic_store_explicit(&g->count, n->id + 1, memory_order_release);
    return n->id;
}

// ---- who names it

void mw_graph_retain(mw_graph *g, int id)
{
    mw_gnode *n = mw_graph_node(g, id);
    if (n)
        n->refs++;
}

void mw_graph_release(mw_graph *g, int id)
{
    mw_gnode *n = mw_graph_node(g, id);
    if (n)
        n->refs--;
}

void mw_graph_name_links(mw_graph *g, const mw_value *v, bool retain)
{
    if (mw_link_of(v))
        (retain ? mw_graph_retain : mw_graph_release)(g, mw_link_of(v)->node);
    for (size_t i = 0; i < mw_value_count(v); i++)
        mw_graph_name_links(g, mw_value_at(v, i), retain);
}

// ---- what goes

static void let_inputs_go(mw_graph *g, mw_gnode *n)
{
    for (int d = 0; d < n->ndeps; d++)
        mw_graph_release(g, n->deps[d]);
    n->ndeps = 0;
}

static void take_out(mw_graph *g, mw_gnode *n)
{
    mw_block **b = &g->blocks[n->id / MW_NODE_BLOCK];
    let_inputs_go(g, n);
    *(n->older ? &n->older->newer : &g->oldest) = n->newer;
    *(n->newer ? &n->newer->older : &g->newest) = n->older;
    (*b)->nodes[n->id % MW_NODE_BLOCK] = NULL;
    if (--(*b)->live == 0 && n->id / MW_NODE_BLOCK != mw_graph_count(g) / MW_NODE_BLOCK) {
        free(*b);
        *b = NULL;
    }
    g->live--;
    g->ncalled -= n->called;
    g->bytes -= n->bytes;
    mw_node_free(n);
}

// The node is what its results are from now on: it keeps them as long as it lives.
static void seal(mw_ctx *c, mw_graph *g, mw_gnode *n)
{
    for (int i = 0; i < n->schema->nin; i++) {
        mw_value *none = n->linked[i] ? mw_value_nil(c) : NULL;
        if (!none)
            continue;
        mw_value_release(n->in[i]);
        n->in[i] = none;
        n->linked[i] = false;
    }
    let_inputs_go(g, n);
    n->sealed = true;
    n->holds++;
}

static bool may_seal(const mw_gnode *n)
{
    return n->ndeps && n->holds && n->out && n->key_state != MW_KEY_UNKNOWN && n->made.lo == n->key.lo &&
        n->made.hi == n->key.hi;
}

// Of the files that keys were made with, those that a node still names.
static void forget_files(mw_ctx *c, mw_graph *g)
{
    mw_value *kept = mw_value_map(c);
    for (const mw_gnode *n = g->oldest; n && !mw_err(c); n = n->newer)
        for (int i = 0; i < n->schema->nin; i++) {
            const char *name = mw_value_as_text(n->in[i]);
            bool path = !strcmp(n->schema->type->in[i].type, "path");
            mw_value *identity = path ? mw_value_get(g->files, name) : NULL;
            if (identity && !mw_value_get(kept, name))
                mw_value_set(c, kept, name, mw_value_retain(identity));
        }
    mw_value *old = mw_err(c) ? kept : g->files;
    g->files = mw_err(c) ? g->files : kept;
    mw_value_release(old);
}

bool mw_graph_crowded(const mw_graph *g) { return g->live > g->crowd; }

void mw_graph_sweep(mw_ctx *c, mw_graph *g)
{
    if (!mw_graph_crowded(g) || mw_err(c))
        return;
    // What feeds a node is older than it: one walk from the newest sees all that its end lets go.
    for (mw_gnode *n = g->newest, *older; n && !mw_err(c); n = older) {
        older = n->older;
        if (n->refs <= 0)
            take_out(g, n);
        else if (may_seal(n))
            seal(c, g, n);
    }
    if (mw_value_count(g->files))
        forget_files(c, g);
    g->crowd = 2 * g->live > FEW ? 2 * g->live : FEW;
}
