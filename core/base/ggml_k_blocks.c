// ggml_k_blocks.c: the K types: blocks of 256 weights, in groups of 16 or 32 with scales in few bits.
#include "core/base/ggml_blocks_internal.h"

// Codes of two bits: of each half of 128 weights 32 bytes serve four runs of 32, from the lowest bits up.
static inline int code2(const uint8_t *bytes, int i)
{
    return bytes[i / 128 * 32 + i % 32] >> i % 128 / 32 * 2 & 3;
}

void mw_decode_q2_k(const uint8_t *b, float *to)
{
    const uint8_t *scales = b, *q = b + 16;
    float d = mw_half_at(b + 80), dmin = mw_half_at(b + 82);
    for (int g = 0; g < 16; g++) {
        float scale = d * (float)(scales[g] & 15), least = dmin * (float)(scales[g] >> 4);
        for (int i = 16 * g; i < 16 * g + 16; i++)
            to[i] = scale * (float)code2(q, i) - least;
    }
}

void mw_decode_q3_k(const uint8_t *b, float *to)
{
    const uint8_t *third = b, *q = b + 32, *scales = b + 96;
    float d = mw_half_at(b + 108);
    for (int g = 0; g < 16; g++) {
        int low = g < 8 ? scales[g] & 15 : scales[g - 8] >> 4;
        int s = low | (scales[8 + g % 4] >> g / 4 * 2 & 3) << 4;
        float scale = d * (float)(s - 32);
        for (int i = 16 * g; i < 16 * g + 16; i++) {
            bool set = third[i % 32] >> i / 32 & 1;
            to[i] = scale * (float)(code2(q, i) - (set ? 0 : 4));
        }
    }
}

// Scale and minimum of group j, six bits each, of the 12 bytes of Q4_K and Q5_K.
static inline void scale_and_least(const uint8_t *p, int j, int *scale, int *least)
{
    if (j < 4) {
        *scale = p[j] & 63;
        *least = p[j + 4] & 63;
    } else {
        *scale = (p[j + 4] & 15) | p[j - 4] >> 6 << 4;
        *least = p[j + 4] >> 4 | p[j] >> 6 << 4;
    }
}

// 32 bytes of q serve two groups, the first in their low halves; `fifth` (NULL: none) holds bit g of group g.
static void decode_groups(const uint8_t *b, const uint8_t *fifth, const uint8_t *q, float *to)
{
    float d = mw_half_at(b), dmin = mw_half_at(b + 2);
    for (int g = 0; g < 8; g++, to += 32) {
        int s, m;
        scale_and_least(b + 4, g, &s, &m);
        float scale = d * (float)s, least = dmin * (float)m;
        for (int i = 0; i < 32; i++) {
            int code = (q[g / 2 * 32 + i] >> g % 2 * 4 & 15) + (fifth && fifth[i] >> g & 1 ? 16 : 0);
            to[i] = scale * (float)code - least;
        }
    }
}

void mw_decode_q4_k(const uint8_t *b, float *to) { decode_groups(b, NULL, b + 16, to); }
void mw_decode_q5_k(const uint8_t *b, float *to) { decode_groups(b, b + 16, b + 48, to); }

void mw_decode_q6_k(const uint8_t *b, float *to)
{
    const uint8_t *low = b, *high = b + 128, *scales = b + 192;
    float d = mw_half_at(b + 208);
    for (int g = 0; g < 16; g++) {
        float scale = d * (float)(int8_t)scales[g];
        for (int i = 16 * g; i < 16 * g + 16; i++) {
            int half = i / 128, run = i % 128 / 32, at = i % 32;
            int code = (low[64 * half + run % 2 * 32 + at] >> run / 2 * 4 & 15) |
                (high[32 * half + at] >> 2 * run & 3) << 4;
            to[i] = scale * (float)(code - 32);
        }
    }
}
