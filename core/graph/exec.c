// exec.c: the plan of a run and the workers that carry it out.
#include "core/graph/exec_internal.h"

#include <stdlib.h>
#include <string.h>

mw_exec *mw_exec_new(mw_ctx *c, mw_graph *g, mw_cache *cache, const mw_exec_options *o)
{
    mw_exec *x = mw_alloc(c, sizeof *x);
    if (!x)
        return NULL;
    x->g = g;
    x->cache = cache;
    if (o)
        x->o = *o;
    if (x->o.threads <= 0)
        x->o.threads = 2;
    pthread_mutex_init(&x->lock, NULL);
    pthread_cond_init(&x->wake, NULL);
    return x;
}

void mw_exec_free(mw_exec *x)
{
    if (!x)
        return;
    pthread_mutex_destroy(&x->lock);
    pthread_cond_destroy(&x->wake);
    free(x->stats);
    free(x);
}

// ---- results of nodes

static void drop_results(mw_gnode *n)
{
    for (int i = 0; n->out && i < n->schema->nout; i++)
        mw_value_release(n->out[i]);
    free(n->out);
    n->out = NULL;
}

mw_value *mw_exec_result(const mw_exec *x, int node, int out)
{
    const mw_gnode *n = mw_graph_node(x->g, node);
    return n && n->out && out >= 0 && out < n->schema->nout ? n->out[out] : NULL;
}

void mw_exec_let_go(mw_exec *x, int node)
{
    mw_gnode *n = mw_graph_node(x->g, node);
    if (n && n->holds > 0 && --n->holds == 0)
        drop_results(n);
}

static bool from_cache(mw_ctx *c, mw_exec *x, int id)
{
    mw_gnode *n = mw_graph_node(x->g, id);
    if (n->out)
        return true;
    if (!x->cache || mw_graph_key(c, x->g, id) != MW_KEY_GOOD)
        return false;
    mw_value **out = mw_alloc(c, ((size_t)n->schema->nout + 1) * sizeof *out);
    if (out && mw_cache_get(x->cache, n->key, out, n->schema->nout)) {
        n->out = out;
        return true;
    }
    free(out);
    return false;
}

bool mw_exec_is_literal(mw_ctx *c, mw_exec *x, int id)
{
    const mw_gnode *n = mw_graph_node(x->g, id);
    if (!n)
        return false;
    if (n->out)
        return true;
    if (from_cache(c, x, id)) {
        drop_results(mw_graph_node(x->g, id));
        return true;
    }
    if (!(n->schema->type->flags & MW_NODE_LITERAL))
        return false;
    for (int i = 0; i < n->ndeps; i++)
        if (!mw_exec_is_literal(c, x, n->deps[i]))
            return false;
    return true;
}

// ---- the heap of ready nodes

static void heap_push(id_heap *h, int id)
{
    int i = h->count++;
    for (; i && h->ids[(i - 1) / 2] > id; i = (i - 1) / 2)
        h->ids[i] = h->ids[(i - 1) / 2];
    h->ids[i] = id;
}

static int heap_pop(id_heap *h)
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

static void make_ready(mw_exec *x, int id)
{
    bool main_only = mw_graph_node(x->g, id)->schema->type->flags & MW_NODE_MAIN;
    heap_push(main_only ? &x->ready_main : &x->ready, id);
}

// ---- the plan

enum { SKIP, RUN, THERE };

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

static type_stat *stat_of(mw_exec *x, const mw_gnode *n) { return &x->stats[n->schema->index]; }

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
        x->run[id] = from_cache(c, x, id) ? THERE : RUN;
        if (x->run[id] == THERE) {
            stat_of(x, node)->cached++;
            continue;
        }
        stat_of(x, node)->left++;
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
            make_ready(x, id);
    }
}

static mw_status plan(mw_ctx *c, mw_exec *x, const int *targets, int n)
{
    x->left = x->total = x->busy = x->sleepers = 0;
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

static void forget_plan(mw_exec *x)
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

// ---- progress

static double seconds_left(const mw_exec *x, const mw_job *job)
{
    double left = 0;
    bool known = false;
    for (int i = 0; i < x->nstats; i++) {
        const type_stat *s = &x->stats[i];
        if (!s->left || !s->runs)
            continue;
        left += s->left * s->seconds / s->runs;
        known = true;
    }
    double spent = mw_seconds() - job->began;
    if (job->done > 0 && job->total > job->done && !x->stats[job->node->schema->index].runs) {
        left += spent * (double)(job->total - job->done) / (double)job->done;
        known = true;
    }
    return known ? left : -1;
}

void mw_exec_report(mw_exec *x, const mw_job *job)
{
    double now = x->o.progress ? mw_seconds() : 0;
    if (!x->o.progress || now - x->reported < 0.1)
        return;
    x->reported = now;
    mw_progress_report r = {job->node->schema->type->name, x->total - x->left, x->total, now - x->began,
                            seconds_left(x, job)};
    x->o.progress(x->o.user, &r);
}

// ---- workers; all below run with the lock held, except the node itself

static void used(mw_exec *x, int id)
{
    mw_gnode *n = mw_graph_node(x->g, id);
    if (--x->uses[id] == 0 && !n->holds)
        drop_results(n);
}

static void finish(mw_exec *x, int id, mw_value **out, const mw_job *job)
{
    mw_gnode *n = mw_graph_node(x->g, id);
    type_stat *s = stat_of(x, n);
    n->out = out;
    s->runs++;
    s->left--;
    s->seconds += mw_seconds() - job->began;
    x->left--;
    for (int d = 0; d < n->ndeps; d++)
        used(x, n->deps[d]);
    for (int i = x->first[id]; i < x->first[id + 1]; i++)
        if (--x->waiting[x->consumers[i]] == 0)
            make_ready(x, x->consumers[i]);
    mw_exec_report(x, job);
}

static void fail(mw_ctx *c, mw_exec *x)
{
    if (!x->failed) {
        x->failed = mw_err(c);
        x->message = strdup(mw_errmsg(c));
    }
    mw_err_clear(c);
}

static void work_on(mw_ctx *c, mw_exec *x, int id)
{
    mw_gnode *n = mw_graph_node(x->g, id);
    mw_job job;
    mw_value **out = NULL;
    x->busy++;
    pthread_mutex_unlock(&x->lock);
    bool good = !mw_job_run(c, x, &job, n, &out);
    if (good && x->cache && n->key_state == MW_KEY_GOOD)
        mw_cache_put(x->cache, n->key, out, n->schema->nout);
    pthread_mutex_lock(&x->lock);
    x->busy--;
    if (good)
        finish(x, id, out, &job);
    else
        fail(c, x);
}

static void work(mw_ctx *c, mw_exec *x, bool main_thread)
{
    pthread_mutex_lock(&x->lock);
    while (x->left && !x->failed) {
        id_heap *h = main_thread && x->ready_main.count ? &x->ready_main : &x->ready;
        if (h->count) {
            work_on(c, x, heap_pop(h));
            // One of the ready nodes is this thread's own next; wake the others for the rest.
            int others = x->ready.count + x->ready_main.count - (main_thread || x->ready.count);
            if (x->sleepers && others > 0)
                pthread_cond_broadcast(&x->wake);
            continue;
        }
        x->sleepers++;
        pthread_cond_wait(&x->wake, &x->lock);
        x->sleepers--;
    }
    pthread_cond_broadcast(&x->wake);
    pthread_mutex_unlock(&x->lock);
}

typedef struct helper {
    pthread_t thread;
    mw_ctx *c;
    mw_exec *x;
} helper;

static void *help(void *arg)
{
    helper *h = arg;
    work(h->c, h->x, false);
    return NULL;
}

// Fewer threads than asked for are no error: the caller's own does all the work if need be.
static void work_together(mw_ctx *c, mw_exec *x)
{
    int n = 0, wanted = x->total > 1 ? x->o.threads - 1 : 0;
    helper *helpers = wanted > 0 ? calloc((size_t)wanted, sizeof *helpers) : NULL;
    for (; helpers && n < wanted; n++) {
        helpers[n] = (helper){.c = mw_ctx_fork(c), .x = x};
        if (!helpers[n].c)
            break;
        if (pthread_create(&helpers[n].thread, NULL, help, &helpers[n])) {
            mw_ctx_free(helpers[n].c);
            break;
        }
    }
    work(c, x, true);
    for (int i = 0; i < n; i++) {
        pthread_join(helpers[i].thread, NULL);
        mw_ctx_free(helpers[i].c);
    }
    free(helpers);
}

// After a run: targets are held; what a failed run left goes.
static void clean_up(mw_exec *x, const int *targets, int n, bool good)
{
    for (int i = 0; i < n && good; i++)
        mw_graph_node(x->g, targets[i])->holds++;
    for (int id = 0; id < x->size; id++) {
        mw_gnode *node = mw_graph_node(x->g, id);
        if (node->out && !node->holds)
            drop_results(node);
    }
}

mw_status mw_exec_run(mw_ctx *c, mw_exec *x, const int *targets, int n)
{
    if (mw_err(c))
        return mw_err(c);
    if (x->running_now)
        return mw_fail(c, MW_E_SCRIPT, "a node's own function cannot ask for another node's value");
    x->running_now = true;
    x->began = mw_seconds();
    if (!plan(c, x, targets, n) && !mw_cancelled(c))
        work_together(c, x);
    if (x->failed)
        mw_fail(c, x->failed, "%s", x->message ? x->message : "out of host memory");
    free(x->message);
    x->message = NULL;
    clean_up(x, targets, n, !mw_err(c));
    forget_plan(x);
    x->running_now = false;
    return mw_err(c);
}

static int slower(const void *a, const void *b)
{
    double d = ((const mw_node_time *)b)->seconds - ((const mw_node_time *)a)->seconds;
    return (d > 0) - (d < 0);
}

mw_node_time *mw_exec_times(mw_ctx *c, const mw_exec *x, int *count)
{
    mw_node_time *t = mw_alloc(c, ((size_t)x->nstats + 1) * sizeof *t);
    *count = 0;
    for (int i = 0; t && i < x->nstats; i++) {
        const type_stat *s = &x->stats[i];
        if (s->runs || s->cached)
            t[(*count)++] = (mw_node_time){mw_graph_type(x->g, i)->name, s->runs, s->cached, s->seconds};
    }
    if (t)
        qsort(t, (size_t)*count, sizeof *t, slower);
    return t;
}
