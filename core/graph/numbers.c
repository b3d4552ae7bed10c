// numbers.c: "a NaN stops the run with the step's name": results that must be numbers are counted on the
// device, and the counts are looked at when they have come, a node or a step later: nobody waits before the
// end of the run.
#include "core/graph/exec_internal.h"
#include "core/tensor/finite.h"

#include <stdlib.h>
#include <string.h>

struct mw_numbers {
    mw_finite *count;
    const mw_gnode *node;
    const char *out; // the output's name
    size_t total;
    const mw_value *step; // of nodes that are one of many, their port of that name: a share; NULL
    struct mw_numbers *next;
};

static const mw_value *step_of(const mw_schema *s, mw_value *const *in)
{
    for (int i = 0; i < s->nin; i++)
        if (!strcmp(s->type->in[i].name, "step") && mw_value_kind(in[i]) == MW_NUMBER)
            return in[i];
    return NULL;
}

static void tell_step(mw_ctx *c, const mw_value *step)
{
    if (step && mw_err(c) == MW_E_NUMBER)
        mw_fail_context(c, "step %.15g", mw_value_as_number(step));
}

void mw_numbers_tell_step(mw_ctx *c, const mw_schema *s, mw_value *const *in)
{
    tell_step(c, step_of(s, in));
}

void mw_numbers_watch(mw_ctx *c, const mw_job *job, mw_value *const *in, const mw_out *o, mw_value *v)
{
    mw_exec *x = job->x;
    mw_tensor *t = mw_value_as_tensor(v);
    mw_finite *count = t && mw_port_type_of(o->type)->finite ? mw_finite_begin(c, t) : NULL;
    mw_numbers *w = count ? mw_alloc(c, sizeof *w) : NULL;
    if (!w) {
        mw_finite_end(c, count);
        return;
    }
    const mw_value *step = step_of(job->node->schema, in);
    *w = (mw_numbers){
        count, job->node, o->name, (size_t)mw_numel(t), step ? mw_value_retain((mw_value *)step) : NULL,
        NULL};
    pthread_mutex_lock(&x->lock);
    *x->last_number = w;
    x->last_number = &w->next;
    pthread_mutex_unlock(&x->lock);
}

// Results that the run put into the cache, of the node and of what follows from it.
static void forget_results(mw_exec *x, int slot)
{
    bool *follows = x->cache ? calloc((size_t)x->size + 1, 1) : NULL;
    for (int i = slot; follows && i <= x->size; i++) {
        const mw_gnode *n = x->nodes[i];
        follows[i] = i == slot;
        for (int d = 0; x->run[i] && d < n->ndeps; d++)
            follows[i] |= follows[mw_plan_dep(x, n, d)];
        if (follows[i])
            mw_cache_drop(x->cache, n->made);
    }
    free(follows);
}

static void end(mw_ctx *c, mw_exec *x, mw_numbers *w, bool tell)
{
    const mw_gnode *n = w->node;
    int64_t bad = mw_finite_end(c, w->count);
    if (bad)
        forget_results(x, n->slot);
    if (bad && tell && !mw_err(c)) {
        mw_fail(c, MW_E_NUMBER, "%lld of the %zu numbers of its '%s' are NaN or infinite", (long long)bad,
                w->total, w->out);
        tell_step(c, w->step);
        mw_fail_context(c, "%s: %s", n->where, n->schema->type->name);
    }
    mw_value_release((mw_value *)w->step);
    free(w);
}

mw_status mw_numbers_look(mw_ctx *c, mw_exec *x, bool wait)
{
    bool tell = mw_err(c) == MW_OK;
    while (x->numbers && (wait || mw_finite_known(x->numbers->count))) {
        mw_numbers *w = x->numbers;
        x->numbers = w->next;
        if (!x->numbers)
            x->last_number = &x->numbers;
        end(c, x, w, tell);
    }
    return mw_err(c);
}
