// kv_cache.h: the keys and values of the positions that a language model has read, written in place.
#ifndef MW_KV_CACHE_H
#define MW_KV_CACHE_H

#include "core/tensor/tensor.h"

typedef struct mw_kv_cache mw_kv_cache;

// Empty, for `batch` sequences of `layers` layers whose keys and values are `width` wide, of at most `most`
// positions. It lies on the context's device, and grows as it is filled. NULL on failure.
mw_kv_cache *mw_kv_cache_new(mw_ctx *c, int layers, int64_t batch, int64_t width, int64_t most,
                             mw_dtype dtype);
void mw_kv_cache_free(mw_kv_cache *k); // accepts NULL

int64_t mw_kv_cache_length(const mw_kv_cache *k); // positions that are there
int64_t mw_kv_cache_batch(const mw_kv_cache *k);
int64_t mw_kv_cache_most(const mw_kv_cache *k);
size_t mw_kv_cache_bytes(const mw_kv_cache *k);
struct mw_stream *mw_kv_cache_stream(const mw_kv_cache *k);

// Layer i gets keys and values [batch,T,width] of the T positions behind those that are there; *keys, *values
// := views of all [batch,length+T,width], in the open scope. Every layer does so, then mw_kv_cache_advance
// counts them. MW_E_ARG when more than `most` would come together.
mw_status mw_kv_cache_append(mw_ctx *c, mw_kv_cache *k, int layer, mw_tensor **keys, mw_tensor **values);
void mw_kv_cache_advance(mw_kv_cache *k, int64_t positions);
// Forget all but the first `length` positions.
void mw_kv_cache_cut(mw_kv_cache *k, int64_t length);

#endif
