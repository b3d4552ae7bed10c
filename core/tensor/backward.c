// backward.c: walking records backwards, from what was computed to what is watched.
#include "core/ops.h"
#include "core/tensor/record.h"

#include <stdlib.h>

typedef struct stop {
    mw_record *record;
    mw_tensor *grad[MW_MAXOUT]; // of the record's outputs, so far; a share each
    bool asked[MW_MAXOUT];      // the caller wants it
    bool needed;                // something asked for lies at or before the record
    bool passes;                // or before it
    size_t place;               // that the record has in the walk outside of this one
} stop;

typedef struct walk {
    mw_tape *tape; // that walks
    bool parts;    // what is asked for ends the walk: see mw_backward_parts
    stop *item;    // latest first
    size_t n, room;
} walk;

static stop *stop_of(const walk *w, const mw_record *r)
{
    return r && r->place && r->place <= w->n && w->item[r->place - 1].record == r ? &w->item[r->place - 1]
                                                                                  : NULL;
}

static void meet(mw_ctx *c, walk *w, mw_record *r)
{
    if (!r || stop_of(w, r))
        return;
    if (w->n == w->room) {
        size_t room = w->room ? 2 * w->room : 64;
        stop *more = mw_realloc(c, w->item, room * sizeof *more);
        if (!more)
            return;
        w->item = more;
        w->room = room;
    }
    atomic_fetch_add(&r->refs, 1);
    w->item[w->n++] = (stop){.record = r, .place = r->place};
    r->place = w->n;
}

static int latest_first(const void *a, const void *b)
{
    uint64_t x = ((const stop *)a)->record->serial, y = ((const stop *)b)->record->serial;
    return (x < y) - (x > y);
}

// Everything that the outputs came of, in the fixed order of the walk.
static void collect(mw_ctx *c, walk *w, int nof, mw_tensor *const *of)
{
    int out;
    for (int i = 0; i < nof; i++)
        meet(c, w, mw_record_of(c->tape, of[i], false, &out));
    for (size_t i = 0; i < w->n && !mw_err(c); i++) {
        const mw_record *r = w->item[i].record;
        for (int j = 0; r->in && j < r->nin + r->nmore; j++)
            if (r->in[j].from && r->in[j].from->tape) // that of an ended tape counts as a constant
                meet(c, w, r->in[j].from);
    }
    if (w->n)
        qsort(w->item, w->n, sizeof *w->item, latest_first);
    for (size_t i = 0; i < w->n; i++)
        w->item[i].record->place = i + 1;
}

static void find_needed(walk *w)
{
    for (size_t i = w->n; i-- > 0;) {
        stop *s = &w->item[i];
        const mw_record *r = s->record;
        for (int j = 0; r->in && j < r->nin + r->nmore; j++) {
            const stop *from = stop_of(w, r->in[j].from);
            s->passes = s->passes || (from && from->needed);
        }
        s->needed = s->needed || s->passes;
    }
}

// The gradient of x becomes g, or with `added` its sum with g. The first contribution is kept as it is; the
// sum's order is that of the walk.
static void accumulate(mw_ctx *c, mw_tensor **grad, const mw_tensor *x, mw_tensor *g, bool added)
{
    if (mw_err(c) || !g)
        return;
    if (!mw_same_shape(x, g)) {
        char want[96], got[96];
        mw_fail(c, MW_E_SHAPE, "a gradient has the shape %s, its tensor %s",
                mw_shape_text(g, got, sizeof got), mw_shape_text(x, want, sizeof want));
        return;
    }
    mw_tensor *sum = mw_contiguous(c, mw_cast(c, *grad && added ? mw_add(c, *grad, g) : g, MW_F32));
    mw_retain(sum);
    mw_release(*grad);
    *grad = sum;
}

static void check_unchanged(mw_ctx *c, const mw_record *r, const mw_kept *k)
{
    if (k->t && k->t->storage && mw_generation(k->t) != k->generation)
        mw_fail(c, MW_E_ARG, "%s was changed in place after %s used it, whose gradient needs it as it was",
                k->t->label ? k->t->label : "a tensor", r->op->name);
}

static bool can_pass(mw_ctx *c, const mw_record *r)
{
    if (r->used_up)
        mw_fail(c, MW_E_ARG,
                "a part of what the gradient is asked of was walked back before; compute it anew");
    else if (!r->op->vjp && r->op != &mw_segment_op)
        mw_fail(c, MW_E_ARG, "%s %s has no gradient", r->op->name, r->op->sig);
    for (int i = 0; i < r->nin + r->nmore; i++)
        check_unchanged(c, r, &r->in[i]);
    for (int i = 0; i < MW_MAXOUT; i++)
        check_unchanged(c, r, &r->out[i]);
    return mw_err(c) == MW_OK;
}

// The kept output as a tensor that came of r, for the tape outside.
static mw_tensor *output(mw_ctx *c, mw_record *r, int i)
{
    mw_tensor *t = r->out[i].t;
    if (!c->tape || !t || !t->storage)
        return t;
    t = mw_alias(c, t);
    if (t)
        mw_mark_add(c, t, r, i);
    return t;
}

static mw_tensor **grad_for(const walk *w, const mw_kept *in)
{
    return &stop_of(w, in->from)->grad[in->from_out];
}

// What the vjp adds input i's gradient to. One of several inputs that are the same tensor gets it.
static mw_tensor *so_far(const walk *w, const mw_record *r, const bool *want, int i)
{
    if (!want[i] || i >= r->nin || !(r->op->adds & MW_READS_IN(i)))
        return NULL;
    for (int j = 0; j < i; j++)
        if (want[j] && r->op->adds & MW_READS_IN(j) && grad_for(w, &r->in[j]) == grad_for(w, &r->in[i]))
            return NULL;
    return *grad_for(w, &r->in[i]);
}

// From the gradients of a record's outputs to those of its inputs; within a scope.
static void pass(mw_ctx *c, const walk *w, stop *s, mw_tensor *const *gout)
{
    mw_record *r = s->record;
    int n = r->nin + r->nmore;
    if (!can_pass(c, r))
        return;
    bool *want = mw_alloc(c, (size_t)(n + MW_MAXIN) * sizeof *want);
    mw_tensor **gin = mw_alloc(c, (size_t)(n + MW_MAXIN) * sizeof(mw_tensor *));
    bool sums[MW_MAXIN] = {false};
    for (int i = 0; want && i < n; i++) {
        const stop *from = stop_of(w, r->in[i].from);
        want[i] = from && from->needed;
    }
    for (int i = 0; want && gin && i < r->nin; i++) {
        gin[i] = so_far(w, r, want, i);
        sums[i] = gin[i];
    }
    if (mw_err(c) == MW_OK && r->op == &mw_segment_op) {
        mw_segment_back(c, r, gout, gin, want);
    } else if (mw_err(c) == MW_OK) {
        mw_call k = {.op = r->op, .nin = r->nin, .attrs = r->attrs};
        for (int i = 0; i < r->nin; i++)
            k.in[i] = r->in[i].t;
        for (int i = 0; i < MW_MAXOUT; i++)
            k.out[i] = output(c, r, i);
        r->op->vjp(c, &k, gout, gin, want);
        if (c->tape)
            mw_fail_context(c, "the gradient of %s", r->op->name);
    }
    for (int i = 0; i < r->nin && mw_err(c) == MW_OK; i++)
        if (sums[i])
            accumulate(c, grad_for(w, &r->in[i]), r->in[i].t, gin[i], false);
    for (int i = 0; i < n && mw_err(c) == MW_OK; i++)
        if (want[i] && (i >= r->nin || !sums[i]))
            accumulate(c, grad_for(w, &r->in[i]), r->in[i].t, gin[i], true);
    free(want);
    free(gin);
}

// What is done with is let go: gradients that nobody asked for, and the record unless a tape outside needs
// it.
static void leave(const walk *w, stop *s)
{
    for (int i = 0; i < MW_MAXOUT; i++)
        if (!s->asked[i]) {
            mw_release(s->grad[i]);
            s->grad[i] = NULL;
        }
    if (s->passes && s->record->tape == w->tape)
        mw_record_use_up(s->record);
}

static mw_tensor **grad_of(const walk *w, const mw_tape *t, const mw_tensor *x)
{
    int out;
    stop *s = stop_of(w, mw_record_of(t, x, false, &out));
    return s ? &s->grad[out] : NULL;
}

static void walk_back(mw_ctx *c, walk *w, int nof, mw_tensor *const *of, mw_tensor *const *seed)
{
    find_needed(w);
    mw_scope_begin(c);
    for (int i = 0; i < nof && !mw_err(c); i++) {
        mw_tensor **g = grad_of(w, w->tape, of[i]);
        if (g)
            accumulate(c, g, of[i],
                       seed && seed[i] ? seed[i] : mw_full(c, MW_F32, of[i]->ndim, of[i]->shape, 1), true);
    }
    mw_scope_end(c, NULL);
    for (size_t i = 0; i < w->n && !mw_err(c) && !mw_cancelled(c); i++) {
        stop *s = &w->item[i];
        mw_tensor *gout[MW_MAXOUT];
        bool reached = false;
        for (int j = 0; j < MW_MAXOUT; j++) {
            gout[j] = w->parts && s->asked[j] ? NULL : s->grad[j];
            reached = reached || gout[j];
        }
        mw_scope_begin(c);
        if (reached && s->passes)
            pass(c, w, s, gout);
        mw_scope_end(c, NULL);
        leave(w, s);
    }
}

static void end_walk(walk *w)
{
    for (size_t i = 0; i < w->n; i++)
        w->item[i].record->place = w->item[i].place;
    for (size_t i = 0; i < w->n; i++) {
        for (int j = 0; j < MW_MAXOUT; j++)
            mw_release(w->item[i].grad[j]);
        mw_record_release(w->item[i].record);
    }
    free(w->item);
}

static mw_status backward(mw_ctx *c, bool parts, int nof, mw_tensor *const *of, mw_tensor *const *seed, int n,
                          mw_tensor *const *wrt, mw_tensor **grad)
{
    walk w = {.tape = c->tape, .parts = parts};
    for (int j = 0; j < n; j++)
        grad[j] = NULL;
    if (mw_err(c))
        return mw_err(c);
    if (!w.tape)
        return mw_fail(c, MW_E_ARG, "gradients were asked for and no tape is open");
    for (int j = 0; j < n; j++)
        if (!mw_watched(c, wrt[j]))
            return mw_fail(c, MW_E_ARG, "the gradient of a tensor was asked for that was not watched");
    collect(c, &w, nof, of);
    c->tape = w.tape->outside; // for which the ops of the gradients themselves are recorded
    for (int j = 0; j < n; j++) {
        int out;
        stop *s = stop_of(&w, mw_record_of(w.tape, wrt[j], false, &out));
        if (s)
            s->needed = s->asked[out] = true;
    }
    walk_back(c, &w, nof, of, seed);
    for (int j = 0; j < n && !mw_err(c); j++) {
        mw_tensor **g = grad_of(&w, w.tape, wrt[j]);
        grad[j] =
            g && *g ? mw_scope_adopt(c, mw_retain(*g)) : mw_full(c, MW_F32, wrt[j]->ndim, wrt[j]->shape, 0);
    }
    end_walk(&w);
    c->tape = w.tape;
    return mw_err(c);
}

mw_status mw_backward(mw_ctx *c, int nof, mw_tensor *const *of, mw_tensor *const *seed, int n,
                      mw_tensor *const *wrt, mw_tensor **grad)
{
    return backward(c, false, nof, of, seed, n, wrt, grad);
}

mw_status mw_backward_parts(mw_ctx *c, mw_tensor *of, mw_tensor *seed, int n, mw_tensor *const *wrt,
                            mw_tensor **grad)
{
    return backward(c, true, 1, &of, &seed, n, wrt, grad);
}

// ---- gathering

mw_status mw_gather(mw_ctx *c, mw_tensor *of)
{
    walk w = {.tape = c->tape};
    if (mw_err(c) || !of)
        return mw_err(c);
    if (!mw_watched(c, of))
        return mw_fail(c, MW_E_ARG, "it was computed from nothing that is watched");
    collect(c, &w, 1, &of);
    c->tape = w.tape->outside;
    for (size_t i = 0; i < w.n; i++)
        if (!w.item[i].record->op)
            w.item[i].needed = w.item[i].asked[0] = true;
    walk_back(c, &w, 1, &of, NULL);
    mw_scope_begin(c);
    for (size_t i = 0; i < w.n && !mw_err(c); i++)
        if (w.item[i].asked[0] && w.item[i].grad[0])
            accumulate(c, &w.item[i].record->gathered, w.item[i].grad[0], w.item[i].grad[0], true);
    mw_scope_end(c, NULL);
    end_walk(&w);
    c->tape = w.tape;
    return mw_err(c);
}

mw_tensor *mw_gathered(const mw_ctx *c, const mw_tensor *t)
{
    int out;
    const mw_record *r = mw_record_of(c->tape, t, false, &out);
    return r ? r->gathered : NULL;
}

void mw_gathered_forget(mw_ctx *c, const mw_tensor *t)
{
    int out;
    mw_record *r = mw_record_of(c->tape, t, false, &out);
    if (r) {
        mw_release(r->gathered);
        r->gathered = NULL;
    }
}
