// weights_load.c: the values of a network's weights, from a checkpoint's entries to prepared tensors on each
// stream.
#include "nodes/nets/base/weights_internal.h"

#include "core/io/describe.h"
#include "core/ops.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void free_source(const mw_weight_source *s)
{
    if (s->free)
        s->free(s->user);
}

// A share of the lease is given back, by any thread.
static void end_lease(void *user)
{
    mw_weights_lease *l = user;
    if (atomic_fetch_sub(&l->refs, 1) != 1)
        return;
    free_source(&l->source);
    free(l);
}

void mw_weights_close_source(mw_weights *w)
{
    if (w->open && w->lease)
        end_lease(w->lease);
    else if (w->open)
        free_source(&w->source);
    w->open = false;
    w->lease = NULL;
}

void mw_weights_free_copy(const mw_weights *w, mw_weights_copy *y)
{
    for (size_t i = 0; y->tensors && i < w->n; i++)
        mw_release(y->tensors[i]);
    free(y->tensors);
    y->tensors = NULL;
}

mw_weights_copy *mw_weights_here(const mw_ctx *c, mw_weights *w)
{
    return &w->on[c->stream ? mw_stream_number(c->stream) : 0];
}

size_t mw_weights_held(const mw_weights *w, const struct mw_stream *s)
{
    size_t bytes = 0;
    for (int i = 0; i < MW_MOST_STREAMS; i++)
        if (atomic_load(&w->on[i].ready) && (!s || mw_stream_number(s) == i))
            bytes += w->bytes;
    return bytes;
}

// Neither NaN nor infinity may get in, and f16 must be able to hold the values.
static void check_values(mw_ctx *c, const mw_weights *w, const mw_weight_entry *e, const float *v, int64_t n)
{
    float limit = e->dtype == MW_F16 ? 65504.0f : INFINITY;
    for (int64_t i = 0; i < n; i++)
        if (!(fabsf(v[i]) < INFINITY)) {
            mw_fail(c, MW_E_FILE, "%s: %s: tensor '%s' holds %g at position %" PRId64, w->path, w->label,
                    e->name, (double)v[i], i);
            return;
        } else if (fabsf(v[i]) > limit) {
            mw_fail(c, MW_E_NUMBER, "%s: %s: tensor '%s' holds %g, too large for f16; use dtype f32", w->path,
                    w->label, e->name, (double)v[i]);
            return;
        }
}

int64_t mw_weight_numel(const mw_weight_entry *e)
{
    int64_t n = 1;
    for (int i = 0; i < e->ndim; i++)
        n *= e->shape[i];
    return n;
}

// NaN or infinity among values of any alignment; eight bytes at a time: an exponent of all ones, plus one,
// carries into the sign's bit.
static bool any_not_finite(const unsigned char *p, size_t bytes, mw_dtype dtype)
{
    bool half = dtype == MW_F16;
    const uint64_t exponents = half ? 0x7c007c007c007c00 : 0x7f8000007f800000;
    const uint64_t ones = half ? 0x0400040004000400 : 0x0080000000800000;
    const uint64_t carries = half ? 0x8000800080008000 : 0x8000000080000000;
    uint64_t wrong = 0;
    for (size_t i = 0; i < bytes; i += sizeof wrong) {
        uint64_t some = 0;
        memcpy(&some, p + i, bytes - i < sizeof some ? bytes - i : sizeof some);
        wrong |= (some & exponents) + ones;
    }
    return wrong & carries;
}

// The values as they lie in the file, where they need no change on their way to the device; else NULL.
static const void *plain_values(const mw_weights *w, const mw_weight_entry *e)
{
    const mw_weight_source *s = &w->source;
    if (s->patch || !s->stored)
        return NULL;
    const void *p = s->stored(s->user, e->name, e->dtype);
    size_t bytes = (size_t)mw_weight_numel(e) * mw_dtype_size(e->dtype);
    return p && any_not_finite(p, bytes, e->dtype) ? NULL : p; // NULL: read_values says which
}

// The values on the host, patched and checked; free() them.
static float *read_values(mw_ctx *c, const mw_weights *w, const mw_weight_entry *e)
{
    const mw_weight_source *s = &w->source;
    float *values = mw_alloc(c, (size_t)mw_weight_numel(e) * sizeof *values);
    if (values && s->read_f32(c, s->user, e->name, values) == MW_OK && s->patch)
        s->patch(c, s->user, e->name, e->ndim, e->shape, values);
    if (mw_err(c) == MW_OK)
        check_values(c, w, e, values, mw_weight_numel(e));
    return values;
}

size_t mw_weight_bytes(const mw_ctx *c, const mw_weight_entry *e)
{
    if (e->in_blocks)
        return mw_lends(c) ? 0 : (size_t)e->blocks.rows * e->blocks.row_bytes;
    return (size_t)mw_weight_numel(e) * mw_dtype_size(e->dtype);
}

static mw_tensor *load_blocks(mw_ctx *c, mw_weights *w, const mw_weight_entry *e)
{
    if (!w->lease && (w->lease = mw_alloc(c, sizeof *w->lease))) {
        atomic_init(&w->lease->refs, 1);
        w->lease->source = w->source;
    }
    if (!w->lease)
        return NULL;
    atomic_fetch_add(&w->lease->refs, 1);
    mw_tensor *t = mw_weight_blocks(c, &e->blocks, end_lease, w->lease);
    if (t && !mw_lends(c) && w->source.stored_read)
        w->source.stored_read(w->source.user, e->name);
    return t;
}

static mw_tensor *load_one(mw_ctx *c, mw_weights *w, const mw_weight_entry *e)
{
    if (e->in_blocks) {
        mw_scope_begin(c);
        mw_tensor *t = mw_retain(load_blocks(c, w, e));
        mw_scope_end(c, NULL);
        if (t)
            t->label = e->name;
        return t;
    }
    const void *plain = plain_values(w, e);
    float *values = plain ? NULL : read_values(c, w, e);
    mw_scope_begin(c);
    mw_tensor *t = NULL;
    if (plain)
        t = mw_tensor_from_bytes(c, e->dtype, e->ndim, e->shape, plain);
    else if (mw_err(c) == MW_OK)
        t = mw_tensor_from_f32(c, e->dtype, e->ndim, e->shape, values);
    if (e->kind == MW_WEIGHT_LINEAR)
        t = mw_prepare_linear(c, t);
    else if (e->kind == MW_WEIGHT_CONV)
        t = mw_prepare_conv2d(c, t);
    t = mw_err(c) == MW_OK ? mw_retain(t) : NULL;
    mw_scope_end(c, NULL);
    free(values);
    if (plain && w->source.stored_read)
        w->source.stored_read(w->source.user, e->name);
    if (t)
        t->label = e->name;
    return t;
}

mw_tensor *mw_weights_read_passing(mw_ctx *c, mw_weights *w, const mw_weight_entry *e)
{
    pthread_mutex_lock(&w->lock);
    mw_tensor *t = load_one(c, w, e);
    pthread_mutex_unlock(&w->lock);
    return mw_scope_adopt(c, t);
}

// What will never fit is refused before anything of it is read.
static void check_room(mw_ctx *c, const mw_weights *w)
{
    char needs[32], limit[32];
    uint64_t bytes = 0, most = c->stream ? mw_device_memory(c).limit : 0;
    for (size_t i = 0; i < w->n; i++)
        bytes += w->entries[i].passing ? 0 : mw_weight_bytes(c, &w->entries[i]);
    if (most && bytes > most)
        mw_fail(c, MW_E_MEMORY,
                "%s: its weights need %s of device memory, the limit is %s; %sa larger --memory may do",
                w->label, mw_bytes_text(bytes, needs, sizeof needs), mw_bytes_text(most, limit, sizeof limit),
                w->dtype == MW_F32 ? "--dtype f16 or " : "");
}

// Read everything, once; threads that come meanwhile wait. After a failure nothing is held and the next ask
// tries again.
static bool load_all(mw_ctx *c, mw_weights *w)
{
    mw_weights_copy *here = mw_weights_here(c, w);
    pthread_mutex_lock(&w->lock);
    bool done = atomic_load(&here->ready);
    if (!done)
        check_room(c, w);
    if (!done && atomic_load(&w->set))
        mw_fail(c, MW_E_ARG, "%s: its weights were changed on device %d, and %s cannot have them too",
                w->label, atomic_load(&w->set) - 1, mw_stream_name(c->stream));
    if (!done && mw_err(c) == MW_OK)
        here->tensors = mw_alloc(c, w->n * sizeof *here->tensors);
    for (size_t i = 0; !done && i < w->n && mw_err(c) == MW_OK && !mw_cancelled(c); i++)
        here->tensors[i] = w->entries[i].passing ? NULL : load_one(c, w, &w->entries[i]);
    if (mw_err(c) != MW_OK)
        mw_weights_free_copy(w, here);
    if (!done && mw_err(c) == MW_OK) {
        if (mw_stream_count(c) < 2 && !w->passing)
            mw_weights_close_source(w);
        atomic_store(&here->ready, 1);
    }
    pthread_mutex_unlock(&w->lock);
    return mw_err(c) == MW_OK;
}

mw_status mw_weights_fetch(mw_ctx *c, mw_weights *w)
{
    if (mw_err(c) == MW_OK && !atomic_load(&mw_weights_here(c, w)->ready))
        load_all(c, w);
    return mw_err(c);
}

mw_status mw_weight_set(mw_ctx *c, mw_weights *w, const char *name, mw_tensor *values)
{
    char have[96], want[96];
    if (!values || mw_weights_fetch(c, w) != MW_OK)
        return mw_err(c);
    const mw_weight_entry *e = mw_weights_lookup(w, name);
    if (!e)
        return mw_fail(c, MW_E_ARG, "%s has no weight '%s'", w->label, name);
    if (mw_weights_held(w, NULL) > mw_weights_held(w, c->stream))
        return mw_fail(c, MW_E_ARG, "%s: '%s' cannot be changed: more devices than %s have it", w->label,
                       name, mw_stream_name(c->stream));
    mw_tensor *t = mw_weights_here(c, w)->tensors[e - w->entries];
    if (!t)
        return mw_fail(c, MW_E_ARG, "%s: '%s' cannot be changed: it lies in host memory", w->label, name);
    if (!mw_same_shape(t, values))
        return mw_fail(c, MW_E_SHAPE, "%s: '%s' is %s and cannot become %s", w->label, name,
                       mw_shape_text(t, want, sizeof want), mw_shape_text(values, have, sizeof have));
    atomic_store(&w->set, mw_stream_number(c->stream) + 1);
    atomic_store(&w->revision, mw_revision_next());
    return t->packing ? mw_prepare_again(c, t, values) : mw_write(c, t, values);
}

void mw_weights_forget_twins(mw_weights *w)
{
    for (int s = 0; s < MW_MOST_STREAMS; s++)
        for (size_t i = 0; w->on[s].tensors && i < w->n; i++)
            mw_forget_twin(w->on[s].tensors[i]);
}
