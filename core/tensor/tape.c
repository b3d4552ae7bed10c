// tape.c: recording calls, and walking the record backwards.
#include "core/tensor/tape.h"

#include "core/ops.h"
#include "core/tensor/tensor_internal.h"

#include <stdlib.h>
#include <string.h>

typedef struct record {
    mw_call call; // shares of the tensors that vjp reads, outlines of the others, a copy of its attributes
} record;

typedef struct mw_tape {
    struct mw_tape *outside;
    int64_t serial;
    bool recompute;
    bool segment; // stands for `outside` while a part that is run again runs for the first time
    record *records;
    size_t count, capacity;
    mw_tensor **grads; // by slot index; a share each
    size_t slots, grads_capacity;
} mw_tape;

static const int64_t SERIAL = (int64_t)1 << 32; // a slot is serial * SERIAL + index

mw_status mw_tape_begin(mw_ctx *c, bool recompute)
{
    static atomic_long serials;
    mw_tape *t = mw_err(c) == MW_OK ? mw_alloc(c, sizeof *t) : NULL;
    if (!t)
        return mw_err(c);
    t->serial = atomic_fetch_add(&serials, 1) + 1;
    t->recompute = recompute;
    t->outside = c->tape;
    c->tape = t;
    return MW_OK;
}

static void forget(record *r)
{
    for (int i = 0; i < r->call.nin; i++)
        mw_release(r->call.in[i]);
    for (int i = 0; i < MW_MAXOUT; i++)
        mw_release(r->call.out[i]);
    free((void *)r->call.attrs);
}

void mw_tape_end(mw_ctx *c)
{
    mw_tape *t = c->tape;
    if (!t)
        return;
    c->tape = t->outside;
    for (size_t i = 0; i < t->count; i++)
        forget(&t->records[i]);
    for (size_t i = 0; i < t->slots; i++)
        mw_release(t->grads[i]);
    free(t->records);
    free(t->grads);
    free(t);
}

static bool in_tape(const mw_tape *t, const mw_tensor *x) { return t && x && x->slot / SERIAL == t->serial; }

bool mw_watched(const mw_ctx *c, const mw_tensor *t) { return in_tape(c->tape, t); }

// A tape outside of t watches x.
static bool in_outer(const mw_tape *t, const mw_tensor *x)
{
    bool in = false;
    for (t = t->outside; t && !in; t = t->outside)
        in = in_tape(t, x);
    return in;
}

static const char *name_of(const mw_tensor *x) { return x->label ? x->label : "a tensor"; }

void mw_watch(mw_ctx *c, mw_tensor *x)
{
    mw_tape *t = c->tape;
    if (mw_err(c) || !t || !x || in_tape(t, x))
        return;
    if (t->segment) {
        mw_fail(
            c, MW_E_ARG,
            "%s is watched within a part of a network that is run again for its gradient; watch it before "
            "and hand it to the part as an input",
            name_of(x));
        return;
    }
    if (in_outer(t, x)) {
        mw_fail(c, MW_E_ARG,
                "%s is watched by a tape outside of this one, which is open still; watch mw_alias of it here",
                name_of(x));
        return;
    }
    if (t->slots == t->grads_capacity) {
        size_t capacity = t->grads_capacity ? 2 * t->grads_capacity : 16;
        mw_tensor **more = mw_realloc(c, t->grads, capacity * sizeof *more);
        if (!more)
            return;
        t->grads = more;
        t->grads_capacity = capacity;
    }
    t->grads[t->slots] = NULL;
    x->slot = t->serial * SERIAL + (int64_t)t->slots++;
}

static mw_tensor **grad_of(mw_tape *t, const mw_tensor *x) { return &t->grads[x->slot % SERIAL]; }

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

static mw_tensor *kept(mw_ctx *c, mw_tensor *t, bool whole)
{
    return !t || whole ? mw_retain(t) : mw_tensor_outline(c, t);
}

static void check_segment(mw_ctx *c, const mw_tape *t, const mw_call *k)
{
    for (int i = 0; i < k->nin && !mw_err(c); i++)
        if (k->in[i] && in_outer(t, k->in[i]))
            mw_fail(c, MW_E_ARG,
                    "%s is watched and used within a part of a network that is run again for its gradient, "
                    "but is no input of the part; hand it over as one, or begin the tape without recompute",
                    name_of(k->in[i]));
}

void mw_tape_record(mw_ctx *c, mw_call *k)
{
    mw_tape *t = c->tape;
    if (t && t->segment) {
        check_segment(c, t, k);
        return;
    }
    bool want[MW_MAXIN] = {0}, wanted = false;
    for (int i = 0; i < k->nin; i++) {
        want[i] = in_tape(t, k->in[i]);
        wanted = wanted || want[i];
    }
    if (!wanted || mw_err(c))
        return;
    if (t->count == t->capacity) {
        size_t capacity = t->capacity ? 2 * t->capacity : 16;
        record *more = mw_realloc(c, t->records, capacity * sizeof *more);
        if (!more)
            return;
        t->records = more;
        t->capacity = capacity;
    }
    void *attrs = k->op->attrs_size ? mw_alloc(c, k->op->attrs_size) : NULL;
    if (mw_err(c))
        return;
    if (attrs)
        memcpy(attrs, k->attrs, k->op->attrs_size);
    record *r = &t->records[t->count++];
    r->call = *k;
    r->call.attrs = attrs;
    unsigned reads = k->op->reads ? k->op->reads(k, want) : ~0u;
    for (int i = 0; i < k->nin; i++)
        r->call.in[i] = kept(c, k->in[i], reads & MW_READS_IN(i));
    for (int i = 0; i < MW_MAXOUT; i++) {
        mw_watch(c, k->out[i]);
        r->call.out[i] = kept(c, k->out[i], reads & MW_READS_OUT(i));
    }
}

static int by_place(const void *a, const void *b)
{
    uintptr_t x = (uintptr_t) * (mw_storage *const *)a, y = (uintptr_t) * (mw_storage *const *)b;
    return x < y ? -1 : x > y;
}

uint64_t mw_tape_dry_bytes(mw_ctx *c, uint64_t *largest)
{
    const mw_tape *t = c->tape;
    uint64_t sum = 0;
    size_t n = 0;
    *largest = 0;
    mw_storage **all = t && t->count ? mw_alloc(c, t->count * (MW_MAXIN + MW_MAXOUT) * sizeof(*all)) : NULL;
    for (size_t i = 0; all && i < t->count; i++) {
        const mw_call *k = &t->records[i].call;
        for (int j = 0; j < MW_MAXIN + MW_MAXOUT; j++) {
            const mw_tensor *x = j < MW_MAXIN ? k->in[j] : k->out[j - MW_MAXIN];
            if (x && x->storage && !x->storage->range)
                all[n++] = x->storage;
        }
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

// Add g to the gradient of x. The first contribution is kept as it is; the sum's order is that of the walk.
static void accumulate(mw_ctx *c, mw_tape *t, const mw_tensor *x, mw_tensor *g)
{
    if (mw_err(c) || !g)
        return;
    if (!mw_same_shape(x, g)) {
        char want[96], got[96];
        mw_fail(c, MW_E_SHAPE, "a gradient has the shape %s, its tensor %s",
                mw_shape_text(g, got, sizeof got), mw_shape_text(x, want, sizeof want));
        return;
    }
    mw_tensor **slot = grad_of(t, x);
    mw_tensor *sum = mw_contiguous(c, mw_cast(c, *slot ? mw_add(c, *slot, g) : g, MW_F32));
    mw_retain(sum);
    mw_release(*slot);
    *slot = sum;
}

static bool among(const mw_tensor *x, int n, mw_tensor *const *list)
{
    for (int i = 0; i < n; i++)
        if (x->slot == list[i]->slot)
            return true;
    return false;
}

// One record: from the gradients of its outputs to those of its inputs. The former are let go, unless asked
// for.
static void walk_one(mw_ctx *c, mw_tape *t, record *r, int n, mw_tensor *const *wrt)
{
    mw_call *k = &r->call;
    mw_tensor *gout[MW_MAXOUT] = {0}, *gin[MW_MAXIN] = {0};
    bool want[MW_MAXIN] = {0}, reached = false;
    for (int i = 0; i < MW_MAXOUT; i++) {
        gout[i] = in_tape(t, k->out[i]) ? *grad_of(t, k->out[i]) : NULL;
        reached = reached || gout[i];
    }
    for (int i = 0; i < k->nin; i++)
        want[i] = in_tape(t, k->in[i]);
    if (!reached)
        return;
    if (!k->op->vjp) {
        mw_fail(c, MW_E_ARG, "%s %s has no gradient", k->op->name, k->op->sig);
        return;
    }
    mw_scope_begin(c);
    k->op->vjp(c, k, gout, gin, want);
    for (int i = 0; i < k->nin && !mw_err(c); i++)
        if (want[i])
            accumulate(c, t, k->in[i], gin[i]);
    mw_scope_end(c, NULL);
    for (int i = 0; i < MW_MAXOUT; i++)
        if (gout[i] && !among(k->out[i], n, wrt)) {
            mw_release(gout[i]);
            *grad_of(t, k->out[i]) = NULL;
        }
}

static mw_tensor *filled_like(mw_ctx *c, const mw_tensor *x, float value)
{
    int64_t ones[MW_MAXDIM] = {1, 1, 1, 1, 1, 1};
    mw_tensor *one = mw_tensor_from_f32(c, MW_F32, x->ndim, ones, &value);
    return mw_contiguous(c, mw_expand(c, one, x->ndim, x->shape));
}

mw_status mw_backward(mw_ctx *c, int nof, mw_tensor *const *of, mw_tensor *const *seed, int n,
                      mw_tensor *const *wrt, mw_tensor **grad)
{
    mw_tape *t = c->tape;
    for (int j = 0; j < n; j++)
        grad[j] = NULL;
    if (mw_err(c))
        return mw_err(c);
    if (!t)
        return mw_fail(c, MW_E_ARG, "gradients were asked for and no tape is open");
    c->tape = NULL; // the ops of the gradients themselves are not recorded
    for (int j = 0; j < n; j++)
        if (!in_tape(t, wrt[j]))
            mw_fail(c, MW_E_ARG, "the gradient of a tensor was asked for that was not watched");
    mw_scope_begin(c);
    for (int i = 0; i < nof && !mw_err(c); i++)
        if (in_tape(t, of[i]))
            accumulate(c, t, of[i], seed && seed[i] ? seed[i] : filled_like(c, of[i], 1));
    mw_scope_end(c, NULL);
    while (t->count && !mw_err(c)) {
        walk_one(c, t, &t->records[t->count - 1], n, wrt);
        forget(&t->records[--t->count]);
    }
    for (int j = 0; j < n && !mw_err(c); j++) {
        mw_tensor *g = *grad_of(t, wrt[j]);
        grad[j] = g ? mw_scope_adopt(c, mw_retain(g)) : filled_like(c, wrt[j], 0);
    }
    c->tape = t;
    return mw_err(c);
}

// ---- segments

typedef struct segment_attrs {
    mw_segment_fn fn;
    max_align_t user[16]; // room for a copy of what fn is told
} segment_attrs;

static mw_status segment_vjp(mw_ctx *c, const mw_call *k, mw_tensor *const *gout, mw_tensor **gin,
                             const bool *want)
{
    const segment_attrs *a = k->attrs;
    mw_tensor *in[MW_MAXIN] = {0}, *wrt[MW_MAXIN], *grads[MW_MAXIN];
    int n = 0;
    if (mw_tape_begin(c, false) != MW_OK)
        return mw_err(c);
    for (int i = 0; i < k->nin; i++) {
        mw_tensor *x = k->in[i];
        in[i] = mw_alias(c, x); // one of its own to watch
        if (want[i]) {
            mw_watch(c, in[i]);
            wrt[n++] = in[i];
        }
    }
    mw_tensor *out = a->fn(c, a->user, in);
    mw_backward(c, 1, &out, gout, n, wrt, grads);
    mw_tape_end(c);
    for (int i = 0, j = 0; i < k->nin; i++)
        if (want[i])
            gin[i] = grads[j++];
    return mw_err(c);
}

static const mw_op segment = {
    "segment",
    "in[..].. -> out[..]",
    "A part of a network that is run again for its gradient.",
    MW_MAXIN,
    0,
    NULL,
    NULL,
    segment_vjp,
    sizeof(segment_attrs),
    mw_reads_inputs,
};

mw_tensor *mw_segment(mw_ctx *c, mw_segment_fn fn, const void *user, size_t user_size, int nin,
                      mw_tensor *const *in)
{
    mw_tape *t = c->tape;
    segment_attrs a = {.fn = fn};
    if (mw_err(c))
        return NULL;
    if (user_size > sizeof a.user || nin > MW_MAXIN) {
        mw_fail(c, MW_E_ARG, "a segment takes at most %d tensors and %zu bytes", MW_MAXIN, sizeof a.user);
        return NULL;
    }
    memcpy(a.user, user, user_size);
    if (!t || !t->recompute)
        return fn(c, a.user, in);
    mw_tape first = {.outside = t, .serial = -1, .segment = true};
    mw_call k = {.op = &segment, .nin = nin, .attrs = &a};
    mw_tensor *own[MW_MAXIN] = {0}; // of its own names, so that other watched tensors are noticed
    mw_scope_begin(c);
    for (int i = 0; i < nin; i++) {
        k.in[i] = in[i];
        own[i] = mw_alias(c, in[i]);
    }
    c->tape = &first;
    k.out[0] = mw_scope_end(c, mw_err(c) ? NULL : fn(c, a.user, own));
    c->tape = t;
    if (k.out[0])
        mw_tape_record(c, &k);
    return mw_err(c) ? NULL : k.out[0];
}
