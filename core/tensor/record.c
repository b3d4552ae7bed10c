// record.c: the life of records, and the marks on tensors that lead to them.
#include "core/tensor/record.h"

#include <pthread.h>
#include <stdlib.h>

// Over the marks of all tensors and the lists of all tapes: a few pointers are followed while it is held.
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

mw_record *mw_record_new(mw_ctx *c, mw_tape *t)
{
    static atomic_ulong serials;
    mw_record *r = mw_alloc(c, sizeof *r);
    if (!r)
        return NULL;
    atomic_init(&r->refs, 1);
    r->serial = atomic_fetch_add(&serials, 1) + 1;
    r->tape = t;
    pthread_mutex_lock(&lock);
    r->before = t->last;
    if (t->last)
        t->last->after = r;
    t->last = r;
    pthread_mutex_unlock(&lock);
    return r;
}

// With the lock held.
static void leave_tape(mw_record *r)
{
    if (!r->tape)
        return;
    if (r->after)
        r->after->before = r->before;
    else
        r->tape->last = r->before;
    if (r->before)
        r->before->after = r->after;
    r->tape = NULL;
}

void mw_record_use_up(mw_record *r)
{
    r->used_up = true;
    for (int i = 0; r->in && i < r->nin + r->nmore; i++) {
        mw_release(r->in[i].t);
        r->in[i].t = NULL;
    }
    for (int i = 0; i < MW_MAXOUT; i++) {
        mw_release(r->out[i].t);
        r->out[i].t = NULL;
    }
    free(r->attrs);
    r->attrs = NULL;
}

// Nothing leads on from here.
static void empty(mw_record *r)
{
    mw_kept *in = r->in;
    mw_record_use_up(r);
    r->in = NULL;
    for (int i = 0; in && i < r->nin + r->nmore; i++)
        mw_record_release(in[i].from);
    free(in);
    mw_release(r->gathered);
    r->gathered = NULL;
}

// Releasing one releases those before it: in a loop, since chains may be of any length.
void mw_record_release(mw_record *r)
{
    static _Thread_local mw_record *waiting;
    static _Thread_local bool at_it;
    if (!r || atomic_fetch_sub(&r->refs, 1) != 1)
        return;
    r->next = waiting;
    waiting = r;
    if (at_it)
        return;
    at_it = true;
    while (waiting) {
        r = waiting;
        waiting = r->next;
        pthread_mutex_lock(&lock);
        leave_tape(r);
        pthread_mutex_unlock(&lock);
        empty(r);
        free(r);
    }
    at_it = false;
}

void mw_records_end(mw_tape *t)
{
    for (;;) {
        pthread_mutex_lock(&lock);
        mw_record *r = t->last;
        if (r) {
            atomic_fetch_add(&r->refs, 1);
            leave_tape(r);
        }
        pthread_mutex_unlock(&lock);
        if (!r)
            return;
        empty(r);
        mw_record_release(r);
    }
}

static void free_marks(mw_mark *m)
{
    while (m) {
        mw_mark *next = m->next;
        mw_record_release(m->record);
        free(m);
        m = next;
    }
}

mw_status mw_mark_add(mw_ctx *c, mw_tensor *t, mw_record *r, int out)
{
    mw_mark *m = mw_alloc(c, sizeof *m), *ended = NULL;
    if (!m)
        return mw_err(c);
    m->record = r;
    m->out = out;
    atomic_fetch_add(&r->refs, 1);
    pthread_mutex_lock(&lock);
    mw_mark *rest = atomic_load(&t->marks), **end = &m->next;
    while (rest) { // those of tapes that have ended go
        mw_mark *next = rest->next;
        if (rest->record->tape) {
            *end = rest;
            end = &rest->next;
        } else {
            rest->next = ended;
            ended = rest;
        }
        rest = next;
    }
    *end = NULL;
    atomic_store(&t->marks, m);
    pthread_mutex_unlock(&lock);
    free_marks(ended);
    return MW_OK;
}

void mw_marks_free(mw_tensor *t) { free_marks(atomic_load(&t->marks)); }

mw_record *mw_record_of(const mw_tape *tape, const mw_tensor *t, bool through, int *out)
{
    mw_record *found = NULL;
    if (!tape || !t || !atomic_load(&t->marks))
        return NULL;
    pthread_mutex_lock(&lock);
    for (const mw_mark *m = atomic_load(&t->marks); m && !found; m = m->next)
        for (const mw_tape *at = tape; at && (through || !at->segment) && !found; at = at->outside)
            if (m->record->tape == at) {
                found = m->record;
                *out = m->out;
            }
    pthread_mutex_unlock(&lock);
    return found;
}
