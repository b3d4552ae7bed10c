// rng_philox.c: Philox 4x32-10 and the normals that CUDA's generator makes of it.
#include "core/base/rng.h"
#include "core/base/rng_internal.h"

#include <math.h>

#define TURN (6.2831855f * 0x1p-32f) // 2 pi over the number of words

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

void mw_philox_words(uint64_t seed, const uint32_t counter[4], uint32_t out[4])
{
    uint32_t key0 = (uint32_t)seed, key1 = (uint32_t)(seed >> 32);
    uint32_t x0 = counter[0], x1 = counter[1], x2 = counter[2], x3 = counter[3];
    for (int round = 0; round < 10; round++) {
        uint64_t a = UINT64_C(0xD2511F53) * x0, b = UINT64_C(0xCD9E8D57) * x2;
        x0 = (uint32_t)(b >> 32) ^ x1 ^ key0;
        x1 = (uint32_t)b;
        x2 = (uint32_t)(a >> 32) ^ x3 ^ key1;
        x3 = (uint32_t)a;
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    out[0] = x0, out[1] = x1, out[2] = x2, out[3] = x3;
}

void mw_philox_randn(uint64_t seed, uint64_t call, uint64_t first, float *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t element = first + i;
        uint32_t counter[4] = {(uint32_t)call, (uint32_t)(call >> 32), (uint32_t)element,
                               (uint32_t)(element >> 32)};
        uint32_t w[4];
        mw_philox_words(seed, counter, w);
        // Rounded to f32 where the f32 code on such devices rounds: cells of 2^-32 by their middles, so u is
        // never 0. The sine of the pair comes first there.
        float u = (float)w[0] * 0x1p-32f + 0x1p-33f, angle = (float)w[1] * TURN + TURN / 2;
        double sine, cosine;
        mw_rng_sincos((double)angle, &sine, &cosine);
        out[i] = sqrtf(-2 * (float)mw_rng_log((double)u)) * (float)sine;
    }
}
