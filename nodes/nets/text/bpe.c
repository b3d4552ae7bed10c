// bpe.c: byte-pair encoding with a heap of candidate merges.
#include "nodes/nets/text/bpe.h"

#include <stdlib.h>

#define NONE UINT32_MAX

// A symbol's place in the chain being merged; a dead one was merged into its left neighbour.
typedef struct mw_bpe_link {
    uint32_t before, after;
    bool dead;
} link;

// A merge that was possible when it was noted: of the symbol `at` and its right neighbour into `id`.
typedef struct mw_bpe_candidate {
    float cost;
    int32_t id;
    uint32_t at;
} candidate;

bool mw_bpe_reserve(mw_ctx *c, mw_bpe_work *w, size_t n)
{
    if (n <= w->room)
        return true;
    n = n < 64 ? 64 : n;
    // n - 1 candidates at first, and at most two more for each of n - 1 merges.
    mw_bpe_work_free(w);
    w->symbol = mw_alloc(c, n * sizeof *w->symbol);
    w->link = mw_alloc(c, n * sizeof *w->link);
    w->heap = mw_alloc(c, 3 * n * sizeof *w->heap);
    w->room = w->heap && !mw_err(c) ? n : 0;
    return w->room > 0;
}

void mw_bpe_work_free(mw_bpe_work *w)
{
    free(w->symbol);
    free(w->link);
    free(w->heap);
    *w = (mw_bpe_work){0};
}

static bool before(const candidate *a, const candidate *b)
{
    return a->cost != b->cost ? a->cost < b->cost : a->at < b->at;
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

typedef struct {
    mw_bpe_work *w;
    mw_bpe_rule rule;
    void *user;
    size_t waiting;
} run;

// What the symbol i and the next one become.
static mw_bpe_merge merge_at(const run *r, uint32_t i)
{
    mw_bpe_merge none = {0, -1};
    if (i == NONE || r->w->link[i].dead || r->w->link[i].after == NONE)
        return none;
    const mw_bpe_symbol *left = &r->w->symbol[i], *right = &r->w->symbol[r->w->link[i].after];
    return left->fixed || right->fixed ? none : r->rule(r->user, left, right);
}

static void note(run *r, uint32_t i)
{
    mw_bpe_merge m = merge_at(r, i);
    if (m.id >= 0)
        heap_push(r->w->heap, &r->waiting, (candidate){m.cost, m.id, i});
}

static void absorb_next(mw_bpe_work *w, uint32_t i, int32_t id)
{
    uint32_t next = w->link[i].after, behind = w->link[next].after;
    w->symbol[i].id = id;
    w->symbol[i].end = w->symbol[next].end;
    w->link[i].after = behind;
    if (behind != NONE)
        w->link[behind].before = i;
    w->link[next].dead = true;
}

size_t mw_bpe_run(mw_bpe_work *w, size_t n, mw_bpe_rule rule, void *user)
{
    run r = {w, rule, user, 0};
    for (uint32_t i = 0; i < n; i++)
        w->link[i] = (link){i ? i - 1 : NONE, i + 1 < n ? i + 1 : NONE, false};
    for (uint32_t i = 0; i < n; i++)
        note(&r, i);
    while (r.waiting) {
        candidate x = heap_pop(w->heap, &r.waiting);
        if (merge_at(&r, x.at).id != x.id) // one of the two has been merged otherwise meanwhile
            continue;
        absorb_next(w, x.at, x.id);
        note(&r, w->link[x.at].before);
        note(&r, x.at);
    }
    size_t count = 0;
    for (uint32_t i = 0; n && i != NONE; i = w->link[i].after)
        w->symbol[count++] = w->symbol[i];
    return count;
}

uint32_t mw_bpe_letter(int byte)
{
    if (byte < 0x21)
        return 0x100u + (uint32_t)byte;
    if (byte >= 0x7F && byte <= 0xA0)
        return 0x121u + (uint32_t)byte - 0x7F;
    return byte == 0xAD ? 0x143 : (uint32_t)byte;
}

int mw_bpe_byte(uint32_t letter)
{
    if (letter >= 0x100)
        return letter < 0x121 ? (int)letter - 0x100
            : letter < 0x143  ? (int)letter - 0x121 + 0x7F
            : letter == 0x143 ? 0xAD
                              : -1;
    return mw_bpe_letter((int)letter) == letter ? (int)letter : -1;
}

// ---- merges listed as pairs

static uint64_t pair_of(int32_t left, int32_t right)
{
    return (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
}

static size_t place_of(const mw_bpe_pairs *p, uint64_t pair)
{
    uint64_t h = pair * UINT64_C(0x9E3779B97F4A7C15);
    size_t i = (size_t)(h >> 32) & p->mask;
    while (p->at[i].id >= 0 && p->at[i].pair != pair)
        i = (i + 1) & p->mask;
    return i;
}

mw_status mw_bpe_pairs_init(mw_ctx *c, mw_bpe_pairs *p, size_t merges)
{
    size_t size = 16;
    while (size < 2 * merges)
        size *= 2;
    p->at = mw_alloc(c, size * sizeof *p->at);
    if (!p->at)
        return mw_err(c);
    p->mask = size - 1;
    for (size_t i = 0; i < size; i++)
        p->at[i].id = -1;
    return MW_OK;
}

void mw_bpe_pairs_add(mw_bpe_pairs *p, int32_t left, int32_t right, int32_t rank, int32_t id)
{
    uint64_t pair = pair_of(left, right);
    p->at[place_of(p, pair)] = (mw_bpe_pair){pair, rank, id};
}

const mw_bpe_pair *mw_bpe_pairs_find(const mw_bpe_pairs *p, int32_t left, int32_t right)
{
    const mw_bpe_pair *found = &p->at[place_of(p, pair_of(left, right))];
    return found->id >= 0 ? found : NULL;
}

void mw_bpe_pairs_free(mw_bpe_pairs *p)
{
    free(p->at);
    *p = (mw_bpe_pairs){0};
}

mw_bpe_merge mw_bpe_by_rank(void *pairs, const mw_bpe_symbol *left, const mw_bpe_symbol *right)
{
    const mw_bpe_pair *found = mw_bpe_pairs_find(pairs, left->id, right->id);
    return found ? (mw_bpe_merge){(float)found->rank, found->id} : (mw_bpe_merge){0, -1};
}
