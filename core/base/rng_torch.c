// rng_torch.c: the Mersenne Twister and the normal draws that PyTorch's CPU generator makes of it.
#include "core/base/rng.h"
#include "core/base/rng_internal.h"

#include <math.h>

#define BLOCK 16 // normals are made 16 at a time: 8 radii and 8 angles
#define TWO_PI 6.283185307179586

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

void mw_mt19937_seed(mw_mt19937 *g, uint32_t seed)
{
    g->state[0] = seed;
    for (uint32_t i = 1; i < MW_MT_WORDS; i++) {
        uint32_t before = g->state[i - 1];
        g->state[i] = 1812433253u * (before ^ (before >> 30)) + i;
    }
    g->next = MW_MT_WORDS;
}

static void renew(mw_mt19937 *g)
{
    uint32_t *s = g->state;
    for (int i = 0; i < MW_MT_WORDS; i++) {
        uint32_t y = (s[i] & 0x80000000u) | (s[(i + 1) % MW_MT_WORDS] & 0x7fffffffu);
        s[i] = s[(i + 397) % MW_MT_WORDS] ^ (y >> 1) ^ ((y & 1) ? 0x9908b0dfu : 0);
    }
    g->next = 0;
}

uint32_t mw_mt19937_word(mw_mt19937 *g)
{
    if (g->next >= MW_MT_WORDS)
        renew(g);
    uint32_t y = g->state[g->next++];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
}

void mw_torch_rng_seed(mw_torch_rng *g, uint64_t seed)
{
    mw_mt19937_seed(&g->words, (uint32_t)seed);
    g->waiting = false;
    g->left = 0;
}

void mw_torch_rand(mw_torch_rng *g, float *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (float)(mw_mt19937_word(&g->words) & 0xffffffu) * 0x1p-24f;
}

// Box-Muller in place, rounding to f32 where the f32 code there rounds: entry j and j+8 are a radius and an
// angle.
static void normals_of_block(float *u)
{
    for (int j = 0; j < BLOCK / 2; j++) {
        float radius = sqrtf(-2 * (float)mw_rng_log((double)(1 - u[j])));
        float angle = (float)TWO_PI * u[j + BLOCK / 2];
        double sine, cosine;
        mw_rng_sincos((double)angle, &sine, &cosine);
        u[j] = radius * (float)cosine;
        u[j + BLOCK / 2] = radius * (float)sine;
    }
}

static double uniform53(mw_torch_rng *g)
{
    uint64_t high = mw_mt19937_word(&g->words), low = mw_mt19937_word(&g->words);
    return (double)(((high << 32) | low) & ((UINT64_C(1) << 53) - 1)) * 0x1p-53;
}

static double normal_alone(mw_torch_rng *g)
{
    if (g->waiting) {
        g->waiting = false;
        return g->left;
    }
    double turn = uniform53(g), radius = sqrt(-2 * mw_rng_log(1 - uniform53(g))), sine, cosine;
    mw_rng_sincos(TWO_PI * turn, &sine, &cosine);
    g->waiting = true;
    g->left = radius * sine;
    return radius * cosine;
}

void mw_torch_randn(mw_torch_rng *g, float *out, size_t n)
{
    if (n < BLOCK) {
        for (size_t i = 0; i < n; i++)
            out[i] = (float)normal_alone(g);
        return;
    }
    mw_torch_rand(g, out, n);
    for (size_t i = 0; i + BLOCK <= n; i += BLOCK)
        normals_of_block(out + i);
    if (n % BLOCK) { // the last 16 are drawn afresh
        mw_torch_rand(g, out + n - BLOCK, BLOCK);
        normals_of_block(out + n - BLOCK);
    }
}
