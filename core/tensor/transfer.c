// transfer.c: tensors from one stream's memory into another's.
#include "core/ops.h"
#include "core/tensor/tape.h"
#include "core/tensor/tensor_internal.h"

#include <stdlib.h>

enum { PORTION = 16 << 20 }; // bytes that pass through the host at a time

static const char *name_of(const mw_tensor *t) { return t->label ? t->label : "a tensor"; }

struct mw_stream *mw_tensor_stream(const mw_tensor *t) { return t && t->storage ? t->storage->stream : NULL; }

bool mw_tensor_here(mw_ctx *c, const mw_tensor *t)
{
    const mw_stream *s = mw_tensor_stream(t);
    if (c->dry || !s || s == c->stream)
        return true;
    mw_fail(c, MW_E_ARG, "%s lies on %s, and what uses it runs on %s; mw_tensor_to moves it", name_of(t),
            s->name, c->stream ? c->stream->name : "no device");
    return false;
}

// Bytes of x's storage from `from` on to y's from `to` on; x's stream has done its work by then.
static mw_status carry(mw_ctx *c, const mw_tensor *x, size_t from, const mw_tensor *y, size_t to,
                       size_t bytes)
{
    mw_stream *a = x->storage->stream, *b = y->storage->stream;
    char *host = mw_alloc(c, bytes < PORTION ? bytes : PORTION);
    for (size_t at = 0; host && at < bytes && !mw_err(c); at += PORTION) {
        size_t n = bytes - at < PORTION ? bytes - at : PORTION;
        c->stream = a;
        mw_cl_read(c, a, mw_tensor_buffer(x), mw_tensor_begin(x) + from + at, host, n);
        c->stream = b;
        if (!mw_err(c))
            mw_stage(c, mw_tensor_buffer(y), mw_tensor_begin(y) + to + at, host, n);
    }
    free(host);
    return mw_err(c);
}

// A prepared weight's panels are the same wherever they were made for as wide vectors.
static bool same_panels(mw_ctx *c, const mw_tensor *t, const mw_stream *s)
{
    const mw_stream *from = t->storage->stream;
    const mw_caps *a = &from->info.caps, *b = &s->info.caps;
    if (a->cpu == b->cpu && a->vector_width == b->vector_width)
        return true;
    mw_fail(c, MW_E_ARG,
            "%s was prepared for the kernels of %s, and those of %s read it otherwise; move the weight as it "
            "was before, and prepare it there",
            name_of(t), from->name, s->name);
    return false;
}

// Stale when t is, or gets so.
static void inherit_source(mw_storage *y, const mw_storage *t)
{
    if (!t->source)
        return;
    atomic_fetch_add(&t->source->kept, 1);
    y->source = t->source;
    y->source_generation = t->source_generation;
}

static mw_tensor *move_prepared(mw_ctx *c, mw_tensor *t, mw_stream *s)
{
    if (!same_panels(c, t, s))
        return NULL;
    mw_tensor *all = mw_tensor_new(c, MW_U8, 1, (int64_t[]){(int64_t)t->storage->bytes});
    mw_tensor *y = all ? mw_tensor_view(c, all, t->ndim, t->shape, t->stride, t->offset) : NULL;
    if (!y || carry(c, t, 0, y, 0, t->storage->bytes))
        return NULL;
    y->dtype = t->dtype;
    y->packing = t->packing;
    y->label = t->label;
    inherit_source(y->storage, t->storage);
    return y;
}

static mw_tensor *move_plain(mw_ctx *c, mw_tensor *t, mw_stream *s)
{
    c->stream = t->storage->stream;
    mw_tensor *x = mw_contiguous(c, t);
    c->stream = s;
    mw_tensor *y = x ? mw_tensor_new(c, x->dtype, x->ndim, x->shape) : NULL;
    size_t size = y ? mw_dtype_size(y->dtype) : 0;
    if (!y || carry(c, x, (size_t)x->offset * size, y, 0, (size_t)mw_numel(y) * size))
        return NULL;
    y->label = t->label;
    return y;
}

mw_tensor *mw_tensor_to(mw_ctx *c, mw_tensor *t, struct mw_stream *s)
{
    if (mw_err(c) || !t || !s || c->dry || mw_tensor_stream(t) == s)
        return mw_err(c) ? NULL : t;
    if (mw_watched(c, t)) {
        mw_fail(
            c, MW_E_ARG,
            "%s is watched by an open tape and moved to %s: its gradient would be lost; move it before it "
            "is watched",
            name_of(t), s->name);
        return NULL;
    }
    mw_stream *own = c->stream;
    struct mw_tape *tape = c->tape;
    mw_scope_begin(c);
    c->tape = NULL;
    c->stream = s;
    mw_tensor *y = t->packing ? move_prepared(c, t, s) : move_plain(c, t, s);
    c->stream = own;
    c->tape = tape;
    return mw_scope_end(c, y);
}
