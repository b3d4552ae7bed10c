// ggml_blocks_internal.h: what the decoders of blocks share.
#ifndef MW_GGML_BLOCKS_INTERNAL_H
#define MW_GGML_BLOCKS_INTERNAL_H

#include "core/base/ggml_blocks.h"
#include "core/base/half.h"

#include <string.h>

// A half where it lies.
static inline float mw_half_at(const uint8_t *p)
{
    uint16_t h;
    memcpy(&h, p, sizeof h);
    return mw_half_to_float(h);
}

// One block to 256 weights.
void mw_decode_q2_k(const uint8_t *block, float *to);
void mw_decode_q3_k(const uint8_t *block, float *to);
void mw_decode_q4_k(const uint8_t *block, float *to);
void mw_decode_q5_k(const uint8_t *block, float *to);
void mw_decode_q6_k(const uint8_t *block, float *to);

#endif
