// exec.c: the plan of a run and the workers that carry it out.
#include "core/graph/emit_internal.h"
#include "core/graph/graph_internal.h"

#include <stdlib.h>
#include <string.h>

mw_exec *mw_exec_new(mw_ctx *c, mw_graph *g, mw_cache *cache, const mw_exec_options *o)
{
    mw_exec *x = mw_alloc(c, sizeof *x);
    if (!x)
        return NULL;
    x->g = g;
    x->cache = g->cache = cache;
    if (o)
        x->o = *o;
    x->last_number = &x->numbers;
    pthread_mutex_init(&x->lock, NULL);
    pthread_cond_init(&x->wake, NULL);
    if (!x->o.listener.hear || (x->emitter = mw_emitter_new(c, &x->o.listener)))
        return x;
    mw_exec_free(x);
    return NULL;
}

void mw_exec_free(mw_exec *x)
{
    if (!x)
        return;
    mw_emitter_free(x->emitter);
    pthread_mutex_destroy(&x->lock);
    pthread_cond_destroy(&x->wake);
    for (int i = 0; i < x->nmoves; i++)
        free(x->moves[i].what);
    free(x->moves);
    free(x->stats);
    free(x);
}

// ---- results of nodes

void mw_plan_drop(mw_gnode *n)
{
    for (int i = 0; n->out && i < n->schema->nout; i++)
        mw_value_release(n->out[i]);
    free(n->out);
    n->out = NULL;
    mw_placement_forget(n);
}

mw_value *mw_exec_result(const mw_exec *x, int node, int out)
{
    const mw_gnode *n = mw_graph_node(x->g, node);
    return n && n->out && out >= 0 && out < n->schema->nout ? n->out[out] : NULL;
}

void mw_exec_let_go(mw_exec *x, int node)
{
    mw_gnode *n = mw_graph_node(x->g, node);
    pthread_mutex_lock(&x->lock);
    // The collector of a script's function may call while a run, or the plan that is made for it, needs the
    // results still: they go after their last use.
    bool needed = n && (n->marked || (n->slot > 0 && x->uses[n->slot] > 0));
    if (n && n->holds > 0 && --n->holds == 0 && !needed)
        mw_plan_drop(n);
    pthread_mutex_unlock(&x->lock);
}

bool mw_exec_is_literal(mw_ctx *c, mw_exec *x, int node)
{
    mw_walk w = {0};
    mw_graph_refresh(c, x->g);
    mw_gnode *target = mw_graph_node(x->g, node);
    bool literal = target && mw_walk_add(c, &w, target);
    for (int i = 0; literal && i < w.count; i++) {
        mw_gnode *n = w.nodes[i];
        if (n->out)
            continue;
        if (mw_plan_known(c, x, n->id)) {
            mw_plan_drop(n);
            continue;
        }
        literal = (n->schema->type->flags & MW_NODE_LITERAL) != 0 && mw_walk_add_deps(c, x->g, &w, n);
    }
    mw_walk_end(&w);
    return literal;
}

bool mw_exec_crowded(const mw_exec *x) { return !x->running_now && mw_graph_crowded(x->g); }

void mw_exec_sweep(mw_ctx *c, mw_exec *x)
{
    if (!x->running_now)
        mw_graph_sweep(c, x->g);
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

static void used(mw_exec *x, int slot)
{
    if (--x->uses[slot] == 0 && !x->nodes[slot]->holds)
        mw_plan_drop(x->nodes[slot]);
}

static void finish(mw_exec *x, int slot, mw_value **out, const mw_job *job)
{
    mw_gnode *n = x->nodes[slot];
    type_stat *s = mw_plan_stat(x, n);
    n->out = out;
    n->made = n->key;
    s->runs++;
    s->left--;
    s->waits += job->waits;
    s->seconds += mw_seconds() - job->began;
    x->left--;
    for (int d = 0; d < n->ndeps; d++)
        used(x, mw_plan_dep(x, n, d));
    for (int i = x->first[slot]; i < x->first[slot + 1]; i++)
        if (--x->waiting[x->consumers[i]] == 0)
            mw_plan_ready(x, x->consumers[i]);
    mw_exec_report(x, job);
}

static void take_failure(mw_ctx *c, mw_exec *x)
{
    if (!x->failed) {
        x->failed = mw_err(c);
        x->message = strdup(mw_errmsg(c));
    }
    mw_err_clear(c);
}

// A node failed. Results that are no numbers, made earlier and not yet looked at, may be why; then they are
// told.
static void fail(mw_ctx *c, mw_exec *x)
{
    mw_status e = mw_err(c);
    if (!x->failed && e != MW_E_CANCEL && e != MW_E_MEMORY) {
        char *message = strdup(mw_errmsg(c));
        mw_err_clear(c);
        if (!mw_numbers_look(c, x, true))
            mw_fail(c, e, "%s", message ? message : "out of host memory");
        free(message);
    }
    take_failure(c, x);
}

// There was too little memory for it beside what else runs: again when that has ended, and from now on one by
// one.
static void run_alone(mw_ctx *c, mw_exec *x, int slot)
{
    mw_log(c, MW_LOG_DEBUG, "%s; trying again with nothing beside it", mw_errmsg(c));
    mw_err_clear(c);
    x->alone = true;
    mw_plan_ready(x, slot);
}

bool mw_exec_holds(mw_ctx *c, mw_exec *x, int node)
{
    if (x->running_now)
        return mw_graph_node(x->g, node)->out != NULL;
    mw_graph_refresh(c, x->g);
    return mw_plan_known(c, x, node);
}

// Whether the results may be cached, once all that feeds it has run.
static bool is_pure(const mw_exec *x, const mw_gnode *n)
{
    bool pure = n->key_state == MW_KEY_GOOD;
    for (int d = 0; pure && d < n->ndeps; d++)
        pure = mw_graph_node(x->g, n->deps[d])->key_state == MW_KEY_GOOD;
    return pure;
}

static void work_on(mw_ctx *c, mw_exec *x, int slot)
{
    mw_gnode *n = x->nodes[slot];
    mw_job job;
    mw_value **out = NULL;
    bool beside = x->busy++ > 0, pure = is_pure(x, n);
    int started = ++x->started;
    mw_stream *own = c->stream;
    if (mw_placement_matters(c))
        c->stream = mw_placement_choose(c, x, n);
    bool placed = c->stream && !(n->schema->type->flags & MW_NODE_HOST);
    int *here = placed ? &x->on[mw_stream_number(c->stream)] : NULL;
    if (here)
        ++*here;
    pthread_mutex_unlock(&x->lock);
    bool good = !mw_job_run(c, x, &job, n, &out);
    pthread_mutex_lock(&x->lock);
    // What was changed in place during the run is another thing than the key says.
    pure = pure && !job.unrepeatable && mw_graph_revision(x->g, n) == n->revision;
    if (good && x->cache && pure && !x->failed)
        mw_cache_put(x->cache, n->key, out, n->schema->nout);
    n->key_state = pure ? MW_KEY_GOOD : MW_KEY_NONE;
    x->busy--;
    if (here)
        --*here;
    c->stream = own;
    if (good)
        finish(x, slot, out, &job);
    else if (mw_err(c) == MW_E_MEMORY && (beside || x->started != started) && !x->failed)
        run_alone(c, x, slot);
    else
        fail(c, x);
}

static void work(mw_ctx *c, mw_exec *x, bool main_thread)
{
    pthread_mutex_lock(&x->lock);
    while (x->left && !x->failed) {
        slot_heap *h = main_thread && x->ready_main.count ? &x->ready_main : &x->ready;
        if (mw_numbers_look(c, x, false)) {
            take_failure(c, x);
            break;
        }
        if (h->count && !(x->alone && x->busy)) {
            work_on(c, x, mw_plan_pop(h));
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
    int devices = mw_stream_count(c),
        threads = x->o.threads > 0 ? x->o.threads
        : devices > 1              ? devices + 1
                                   : 2;
    int n = 0, wanted = x->total > 1 ? threads - 1 : 0;
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
    for (int slot = 1; slot <= x->size; slot++)
        if (x->nodes[slot]->out && !x->nodes[slot]->holds)
            mw_plan_drop(x->nodes[slot]);
}

mw_status mw_exec_run(mw_ctx *c, mw_exec *x, const int *targets, int n)
{
    if (mw_err(c))
        return mw_err(c);
    if (x->running_now)
        return mw_fail(c, MW_E_SCRIPT, "a node's own function cannot ask for another node's value");
    x->running_now = true;
    x->began = mw_seconds();
    mw_graph_refresh(c, x->g);
    mw_plan_make(c, x, targets, n);
    for (int slot = 1; slot <= x->size && !mw_err(c); slot++)
        mw_placement_check(c, x->nodes[slot]);
    if (!mw_err(c) && !mw_cancelled(c))
        work_together(c, x);
    if (mw_numbers_look(c, x, true))
        take_failure(c, x);
    for (int i = 0; i < n && mw_placement_matters(c) && !x->failed && !mw_err(c); i++)
        mw_placement_return(c, x, mw_graph_node(x->g, targets[i]));
    for (int slot = 1; slot <= x->size && !x->failed && !mw_err(c); slot++)
        mw_graph_check_files(c, x->g, x->nodes[slot]->id);
    mw_graph_settle(c, x->g);
    if (x->failed)
        mw_fail(c, x->failed, "%s", x->message ? x->message : "out of host memory");
    free(x->message);
    x->message = NULL;
    if (x->emitter)
        mw_emitter_finish(c, x->emitter, !mw_err(c));
    clean_up(x, targets, n, !mw_err(c));
    mw_plan_forget(x);
    x->running_now = false;
    return mw_err(c);
}

const mw_move *mw_exec_moves(const mw_exec *x, int *count)
{
    *count = x->nmoves;
    return x->moves;
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
            t[(*count)++] =
                (mw_node_time){mw_graph_type(x->g, i)->name, s->runs, s->cached, s->waits, s->seconds};
    }
    if (t)
        qsort(t, (size_t)*count, sizeof *t, slower);
    return t;
}
