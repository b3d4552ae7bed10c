// seed.c: seeds of random streams: whole numbers of 64 bits, of which Lua's numbers hold only 53.
#include "core/graph/seed.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define EXACT 9007199254740992.0 // up to here a double holds every whole number

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool drawn;
static uint64_t drawn_seed;

// One of 32 bits: that is what PyTorch's generator reads.
uint64_t mw_seed_drawn(mw_ctx *c)
{
    pthread_mutex_lock(&lock);
    bool first = !drawn;
    uint32_t bits = 0;
    if (first && getrandom(&bits, sizeof bits, GRND_NONBLOCK) != (ssize_t)sizeof bits)
        bits = (uint32_t)time(NULL);
    if (first)
        drawn_seed = bits;
    drawn = true;
    uint64_t seed = drawn_seed;
    pthread_mutex_unlock(&lock);
    if (first)
        mw_log(c, MW_LOG_INFO, "seed -1: %" PRIu64 " was drawn", seed);
    return seed;
}

void mw_seed_redraw(uint64_t seed)
{
    pthread_mutex_lock(&lock);
    drawn_seed = seed;
    drawn = true;
    pthread_mutex_unlock(&lock);
}

bool mw_seed_was_drawn(void)
{
    pthread_mutex_lock(&lock);
    bool was = drawn;
    pthread_mutex_unlock(&lock);
    return was;
}

// Digits with a sign or none, and nothing else; false when they are no such number or one out of range.
static bool parse(const char *text, size_t size, bool *negative, uint64_t *bits)
{
    *negative = *text == '-';
    const char *digits = text + (*text == '-' || *text == '+');
    size_t n = strlen(digits);
    if (strlen(text) != size || !n || strspn(digits, "0123456789") != n)
        return false;
    errno = 0;
    uint64_t v = strtoull(digits, NULL, 10);
    if (errno || (*negative && v > (uint64_t)INT64_MAX + 1))
        return false;
    *negative = *negative && v;
    *bits = *negative ? 0 - v : v;
    return true;
}

static mw_value *normal(mw_ctx *c, bool negative, uint64_t bits)
{
    char text[24];
    uint64_t size = negative ? 0 - bits : bits;
    if (negative && size == 1)
        return mw_value_number(c, (double)mw_seed_drawn(c));
    if ((double)size < EXACT)
        return mw_value_number(c, negative ? -(double)size : (double)size);
    int n = snprintf(text, sizeof text, "%s%" PRIu64, negative ? "-" : "", size);
    return mw_value_text(c, text, (size_t)n);
}

mw_value *mw_seed_value(mw_ctx *c, const mw_value *v)
{
    bool negative;
    uint64_t bits;
    double x = mw_value_as_number(v);
    switch (mw_value_kind(v)) {
    case MW_TEXT:
        return parse(mw_value_as_text(v), mw_value_text_length(v), &negative, &bits)
            ? normal(c, negative, bits)
            : NULL;
    case MW_NUMBER: return fabs(x) < EXACT && x == floor(x) ? normal(c, x < 0, (uint64_t)(int64_t)x) : NULL;
    default: return NULL;
    }
}

uint64_t mw_seed_bits(const mw_value *v)
{
    bool negative;
    uint64_t bits = 0;
    if (mw_value_kind(v) == MW_TEXT)
        parse(mw_value_as_text(v), mw_value_text_length(v), &negative, &bits);
    else
        bits = (uint64_t)(int64_t)mw_value_as_number(v);
    return bits;
}
