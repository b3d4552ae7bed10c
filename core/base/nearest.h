// nearest.h: the name a misspelt one was probably meant to be.
#ifndef MW_NEAREST_H
#define MW_NEAREST_H

#include <stddef.h>

typedef struct mw_nearest {
    const char *wrong, *best;
    size_t distance;
} mw_nearest;

// Start with { .wrong = name }, offer each candidate, read `best`: NULL when none is near enough to be worth
// naming.
void mw_nearest_offer(mw_nearest *n, const char *candidate);

// " (did you mean 'best'?)" into buf, "" when there is none; returns buf.
const char *mw_nearest_hint(const mw_nearest *n, char *buf, size_t size);

#endif
