// tensor.c: making, reading and freeing tensors.
#include "core/tensor/tensor_internal.h"

#include "core/base/half.h"

#include <stdlib.h>
#include <string.h>

enum { LARGEST_ELEMENT = 4 }; // bytes

static atomic_long live;
static atomic_ulong storages;

long mw_live_tensors(void) { return atomic_load(&live); }

uint64_t mw_memory_left(const mw_ctx *c)
{
    if (!c->stream)
        return UINT64_MAX;
    mw_memory_use m = mw_device_memory(c);
    return m.limit > m.used ? m.limit - m.used : 0;
}

uint64_t mw_memory_limit(const mw_ctx *c) { return c->stream ? mw_device_memory(c).limit : UINT64_MAX; }

static _Thread_local struct {
    int64_t now, most;
} dry;

void mw_dry_begin(void) { dry.now = dry.most = 0; }
uint64_t mw_dry_peak(void) { return (uint64_t)dry.most; }

static void count_dry(int64_t bytes)
{
    dry.now += bytes;
    dry.most = dry.now > dry.most ? dry.now : dry.most;
}

size_t mw_dtype_size(mw_dtype d)
{
    static const size_t sizes[] = {[MW_F32] = 4, [MW_F16] = 2, [MW_I32] = 4, [MW_U8] = 1};
    return sizes[d];
}

const char *mw_dtype_name(mw_dtype d)
{
    static const char *const names[] = {[MW_F32] = "f32", [MW_F16] = "f16", [MW_I32] = "i32", [MW_U8] = "u8"};
    return names[d];
}

void mw_strides_of(int ndim, const int64_t *shape, int64_t *stride)
{
    int64_t s = 1;
    for (int i = ndim - 1; i >= 0; i--) {
        stride[i] = s;
        s *= shape[i];
    }
}

void mw_storage_unkeep(mw_storage *s)
{
    while (s && atomic_fetch_sub(&s->kept, 1) == 1) {
        mw_storage *source = s->source;
        free(s);
        s = source;
    }
}

uint64_t mw_storage_serial(void) { return atomic_load(&storages); }

static void storage_release(mw_storage *s)
{
    if (!s || atomic_fetch_sub(&s->refs, 1) != 1)
        return;
    if (s->range)
        mw_pool_give(s->stream, s->range);
    else
        count_dry(-(int64_t)s->bytes);
    free(s->host);
    s->host = NULL;
    mw_storage_unkeep(s);
}

mw_tensor *mw_retain(mw_tensor *t)
{
    if (t)
        atomic_fetch_add(&t->refs, 1);
    return t;
}

void mw_release(mw_tensor *t)
{
    if (!t || atomic_fetch_sub(&t->refs, 1) != 1)
        return;
    mw_marks_free(t);
    storage_release(t->storage);
    mw_release(t->twin);
    atomic_fetch_sub(&live, 1);
    free(t);
}

cl_mem mw_tensor_buffer(const mw_tensor *t) { return mw_range_buffer(t->storage->range); }
size_t mw_tensor_begin(const mw_tensor *t) { return mw_range_begin(t->storage->range); }

int64_t mw_count(int ndim, const int64_t *shape)
{
    int64_t n = 1, limit = ((int64_t)1 << 62) / LARGEST_ELEMENT;
    if (ndim < 0 || ndim > MW_MAXDIM)
        return -1;
    bool empty = false;
    for (int i = 0; i < ndim; i++) {
        if (shape[i] < 0)
            return -1;
        if (shape[i] == 0)
            empty = true;
        else if (n > limit / shape[i])
            return -1;
        else
            n *= shape[i];
    }
    return empty ? 0 : n;
}

// False with an error pending when no tensor can have these sizes.
static bool valid_shape(mw_ctx *c, int ndim, const int64_t *shape)
{
    if (mw_count(ndim, shape) >= 0)
        return true;
    mw_fail(
        c, MW_E_SHAPE,
        "a tensor cannot have this shape (%d dimensions, at most %d, sizes from 0 on, together below 2^60)",
        ndim, MW_MAXDIM);
    return false;
}

static mw_tensor *enter(mw_ctx *c, mw_tensor *t)
{
    atomic_fetch_add(&live, 1);
    return mw_scope_adopt(c, t);
}

// A tensor over `range`, or over new memory; not in a dry context.
static mw_tensor *make(mw_ctx *c, mw_dtype dtype, int ndim, const int64_t *shape, struct mw_range *range)
{
    mw_tensor *t = mw_alloc(c, sizeof *t);
    mw_storage *s = mw_alloc(c, sizeof *s);
    size_t bytes = (size_t)mw_count(ndim, shape) * mw_dtype_size(dtype);
    if (t && s && !c->dry)
        s->range = range ? range : mw_pool_take(c, bytes);
    if (!mw_err(c) && c->dry)
        count_dry((int64_t)bytes);
    if (mw_err(c)) {
        free(t);
        free(s);
        return NULL;
    }
    atomic_init(&s->refs, 1);
    atomic_init(&s->kept, 1);
    s->serial = atomic_fetch_add(&storages, 1);
    s->stream = c->stream;
    s->bytes = bytes;
    t->dtype = dtype;
    t->ndim = ndim;
    for (int i = 0; i < ndim; i++)
        t->shape[i] = shape[i];
    mw_strides_of(ndim, shape, t->stride);
    t->storage = s;
    atomic_init(&t->refs, 1);
    return enter(c, t);
}

mw_tensor *mw_tensor_new(mw_ctx *c, mw_dtype dtype, int ndim, const int64_t *shape)
{
    if (mw_err(c) || !valid_shape(c, ndim, shape))
        return NULL;
    if (!c->stream && !c->dry) {
        mw_fail(c, MW_E_DEVICE, "a tensor needs a device, and none is open");
        return NULL;
    }
    return make(c, dtype, ndim, shape, NULL);
}

bool mw_lends(const mw_ctx *c)
{
    return c->stream && c->stream->info.caps.cpu && c->stream->info.unified_memory;
}

mw_tensor *mw_tensor_lent(mw_ctx *c, const void *data, size_t bytes, void (*done)(void *user), void *user)
{
    struct mw_range *range = mw_pool_lend(c, data, bytes, done, user);
    mw_tensor *t = range ? make(c, MW_U8, MW_SHAPE((int64_t)bytes), range) : NULL;
    if (range && !t)
        mw_pool_give(c->stream, range);
    return t;
}

mw_tensor *mw_tensor_view(mw_ctx *c, mw_tensor *t, int ndim, const int64_t *shape, const int64_t *stride,
                          int64_t offset)
{
    mw_tensor *v = valid_shape(c, ndim, shape) ? mw_alloc(c, sizeof *v) : NULL;
    if (!v)
        return NULL;
    v->dtype = t->dtype;
    v->ndim = ndim;
    for (int i = 0; i < ndim; i++) {
        v->shape[i] = shape[i];
        v->stride[i] = stride[i];
    }
    v->offset = offset;
    v->storage = t->storage;
    v->label = t->label;
    v->packing = t->packing;
    atomic_fetch_add(&v->storage->refs, 1);
    atomic_init(&v->refs, 1);
    return enter(c, v);
}

mw_tensor *mw_tensor_outline(mw_ctx *c, const mw_tensor *t)
{
    mw_tensor *o = mw_alloc(c, sizeof *o);
    if (!o)
        return NULL;
    o->dtype = t->dtype;
    o->ndim = t->ndim;
    memcpy(o->shape, t->shape, sizeof o->shape);
    memcpy(o->stride, t->stride, sizeof o->stride);
    o->label = t->label;
    o->packing = t->packing;
    atomic_init(&o->refs, 1);
    atomic_fetch_add(&live, 1);
    return o;
}

mw_tensor *mw_tensor_share(mw_ctx *c, const mw_tensor *t)
{
    mw_tensor *s = mw_tensor_outline(c, t);
    if (!s)
        return NULL;
    s->offset = t->offset;
    s->storage = t->storage;
    atomic_fetch_add(&s->storage->refs, 1);
    return s;
}

bool mw_tensor_plain(mw_ctx *c, const mw_tensor *t)
{
    char text[96];
    if (t->packing == MW_PACKING_NONE)
        return true;
    mw_fail(c, MW_E_ARG,
            "%s %s was prepared for the kernels of linear layers and convolutions, or holds blocks of codes, "
            "and can "
            "be nothing else; use the weight as it was before mw_prepare_linear or mw_prepare_conv2d",
            t->label ? t->label : "a weight", mw_shape_text(t, text, sizeof text));
    return false;
}

static mw_status write_bytes(mw_ctx *c, mw_tensor *t, const void *data)
{
    size_t bytes = (size_t)mw_numel(t) * mw_dtype_size(t->dtype);
    if (c->dry || !bytes)
        return mw_err(c);
    size_t at = mw_tensor_begin(t) + (size_t)t->offset * mw_dtype_size(t->dtype);
    return mw_stage(c, mw_tensor_buffer(t), at, data, bytes);
}

mw_tensor *mw_tensor_from_bytes(mw_ctx *c, mw_dtype dtype, int ndim, const int64_t *shape, const void *data)
{
    mw_tensor *t = mw_tensor_new(c, dtype, ndim, shape);
    return t && write_bytes(c, t, data) == MW_OK ? t : NULL;
}

mw_tensor *mw_tensor_from_i32(mw_ctx *c, int ndim, const int64_t *shape, const int32_t *data)
{
    return mw_tensor_from_bytes(c, MW_I32, ndim, shape, data);
}

static mw_status write_floats(mw_ctx *c, mw_tensor *t, const float *data)
{
    if (t->dtype == MW_F32)
        return write_bytes(c, t, data);
    size_t n = (size_t)mw_numel(t);
    uint16_t *halves = mw_alloc(c, 2 * n);
    if (!halves)
        return mw_err(c);
    mw_floats_to_halves(data, halves, n);
    write_bytes(c, t, halves);
    free(halves);
    return mw_err(c);
}

mw_tensor *mw_tensor_from_f32(mw_ctx *c, mw_dtype dtype, int ndim, const int64_t *shape, const float *data)
{
    if (dtype != MW_F32 && dtype != MW_F16) {
        mw_fail(c, MW_E_ARG, "a tensor of %s cannot be made from f32 values", mw_dtype_name(dtype));
        return NULL;
    }
    mw_tensor *t = mw_tensor_new(c, dtype, ndim, shape);
    return t && write_floats(c, t, data) == MW_OK ? t : NULL;
}

mw_tensor *mw_tensor_scalar(mw_ctx *c, float value) { return mw_full(c, MW_F32, 0, NULL, value); }
