// cache.c: results of nodes by content key: a chained hash table and a ring in order of use.
#include "core/graph/cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef struct entry {
    struct entry *newer, *older; // ring of use; the head's older is the newest
    struct entry *next;          // in its bucket; also links entries on their way out
    mw_hash key;
    size_t bytes;
    int n;
    mw_value **out; // n values, behind the entry
} entry;

struct mw_cache {
    pthread_mutex_t lock;
    entry ring;
    entry **buckets;
    size_t nbuckets, budget;
    mw_cache_use use;
};

// Entries below this weigh nothing that a device would miss.
enum { LIGHT = 4096, BUCKETS = 4096 };

mw_cache *mw_cache_new(mw_ctx *c, size_t budget)
{
    mw_cache *k = mw_alloc(c, sizeof *k);
    if (!k || !(k->buckets = mw_alloc(c, BUCKETS * sizeof *k->buckets))) {
        free(k);
        return NULL;
    }
    pthread_mutex_init(&k->lock, NULL);
    k->ring.newer = k->ring.older = &k->ring;
    k->nbuckets = BUCKETS;
    k->budget = budget;
    return k;
}

static entry **bucket(mw_cache *k, mw_hash key) { return &k->buckets[key.lo % k->nbuckets]; }

static entry *find(mw_cache *k, mw_hash key)
{
    entry *e = *bucket(k, key);
    while (e && (e->key.lo != key.lo || e->key.hi != key.hi))
        e = e->next;
    return e;
}

static void ring_remove(entry *e)
{
    e->newer->older = e->older;
    e->older->newer = e->newer;
}

static void ring_add(mw_cache *k, entry *e)
{
    e->older = k->ring.older;
    e->newer = &k->ring;
    e->older->newer = e;
    k->ring.older = e;
}

// Takes the entry out and puts it on a list to be freed once the lock is open.
static void take_out(mw_cache *k, entry *e, entry **gone)
{
    entry **at = bucket(k, e->key);
    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    ring_remove(e);
    k->use.entries--;
    k->use.bytes -= e->bytes;
    e->next = *gone;
    *gone = e;
}

static void free_list(entry *e)
{
    while (e) {
        entry *next = e->next;
        for (int i = 0; i < e->n; i++)
            mw_value_release(e->out[i]);
        free(e);
        e = next;
    }
}

void mw_cache_free(mw_cache *k)
{
    if (!k)
        return;
    entry *gone = NULL;
    while (k->ring.newer != &k->ring)
        take_out(k, k->ring.newer, &gone);
    free_list(gone);
    pthread_mutex_destroy(&k->lock);
    free(k->buckets);
    free(k);
}

bool mw_cache_get(mw_cache *k, mw_hash key, mw_value **out, int n)
{
    pthread_mutex_lock(&k->lock);
    entry *e = find(k, key);
    if (e && e->n == n) {
        for (int i = 0; i < n; i++)
            out[i] = mw_value_retain(e->out[i]);
        ring_remove(e);
        ring_add(k, e);
        k->use.hits++;
    } else {
        k->use.misses++;
        e = NULL;
    }
    pthread_mutex_unlock(&k->lock);
    return e != NULL;
}

mw_value *mw_cache_peek(mw_cache *k, mw_hash key, int i)
{
    pthread_mutex_lock(&k->lock);
    entry *e = find(k, key);
    mw_value *v = e && i < e->n ? mw_value_retain(e->out[i]) : NULL;
    pthread_mutex_unlock(&k->lock);
    return v;
}

// So that few entries share a bucket; without memory for more they share on.
static void grow(mw_cache *k)
{
    size_t n = 4 * k->nbuckets;
    entry **more = k->use.entries > 2 * k->nbuckets ? calloc(n, sizeof *more) : NULL;
    if (!more)
        return;
    free(k->buckets);
    k->buckets = more;
    k->nbuckets = n;
    for (entry *e = k->ring.newer; e != &k->ring; e = e->newer) {
        e->next = *bucket(k, e->key);
        *bucket(k, e->key) = e;
    }
}

static entry *new_entry(mw_hash key, mw_value *const *out, int n)
{
    entry *e = calloc(1, sizeof *e + (size_t)n * sizeof *out);
    if (!e)
        return NULL;
    e->key = key;
    e->out = (mw_value **)(e + 1);
    e->n = n;
    e->bytes = sizeof *e;
    for (int i = 0; i < n; i++) {
        e->bytes += mw_value_bytes(out[i]);
        e->out[i] = mw_value_retain(out[i]);
    }
    return e;
}

void mw_cache_put(mw_cache *k, mw_hash key, mw_value *const *out, int n)
{
    entry *e = new_entry(key, out, n), *gone = NULL;
    if (!e)
        return;
    pthread_mutex_lock(&k->lock);
    entry *old = find(k, key);
    if (old)
        take_out(k, old, &gone);
    if (e->bytes > k->budget) {
        e->next = gone;
        gone = e;
    } else {
        e->next = *bucket(k, key);
        *bucket(k, key) = e;
        ring_add(k, e);
        k->use.entries++;
        k->use.bytes += e->bytes;
        while (k->use.bytes > k->budget)
            take_out(k, k->ring.newer, &gone);
        grow(k);
    }
    pthread_mutex_unlock(&k->lock);
    free_list(gone);
}

void mw_cache_drop(mw_cache *k, mw_hash key)
{
    entry *gone = NULL;
    pthread_mutex_lock(&k->lock);
    entry *e = find(k, key);
    if (e)
        take_out(k, e, &gone);
    pthread_mutex_unlock(&k->lock);
    free_list(gone);
}

static size_t heavy_bytes(const entry *e) { return e->bytes < LIGHT ? 0 : e->bytes; }

static size_t object_bytes(const entry *e)
{
    size_t bytes = 0;
    for (int i = 0; i < e->n; i++)
        bytes += mw_value_object_bytes(e->out[i]);
    return bytes;
}

// Takes out every entry that weighs something; returns what they weigh together.
static uint64_t take_heavy(mw_cache *k, size_t (*weight)(const entry *), entry **gone)
{
    uint64_t freed = 0;
    for (entry *e = k->ring.newer, *newer; e != &k->ring; e = newer) {
        newer = e->newer;
        size_t bytes = weight(e);
        if (bytes)
            take_out(k, e, gone);
        freed += bytes;
    }
    return freed;
}

uint64_t mw_cache_trim(void *cache, uint64_t wanted)
{
    (void)wanted; // bytes given up need not lie side by side: all of them together are the best offer
    mw_cache *k = cache;
    entry *gone = NULL;
    pthread_mutex_lock(&k->lock);
    uint64_t freed = take_heavy(k, heavy_bytes, &gone);
    if (!freed)
        freed = take_heavy(k, object_bytes, &gone);
    pthread_mutex_unlock(&k->lock);
    free_list(gone);
    return freed;
}

mw_cache_use mw_cache_stats(mw_cache *k)
{
    pthread_mutex_lock(&k->lock);
    mw_cache_use use = k->use;
    pthread_mutex_unlock(&k->lock);
    return use;
}
