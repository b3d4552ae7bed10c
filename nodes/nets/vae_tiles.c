// vae_tiles.c: decoding in overlapping tiles, for pictures whose feature maps do not fit.
#include "nodes/nets/vae.h"

#include <stdlib.h>

// Tiles along one axis: first latent of each, and what a picture row (or column) counts in it.
typedef struct {
    int64_t size, tile, factor; // latents in all, in a tile; pixels per latent
    int64_t stride, n;
    float *total; // sum of weights of each pixel
} axis;

static int64_t first(const axis *a, int64_t i)
{
    int64_t at = i * a->stride;
    return at + a->tile > a->size ? a->size - a->tile : at;
}

// Weight of pixel k of tile i: rises and falls linearly where neighbours overlap.
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

// Adds one decoded tile to the picture out[H,W,C].
static void blend(const axis *y, int64_t iy, const axis *x, int64_t ix, int64_t C, const float *tile,
                  float *out)
{
    int64_t height = y->tile * y->factor, width = x->tile * x->factor;
    for (int64_t r = 0; r < height; r++) {
        int64_t row = first(y, iy) * y->factor + r;
        float wy = weight(y, iy, r) / y->total[row];
        for (int64_t k = 0; k < width; k++) {
            int64_t column = first(x, ix) * x->factor + k;
            float w = wy * weight(x, ix, k) / x->total[column];
            for (int64_t ch = 0; ch < C; ch++)
                out[(row * x->size * x->factor + column) * C + ch] += w * tile[(r * width + k) * C + ch];
        }
    }
}

// All tiles of picture b.
static void decode_one(mw_ctx *c, const mw_vae_model *m, mw_tensor *z, int64_t b, const axis *y,
                       const axis *x, float *host, float *out)
{
    for (int64_t iy = 0; iy < y->n; iy++)
        for (int64_t ix = 0; ix < x->n && !mw_cancelled(c); ix++) {
            mw_scope_begin(c);
            mw_tensor *part = mw_slice(c, mw_slice(c, z, 0, b, 1), 2, first(y, iy), y->tile);
            part = mw_slice(c, part, 3, first(x, ix), x->tile);
            mw_tensor *tile = mw_vae_decode_plain(c, m, part, NULL);
            if (tile && mw_tensor_read_f32(c, tile, host) == MW_OK)
                blend(y, iy, x, ix, m->config.out_channels, host, out);
            mw_scope_end(c, NULL);
        }
}

mw_tensor *mw_vae_decode_tiled(mw_ctx *c, const mw_vae_model *m, mw_tensor *z, int64_t tile)
{
    if (mw_err(c) != MW_OK || !z || z->ndim != 4)
        return mw_vae_decode_plain(c, m, z, NULL); // which says what is wrong
    int64_t factor = (int64_t)1 << (m->config.levels - 1), C = m->config.out_channels, B = mw_dim(z, 0);
    int64_t H = mw_dim(z, 2) * factor, W = mw_dim(z, 3) * factor;
    tile = tile < 4 ? 4 : tile;
    axis y = make_axis(c, mw_dim(z, 2), tile, factor), x = make_axis(c, mw_dim(z, 3), tile, factor);
    size_t pixels = (size_t)(H * W * C);
    float *out = mw_alloc(c, (size_t)B * pixels * sizeof *out);
    float *host = mw_alloc(c, (size_t)(y.tile * x.tile * factor * factor * C) * sizeof *host);
    for (int64_t b = 0; b < B && mw_err(c) == MW_OK && !c->dry; b++)
        decode_one(c, m, z, b, &y, &x, host, out + (size_t)b * pixels);
    mw_tensor *image = mw_tensor_from_f32(c, MW_F32, MW_SHAPE(B, H, W, C), out);
    free(out);
    free(host);
    free(y.total);
    free(x.total);
    return image;
}
