// emit.c: values that nodes hand out while they run: a queue, and a thread on which they are heard.
#include "core/graph/emit_internal.h"

#include <stdlib.h>
#include <string.h>

typedef struct waiting {
    struct waiting *next;
    mw_emission e;
    mw_value *value;
    bool kept; // a later one does not take its place
} waiting;

struct mw_emitter {
    mw_listener l;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    waiting *first, **last;
    pthread_t thread;
    mw_ctx *c; // the thread's; NULL while there is none
    bool ending;
};

mw_emitter *mw_emitter_new(mw_ctx *c, const mw_listener *l)
{
    mw_emitter *e = mw_alloc(c, sizeof *e);
    if (!e)
        return NULL;
    e->l = *l;
    e->last = &e->first;
    pthread_mutex_init(&e->lock, NULL);
    pthread_cond_init(&e->wake, NULL);
    return e;
}

void mw_emitter_free(mw_emitter *e)
{
    if (!e)
        return;
    pthread_mutex_destroy(&e->lock);
    pthread_cond_destroy(&e->wake);
    free(e);
}

static void free_waiting(waiting *w)
{
    mw_value_release(w->value);
    free(w);
}

// Takes the entry that *at leads to out of the queue.
static waiting *unlink(mw_emitter *e, waiting **at)
{
    waiting *w = *at;
    *at = w->next;
    if (e->last == &w->next)
        e->last = at;
    return w;
}

// ---- the listener's side

// Where the tensors in v lie, which one node made on one stream.
static struct mw_stream *stream_of(const mw_value *v, struct mw_stream *otherwise)
{
    struct mw_stream *s = mw_tensor_stream(mw_value_as_tensor(v));
    for (size_t i = 0; i < mw_value_count(v) && !s; i++)
        s = stream_of(mw_value_at(v, i), NULL);
    return s ? s : otherwise;
}

// With the lock held; comes back with the queue empty.
static void hear_all(mw_emitter *e, mw_ctx *c)
{
    while (e->first) {
        waiting *w = unlink(e, &e->first);
        pthread_mutex_unlock(&e->lock);
        mw_scope_begin(c);
        c->stream = stream_of(w->value, c->stream);
        e->l.hear(e->l.user, c, &w->e);
        mw_scope_end(c, NULL);
        mw_err_clear(c);
        free_waiting(w);
        pthread_mutex_lock(&e->lock);
    }
}

static void *listen(void *arg)
{
    mw_emitter *e = arg;
    pthread_mutex_lock(&e->lock);
    for (hear_all(e, e->c); !e->ending; hear_all(e, e->c))
        pthread_cond_wait(&e->wake, &e->lock);
    pthread_mutex_unlock(&e->lock);
    return NULL;
}

// With the lock held. Without a thread the run's end hears what there is.
static void start(mw_ctx *c, mw_emitter *e)
{
    e->ending = false;
    if (e->c || !(e->c = mw_ctx_fork(c)) || !pthread_create(&e->thread, NULL, listen, e))
        return;
    mw_ctx_free(e->c);
    e->c = NULL;
}

static void drop_waiting(mw_emitter *e)
{
    for (waiting **at = &e->first; *at;)
        if ((*at)->kept)
            at = &(*at)->next;
        else
            free_waiting(unlink(e, at));
}

void mw_emitter_finish(mw_ctx *c, mw_emitter *e, bool good)
{
    pthread_mutex_lock(&e->lock);
    if (!good)
        drop_waiting(e);
    e->ending = true;
    pthread_cond_signal(&e->wake);
    pthread_mutex_unlock(&e->lock);
    if (e->c) {
        pthread_join(e->thread, NULL);
        mw_ctx_free(e->c);
        e->c = NULL;
    }
    mw_ctx *own = e->first ? mw_ctx_fork(c) : NULL; // no thread could be made
    pthread_mutex_lock(&e->lock);
    if (own)
        hear_all(e, own);
    while (e->first)
        free_waiting(unlink(e, &e->first));
    pthread_mutex_unlock(&e->lock);
    mw_ctx_free(own);
}

// ---- the nodes' side

static const mw_out *declared(const mw_job *job, const char *name)
{
    for (const mw_out *o = job ? job->node->schema->type->emits : NULL; o && o->name; o++)
        if (!strcmp(o->name, name))
            return o;
    return NULL;
}

static bool wanted(const mw_job *job, const mw_out *o)
{
    const mw_emitter *e = o ? job->x->emitter : NULL;
    return e && (!e->l.wants || e->l.wants(e->l.user, o->type));
}

bool mw_listened(mw_ctx *c, const char *name)
{
    const mw_job *job = mw_running_job();
    return !mw_err(c) && wanted(job, declared(job, name));
}

static bool holds_tensor(const mw_value *v)
{
    bool some = mw_value_as_tensor(v) != NULL;
    for (size_t i = 0; i < mw_value_count(v) && !some; i++)
        some = holds_tensor(mw_value_at(v, i));
    return some;
}

static void put(mw_ctx *c, mw_emitter *e, waiting *w)
{
    pthread_mutex_lock(&e->lock);
    for (waiting **at = &e->first; *at && !w->kept;)
        if (!(*at)->kept && !strcmp((*at)->e.name, w->e.name))
            free_waiting(unlink(e, at));
        else
            at = &(*at)->next;
    *e->last = w;
    e->last = &w->next;
    start(c, e);
    pthread_cond_signal(&e->wake);
    pthread_mutex_unlock(&e->lock);
}

mw_status mw_emit(mw_ctx *c, const char *name, mw_value *value)
{
    mw_job *job = mw_running_job();
    const mw_out *o = declared(job, name);
    if (job && !o)
        mw_fail(c, MW_E_RUN, "it hands out no '%s': its declaration says what it emits", name);
    if (o && value && !(mw_port_type_of(o->type)->kinds >> mw_value_kind(value) & 1))
        mw_fail(c, MW_E_RUN, "'%s' must be of type %s, got a %s", name, o->type,
                mw_kind_name(mw_value_kind(value)));
    waiting *w = !mw_err(c) && value && wanted(job, o) ? mw_alloc(c, sizeof *w) : NULL;
    if (!w) {
        mw_value_release(value);
        return mw_err(c);
    }
    w->value = value;
    w->kept = !holds_tensor(value);
    w->e = (mw_emission){
        job->node->schema->type->name, job->node->where, o->name, o->type, job->emitted++, value};
    put(c, job->x->emitter, w);
    return mw_err(c);
}
