// cache.h: results of nodes by content key, in memory, least recently used first out. Safe from any thread.
#ifndef MW_CACHE_H
#define MW_CACHE_H

#include "core/graph/graph.h"

typedef struct mw_cache mw_cache;

// budget: bytes of values kept at most (mw_value_bytes). Free with mw_cache_free.
mw_cache *mw_cache_new(mw_ctx *c, size_t budget);
void mw_cache_free(mw_cache *k);

// Fills out[0..n) with one share each and returns true when the key is known.
bool mw_cache_get(mw_cache *k, mw_hash key, mw_value **out, int n);
// One share of the i-th of them, which does not count as a use; NULL when the key is not known.
mw_value *mw_cache_peek(mw_cache *k, mw_hash key, int i);
// Keeps shares of out[0..n); what does not fit the budget any more goes. A result larger than the budget is
// not kept.
void mw_cache_put(mw_cache *k, mw_hash key, mw_value *const *out, int n);

// The result turned out to be none.
void mw_cache_drop(mw_cache *k, mw_hash key);

// An mw_trim_fn (core/cl/device.h) with the cache as user: gives up all that holds tensors, or, where there
// is none, all objects that hold device memory (models, which take longer to make again); returns their
// bytes.
uint64_t mw_cache_trim(void *cache, uint64_t wanted);

typedef struct mw_cache_use {
    size_t entries, bytes, hits, misses;
} mw_cache_use;
mw_cache_use mw_cache_stats(mw_cache *k);

#endif
