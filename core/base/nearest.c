// nearest.c: the name a misspelt one was probably meant to be.
#include "core/base/nearest.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;
    return m < c ? m : c;
}

// Edits (insert, drop, change, swap of neighbours) between two short texts, by the usual table.
static size_t edits(const char *a, const char *b)
{
    size_t na = strlen(a), nb = strlen(b);
    size_t rows[3][MW_NEAREST_LONGEST + 1];
    for (size_t j = 0; j <= nb; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= na; i++) {
        size_t *now = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            now[j] = min3(last[j] + 1, now[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < now[j])
                now[j] = before[j - 2] + 1;
        }
    }
    return rows[na % 3][nb];
}

static size_t letters(const char *utf8)
{
    size_t n = 0;
    for (; *utf8; utf8++)
        n += (*utf8 & 0xC0) != 0x80;
    return n;
}

static void offer(mw_nearest *n, const char *candidate, size_t length)
{
    if (length > MW_NEAREST_LONGEST || strlen(n->wrong) > MW_NEAREST_LONGEST)
        return;
    char name[MW_NEAREST_LONGEST + 1];
    snprintf(name, sizeof name, "%.*s", (int)length, candidate);
    size_t d = strcasecmp(n->wrong, name) ? edits(n->wrong, name) : 0;
    if (3 * d > letters(n->wrong) || (n->best && d >= n->distance))
        return;
    memcpy(n->copy, name, sizeof name);
    n->best = n->copy;
    n->distance = d;
}

void mw_nearest_offer(mw_nearest *n, const char *candidates)
{
    while (candidates && *candidates && *n->wrong) {
        size_t length = strcspn(candidates, "|");
        offer(n, candidates, length);
        candidates += length + (candidates[length] == '|');
    }
}

const char *mw_nearest_hint(const mw_nearest *n, char *buf, size_t size)
{
    if (n->best)
        snprintf(buf, size, " (did you mean '%s'?)", n->best);
    else
        *buf = 0;
    return buf;
}
