// tape.c: recording calls.
#include "core/tensor/tape.h"

#include "core/tensor/record.h"

#include <stdlib.h>
#include <string.h>

mw_status mw_tape_begin(mw_ctx *c, bool recompute)
{
    mw_tape *t = mw_err(c) == MW_OK ? mw_alloc(c, sizeof *t) : NULL;
    if (!t)
        return mw_err(c);
    t->recompute = recompute;
    mw_tape_resume(c, t);
    return MW_OK;
}

void mw_tape_end(mw_ctx *c)
{
    mw_tape *t = mw_tape_pause(c);
    if (t)
        mw_records_end(t);
    free(t);
}

mw_tape *mw_tape_pause(mw_ctx *c)
{
    mw_tape *t = c->tape;
    if (t)
        c->tape = t->outside;
    return t;
}

void mw_tape_resume(mw_ctx *c, mw_tape *t)
{
    t->outside = c->tape;
    t->depth = c->tape ? c->tape->depth + 1 : 0;
    c->tape = t;
}

bool mw_watched(const mw_ctx *c, const mw_tensor *t)
{
    int out;
    return mw_record_of(c->tape, t, false, &out);
}

void mw_watch(mw_ctx *c, mw_tensor *x)
{
    mw_tape *t = c->tape;
    if (mw_err(c) || !t || !x || mw_watched(c, x))
        return;
    const char *name = x->label ? x->label : "a tensor";
    if (t->segment) {
        mw_fail(
            c, MW_E_ARG,
            "%s is watched within a part of a network that is run again for its gradient; watch it before",
            name);
        return;
    }
    if (x->dtype > MW_F16) {
        mw_fail(c, MW_E_ARG, "%s is watched, and %s has no gradient", name, mw_dtype_name(x->dtype));
        return;
    }
    mw_record *r = mw_record_new(c, t);
    if (r)
        mw_mark_add(c, x, r, 0);
    mw_record_release(r);
}

unsigned mw_reads_nothing(const mw_call *k, const bool *want)
{
    (void)k, (void)want;
    return 0;
}

unsigned mw_reads_inputs(const mw_call *k, const bool *want)
{
    (void)k, (void)want;
    return MW_READS_IN(MW_MAXIN) - 1;
}

unsigned mw_reads_weight(const mw_call *k, const bool *want)
{
    (void)k;
    return MW_READS_IN(1) | (want[1] ? MW_READS_IN(0) : 0);
}

// What a segment uses and did not make itself is remembered: when it runs again, what is watched of that is
// watched then too, and the rest must not have changed.
static void note_used(mw_ctx *c, mw_tape *segment, mw_tensor *x)
{
    int out;
    bool watched = mw_record_of(segment->outside, x, true, &out);
    if (!x || (!watched && x->storage->serial >= segment->before))
        return;
    for (int i = 0; i < segment->nused; i++)
        if (segment->used[i] == x || (!watched && segment->used[i]->storage == x->storage))
            return;
    if (segment->nused == segment->used_capacity) {
        int capacity = segment->used_capacity ? 2 * segment->used_capacity : 16;
        mw_tensor **more = mw_realloc(c, segment->used, (size_t)capacity * sizeof(mw_tensor *));
        if (!more)
            return;
        segment->used = more;
        segment->used_capacity = capacity;
    }
    segment->used[segment->nused++] = mw_retain(x);
}

static void keep(mw_ctx *c, mw_kept *k, mw_tensor *t, bool whole)
{
    k->t = !t || whole ? mw_retain(t) : mw_tensor_outline(c, t);
    k->generation = mw_generation(t);
}

void mw_tape_record_more(mw_ctx *c, mw_call *k, int nmore, mw_tensor *const *more)
{
    int n = k->nin + nmore;
    bool want[MW_MAXIN] = {0};
    mw_tape *owner = NULL;
    mw_kept *in = mw_err(c) == MW_OK ? mw_alloc(c, (size_t)n * sizeof *in) : NULL;
    for (int i = 0; in && i < n; i++) {
        in[i].from = mw_record_of(c->tape, i < k->nin ? k->in[i] : more[i - k->nin], false, &in[i].from_out);
        if (in[i].from && (!owner || in[i].from->tape->depth < owner->depth))
            owner = in[i].from->tape;
        if (i < k->nin)
            want[i] = in[i].from;
    }
    mw_record *r = owner ? mw_record_new(c, owner) : NULL;
    if (!r) {
        free(in);
        return;
    }
    unsigned reads = k->op->reads ? k->op->reads(k, want) : ~0u;
    r->op = k->op;
    r->in = in;
    r->nin = k->nin;
    r->nmore = nmore;
    r->attrs = k->op->attrs_size ? mw_alloc(c, k->op->attrs_size) : NULL;
    if (r->attrs)
        memcpy(r->attrs, k->attrs, k->op->attrs_size);
    for (int i = 0; i < n; i++) {
        if (in[i].from)
            atomic_fetch_add(&in[i].from->refs, 1);
        if (i < k->nin)
            keep(c, &in[i], k->in[i], reads & MW_READS_IN(i));
        else
            keep(c, &in[i], more[i - k->nin], true);
    }
    for (int i = 0; i < MW_MAXOUT; i++)
        if (k->out[i]) {
            mw_tensor *own = reads & MW_READS_OUT(i) ? mw_tensor_share(c, k->out[i]) : NULL;
            keep(c, &r->out[i], own ? own : k->out[i], own);
            mw_release(own);
            mw_mark_add(c, k->out[i], r, i);
        }
    mw_record_release(r);
}

void mw_tape_record(mw_ctx *c, mw_call *k)
{
    mw_tape *segment = c->tape;
    bool watched = false;
    if (!segment || mw_err(c))
        return;
    while (segment && !segment->segment)
        segment = segment->outside;
    for (int i = 0; i < k->nin; i++) {
        if (segment)
            note_used(c, segment, k->in[i]);
        watched = watched || mw_watched(c, k->in[i]);
    }
    if (watched)
        mw_tape_record_more(c, k, 0, NULL);
}

static int by_place(const void *a, const void *b)
{
    uintptr_t x = (uintptr_t) * (mw_storage *const *)a, y = (uintptr_t) * (mw_storage *const *)b;
    return x < y ? -1 : x > y;
}

uint64_t mw_tape_dry_bytes(mw_ctx *c, uint64_t *largest)
{
    uint64_t sum = 0;
    size_t n = 0, most = 0;
    *largest = 0;
    for (const mw_record *r = c->tape ? c->tape->last : NULL; r; r = r->before)
        most += (size_t)(r->nin + r->nmore + MW_MAXOUT);
    mw_storage **all = most ? mw_alloc(c, most * sizeof(*all)) : NULL;
    for (const mw_record *r = all ? c->tape->last : NULL; r; r = r->before)
        for (int i = r->in ? 0 : r->nin + r->nmore; i < r->nin + r->nmore + MW_MAXOUT; i++) {
            int out = i - r->nin - r->nmore;
            const mw_tensor *x = out < 0 ? r->in[i].t : r->out[out].t;
            if (x && x->storage && !x->storage->range)
                all[n++] = x->storage;
        }
    if (n)
        qsort(all, n, sizeof(*all), by_place);
    for (size_t i = 0; i < n; i++) {
        sum += i && all[i] == all[i - 1] ? 0 : all[i]->bytes; // views share their storage
        *largest = all[i]->bytes > *largest ? all[i]->bytes : *largest;
    }
    free(all);
    return sum;
}
