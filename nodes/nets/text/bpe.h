// bpe.h: byte-pair encoding: neighbouring symbols are merged, the cheapest merge first, the leftmost of equal
// ones, until none is left. O(n log n) in the symbols.
#ifndef MW_BPE_H
#define MW_BPE_H

#include "core/base/ctx.h"

typedef struct {
    int32_t id;          // in the vocabulary; -1: none
    uint32_t begin, end; // its bytes
    bool fixed;          // merges with nothing
} mw_bpe_symbol;

// What two neighbours become.
typedef struct {
    float cost;
    int32_t id; // -1: they stay apart
} mw_bpe_merge;
typedef mw_bpe_merge (*mw_bpe_rule)(void *user, const mw_bpe_symbol *left, const mw_bpe_symbol *right);

// Memory that many calls share; zero at first, then free with mw_bpe_work_free.
typedef struct {
    mw_bpe_symbol *symbol; // given, and the result
    struct mw_bpe_link *link;
    struct mw_bpe_candidate *heap;
    size_t room;
} mw_bpe_work;

// Makes room for n symbols, whose old values are lost. false with MW_E_MEMORY.
bool mw_bpe_reserve(mw_ctx *c, mw_bpe_work *w, size_t n);
// Merges the first n of w->symbol; returns how many are left, in order. `rule` is asked for each pair that
// comes to stand side by side, more than once for some.
size_t mw_bpe_run(mw_bpe_work *w, size_t n, mw_bpe_rule rule, void *user);
void mw_bpe_work_free(mw_bpe_work *w);

// The character that stands for a byte in byte-level vocabularies: itself where it prints, else one from
// U+0100 on.
uint32_t mw_bpe_letter(int byte);
int mw_bpe_byte(uint32_t letter); // and back; -1 for other characters

// ---- merges listed as pairs of ids
typedef struct {
    uint64_t pair; // left id << 32 | right id
    int32_t rank, id;
} mw_bpe_pair;

typedef struct {
    mw_bpe_pair *at; // a hash table; id -1 marks a free place
    size_t mask;     // its size, a power of two, minus 1
} mw_bpe_pairs;

mw_status mw_bpe_pairs_init(mw_ctx *c, mw_bpe_pairs *p, size_t merges); // room for that many
// Of two merges of one pair the later counts.
void mw_bpe_pairs_add(mw_bpe_pairs *p, int32_t left, int32_t right, int32_t rank, int32_t id);
// NULL when they don't merge.
const mw_bpe_pair *mw_bpe_pairs_find(const mw_bpe_pairs *p, int32_t left, int32_t right);
void mw_bpe_pairs_free(mw_bpe_pairs *p);
// The rule of such a list; user: a const mw_bpe_pairs *.
mw_bpe_merge mw_bpe_by_rank(void *pairs, const mw_bpe_symbol *left, const mw_bpe_symbol *right);

#endif
