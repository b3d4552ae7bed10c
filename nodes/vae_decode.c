// vae_decode.c: latents to pictures.
#include "core/graph/node.h"
#include "core/ops.h"
#include "nodes/nets/model.h"
#include "nodes/nets/picture.h"

#include <string.h>

enum { MODEL, LATENTS, TILE };

static const mw_port in[] = {
    {"model", "vae", NULL, 0, 0, NULL, NULL, NULL, "a checkpoint, or its vae"},
    {"latents", "latents", NULL, 0, 0, NULL, NULL, NULL,
     "[B,4,h,w] clean latents, scaled as the UNet has them"},
    {"tile", "any", "\"auto\"", 0, 0, NULL, NULL, "pixels",
     "\"auto\": whole, in tiles where memory does not suffice; \"none\": whole or not at all; a number: the "
     "side of square "
     "tiles, which overlap by a quarter"},
    {0},
};

static const mw_out out[] = {
    {"image", "image", "[H,W,3] f32 in 0..1; of a batch [B,H,W,3]"},
    {0},
};

// z: [B,C,h,w], one picture after the other, so that memory holds the maps of one. [B,H,W,3].
static mw_tensor *decode_whole(mw_ctx *c, const mw_vae_model *m, mw_tensor *z)
{
    mw_tensor *all = NULL;
    for (int64_t b = 0; b < mw_dim(z, 0) && mw_progress(c, b, mw_dim(z, 0)); b++) {
        mw_tensor *one = mw_vae_decode_plain(c, m, mw_slice(c, z, 0, b, 1), NULL);
        mw_tensor *two[2] = {all, one};
        all = all ? mw_concat(c, 2, two, 0) : one;
    }
    return all;
}

// Whole where it fits; else in tiles of the pictures the model was trained on, then of half of that, and so
// on.
static mw_tensor *decode_auto(mw_ctx *c, const mw_vae_model *m, mw_tensor *z)
{
    const mw_vae_config *f = &m->config;
    int64_t tile = f->sample_size >> (f->levels - 1);
    int64_t side = mw_dim(z, 2) > mw_dim(z, 3) ? mw_dim(z, 2) : mw_dim(z, 3);
    mw_scope_begin(c);
    mw_tensor *image = decode_whole(c, m, z);
    for (tile = tile < side ? tile : side / 2; mw_err(c) == MW_E_MEMORY && tile >= 8; tile /= 2) {
        mw_scope_end(c, NULL);
        mw_err_clear(c);
        mw_warn(c,
                "vae_decode: memory does not suffice for the whole picture; decoding in tiles of %lld pixels",
                (long long)(tile << (f->levels - 1)));
        mw_scope_begin(c);
        image = mw_vae_decode_tiled(c, m, z, tile);
    }
    return mw_scope_end(c, image);
}

static mw_tensor *decode(mw_ctx *c, const mw_vae_model *m, mw_tensor *z, const mw_value *tile)
{
    const char *word = mw_value_as_text(tile);
    if (mw_value_kind(tile) == MW_TEXT && strcmp(word, "auto") == 0)
        return decode_auto(c, m, z);
    if (mw_value_kind(tile) == MW_TEXT && strcmp(word, "none") == 0)
        return decode_whole(c, m, z);
    int64_t pixels = (int64_t)mw_value_as_number(tile), least = (int64_t)4 << (m->config.levels - 1);
    if (mw_value_kind(tile) == MW_NUMBER && pixels >= least)
        return mw_vae_decode_tiled(c, m, z, pixels >> (m->config.levels - 1));
    mw_fail(c, MW_E_ARG, "'tile' must be \"auto\", \"none\" or a number of at least %lld pixels",
            (long long)least);
    return NULL;
}

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    const mw_vae_model *m = &((const mw_vae *)mw_value_as_object(i[MODEL]))->model;
    mw_tensor *z = mw_vae_unscale(c, m, mw_cast(c, mw_value_as_tensor(i[LATENTS]), MW_F32));
    mw_tensor *x = decode(c, m, z, i[TILE]);
    x = mw_clamp(c, mw_affine(c, x, 0.5, 0.5), 0, 1);
    o[0] = mw_value_tensor(c, mw_picture_squeeze(c, x));
    return mw_err(c);
}

const mw_node_type mw_node_vae_decode = {
    "vae_decode", 1, 0, "Latents to pictures, by the model's autoencoder.", in, out, run,
};
