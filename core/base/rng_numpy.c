// rng_numpy.c: numpy's default_rng: PCG64 behind a SeedSequence, its ziggurat normals and bounded integers.
#include "core/base/rng.h"
#include "core/base/rng_internal.h"

#include <math.h>
#include <pthread.h>

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

__extension__ typedef unsigned __int128 u128;

// ---- SeedSequence (O'Neill's randutils mixing, four words of pool)

enum { POOL = 4 };

static uint32_t hashed(uint32_t value, uint32_t *multiplier, uint32_t factor)
{
    value ^= *multiplier;
    *multiplier *= factor;
    value *= *multiplier;
    return value ^ (value >> 16);
}

static uint32_t mixed(uint32_t x, uint32_t y)
{
    uint32_t r = 0xca01f9ddu * x - 0x4973f715u * y;
    return r ^ (r >> 16);
}

// generate_state(n): n 32-bit words from the entropy `seed`.
static void seed_sequence(uint64_t seed, uint32_t *out, int n)
{
    uint32_t entropy[POOL] = {(uint32_t)seed, (uint32_t)(seed >> 32)}, pool[POOL], a = 0x43b0d7e5u;
    for (int i = 0; i < POOL; i++)
        pool[i] = hashed(entropy[i], &a, 0x931e8875u);
    for (int from = 0; from < POOL; from++)
        for (int to = 0; to < POOL; to++)
            if (from != to)
                pool[to] = mixed(pool[to], hashed(pool[from], &a, 0x931e8875u));
    uint32_t b = 0x8b51f9ddu;
    for (int i = 0; i < n; i++)
        out[i] = hashed(pool[i % POOL], &b, 0x58f38dedu);
}

// ---- PCG64

static u128 wide(const uint64_t w[2]) { return (u128)w[1] << 64 | w[0]; }

static void keep(uint64_t w[2], u128 x)
{
    w[0] = (uint64_t)x;
    w[1] = (uint64_t)(x >> 64);
}

static void advance(mw_numpy_pcg64 *g)
{
    static const uint64_t multiplier[2] = {UINT64_C(4865540595714422341), UINT64_C(2549297995355413924)};
    keep(g->state, wide(g->state) * wide(multiplier) + wide(g->step));
}

void mw_numpy_pcg64_seed(mw_numpy_pcg64 *g, uint64_t seed)
{
    uint32_t s[8];
    seed_sequence(seed, s, 8);
    // Four 64-bit words, low half first; the first of each pair is the high half of a 128-bit number.
    const uint64_t start[2] = {(uint64_t)s[3] << 32 | s[2], (uint64_t)s[1] << 32 | s[0]};
    const uint64_t stream[2] = {(uint64_t)s[7] << 32 | s[6], (uint64_t)s[5] << 32 | s[4]};
    *g = (mw_numpy_pcg64){0};
    keep(g->step, wide(stream) << 1 | 1);
    advance(g);
    keep(g->state, wide(g->state) + wide(start));
    advance(g);
}

uint64_t mw_numpy_pcg64_word(mw_numpy_pcg64 *g)
{
    advance(g);
    uint64_t x = g->state[0] ^ g->state[1];
    unsigned turn = (unsigned)(g->state[1] >> 58);
    return x >> turn | x << (-turn & 63);
}

static uint32_t word32(mw_numpy_pcg64 *g)
{
    if (g->half_waiting) {
        g->half_waiting = false;
        return g->half;
    }
    uint64_t x = mw_numpy_pcg64_word(g);
    g->half_waiting = true;
    g->half = (uint32_t)(x >> 32);
    return (uint32_t)x;
}

double mw_numpy_pcg64_random(mw_numpy_pcg64 *g) { return (double)(mw_numpy_pcg64_word(g) >> 11) * 0x1p-53; }

static float random_f32(mw_numpy_pcg64 *g) { return (float)(word32(g) >> 8) * 0x1p-24f; }

// Uniform in [0, top]: multiply and keep the high half, rejecting the few low halves that would bias (Lemire
// 2019).
static uint64_t bounded(mw_numpy_pcg64 *g, uint64_t top)
{
    if (top == 0)
        return 0;
    if (top == UINT32_MAX)
        return word32(g);
    if (top == UINT64_MAX)
        return mw_numpy_pcg64_word(g);
    if (top < UINT32_MAX) {
        uint32_t span = (uint32_t)top + 1, least = (UINT32_MAX - (uint32_t)top) % span;
        uint64_t m;
        do
            m = (uint64_t)word32(g) * span;
        while ((uint32_t)m < least);
        return m >> 32;
    }
    uint64_t span = top + 1, least = (UINT64_MAX - top) % span;
    u128 m;
    do
        m = (u128)mw_numpy_pcg64_word(g) * span;
    while ((uint64_t)m < least);
    return (uint64_t)(m >> 64);
}

int64_t mw_numpy_pcg64_integer(mw_numpy_pcg64 *g, int64_t low, int64_t high)
{
    return (int64_t)((uint64_t)low + bounded(g, (uint64_t)high - (uint64_t)low - 1));
}

// Shuffling rejects by mask instead, with one 32-bit word a try where that is enough.
static uint64_t interval(mw_numpy_pcg64 *g, uint64_t top)
{
    uint64_t mask = top, x;
    for (int shift = 1; shift < 64; shift *= 2)
        mask |= mask >> shift;
    do
        x = (top > UINT32_MAX ? mw_numpy_pcg64_word(g) : word32(g)) & mask;
    while (x > top);
    return x;
}

void mw_numpy_pcg64_permutation(mw_numpy_pcg64 *g, int64_t *order, size_t n)
{
    for (size_t i = 0; i < n; i++)
        order[i] = (int64_t)i;
    for (size_t i = n; i-- > 1;) {
        size_t j = (size_t)interval(g, i);
        int64_t t = order[i];
        order[i] = order[j];
        order[j] = t;
    }
}

// ---- ziggurat of the unit normal (Marsaglia and Tsang 2000), 256 strips of equal area

#define STRIPS 256
#define TAIL 3.6541528853610088          // where the bottom strip's tail begins
#define STRIP_AREA 0.0049286732339746554 // of exp(-x^2/2)

static struct {
    double width[STRIPS];  // right edge of a strip
    double height[STRIPS]; // exp(-x^2/2) there
    double inside[STRIPS]; // share of the width that lies under the curve for sure
} strips;

static void make_strips(void)
{
    double edge = TAIL, density = mw_rng_exp(-0.5 * TAIL * TAIL);
    strips.width[0] = STRIP_AREA / density;
    strips.height[0] = 1;
    strips.inside[0] = TAIL / strips.width[0];
    for (int i = STRIPS - 1; i >= 1; i--) {
        strips.width[i] = edge;
        strips.height[i] = density;
        density += STRIP_AREA / edge;
        edge = i > 1 ? sqrt(-2 * mw_rng_log(density)) : 0;
        density = mw_rng_exp(-0.5 * edge * edge);
        strips.inside[i] = edge / strips.width[i];
    }
}

static void need_strips(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_strips);
}

double mw_numpy_pcg64_normal(mw_numpy_pcg64 *g)
{
    need_strips();
    for (;;) {
        uint64_t bits = mw_numpy_pcg64_word(g);
        int strip = bits & 0xff;
        bool negative = bits >> 8 & 1;
        uint64_t share = bits >> 9 & ((UINT64_C(1) << 52) - 1);
        double x = (double)share * (strips.width[strip] * 0x1p-52);
        if (share >= (uint64_t)(strips.inside[strip] * 0x1p52)) {
            if (strip == 0) {
                double beyond, y;
                do {
                    beyond = -(1 / TAIL) * mw_rng_log(1 - mw_numpy_pcg64_random(g));
                    y = -mw_rng_log(1 - mw_numpy_pcg64_random(g));
                } while (y + y <= beyond * beyond);
                return share >> 8 & 1 ? -(TAIL + beyond) : TAIL + beyond;
            }
            double step = strips.height[strip - 1] - strips.height[strip];
            if (step * mw_numpy_pcg64_random(g) + strips.height[strip] >= mw_rng_exp(-0.5 * x * x))
                continue;
        }
        return negative ? -x : x;
    }
}

float mw_numpy_pcg64_normal_f32(mw_numpy_pcg64 *g)
{
    need_strips();
    for (;;) {
        uint32_t bits = word32(g);
        int strip = bits & 0xff;
        bool negative = bits >> 8 & 1;
        uint32_t share = bits >> 9;
        float x = (float)share * (float)(strips.width[strip] * 0x1p-23);
        if (share >= (uint32_t)(strips.inside[strip] * 0x1p23)) {
            if (strip == 0) {
                float beyond, y;
                do {
                    beyond = -(float)(1 / TAIL) * (float)mw_rng_log(1 - (double)random_f32(g));
                    y = -(float)mw_rng_log(1 - (double)random_f32(g));
                } while (y + y <= beyond * beyond);
                return share >> 8 & 1 ? -((float)TAIL + beyond) : (float)TAIL + beyond;
            }
            float low = (float)strips.height[strip], step = (float)strips.height[strip - 1] - low;
            if ((double)(step * random_f32(g) + low) >= mw_rng_exp(-0.5 * (double)x * (double)x))
                continue;
        }
        return negative ? -x : x;
    }
}
