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

// Which of the nodes up to the highest target are needed; free() it. NULL when memory is out.
static bool *needed_by(const mw_graph *g, const int *targets, int n, int *size)
{
    *size = 0;
    for (int i = 0; i < n; i++)
        *size = targets[i] + 1 > *size ? targets[i] + 1 : *size;
    bool *needed = calloc((size_t)*size + 1, 1);
    for (int i = 0; needed && i < n; i++)
        needed[targets[i]] = true;
    for (int id = *size - 1; needed && id >= 0; id--) {
        const mw_gnode *node = mw_graph_node(g, id);
        for (int d = 0; needed[id] && d < node->ndeps; d++)
            needed[node->deps[d]] = true;
    }
    return needed;
}

bool mw_exec_needs_device(const mw_exec *x, const int *targets, int n)
{
    int size;
    bool *needed = needed_by(x->g, targets, n, &size), device = !needed;
    for (int id = 0; needed && id < size; id++)
        if (needed[id] && !(mw_graph_node(x->g, id)->schema->type->flags & MW_NODE_HOST))
            device = true;
    free(needed);
    return device;
}

// ---- the heap of ready nodes

static void heap_push(id_heap *h, int id)
{
    int i = h->count++;
    for (; i && h->ids[(i - 1) / 2] > id; i = (i - 1) / 2)
        h->ids[i] = h->ids[(i - 1) / 2];
    h->ids[i] = id;
}

int mw_plan_pop(id_heap *h)
{
    int top = h->ids[0], last = h->ids[--h->count], i = 0;
    for (int child; (child = 2 * i + 1) < h->count; i = child) {
        if (child + 1 < h->count && h->ids[child + 1] < h->ids[child])
            child++;
        if (h->ids[child] >= last)
            break;
        h->ids[i] = h->ids[child];
    }
    h->ids[i] = last;
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

void mw_plan_ready(mw_exec *x, int id)
{
    bool main_only = on_main(mw_graph_node(x->g, id));
    heap_push(main_only ? &x->ready_main : &x->ready, id);
}

// ---- the plan

enum { RUN = 1, THERE };

static bool plan_room(mw_ctx *c, mw_exec *x, const int *targets, int n)
{
    x->size = 0;
    for (int i = 0; i < n; i++)
        x->size = targets[i] + 1 > x->size ? targets[i] + 1 : x->size;
    size_t size = (size_t)x->size;
    x->run = mw_alloc(c, size);
    x->waiting = mw_alloc(c, size * sizeof(int));
    x->uses = mw_alloc(c, size * sizeof(int));
    x->first = mw_alloc(c, (size + 2) * sizeof(int));
    x->ready.ids = mw_alloc(c, size * sizeof(int));
    x->ready_main.ids = mw_alloc(c, size * sizeof(int));
    x->ready.count = x->ready_main.count = 0;
    return !mw_err(c);
}

type_stat *mw_plan_stat(mw_exec *x, const mw_gnode *n) { return &x->stats[n->schema->index]; }

static bool stat_room(mw_ctx *c, mw_exec *x)
{
    int n = 0;
    for (int i = 0; i < x->size; i++) {
        int index = mw_graph_node(x->g, i)->schema->index;
        n = index + 1 > n ? index + 1 : n;
    }
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

// From the targets down: what is there already, what is to be run, who uses whose results.
static int mark(mw_ctx *c, mw_exec *x, const int *targets, int n)
{
    int edges = 0;
    for (int i = 0; i < n; i++)
        x->uses[targets[i]]++;
    for (int id = x->size - 1; id >= 0; id--) {
        mw_gnode *node = mw_graph_node(x->g, id);
        if (!x->uses[id])
            continue;
        x->run[id] = mw_plan_known(c, x, id) ? THERE : RUN;
        if (x->run[id] == THERE) {
            mw_plan_stat(x, node)->cached++;
            continue;
        }
        mw_plan_stat(x, node)->left++;
        x->left++;
        edges += node->ndeps;
        for (int d = 0; d < node->ndeps; d++)
            x->uses[node->deps[d]]++;
    }
    return edges;
}

// consumers[] of each node, by counting: the nodes to be run that wait for it.
static void link_up(mw_exec *x)
{
    for (int id = 0; id < x->size; id++) {
        const mw_gnode *n = mw_graph_node(x->g, id);
        for (int d = 0; x->run[id] == RUN && d < n->ndeps; d++)
            x->first[n->deps[d] + 2]++;
    }
    for (int i = 2; i <= x->size; i++)
        x->first[i] += x->first[i - 1];
    for (int id = 0; id < x->size; id++) {
        const mw_gnode *n = mw_graph_node(x->g, id);
        if (x->run[id] != RUN)
            continue;
        for (int d = 0; d < n->ndeps; d++) {
            x->consumers[x->first[n->deps[d] + 1]++] = id;
            x->waiting[id] += x->run[n->deps[d]] == RUN;
        }
        if (!x->waiting[id])
            mw_plan_ready(x, id);
    }
}

mw_status mw_plan_make(mw_ctx *c, mw_exec *x, const int *targets, int n)
{
    x->left = x->total = x->busy = x->started = x->sleepers = 0;
    x->alone = false;
    x->failed = MW_OK;
    x->message = NULL;
    if (!plan_room(c, x, targets, n) || !stat_room(c, x))
        return mw_err(c);
    int edges = mark(c, x, targets, n);
    x->total = x->left;
    x->consumers = mw_alloc(c, (size_t)edges * sizeof(int));
    if (x->consumers)
        link_up(x);
    return mw_err(c);
}

void mw_plan_forget(mw_exec *x)
{
    free(x->run);
    free(x->waiting);
    free(x->uses);
    free(x->first);
    free(x->consumers);
    free(x->ready.ids);
    free(x->ready_main.ids);
    x->run = NULL;
    x->waiting = x->uses = x->first = x->consumers = x->ready.ids = x->ready_main.ids = NULL;
}
