// rng_numpy_legacy.c: numpy's legacy RandomState on the Mersenne Twister.
#include "core/base/rng.h"
#include "core/base/rng_internal.h"

#include <math.h>

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

void mw_numpy_legacy_seed(mw_numpy_legacy *g, uint32_t seed)
{
    mw_mt19937_seed(&g->words, seed);
    g->waiting = false;
    g->left = 0;
}

double mw_numpy_legacy_random(mw_numpy_legacy *g)
{
    uint32_t a = mw_mt19937_word(&g->words) >> 5, b = mw_mt19937_word(&g->words) >> 6;
    return (a * 67108864.0 + b) * 0x1p-53;
}

double mw_numpy_legacy_normal(mw_numpy_legacy *g)
{
    if (g->waiting) {
        g->waiting = false;
        return g->left;
    }
    double x, y, r2;
    do {
        x = 2 * mw_numpy_legacy_random(g) - 1;
        y = 2 * mw_numpy_legacy_random(g) - 1;
        r2 = x * x + y * y;
    } while (r2 >= 1 || r2 == 0);
    double f = sqrt(-2 * mw_rng_log(r2) / r2);
    g->waiting = true;
    g->left = f * x;
    return f * y;
}

// Uniform in [0, top] by masking and rejection; words of 64 bits only where 32 do not hold `top`.
static uint64_t masked(mw_mt19937 *words, uint64_t top)
{
    if (top == 0)
        return 0;
    uint64_t mask = top, x;
    for (int shift = 1; shift < 64; shift *= 2)
        mask |= mask >> shift;
    do {
        x = mw_mt19937_word(words);
        if (top > UINT32_MAX)
            x = (x << 32) | mw_mt19937_word(words);
        x &= mask;
    } while (x > top);
    return x;
}

int64_t mw_numpy_legacy_integer(mw_numpy_legacy *g, int64_t low, int64_t high)
{
    uint64_t top = (uint64_t)high - (uint64_t)low - 1;
    return (int64_t)((uint64_t)low + masked(&g->words, top));
}

static void swap(int64_t *a, int64_t *b)
{
    int64_t t = *a;
    *a = *b;
    *b = t;
}

void mw_numpy_legacy_permutation(mw_numpy_legacy *g, int64_t *order, size_t n)
{
    for (size_t i = 0; i < n; i++)
        order[i] = (int64_t)i;
    for (size_t i = n; i-- > 1;)
        swap(&order[i], &order[masked(&g->words, i)]);
}
