// job.c: one node's run: inputs resolved, results checked, errors given their place in the script.
#include "core/base/library_memory.h"
#include "core/cl/device.h"
#include "core/graph/emit_internal.h"

#include <stdlib.h>
#include <string.h>

static _Thread_local mw_job *running; // the node that this thread runs

mw_job *mw_running_job(void) { return running; }

const mw_node_type *mw_running_type(void) { return running ? running->node->schema->type : NULL; }

const char *mw_running_where(void) { return running ? running->node->where : ""; }

void mw_exec_unrepeatable(void)
{
    if (running)
        running->unrepeatable = true;
}

bool mw_progress(mw_ctx *c, int64_t done, int64_t total)
{
    mw_job *job = running;
    if (job) {
        pthread_mutex_lock(&job->x->lock);
        job->done = done;
        job->total = total;
        mw_exec_report(job->x, job);
        pthread_mutex_unlock(&job->x->lock);
    }
    return !mw_cancelled(c) && !mw_err(c);
}

// ---- inputs

// What a port of this type takes of an object: itself, or its part.
static mw_value *take_part(mw_ctx *c, const mw_port *p, mw_value *v)
{
    mw_object *o = mw_value_as_object(v);
    if (!o || !mw_port_type_of(p->type)->object || !strcmp(o->type->name, p->type))
        return mw_value_retain(v);
    mw_object *part = o->type->part ? o->type->part(o, p->type) : NULL;
    if (part) {
        mw_object_retain(part);
        return mw_value_object(c, part);
    }
    mw_fail(c, MW_E_ARG, "'%s' must be a %s; this %s has none", p->name, p->type, o->type->name);
    return NULL;
}

static mw_value *resolve(mw_ctx *c, mw_exec *x, const mw_value *v)
{
    const mw_link *l = mw_link_of(v);
    if (l) {
        mw_gnode *from = mw_graph_node(x->g, l->node);
        return mw_placement_matters(c) ? mw_placement_result(c, x, from, l->out)
                                       : mw_value_retain(from->out[l->out]);
    }
    bool list = mw_value_kind(v) == MW_LIST;
    if (!list && mw_value_kind(v) != MW_MAP)
        return mw_value_retain((mw_value *)v);
    mw_value *copy = list ? mw_value_list(c) : mw_value_map(c);
    for (size_t i = 0; copy && i < mw_value_count(v); i++) {
        mw_value *item = resolve(c, x, mw_value_at(v, i));
        if (list)
            mw_value_push(c, copy, item);
        else
            mw_value_set(c, copy, mw_value_key_at(v, i), item);
    }
    return copy;
}

static mw_value *resolve_port(mw_ctx *c, mw_exec *x, const mw_gnode *n, int i)
{
    const mw_port *p = &n->schema->type->in[i];
    mw_value *v = resolve(c, x, n->in[i]), *checked = NULL;
    if (mw_value_kind(v) == MW_NIL) {
        if (n->schema->defaults[i])
            checked = mw_value_retain(n->schema->defaults[i]);
        else
            mw_port_refuse(c, p, "nil", NULL);
    } else {
        mw_value *part = take_part(c, p, v);
        checked = part ? mw_port_check(c, p, part, NULL) : NULL;
        mw_value_release(part);
    }
    mw_value_release(v);
    return checked;
}

// ---- results

static void check_results(mw_ctx *c, const mw_job *job, mw_value *const *in, mw_value **out)
{
    const mw_schema *s = job->node->schema;
    for (int i = 0; i < s->nout && !mw_err(c); i++) {
        if (!out[i])
            out[i] = mw_value_nil(c);
        mw_numbers_watch(c, job, in, &s->type->out[i], out[i]);
    }
}

static void release_all(mw_value **v, int n)
{
    for (int i = 0; v && i < n; i++)
        mw_value_release(v[i]);
    free(v);
}

mw_status mw_job_run(mw_ctx *c, mw_exec *x, mw_job *job, mw_gnode *n, mw_value ***out)
{
    const mw_schema *s = n->schema;
    mw_job *outer = running;
    uint64_t waits = c->waits;
    *job = (mw_job){.x = x, .node = n, .began = mw_seconds()};
    running = job;
    mw_value **in = mw_alloc(c, ((size_t)s->nin + 1) * sizeof *in);
    mw_value **made = mw_alloc(c, ((size_t)s->nout + 1) * sizeof *made);
    mw_scope_begin(c);
    for (int i = 0; in && i < s->nin && !mw_err(c); i++)
        in[i] = n->linked[i]          ? resolve_port(c, x, n, i)
            : mw_placement_matters(c) ? mw_placement_bring(c, x, n, s->type->in[i].name, n->in[i])
                                      : mw_value_retain(n->in[i]);
    if (!mw_err(c) && !mw_cancelled(c)) {
        s->type->run(c, in, made);
        mw_library_memory_check(c);
        if (!mw_err(c))
            check_results(c, job, in, made);
        mw_numbers_tell_step(c, s, in);
        job->waits = c->waits - waits;
        if (x->o.timing && c->stream && !(s->type->flags & MW_NODE_HOST))
            mw_device_finish(c);
    }
    mw_scope_end(c, NULL);
    release_all(in, s->nin);
    running = outer;
    if (mw_err(c)) {
        release_all(made, s->nout);
        if (mw_err(c) != MW_E_CANCEL)
            mw_fail_context(c, "%s: %s", n->where, s->type->name);
        return mw_err(c);
    }
    *out = made;
    return MW_OK;
}
