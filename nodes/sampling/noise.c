// noise.c: unit normal latents from a seed, made on the host and so equal on every device.
#include "core/cl/device.h"
#include "core/base/rng.h"
#include "core/graph/node.h"
#include "core/io/describe.h"
#include "core/graph/seed.h"
#include "nodes/nets/checkpoint/checkpoint.h"

#include <stdlib.h>
#include <string.h>

enum { SEED, WIDTH, HEIGHT, BATCH, BATCH_SEED, GENERATOR, MODEL, DRAW, LIKE, ADD };

static const mw_port in[] = {
    [SEED] = {.name = "seed",
              .type = "seed",
              .def = "1",
              .doc =
                  "the same seed gives the same noise, of which PyTorch's CPU generator reads the lower 32 "
                  "bits; -1: drawn once for the whole run, which says and records it"},
    [WIDTH] = {.name = "width",
               .type = "integer",
               .def = "null",
               .min = 1,
               .max = 65536,
               .unit = "pixels",
               .doc = "of the picture; null: the model's, else 512"},
    [HEIGHT] = {.name = "height",
                .type = "integer",
                .def = "null",
                .min = 1,
                .max = 65536,
                .unit = "pixels",
                .doc = "of the picture; null: the model's, else 512"},
    [BATCH] = {.name = "batch",
               .type = "integer",
               .def = "1",
               .min = 1,
               .max = 4096,
               .unit = "pictures",
               .doc = "how many"},
    [BATCH_SEED] = {.name = "batch_seed",
                    .type = "choice",
                    .def = "\"increment\"",
                    .choices = "increment|stream",
                    .doc = "increment: item i is that of a single run with seed + i; stream: one draw for "
                           "all, as diffusers with "
                           "one "
                           "generator"},
    [GENERATOR] = {.name = "generator",
                   .type = "choice",
                   .def = "\"torch\"",
                   .choices = "torch|philox",
                   .doc =
                       "torch: the stream of PyTorch's CPU generator; philox: that of its CUDA generators"},
    [MODEL] =
        {.name = "model",
         .type = "checkpoint",
         .def = "null",
         .doc = "gives the native size, the channels and how many pixels a latent covers (4 and 8 without)"},
    [DRAW] =
        {.name = "draw",
         .type = "integer",
         .def = "0",
         .max = 10000,
         .doc =
             "which draw of the generator: 0 is a run's start, 1, 2, ... what its noisy steps take one after "
             "another"},
    [LIKE] = {.name = "like",
              .type = "latents",
              .def = "null",
              .doc = "latents whose size is taken, instead of width and height"},
    [ADD] = {.name = "add",
             .type = "integer",
             .def = "0",
             .max = 1e9,
             .doc = "added to the seed, for the noise of further things"},
    {.name = NULL},
};

static const mw_out out[] = {
    {.name = "latents", .type = "latents", .doc = "[batch,4,height/8,width/8] f32, mean 0, variance 1"},
    {.name = NULL},
};

// What the model says of its latents.
typedef struct {
    int64_t channels, factor; // pixels per latent
    int64_t width, height;    // native, in latents
} latent_facts;

static latent_facts facts_of(const mw_checkpoint *k)
{
    latent_facts f = {.channels = 4, .factor = 8, .width = 64, .height = 64};
    if (!k)
        return f;
    f.channels = k->unet_config.in_channels;
    f.factor = (int64_t)1 << (k->vae_config.levels - 1);
    if (k->unet_config.sample_width) {
        f.width = k->unet_config.sample_width;
        f.height = k->unet_config.sample_height;
    }
    return f;
}

// Latents along one side.
static int64_t side(mw_ctx *c, const char *name, const mw_value *v, int64_t native, int64_t factor)
{
    if (mw_value_kind(v) == MW_NIL)
        return native;
    int64_t pixels = (int64_t)mw_value_as_number(v);
    int64_t below = pixels / factor * factor;
    if (pixels != below)
        mw_fail(c, MW_E_ARG, "'%s' must be a multiple of %lld, got %lld (%lld or %lld would do)", name,
                (long long)factor, (long long)pixels, (long long)(below ? below : 2 * factor),
                (long long)(below + factor));
    return pixels / factor;
}

// n values after as many draws of n values, as a pipeline's steps take them from one generator.
static void draw(bool torch, uint64_t seed, int before, float *v, size_t n)
{
    if (!torch) {
        mw_philox_randn(seed, (uint64_t)before, 0, v, n);
        return;
    }
    mw_torch_rng g;
    mw_torch_rng_seed(&g, seed);
    for (int i = 0; i <= before; i++)
        mw_torch_randn(&g, v, n);
}

static void size_like(mw_ctx *c, const mw_tensor *t, latent_facts *f)
{
    char shape[128];
    if (t->ndim != 4)
        mw_fail(c, MW_E_SHAPE, "'like' must be latents [B,4,h,w], got %s",
                mw_shape_text(t, shape, sizeof shape));
    f->channels = mw_dim(t, 1);
    f->height = mw_dim(t, 2);
    f->width = mw_dim(t, 3);
}

// A picture that no device memory would hold is refused before anything is drawn.
static void check_room(mw_ctx *c, int64_t w, int64_t h, int64_t factor)
{
    char needs[32], limit[32];
    uint64_t bytes = (uint64_t)(w * factor) * (uint64_t)(h * factor) * 3 * sizeof(float);
    uint64_t most = c->stream ? mw_device_memory(c).limit : 0;
    if (most && bytes > most)
        mw_fail(
            c, MW_E_MEMORY,
            "'width' %lld and 'height' %lld: the picture alone needs %s of device memory, the limit is %s",
            (long long)(w * factor), (long long)(h * factor), mw_bytes_text(bytes, needs, sizeof needs),
            mw_bytes_text(most, limit, sizeof limit));
}

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    latent_facts f = facts_of((const mw_checkpoint *)mw_value_as_object(i[MODEL]));
    if (mw_value_as_tensor(i[LIKE]))
        size_like(c, mw_value_as_tensor(i[LIKE]), &f);
    int64_t w = side(c, "width", i[WIDTH], f.width, f.factor);
    int64_t h = side(c, "height", i[HEIGHT], f.height, f.factor);
    if (mw_err(c) == MW_OK)
        check_room(c, w, h, f.factor);
    int64_t B = (int64_t)mw_value_as_number(i[BATCH]);
    uint64_t seed = mw_seed_bits(i[SEED]) + (uint64_t)mw_value_as_number(i[ADD]);
    bool torch = strcmp(mw_value_as_text(i[GENERATOR]), "torch") == 0;
    int before = (int)mw_value_as_number(i[DRAW]);
    size_t item = (size_t)(f.channels * w * h);
    float *v = mw_err(c) == MW_OK ? mw_alloc(c, (size_t)B * item * sizeof *v) : NULL;
    if (!v)
        return mw_err(c);
    if (strcmp(mw_value_as_text(i[BATCH_SEED]), "stream") == 0)
        draw(torch, seed, before, v, (size_t)B * item);
    else
        for (int64_t b = 0; b < B; b++)
            draw(torch, seed + (uint64_t)b, before, v + (size_t)b * item, item);
    o[0] = mw_value_tensor(c, mw_tensor_from_f32(c, MW_F32, MW_SHAPE(B, f.channels, h, w), v));
    free(v);
    return mw_err(c);
}

const mw_node_type mw_node_noise = {
    .name = "noise",
    .version = 1,
    .doc = "Unit normal latents from a seed: the start of a picture.",
    .in = in,
    .out = out,
    .run = run,
};
