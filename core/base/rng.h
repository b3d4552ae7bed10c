// rng.h: random numbers made on the host: the streams of PyTorch's CPU generator, of numpy and of CUDA's
// Philox.
//
// A stream is a function of its seed alone. Logarithms and angles are computed by own double arithmetic
// (rng_math.c), so the same seed gives the same bits on every processor and with every C library.
//
// Generators are plain structs without hidden state; copying one copies its place in the stream. They are not
// safe to share between threads.
#ifndef MW_RNG_H
#define MW_RNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// ---- Mersenne Twister 19937 (Matsumoto and Nishimura 1998), what PyTorch's CPU generator and RandomState
// stand on
#define MW_MT_WORDS 624
typedef struct {
    uint32_t state[MW_MT_WORDS];
    int next; // the next word of `state` to give out; MW_MT_WORDS: make new ones first
} mw_mt19937;

void mw_mt19937_seed(mw_mt19937 *g, uint32_t seed);
uint32_t mw_mt19937_word(mw_mt19937 *g); // uniform over all 32-bit words

// ---- torch.Generator("cpu")
typedef struct {
    mw_mt19937 words;
    bool waiting; // a sine is left over from a short draw
    double left;
} mw_torch_rng;

// manual_seed(seed): only the low 32 bits count, as there.
void mw_torch_rng_seed(mw_torch_rng *g, uint64_t seed);
// torch.rand: n uniforms in [0, 1) with 24 bits.
void mw_torch_rand(mw_torch_rng *g, float *out, size_t n);
// torch.randn in f32: n unit normals. 16 or more are drawn in blocks of 16, fewer one at a time in doubles; a
// call with n = 30 is therefore not two calls with n = 15.
void mw_torch_randn(mw_torch_rng *g, float *out, size_t n);

// ---- numpy.random.RandomState(seed), the legacy generator
typedef struct {
    mw_mt19937 words;
    bool waiting; // the other value of a pair
    double left;
} mw_numpy_legacy;

void mw_numpy_legacy_seed(mw_numpy_legacy *g, uint32_t seed);
double mw_numpy_legacy_random(mw_numpy_legacy *g); // random_sample: [0, 1), 53 bits
double mw_numpy_legacy_normal(mw_numpy_legacy *g); // standard_normal, Marsaglia's polar method
// randint(low, high): uniform in [low, high); needs low < high.
int64_t mw_numpy_legacy_integer(mw_numpy_legacy *g, int64_t low, int64_t high);
// permutation(n), n < 2^31: order[] becomes a shuffled 0..n-1.
void mw_numpy_legacy_permutation(mw_numpy_legacy *g, int64_t *order, size_t n);

// ---- numpy.random.default_rng(seed): PCG64 (O'Neill 2014, XSL-RR 128/64) behind a SeedSequence
typedef struct {
    uint64_t state[2], step[2]; // 128-bit numbers, low word first
    bool half_waiting;          // a 64-bit word of which 32-bit draws have used the low half
    uint32_t half;
} mw_numpy_pcg64;

void mw_numpy_pcg64_seed(mw_numpy_pcg64 *g, uint64_t seed);
uint64_t mw_numpy_pcg64_word(mw_numpy_pcg64 *g);
double mw_numpy_pcg64_random(mw_numpy_pcg64 *g);    // [0, 1), 53 bits
double mw_numpy_pcg64_normal(mw_numpy_pcg64 *g);    // standard_normal, 256-step ziggurat
float mw_numpy_pcg64_normal_f32(mw_numpy_pcg64 *g); // standard_normal(dtype=float32)
// integers(low, high): uniform in [low, high); needs low < high.
int64_t mw_numpy_pcg64_integer(mw_numpy_pcg64 *g, int64_t low, int64_t high);
// permutation(n): order[] becomes a shuffled 0..n-1.
void mw_numpy_pcg64_permutation(mw_numpy_pcg64 *g, int64_t *order, size_t n);

// ---- Philox 4x32-10 (Salmon et al. 2011): random access, element i of call k needs no other element
// The four words of a counter (least significant word first) under the key `seed`.
void mw_philox_words(uint64_t seed, const uint32_t counter[4], uint32_t out[4]);
// What the `call`-th torch.randn of a CUDA generator gives: element `first`..`first`+n-1, each from its own
// counter. Such a device agrees while a call asks for no more values than it launches threads.
void mw_philox_randn(uint64_t seed, uint64_t call, uint64_t first, float *out, size_t n);

#endif
