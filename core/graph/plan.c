// plan.c: what a run has to do: which nodes, who waits for whom, whose results are used how often.
#include "core/graph/exec_internal.h"
#include "core/graph/function.h"

#include <stdlib.h>
#include <string.h>

bool mw_plan_known(mw_ctx *c, mw_exec *x, int id)
{
    mw_gnode *n = mw_graph_node(x->g, id);
    if (!x->cache)
        return n->out != NULL;
    mw_key_state state = mw_graph_key(c, x->g, id);
    if (n->out && n->made.lo == n->key.lo && n->made.hi == n->key.hi)
        return true;
    mw_plan_drop(n);
    if (!x->cache || state != MW_KEY_GOOD)
        return false;
    mw_value **out = mw_alloc(c, ((size_t)n->schema->nout + 1) * sizeof *out);
    if (out && mw_cache_get(x->cache, n->key, out, n->schema->nout)) {
        n->out = out;
        n->made = n->key;
        return true;
    }
    free(out);
    return false;
}

bool mw_exec_needs_device(const mw_exec *x, const int *targets, int n)
{
    bool device = false;
    for (int i = 0; i < n && !device; i++)
        device = mw_graph_node(x->g, targets[i])->device;
    return device;
}

// ---- walks down from targets

bool mw_walk_add(mw_ctx *c, mw_walk *w, mw_gnode *n)
{
    if (n->marked)
        return true;
    if (w->count == w->room) {
        int room = 2 * w->room + 64;
        mw_gnode **more = mw_realloc(c, w->nodes, (size_t)room * sizeof *more);
        if (!more)
            return false;
        w->nodes = more;
        w->room = room;
    }
    n->marked = true;
    w->nodes[w->count++] = n;
    return true;
}

bool mw_walk_add_deps(mw_ctx *c, const mw_graph *g, mw_walk *w, const mw_gnode *n)
{
    for (int d = 0; d < n->ndeps; d++)
        if (!mw_walk_add(c, w, mw_graph_node(g, n->deps[d])))
            return false;
    return true;
}

void mw_walk_end(mw_walk *w)
{
    for (int i = 0; i < w->count; i++)
        w->nodes[i]->marked = false;
    free(w->nodes);
    *w = (mw_walk){0};
}

// ---- the heap of ready nodes

static void heap_push(slot_heap *h, int slot)
{
    int i = h->count++;
    for (; i && h->slots[(i - 1) / 2] > slot; i = (i - 1) / 2)
        h->slots[i] = h->slots[(i - 1) / 2];
    h->slots[i] = slot;
}

int mw_plan_pop(slot_heap *h)
{
    int top = h->slots[0], last = h->slots[--h->count], i = 0;
    for (int child; (child = 2 * i + 1) < h->count; i = child) {
        if (child + 1 < h->count && h->slots[child + 1] < h->slots[child])
            child++;
        if (h->slots[child] >= last)
            break;
        h->slots[i] = h->slots[child];
    }
    h->slots[i] = last;
    return top;
}

// Functions of the script run on its own thread, and with them the nodes that call them.
static bool on_main(const mw_gnode *n)
{
    bool main_only = n->schema->type->flags & MW_NODE_MAIN;
    for (int i = 0; !main_only && i < n->schema->nin; i++)
        main_only = mw_value_as_function(n->in[i]) != NULL;
    return main_only;
}

void mw_plan_ready(mw_exec *x, int slot)
{
    bool main_only = on_main(x->nodes[slot]);
    heap_push(main_only ? &x->ready_main : &x->ready, slot);
}

// ---- the plan

static int by_id(const void *a, const void *b)
{
    return (*(mw_gnode *const *)a)->id - (*(mw_gnode *const *)b)->id;
}

// Fills w with what the targets need: those that are to be run (slot: TO_RUN), and those below them whose
// results are there.
enum { TO_RUN = -1 };
static void find_needed(mw_ctx *c, mw_exec *x, mw_walk *w, const int *targets, int n)
{
    for (int i = 0; i < n; i++)
        mw_walk_add(c, w, mw_graph_node(x->g, targets[i]));
    for (int i = 0; i < w->count && !mw_err(c); i++) {
        mw_gnode *node = w->nodes[i];
        if (mw_plan_known(c, x, node->id))
            continue;
        node->slot = TO_RUN;
        mw_walk_add_deps(c, x->g, w, node);
    }
}

// Slots in the order of the script, from 1.
static bool take_slots(mw_ctx *c, mw_exec *x, mw_walk *w)
{
    size_t size = (size_t)w->count + 1;
    x->nodes = mw_alloc(c, size * sizeof(mw_gnode *));
    x->run = mw_alloc(c, size);
    x->waiting = mw_alloc(c, size * sizeof(int));
    x->uses = mw_alloc(c, size * sizeof(int));
    x->first = mw_alloc(c, (size + 2) * sizeof(int));
    x->ready.slots = mw_alloc(c, size * sizeof(int));
    x->ready_main.slots = mw_alloc(c, size * sizeof(int));
    x->ready.count = x->ready_main.count = x->size = 0;
    if (mw_err(c))
        return false;
    if (w->count)
        qsort(w->nodes, (size_t)w->count, sizeof *w->nodes, by_id);
    for (int i = 0; i < w->count; i++) {
        x->nodes[i + 1] = w->nodes[i];
        x->run[i + 1] = w->nodes[i]->slot == TO_RUN;
        w->nodes[i]->slot = i + 1;
    }
    x->size = w->count;
    return true;
}

type_stat *mw_plan_stat(mw_exec *x, const mw_gnode *n) { return &x->stats[n->schema->index]; }

static bool stat_room(mw_ctx *c, mw_exec *x)
{
    int n = 0;
    for (int i = 1; i <= x->size; i++)
        n = x->nodes[i]->schema->index + 1 > n ? x->nodes[i]->schema->index + 1 : n;
    if (n > x->nstats) {
        type_stat *more = mw_realloc(c, x->stats, (size_t)n * sizeof *more);
        if (!more)
            return false;
        memset(more + x->nstats, 0, (size_t)(n - x->nstats) * sizeof *more);
        x->stats = more;
        x->nstats = n;
    }
    for (int i = 0; i < x->nstats; i++)
        x->stats[i].left = 0;
    return true;
}

int mw_plan_dep(const mw_exec *x, const mw_gnode *n, int d) { return mw_graph_node(x->g, n->deps[d])->slot; }

// Who uses whose results, and how many edges there are.
static int count_uses(mw_exec *x, const int *targets, int n)
{
    int edges = 0;
    for (int i = 0; i < n; i++)
        x->uses[mw_graph_node(x->g, targets[i])->slot]++;
    for (int slot = 1; slot <= x->size; slot++) {
        const mw_gnode *node = x->nodes[slot];
        if (!x->run[slot]) {
            mw_plan_stat(x, node)->cached++;
            continue;
        }
        mw_plan_stat(x, node)->left++;
        x->left++;
        edges += node->ndeps;
        for (int d = 0; d < node->ndeps; d++)
            x->uses[mw_plan_dep(x, node, d)]++;
    }
    return edges;
}

// consumers[] of each node, by counting: the nodes to be run that wait for it.
static void link_up(mw_exec *x)
{
    for (int slot = 1; slot <= x->size; slot++) {
        const mw_gnode *n = x->nodes[slot];
        for (int d = 0; x->run[slot] && d < n->ndeps; d++)
            x->first[mw_plan_dep(x, n, d) + 2]++;
    }
    for (int i = 2; i <= x->size + 1; i++)
        x->first[i] += x->first[i - 1];
    for (int slot = 1; slot <= x->size; slot++) {
        const mw_gnode *n = x->nodes[slot];
        if (!x->run[slot])
            continue;
        for (int d = 0; d < n->ndeps; d++) {
            int dep = mw_plan_dep(x, n, d);
            x->consumers[x->first[dep + 1]++] = slot;
            x->waiting[slot] += x->run[dep];
        }
        if (!x->waiting[slot])
            mw_plan_ready(x, slot);
    }
}

mw_status mw_plan_make(mw_ctx *c, mw_exec *x, const int *targets, int n)
{
    mw_walk w = {0};
    x->left = x->total = x->busy = x->started = x->sleepers = 0;
    x->alone = false;
    x->failed = MW_OK;
    x->message = NULL;
    find_needed(c, x, &w, targets, n);
    if (!take_slots(c, x, &w))
        for (int i = 0; i < w.count; i++)
            w.nodes[i]->slot = 0;
    mw_walk_end(&w);
    if (mw_err(c) || !stat_room(c, x))
        return mw_err(c);
    int edges = count_uses(x, targets, n);
    x->total = x->left;
    x->consumers = mw_alloc(c, (size_t)edges * sizeof(int));
    if (x->consumers)
        link_up(x);
    return mw_err(c);
}

void mw_plan_forget(mw_exec *x)
{
    for (int slot = 1; slot <= x->size; slot++)
        x->nodes[slot]->slot = 0;
    x->size = 0;
    free(x->nodes);
    free(x->run);
    free(x->waiting);
    free(x->uses);
    free(x->first);
    free(x->consumers);
    free(x->ready.slots);
    free(x->ready_main.slots);
    x->nodes = NULL;
    x->run = NULL;
    x->waiting = x->uses = x->first = x->consumers = x->ready.slots = x->ready_main.slots = NULL;
}
