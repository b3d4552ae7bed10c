// vae_tiles.c: the autoencoder on pictures of any size: whole, or in overlapping tiles where memory does not
// suffice.
#include "nodes/nets/vae/vae.h"

#include "core/graph/node.h"
#include "core/ops.h"

#include <stdlib.h>
#include <string.h>

// Tiles along one side, in latents, and what a row (or column) of the result counts in each.
typedef struct {
    int64_t size, tile, stride, n;
    int64_t factor; // rows of the result per latent
    float *total;   // sum of the weights of each row of the result
} axis;

// One half of the autoencoder on one input, tile by tile.
typedef struct {
    mw_ctx *c;
    const mw_vae_model *m;
    mw_vae_half half;
    int64_t pixels;   // per latent
    int64_t channels; // of the result
    axis y, x;
    float *tile; // host copy of one tile's result
} job;

static int64_t first(const axis *a, int64_t i)
{
    int64_t at = i * a->stride;
    return at + a->tile > a->size ? a->size - a->tile : at;
}

// Weight of row k of tile i: rises and falls linearly where neighbours overlap.
static float weight(const axis *a, int64_t i, int64_t k)
{
    float overlap = (float)((a->tile - a->stride) * a->factor);
    float rise = i > 0 ? ((float)k + 0.5f) / overlap : 1;
    float fall = i < a->n - 1 ? ((float)(a->tile * a->factor - k) - 0.5f) / overlap : 1;
    float w = rise < fall ? rise : fall;
    return w < 1 ? w : 1;
}

static axis make_axis(mw_ctx *c, int64_t size, int64_t tile, int64_t factor)
{
    axis a = {.size = size, .tile = tile < size ? tile : size, .factor = factor};
    a.stride = a.tile - a.tile / 4;
    a.n = a.tile >= size ? 1 : (size - a.tile + a.stride - 1) / a.stride + 1;
    a.total = mw_alloc(c, (size_t)(size * factor) * sizeof *a.total);
    for (int64_t i = 0; a.total && i < a.n; i++)
        for (int64_t k = 0; k < a.tile * factor; k++)
            a.total[first(&a, i) * factor + k] += weight(&a, i, k);
    return a;
}

// Adds one tile's result to out[rows,columns,channels].
static void blend(const job *j, int64_t iy, int64_t ix, float *out)
{
    const axis *y = &j->y, *x = &j->x;
    int64_t height = y->tile * y->factor, width = x->tile * x->factor, C = j->channels;
    for (int64_t r = 0; r < height; r++) {
        int64_t row = first(y, iy) * y->factor + r;
        float wy = weight(y, iy, r) / y->total[row];
        for (int64_t k = 0; k < width; k++) {
            int64_t column = first(x, ix) * x->factor + k;
            float w = wy * weight(x, ix, k) / x->total[column];
            for (int64_t ch = 0; ch < C; ch++)
                out[(row * x->size * x->factor + column) * C + ch] += w * j->tile[(r * width + k) * C + ch];
        }
    }
}

static mw_tensor *forward(mw_ctx *c, const mw_vae_model *m, mw_vae_half half, mw_tensor *x)
{
    return half == MW_VAE_DECODE ? mw_vae_decode_plain(c, m, x, NULL) : mw_vae_encode_moments(c, m, x, NULL);
}

// The part of the input that tile (iy, ix) of picture b is made from.
static mw_tensor *part(const job *j, mw_tensor *in, int64_t b, int64_t iy, int64_t ix)
{
    bool decode = j->half == MW_VAE_DECODE;
    int64_t unit = decode ? 1 : j->pixels;
    int rows = decode ? 2 : 1; // latents are [B,C,h,w], pictures [B,H,W,C]
    in = mw_slice(j->c, in, 0, b, 1);
    in = mw_slice(j->c, in, rows, unit * first(&j->y, iy), unit * j->y.tile);
    return mw_slice(j->c, in, rows + 1, unit * first(&j->x, ix), unit * j->x.tile);
}

static void all_tiles(const job *j, mw_tensor *in, int64_t b, float *out)
{
    int64_t n = j->y.n * j->x.n, batch = mw_dim(in, 0);
    for (int64_t i = 0; i < n && mw_err(j->c) == MW_OK && mw_progress(j->c, b * n + i, batch * n); i++) {
        mw_scope_begin(j->c);
        mw_tensor *t = forward(j->c, j->m, j->half, part(j, in, b, i / j->x.n, i % j->x.n));
        if (t && mw_tensor_read_f32(j->c, t, j->tile) == MW_OK)
            blend(j, i / j->x.n, i % j->x.n, out);
        mw_scope_end(j->c, NULL);
    }
}

// tile: latents along a tile's side.
static mw_tensor *in_tiles(mw_ctx *c, const mw_vae_model *m, mw_vae_half half, mw_tensor *in, int64_t tile)
{
    const mw_vae_config *f = &m->config;
    bool decode = half == MW_VAE_DECODE;
    job j = {.c = c, .m = m, .half = half, .pixels = (int64_t)1 << (f->levels - 1)};
    int64_t h = decode ? mw_dim(in, 2) : mw_dim(in, 1) / j.pixels, B = mw_dim(in, 0);
    int64_t w = decode ? mw_dim(in, 3) : mw_dim(in, 2) / j.pixels;
    j.channels = decode ? f->out_channels : 2 * f->latent_channels;
    j.y = make_axis(c, h, tile, decode ? j.pixels : 1);
    j.x = make_axis(c, w, tile, decode ? j.pixels : 1);
    int64_t rows = h * j.y.factor, columns = w * j.x.factor;
    size_t one = (size_t)(rows * columns * j.channels);
    float *out = mw_alloc(c, (size_t)B * one * sizeof *out);
    j.tile =
        mw_alloc(c, (size_t)(j.y.tile * j.x.tile * j.y.factor * j.x.factor * j.channels) * sizeof *j.tile);
    for (int64_t b = 0; b < B && mw_err(c) == MW_OK; b++)
        all_tiles(&j, in, b, out + (size_t)b * one);
    mw_tensor *all = mw_err(c) == MW_OK
        ? mw_tensor_from_f32(c, MW_F32, MW_SHAPE(B, rows, columns, j.channels), out)
        : NULL;
    free(out);
    free(j.tile);
    free(j.y.total);
    free(j.x.total);
    return all;
}

// One picture after the other, so that memory holds the maps of one.
static mw_tensor *one_by_one(mw_ctx *c, const mw_vae_model *m, mw_vae_half half, mw_tensor *in)
{
    mw_tensor *all = NULL;
    for (int64_t b = 0; b < mw_dim(in, 0) && mw_progress(c, b, mw_dim(in, 0)); b++) {
        mw_tensor *two[2] = {all, forward(c, m, half, mw_slice(c, in, 0, b, 1))};
        all = b ? mw_concat(c, 2, two, 0) : two[1];
    }
    return all;
}

// Bytes that one picture's part of this side takes: a dry run counts the maps, and an eighth and SCRATCH more
// are for what kernels need beside them.
static uint64_t need(mw_ctx *c, const mw_vae_model *m, mw_vae_half half, const mw_tensor *in, int64_t height,
                     int64_t width)
{
    enum { SCRATCH = 64 << 20 };
    bool decode = half == MW_VAE_DECODE, was = c->dry;
    int64_t latents[] = {1, m->config.latent_channels, height, width};
    int64_t picture[] = {1, height << (m->config.levels - 1), width << (m->config.levels - 1), 3};
    c->dry = true;
    mw_scope_begin(c);
    mw_dry_begin();
    forward(c, m, half, mw_tensor_new(c, in->dtype, 4, decode ? latents : picture));
    uint64_t peak = mw_dry_peak();
    mw_scope_end(c, NULL);
    c->dry = was;
    return peak + peak / 8 + (peak < SCRATCH ? peak : SCRATCH);
}

// Whole where it fits beside the whole model; else in tiles of the pictures the model was trained on, then of
// half of that, and so on. What else is in memory has no say, so that the same picture comes each time.
static mw_tensor *as_it_fits(mw_ctx *c, const mw_vae_model *m, mw_vae_half half, mw_tensor *in)
{
    enum { LEAST = 8 };
    int shift = m->config.levels - 1;
    bool decode = half == MW_VAE_DECODE;
    int64_t h = mw_dim(in, decode ? 2 : 1) >> (decode ? 0 : shift), tile = m->config.sample_size >> shift;
    int64_t w = mw_dim(in, decode ? 3 : 2) >> (decode ? 0 : shift), side = h > w ? h : w;
    uint64_t room = mw_weights_room(c, m->weights);
    if (room == UINT64_MAX || need(c, m, half, in, h, w) <= room)
        return one_by_one(c, m, half, in);
    tile = tile < side ? tile : side / 2;
    while (tile / 2 >= LEAST && !mw_err(c) && need(c, m, half, in, tile, tile) > room)
        tile /= 2;
    if (tile < LEAST)
        return one_by_one(c, m, half, in);
    mw_warn(c, "vae: memory does not suffice for the whole picture; it is done in tiles of %lld pixels",
            (long long)(tile << shift));
    return in_tiles(c, m, half, in, tile);
}

mw_tensor *mw_vae_run(mw_ctx *c, const mw_vae_model *m, mw_vae_half half, mw_tensor *in, const mw_value *tile)
{
    int64_t pixels = (int64_t)mw_value_as_number(tile), least = (int64_t)4 << (m->config.levels - 1);
    bool word = mw_value_kind(tile) == MW_TEXT;
    if (mw_err(c) != MW_OK || !in)
        return NULL;
    if (word && strcmp(mw_value_as_text(tile), "auto") == 0)
        return as_it_fits(c, m, half, in);
    if (word && strcmp(mw_value_as_text(tile), "none") == 0)
        return one_by_one(c, m, half, in);
    if (mw_value_kind(tile) == MW_NUMBER && pixels >= least)
        return in_tiles(c, m, half, in, pixels >> (m->config.levels - 1));
    mw_fail(c, MW_E_ARG, "'tile' must be \"auto\", \"none\" or a number of at least %lld pixels",
            (long long)least);
    return NULL;
}
