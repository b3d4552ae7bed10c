// kv_cache.c: the keys and values of the positions that a language model has read, written in place.
#include "nodes/nets/llm/kv_cache.h"

#include "core/ops.h"

#include <stdlib.h>

enum { STEP = 256 }; // positions by which it grows at least

struct mw_kv_cache {
    struct mw_stream *stream;
    mw_dtype dtype;
    int layers;
    int64_t batch, width, most, capacity, length;
    mw_tensor **part; // keys of all layers, then values: [batch,capacity,width]
};

mw_kv_cache *mw_kv_cache_new(mw_ctx *c, int layers, int64_t batch, int64_t width, int64_t most,
                             mw_dtype dtype)
{
    mw_kv_cache *k = mw_alloc(c, sizeof *k);
    if (!k)
        return NULL;
    *k = (mw_kv_cache){.stream = c->stream,
                       .dtype = dtype,
                       .layers = layers,
                       .batch = batch,
                       .width = width,
                       .most = most,
                       .part = mw_alloc(c, 2 * (size_t)layers * sizeof(mw_tensor *))};
    if (k->part)
        return k;
    free(k);
    return NULL;
}

void mw_kv_cache_free(mw_kv_cache *k)
{
    for (int i = 0; k && i < 2 * k->layers; i++)
        mw_release(k->part[i]);
    if (k)
        free(k->part);
    free(k);
}

int64_t mw_kv_cache_length(const mw_kv_cache *k) { return k->length; }
int64_t mw_kv_cache_batch(const mw_kv_cache *k) { return k->batch; }
int64_t mw_kv_cache_most(const mw_kv_cache *k) { return k->most; }
struct mw_stream *mw_kv_cache_stream(const mw_kv_cache *k) { return k->stream; }

size_t mw_kv_cache_bytes(const mw_kv_cache *k)
{
    return 2 * (size_t)(k->layers * k->batch * k->capacity * k->width) * mw_dtype_size(k->dtype);
}

// Half as much again as is there, whole steps: what was written is then copied a few times at most.
static mw_status grow(mw_ctx *c, mw_kv_cache *k, int64_t wanted)
{
    int64_t capacity = k->capacity + k->capacity / 2;
    capacity = ((capacity > wanted ? capacity : wanted) + STEP - 1) / STEP * STEP;
    capacity = capacity < k->most ? capacity : k->most;
    for (int i = 0; i < 2 * k->layers && mw_err(c) == MW_OK; i++) {
        mw_scope_begin(c);
        mw_tensor *t = mw_tensor_new(c, k->dtype, MW_SHAPE(k->batch, capacity, k->width));
        if (t && k->length)
            mw_write(c, mw_slice(c, t, 1, 0, k->length), mw_slice(c, k->part[i], 1, 0, k->length));
        if (t && mw_err(c) == MW_OK) {
            mw_release(k->part[i]);
            k->part[i] = mw_retain(t);
        }
        mw_scope_end(c, NULL);
    }
    if (mw_err(c) == MW_OK)
        k->capacity = capacity;
    else
        k->length = 0; // its parts may differ in size
    return mw_err(c);
}

mw_status mw_kv_cache_append(mw_ctx *c, mw_kv_cache *k, int layer, mw_tensor **keys, mw_tensor **values)
{
    int64_t more = mw_dim(*keys, 1), all = k->length + more;
    if (mw_err(c) != MW_OK)
        return mw_err(c);
    if (all > k->most)
        return mw_fail(c, MW_E_ARG, "%lld positions are more than the %lld of the context", (long long)all,
                       (long long)k->most);
    if (all > k->capacity && grow(c, k, all) != MW_OK)
        return mw_err(c);
    mw_tensor **one[2] = {keys, values};
    for (int i = 0; i < 2; i++) {
        mw_tensor *part = k->part[layer + i * k->layers];
        mw_write(c, mw_slice(c, part, 1, k->length, more), *one[i]);
        *one[i] = mw_slice(c, part, 1, 0, all);
    }
    return mw_err(c);
}

void mw_kv_cache_advance(mw_kv_cache *k, int64_t positions) { k->length += positions; }

void mw_kv_cache_cut(mw_kv_cache *k, int64_t length) { k->length = length < k->length ? length : k->length; }
