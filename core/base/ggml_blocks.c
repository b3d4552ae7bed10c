// ggml_blocks.c: ggml's formats of weights: the table of types, and rows of the simple ones.
#include "core/base/ggml_blocks_internal.h"

#include <math.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers are used as they lie in the file");

// ---- numbers without a scale

static void decode_f32(const uint8_t *from, float *to) { memcpy(to, from, sizeof *to); }
static void decode_f16(const uint8_t *from, float *to) { *to = mw_half_at(from); }

static void decode_bf16(const uint8_t *from, float *to)
{
    uint16_t b;
    memcpy(&b, from, sizeof b);
    *to = mw_bfloat_to_float(b);
}

// clang-format off
#define DECODE_NUMBER(name, type) \
    static void decode_##name(const uint8_t *from, float *to) { type v; memcpy(&v, from, sizeof v); *to = (float)v; }
DECODE_NUMBER(i8, int8_t)
DECODE_NUMBER(i16, int16_t)
DECODE_NUMBER(i32, int32_t)
DECODE_NUMBER(i64, int64_t)
DECODE_NUMBER(f64, double)
// clang-format on

// ---- blocks of 32; byte j holds weight j in its low half, weight j + 16 in its high half

static void decode_q8_0(const uint8_t *b, float *to)
{
    float d = mw_half_at(b);
    for (int i = 0; i < 32; i++)
        to[i] = d * (float)(int8_t)b[2 + i];
}

static void decode_q4_0(const uint8_t *b, float *to)
{
    float d = mw_half_at(b);
    for (int j = 0; j < 16; j++) {
        to[j] = d * (float)((b[2 + j] & 15) - 8);
        to[j + 16] = d * (float)((b[2 + j] >> 4) - 8);
    }
}

static void decode_q4_1(const uint8_t *b, float *to)
{
    float d = mw_half_at(b), m = mw_half_at(b + 2);
    for (int j = 0; j < 16; j++) {
        to[j] = d * (float)(b[4 + j] & 15) + m;
        to[j + 16] = d * (float)(b[4 + j] >> 4) + m;
    }
}

// Code i of Q5: four bits of the bytes, the fifth of the mask.
static inline int code5(const uint8_t *bytes, uint32_t fifth, int i)
{
    return (i < 16 ? bytes[i] & 15 : bytes[i - 16] >> 4) | (int)(fifth >> i & 1) << 4;
}

static void decode_q5_0(const uint8_t *b, float *to)
{
    float d = mw_half_at(b);
    uint32_t fifth;
    memcpy(&fifth, b + 2, sizeof fifth);
    for (int i = 0; i < 32; i++)
        to[i] = d * (float)(code5(b + 6, fifth, i) - 16);
}

static void decode_q5_1(const uint8_t *b, float *to)
{
    float d = mw_half_at(b), m = mw_half_at(b + 2);
    uint32_t fifth;
    memcpy(&fifth, b + 4, sizeof fifth);
    for (int i = 0; i < 32; i++)
        to[i] = d * (float)code5(b + 8, fifth, i) + m;
}

static const int8_t iq4_levels[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                      1,    13,   25,  38,  53,  69,  89,  113};

static void decode_iq4_nl(const uint8_t *b, float *to)
{
    float d = mw_half_at(b);
    for (int j = 0; j < 16; j++) {
        to[j] = d * (float)iq4_levels[b[2 + j] & 15];
        to[j + 16] = d * (float)iq4_levels[b[2 + j] >> 4];
    }
}

static void decode_iq4_xs(const uint8_t *b, float *to)
{
    float d = mw_half_at(b);
    int high = b[2] | b[3] << 8;
    const uint8_t *low = b + 4, *q = b + 8;
    for (int g = 0; g < 8; g++, q += 16, to += 32) {
        int s = (low[g / 2] >> g % 2 * 4 & 15) | (high >> 2 * g & 3) << 4;
        float scale = d * (float)(s - 32);
        for (int j = 0; j < 16; j++) {
            to[j] = scale * (float)iq4_levels[q[j] & 15];
            to[j + 16] = scale * (float)iq4_levels[q[j] >> 4];
        }
    }
}

// ---- back, as ggml's reference quantisers (quantize_row_*_ref) do it

static inline void put_half(uint8_t *p, float f)
{
    uint16_t h = mw_float_to_half(f);
    memcpy(p, &h, sizeof h);
}

static void encode_f32(const float *from, uint8_t *to) { memcpy(to, from, sizeof *from); }
static void encode_f16(const float *from, uint8_t *to) { put_half(to, *from); }

static void encode_bf16(const float *from, uint8_t *to)
{
    uint32_t u;
    memcpy(&u, from, sizeof u);
    bool nan = (u & 0x7fffffff) > 0x7f800000;
    uint16_t b = (uint16_t)(nan ? u >> 16 | 64 : (u + 0x7fff + (u >> 16 & 1)) >> 16);
    memcpy(to, &b, sizeof b);
}

static void encode_q8_0(const float *from, uint8_t *to)
{
    float most = 0;
    for (int i = 0; i < 32; i++)
        most = fmaxf(most, fabsf(from[i]));
    float d = most / 127, inverse = d != 0 ? 1 / d : 0;
    put_half(to, d);
    for (int i = 0; i < 32; i++)
        to[2 + i] = (uint8_t)(int8_t)roundf(from[i] * inverse);
}

// The value with the largest magnitude, the first of equals.
static float extreme(const float *v)
{
    float most = 0, found = 0;
    for (int i = 0; i < 32; i++)
        if (fabsf(v[i]) > most) {
            most = fabsf(v[i]);
            found = v[i];
        }
    return found;
}

static inline int code(float scaled, int most)
{
    int q = (int)scaled;
    return q < 0 ? 0 : q > most ? most : q;
}

static void put_codes(const int *q, uint8_t *bytes, uint8_t *fifth)
{
    uint32_t mask = 0;
    for (int j = 0; j < 16; j++)
        bytes[j] = (uint8_t)((q[j] & 15) | (q[j + 16] & 15) << 4);
    for (int i = 0; i < 32; i++)
        mask |= (uint32_t)(q[i] >> 4 & 1) << i;
    if (fifth)
        memcpy(fifth, &mask, sizeof mask);
}

// Codes around zero: the extreme value takes the code 0.
static void encode_centred(const float *from, uint8_t *to, int levels, uint8_t *bytes, uint8_t *fifth)
{
    int q[32], half = levels / 2;
    float d = extreme(from) / (float)-half, inverse = d != 0 ? 1 / d : 0;
    put_half(to, d);
    for (int i = 0; i < 32; i++)
        q[i] = code(from[i] * inverse + ((float)half + 0.5f), levels - 1);
    put_codes(q, bytes, fifth);
}

// Codes from the smallest value up.
static void encode_from_least(const float *from, uint8_t *to, int levels, uint8_t *bytes, uint8_t *fifth)
{
    int q[32];
    float least = from[0], most = from[0];
    for (int i = 1; i < 32; i++) {
        least = from[i] < least ? from[i] : least;
        most = from[i] > most ? from[i] : most;
    }
    float d = (most - least) / (float)(levels - 1), inverse = d != 0 ? 1 / d : 0;
    put_half(to, d);
    put_half(to + 2, least);
    for (int i = 0; i < 32; i++)
        q[i] = code((from[i] - least) * inverse + 0.5f, levels - 1);
    put_codes(q, bytes, fifth);
}

static void encode_q4_0(const float *from, uint8_t *to) { encode_centred(from, to, 16, to + 2, NULL); }
static void encode_q5_0(const float *from, uint8_t *to) { encode_centred(from, to, 32, to + 6, to + 2); }
static void encode_q4_1(const float *from, uint8_t *to) { encode_from_least(from, to, 16, to + 4, NULL); }
static void encode_q5_1(const float *from, uint8_t *to) { encode_from_least(from, to, 32, to + 8, to + 4); }

// ---- the table, by the format's numbers; gaps are types that were taken out, or that no file holds

typedef struct {
    mw_ggml_facts facts;
    void (*decode)(const uint8_t *block, float *to);
    void (*encode)(const float *from, uint8_t *block);
} type_row;

#define BOTH(name, block, bytes, f)                                                                          \
    {                                                                                                        \
        {name, block, bytes, true, true}, decode_##f, encode_##f                                             \
    }
#define READ(name, block, bytes, decode)                                                                     \
    {                                                                                                        \
        {name, block, bytes, true, false}, decode, NULL                                                      \
    }
#define SIZE(name, block, bytes)                                                                             \
    {                                                                                                        \
        {name, block, bytes, false, false}, NULL, NULL                                                       \
    }
static const type_row types[] = {
    [0] = BOTH("F32", 1, 4, f32),
    [1] = BOTH("F16", 1, 2, f16),
    [2] = BOTH("Q4_0", 32, 18, q4_0),
    [3] = BOTH("Q4_1", 32, 20, q4_1),
    [6] = BOTH("Q5_0", 32, 22, q5_0),
    [7] = BOTH("Q5_1", 32, 24, q5_1),
    [8] = BOTH("Q8_0", 32, 34, q8_0),
    [10] = READ("Q2_K", 256, 84, mw_decode_q2_k),
    [11] = READ("Q3_K", 256, 110, mw_decode_q3_k),
    [12] = READ("Q4_K", 256, 144, mw_decode_q4_k),
    [13] = READ("Q5_K", 256, 176, mw_decode_q5_k),
    [14] = READ("Q6_K", 256, 210, mw_decode_q6_k),
    [16] = SIZE("IQ2_XXS", 256, 66),
    [17] = SIZE("IQ2_XS", 256, 74),
    [18] = SIZE("IQ3_XXS", 256, 98),
    [19] = SIZE("IQ1_S", 256, 50),
    [20] = READ("IQ4_NL", 32, 18, decode_iq4_nl),
    [21] = SIZE("IQ3_S", 256, 110),
    [22] = SIZE("IQ2_S", 256, 82),
    [23] = READ("IQ4_XS", 256, 136, decode_iq4_xs),
    [24] = READ("I8", 1, 1, decode_i8),
    [25] = READ("I16", 1, 2, decode_i16),
    [26] = READ("I32", 1, 4, decode_i32),
    [27] = READ("I64", 1, 8, decode_i64),
    [28] = READ("F64", 1, 8, decode_f64),
    [29] = SIZE("IQ1_M", 256, 56),
    [30] = BOTH("BF16", 1, 2, bf16),
    [34] = SIZE("TQ1_0", 256, 54),
    [35] = SIZE("TQ2_0", 256, 66),
    [39] = SIZE("MXFP4", 32, 17),
    [40] = SIZE("NVFP4", 64, 36),
    [41] = SIZE("Q1_0", 128, 18),
};

const mw_ggml_facts *mw_ggml_type_facts(uint32_t type)
{
    bool there = type < sizeof types / sizeof *types && types[type].facts.name;
    return there ? &types[type].facts : NULL;
}

void mw_ggml_decode(mw_ggml_type type, const void *from, float *to, int64_t n)
{
    const type_row *t = &types[type];
    const uint8_t *block = from;
    for (int64_t i = 0; i < n; i += t->facts.block, block += t->facts.bytes)
        t->decode(block, to + i);
}

void mw_ggml_encode(mw_ggml_type type, const float *from, void *to, int64_t n)
{
    const type_row *t = &types[type];
    uint8_t *block = to;
    for (int64_t i = 0; i < n; i += t->facts.block, block += t->facts.bytes)
        t->encode(from + i, block);
}
