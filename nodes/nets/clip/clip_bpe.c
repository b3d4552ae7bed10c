// clip_bpe.c: byte-pair encoding of one word with a heap of candidate merges: O(n log n) in its bytes.
#include "nodes/nets/clip/clip_tokenizer_internal.h"

#include <stdlib.h>
#include <string.h>

#define NONE SIZE_MAX

// A symbol in the chain of a word being merged; a dead one was merged into its left neighbour.
typedef struct mw_clip_link {
    int32_t id;
    bool dead;
    size_t begin, end, before, after;
} link;

// A merge that was possible when it was noted: of the link `at` and its right neighbour into `id`.
typedef struct mw_clip_candidate {
    int32_t rank, id;
    size_t at;
} candidate;

static size_t place_of(const mw_clip_bpe *b, uint64_t pair)
{
    uint64_t h = pair * UINT64_C(0x9E3779B97F4A7C15);
    size_t i = (size_t)(h >> 32) & b->mask;
    while (b->merges[i].id >= 0 && b->merges[i].pair != pair)
        i = (i + 1) & b->mask;
    return i;
}

static uint64_t pair_of(int32_t left, int32_t right)
{
    return (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
}

mw_status mw_clip_bpe_init(mw_ctx *c, mw_clip_bpe *b, size_t merges)
{
    size_t size = 16;
    while (size < 2 * merges)
        size *= 2;
    b->merges = mw_alloc(c, size * sizeof *b->merges);
    if (!b->merges)
        return mw_err(c);
    b->mask = size - 1;
    for (size_t i = 0; i < size; i++)
        b->merges[i].id = -1;
    return MW_OK;
}

void mw_clip_bpe_add(mw_clip_bpe *b, int32_t left, int32_t right, int32_t rank, int32_t id)
{
    uint64_t pair = pair_of(left, right);
    size_t i = place_of(b, pair);
    b->merges[i] = (mw_clip_merge){pair, rank, id};
}

void mw_clip_bpe_free(mw_clip_bpe *b)
{
    free(b->merges);
    b->merges = NULL;
}

static bool before(const candidate *a, const candidate *b)
{
    return a->rank != b->rank ? a->rank < b->rank : a->at < b->at;
}

static void heap_push(candidate *heap, size_t *n, candidate x)
{
    size_t i = (*n)++;
    for (; i && before(&x, &heap[(i - 1) / 2]); i = (i - 1) / 2)
        heap[i] = heap[(i - 1) / 2];
    heap[i] = x;
}

static candidate heap_pop(candidate *heap, size_t *n)
{
    candidate top = heap[0], x = heap[--*n];
    size_t i = 0, child;
    while ((child = 2 * i + 1) < *n) {
        if (child + 1 < *n && before(&heap[child + 1], &heap[child]))
            child++;
        if (!before(&heap[child], &x))
            break;
        heap[i] = heap[child];
        i = child;
    }
    heap[i] = x;
    return top;
}

// The merge of link i with the next one; NULL when there is none.
static const mw_clip_merge *merge_at(const mw_clip_bpe *b, const link *l, size_t i)
{
    if (i == NONE || l[i].dead || l[i].after == NONE)
        return NULL;
    const mw_clip_merge *m = &b->merges[place_of(b, pair_of(l[i].id, l[l[i].after].id))];
    return m->id >= 0 ? m : NULL;
}

static void note(const mw_clip_bpe *b, const link *l, size_t i, candidate *heap, size_t *n)
{
    const mw_clip_merge *m = merge_at(b, l, i);
    if (m)
        heap_push(heap, n, (candidate){m->rank, m->id, i});
}

static void absorb_next(link *l, size_t i, int32_t id)
{
    link *next = &l[l[i].after];
    l[i].id = id;
    l[i].end = next->end;
    l[i].after = next->after;
    if (next->after != NONE)
        l[next->after].before = i;
    next->dead = true;
}

static bool make_room(mw_ctx *c, mw_clip_bpe_work *w, size_t n)
{
    if (n <= w->room)
        return true;
    // n - 1 candidates at first, and at most two more for each of n - 1 merges.
    mw_clip_bpe_work_free(w);
    w->link = mw_alloc(c, n * sizeof *w->link);
    w->heap = mw_alloc(c, 3 * n * sizeof *w->heap);
    w->symbol = mw_alloc(c, n * sizeof *w->symbol);
    w->room = w->symbol ? n : 0;
    return mw_err(c) == MW_OK;
}

size_t mw_clip_bpe_encode(mw_ctx *c, const mw_clip_bpe *b, mw_clip_bpe_work *w, const unsigned char *word,
                          size_t n)
{
    if (!make_room(c, w, n < 64 ? 64 : n))
        return 0;
    link *l = w->link;
    size_t waiting = 0, count = 0;
    for (size_t i = 0; i < n; i++) {
        int32_t id = i + 1 < n ? b->byte[word[i]] : b->last_byte[word[i]];
        l[i] = (link){id < 0 ? b->unknown : id, false, i, i + 1, i ? i - 1 : NONE, i + 1 < n ? i + 1 : NONE};
    }
    for (size_t i = 0; i < n; i++)
        note(b, l, i, w->heap, &waiting);
    while (waiting) {
        candidate x = heap_pop(w->heap, &waiting);
        const mw_clip_merge *m = merge_at(b, l, x.at);
        if (!m || m->id != x.id) // one of the two has been merged otherwise meanwhile
            continue;
        absorb_next(l, x.at, x.id);
        note(b, l, l[x.at].before, w->heap, &waiting);
        note(b, l, x.at, w->heap, &waiting);
    }
    for (size_t i = 0; i != NONE; i = l[i].after)
        w->symbol[count++] = (mw_clip_symbol){l[i].id, l[i].begin, l[i].end};
    return count;
}

void mw_clip_bpe_work_free(mw_clip_bpe_work *w)
{
    free(w->link);
    free(w->heap);
    free(w->symbol);
    *w = (mw_clip_bpe_work){0};
}
