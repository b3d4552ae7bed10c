// read.c: elements of tensors read to the host.
#include "core/tensor/tensor_internal.h"

#include "core/base/half.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

// ---- what was read is kept

// A small storage that the host has read or made is kept there until its elements change: a mask that every
// step asks for is not waited for.
enum { KEPT_BYTES = 64 << 10 };

static pthread_mutex_t kept_lock = PTHREAD_MUTEX_INITIALIZER;

// The bytes from `at` on, when they were read before and not changed since.
static bool read_kept(mw_storage *s, size_t at, char *out, size_t bytes)
{
    pthread_mutex_lock(&kept_lock);
    bool there = s->host && s->host_generation == atomic_load(&s->generation);
    if (there)
        memcpy(out, s->host + at, bytes);
    pthread_mutex_unlock(&kept_lock);
    return there;
}

// Takes over `host`, all bytes of s as they were at that generation.
static void keep(mw_storage *s, char *host, unsigned long generation)
{
    pthread_mutex_lock(&kept_lock);
    char *old = s->host;
    s->host = host;
    s->host_generation = generation;
    pthread_mutex_unlock(&kept_lock);
    free(old);
}

void mw_tensor_known(mw_ctx *c, mw_tensor *t, const void *bytes)
{
    mw_storage *s = t && !mw_err(c) ? t->storage : NULL;
    char *host = s && s->bytes <= KEPT_BYTES ? mw_alloc(c, s->bytes) : NULL;
    if (!host)
        return;
    memcpy(host, bytes, s->bytes);
    keep(s, host, atomic_load(&s->generation));
}

static mw_status read_storage(mw_ctx *c, const mw_tensor *t, size_t at, char *out, size_t bytes)
{
    return mw_cl_read(c, t->storage->stream, mw_tensor_buffer(t), mw_tensor_begin(t) + at, out, bytes);
}

// The storage bytes that a view spans, read to the host; *first: the element that bytes[0] is. Waits for the
// device.
static char *read_span(mw_ctx *c, const mw_tensor *t, int64_t *first)
{
    mw_storage *s = t->storage;
    int64_t last = t->offset;
    for (int i = 0; i < t->ndim; i++)
        last += (t->shape[i] - 1) * t->stride[i];
    *first = t->offset;
    size_t size = mw_dtype_size(t->dtype), at = (size_t)*first * size,
           bytes = (size_t)(last - *first + 1) * size;
    char *host = mw_alloc(c, bytes);
    if (!host || read_kept(s, at, host, bytes))
        return host;
    char *whole = s->bytes <= KEPT_BYTES ? mw_alloc(c, s->bytes) : NULL;
    if (whole) {
        unsigned long generation = atomic_load(&s->generation);
        if (read_storage(c, t, 0, whole, s->bytes) == MW_OK) {
            memcpy(host, whole + at, bytes);
            keep(s, whole, generation);
            return host;
        }
        free(whole);
    } else if (mw_err(c) == MW_OK && read_storage(c, t, at, host, bytes) == MW_OK) {
        return host;
    }
    free(host);
    return NULL;
}

// ---- elements

typedef void (*element_fn)(const char *at, mw_dtype dtype, void *out, int64_t i);

static void to_f32(const char *at, mw_dtype dtype, void *out, int64_t i)
{
    float *f = out;
    uint16_t h;
    int32_t n;
    switch (dtype) {
    case MW_F32: memcpy(&f[i], at, 4); break;
    case MW_F16:
        memcpy(&h, at, 2);
        f[i] = mw_half_to_float(h);
        break;
    case MW_I32:
        memcpy(&n, at, 4);
        f[i] = (float)n;
        break;
    case MW_U8: f[i] = (float)*(const unsigned char *)at; break;
    }
}

static void to_i32(const char *at, mw_dtype dtype, void *out, int64_t i)
{
    if (dtype == MW_I32) {
        memcpy((int32_t *)out + i, at, 4);
        return;
    }
    float f;
    to_f32(at, dtype, &f, 0);
    ((int32_t *)out)[i] = (int32_t)f;
}

static mw_status read_all(mw_ctx *c, const mw_tensor *t, void *out, element_fn element)
{
    if (mw_err(c) || !t)
        return mw_err(c);
    if (c->dry)
        return mw_fail(c, MW_E_RUN, "a dry run has no values to read");
    if (!mw_tensor_plain(c, t))
        return mw_err(c);
    int64_t n = mw_numel(t), first;
    if (!n)
        return MW_OK;
    char *host = read_span(c, t, &first);
    if (!host)
        return mw_err(c);
    size_t size = mw_dtype_size(t->dtype);
    if (mw_is_contiguous(t) && t->dtype == MW_F32 && element == to_f32) {
        memcpy(out, host, (size_t)n * 4);
    } else {
        int64_t index[MW_MAXDIM] = {0}, at = 0;
        for (int64_t i = 0; i < n; i++) {
            element(host + (size_t)at * size, t->dtype, out, i);
            for (int d = t->ndim - 1; d >= 0; d--) {
                at += t->stride[d];
                if (++index[d] < t->shape[d])
                    break;
                at -= t->shape[d] * t->stride[d];
                index[d] = 0;
            }
        }
    }
    free(host);
    return MW_OK;
}

mw_status mw_tensor_read_f32(mw_ctx *c, const mw_tensor *t, float *out)
{
    return read_all(c, t, out, to_f32);
}
mw_status mw_tensor_read_i32(mw_ctx *c, const mw_tensor *t, int32_t *out)
{
    return read_all(c, t, out, to_i32);
}
