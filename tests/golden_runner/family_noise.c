// family_noise.c: op noise_torch_cpu, noise_numpy, noise_philox: streams of random numbers by seed and shape.
#include "tests/golden_runner/golden.h"

#include "core/base/rng.h"

#include <stdlib.h>
#include <string.h>

#define MAX_DRAW (1 << 24)
enum { ENDS = 64 }; // values kept of each end of a long draw

typedef struct {
    const char *shape; // "1x4x64x64"
    int64_t n;
} draw;

// Values go under their name, or their ends where the case keeps only those.
static void give(mw_ctx *c, golden_case *k, const char *name, const double *v, int64_t n)
{
    golden_give_f64(c, k, name, 1, &n, v);
    if (n < ENDS)
        return;
    const char *head = golden_text(c, k, "%s.head64", name), *tail = golden_text(c, k, "%s.tail64", name);
    if (head && tail) {
        golden_give_f64(c, k, head, 1, (int64_t[]){ENDS}, v);
        golden_give_f64(c, k, tail, 1, (int64_t[]){ENDS}, v + n - ENDS);
    }
}

static void widen(const float *v, double *to, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        to[i] = (double)v[i];
}

// ---- torch

static void torch_words(mw_ctx *c, golden_case *k, const char *name, uint64_t seed)
{
    const mw_st_entry *want = name ? golden_wants(k, name) : NULL;
    double *v = want ? mw_alloc(c, (size_t)want->count * sizeof *v + 1) : NULL;
    mw_torch_rng g;
    mw_torch_rng_seed(&g, seed);
    for (int64_t i = 0; v && i < want->count; i++)
        v[i] = mw_mt19937_word(&g.words);
    if (v)
        golden_give_f64(c, k, name, 1, &want->count, v);
    free(v);
}

static void torch_draw(mw_ctx *c, golden_case *k, uint64_t seed, const draw *d, float *v, double *wide)
{
    mw_torch_rng g;
    mw_torch_rng_seed(&g, seed);
    mw_torch_randn(&g, v, (size_t)d->n);
    widen(v, wide, d->n);
    const char *name = golden_text(c, k, "randn.seed%llu.%s", (unsigned long long)seed, d->shape);
    if (name)
        give(c, k, name, wide, d->n);
}

// Draws of several sizes from one generator, joined.
static void torch_sequence(mw_ctx *c, golden_case *k, uint64_t seed)
{
    int64_t sizes[256], total = 0;
    if (!mw_json_has(k->params, "sequence"))
        return;
    int n = mw_json_ints(c, k->name, k->params, "sequence", 1, 1 << 16, sizes, 256);
    for (int i = 0; i < n; i++)
        total += sizes[i];
    float *v = mw_alloc(c, (size_t)total * sizeof *v + 1);
    mw_torch_rng g;
    mw_torch_rng_seed(&g, seed);
    for (int64_t i = 0, at = 0; v && i < n; at += sizes[i++])
        mw_torch_randn(&g, v + at, (size_t)sizes[i]);
    const char *name = golden_text(c, k, "sequence.seed%llu", (unsigned long long)seed);
    if (v && name)
        golden_give_f32(c, k, name, 1, &total, v);
    free(v);
}

static void torch_seed(mw_ctx *c, golden_case *k, uint64_t seed)
{
    torch_words(c, k, golden_text(c, k, "words.seed%llu", (unsigned long long)seed), seed);
    torch_sequence(c, k, seed);
}

// ---- numpy

static void legacy_draw(mw_ctx *c, golden_case *k, uint64_t seed, const draw *d, double *wide)
{
    mw_numpy_legacy g;
    mw_numpy_legacy_seed(&g, (uint32_t)seed);
    for (int64_t i = 0; i < d->n; i++)
        wide[i] = mw_numpy_legacy_normal(&g);
    const char *name = golden_text(c, k, "legacy.seed%llu.%s", (unsigned long long)seed, d->shape);
    if (name)
        give(c, k, name, wide, d->n);
}

static void pcg64_draw(mw_ctx *c, golden_case *k, uint64_t seed, const draw *d, bool f32, double *wide)
{
    mw_numpy_pcg64 g;
    mw_numpy_pcg64_seed(&g, seed);
    for (int64_t i = 0; i < d->n; i++)
        wide[i] = f32 ? (double)mw_numpy_pcg64_normal_f32(&g) : mw_numpy_pcg64_normal(&g);
    const char *name =
        golden_text(c, k, "pcg64_%s.seed%llu.%s", f32 ? "f32" : "f64", (unsigned long long)seed, d->shape);
    if (name)
        give(c, k, name, wide, d->n);
}

static void numpy_draw(mw_ctx *c, golden_case *k, uint64_t seed, const draw *d, float *v, double *wide)
{
    (void)v;
    if (seed <= UINT32_MAX) // the legacy generator takes no larger seed
        legacy_draw(c, k, seed, d, wide);
    pcg64_draw(c, k, seed, d, false, wide);
    pcg64_draw(c, k, seed, d, true, wide);
}

// ---- philox

// [n,4]: the words of elements 0..n-1 of call 0.
static void philox_words(mw_ctx *c, golden_case *k, uint64_t seed)
{
    const char *name = golden_text(c, k, "words.seed%llu", (unsigned long long)seed);
    const mw_st_entry *want = name ? golden_wants(k, name) : NULL;
    double *v = want ? mw_alloc(c, (size_t)want->count * sizeof *v + 1) : NULL;
    int64_t n = v ? want->count / 4 : 0;
    for (int64_t i = 0; i < n; i++) {
        uint32_t w[4];
        mw_philox_words(seed, (uint32_t[]){0, 0, (uint32_t)i, 0}, w);
        for (int j = 0; j < 4; j++)
            v[4 * i + j] = w[j];
    }
    if (v)
        golden_give_f64(c, k, name, 2, (int64_t[]){n, 4}, v);
    free(v);
}

static void philox_draw(mw_ctx *c, golden_case *k, uint64_t seed, const draw *d, float *v, double *wide)
{
    for (int call = 0; call < 2; call++) {
        mw_philox_randn(seed, (uint64_t)call, 0, v, (size_t)d->n);
        widen(v, wide, d->n);
        const char *name =
            golden_text(c, k, "randn.seed%llu.%s.call%d", (unsigned long long)seed, d->shape, call);
        if (name)
            give(c, k, name, wide, d->n);
    }
}

// ---- a case

static draw draw_of(mw_ctx *c, golden_case *k, const json_t *shape)
{
    draw d = {"", 1};
    for (size_t i = 0; i < json_array_size(shape) && d.shape; i++) {
        json_int_t side = json_integer_value(json_array_get(shape, i));
        if (side < 1 || side > MAX_DRAW / d.n) {
            mw_fail(c, MW_E_FILE, "%s: params.shapes: sides from 1 and at most %d values are expected",
                    k->name, MAX_DRAW);
            return d;
        }
        d.n *= side;
        d.shape = golden_text(c, k, "%s%s%lld", d.shape, i ? "x" : "", (long long)side);
    }
    return d;
}

typedef void draw_fn(mw_ctx *, golden_case *, uint64_t seed, const draw *, float *, double *);
typedef void seed_fn(mw_ctx *, golden_case *, uint64_t seed);

// For each seed: once_for_seed, then one_draw for each shape.
static mw_status each(mw_ctx *c, golden_case *k, draw_fn *one_draw, seed_fn *once_for_seed)
{
    int64_t seeds[256];
    int n = mw_json_ints(c, k->name, k->params, "seeds", 0, INT64_MAX, seeds, 256);
    json_t *shapes = mw_json_list(c, k->name, k->params, "shapes");
    for (size_t s = 0; s < json_array_size(shapes) && !mw_err(c); s++) {
        draw d = draw_of(c, k, json_array_get(shapes, s));
        float *v = mw_err(c) ? NULL : mw_alloc(c, (size_t)d.n * sizeof *v);
        double *wide = v ? mw_alloc(c, (size_t)d.n * sizeof *wide) : NULL;
        for (int i = 0; wide && i < n; i++)
            one_draw(c, k, (uint64_t)seeds[i], &d, v, wide);
        free(v);
        free(wide);
    }
    for (int i = 0; once_for_seed && i < n; i++)
        once_for_seed(c, k, (uint64_t)seeds[i]);
    return mw_err(c);
}

static mw_status run(mw_ctx *c, golden_case *k)
{
    if (strcmp(k->op, "noise_torch_cpu") == 0)
        return each(c, k, torch_draw, torch_seed);
    if (strcmp(k->op, "noise_numpy") == 0)
        return each(c, k, numpy_draw, NULL);
    return each(c, k, philox_draw, philox_words);
}

const golden_family golden_noise = {{"noise_torch_cpu", "noise_numpy", "noise_philox"}, false, run};
