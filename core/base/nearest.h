// nearest.h: the name a misspelt one was probably meant to be.
#ifndef MW_NEAREST_H
#define MW_NEAREST_H

#include <stddef.h>

enum { MW_NEAREST_LONGEST = 64 }; // bytes; longer names have none near

typedef struct mw_nearest {
    const char *wrong, *best;
    size_t distance;
    char copy[MW_NEAREST_LONGEST + 1]; // of best
} mw_nearest;

// Start with { .wrong = name }, offer each candidate (one, or several as "a|b"; NULL: none), read `best`: the
// first of those that are fewest edits away, at most a third of the wrong name's letters; NULL when none is.
// It is the struct's own, which is not to be copied.
void mw_nearest_offer(mw_nearest *n, const char *candidates);

// " (did you mean 'best'?)" into buf, "" when there is none; returns buf.
const char *mw_nearest_hint(const mw_nearest *n, char *buf, size_t size);

#endif
