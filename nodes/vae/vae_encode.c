// vae_encode.c: pictures to latents.
#include "core/graph/node.h"
#include "core/ops.h"
#include "nodes/nets/checkpoint/model.h"
#include "nodes/nets/base/nn.h"
#include "core/graph/picture.h"

enum { MODEL, IMAGE, NOISE, TILE };

static const mw_port in[] = {
    [MODEL] = {.name = "model", .type = "vae", .doc = "a checkpoint, or its vae"},
    [IMAGE] =
        {.name = "image",
         .type = "image",
         .doc =
             "[H,W,3] or [B,H,W,3] in 0..1; sides that are multiples of the model's pixels per latent (8)"},
    [NOISE] = {.name = "noise",
               .type = "latents",
               .def = "null",
               .doc = "[B,4,h,w] unit normal: the latents are then a sample, mean + deviation * noise; null: "
                      "the mean"},
    [TILE] = {.name = "tile",
              .type = "any",
              .def = "\"auto\"",
              .unit = "pixels",
              .doc = "\"auto\": whole, in tiles where memory does not suffice; \"none\": whole or not at "
                     "all; a number: the "
                     "side of square "
                     "tiles, which overlap by a quarter"},
    {.name = NULL},
};

static const mw_out out[] = {
    {.name = "latents", .type = "latents", .doc = "[B,4,h,w] f32, scaled as the UNet has them"},
    {.name = NULL},
};

static mw_tensor *posterior(mw_ctx *c, mw_tensor *moments, int channels, mw_tensor *noise)
{
    mw_tensor *planes = mw_nn_to_planes(c, moments);
    mw_tensor *mean = mw_slice(c, planes, 1, 0, channels),
              *logvar = mw_slice(c, planes, 1, channels, channels);
    char want[64], got[64];
    if (noise && mean && !mw_same_shape(noise, mean))
        mw_fail(c, MW_E_SHAPE, "'noise' must be %s, got %s", mw_shape_text(mean, want, sizeof want),
                mw_shape_text(noise, got, sizeof got));
    if (!noise)
        return mean;
    return mw_add(c, mean, mw_mul(c, mw_exp(c, mw_affine(c, logvar, 0.5, 0)), noise));
}

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    const mw_vae_model *m = &((const mw_vae *)mw_value_as_object(i[MODEL]))->model;
    int64_t factor = (int64_t)1 << (m->config.levels - 1);
    mw_tensor *image = mw_picture_batch(c, "image", mw_value_as_tensor(i[IMAGE]));
    if (image && (mw_dim(image, 1) % factor || mw_dim(image, 2) % factor))
        return mw_fail(c, MW_E_SHAPE,
                       "'image' must have sides that are multiples of %lld, got %lld x %lld (width x height)",
                       (long long)factor, (long long)mw_dim(image, 2), (long long)mw_dim(image, 1));
    mw_tensor *moments = mw_vae_run(c, m, MW_VAE_ENCODE, mw_affine(c, image, 2, -1), i[TILE]);
    mw_tensor *z = posterior(c, moments, m->config.latent_channels, mw_value_as_tensor(i[NOISE]));
    o[0] = mw_value_tensor(c, mw_contiguous(c, mw_vae_scale(c, m, z)));
    return mw_err(c);
}

const mw_node_type mw_node_vae_encode = {
    .name = "vae_encode",
    .version = 1,
    .doc = "Pictures to latents, by the model's autoencoder.",
    .in = in,
    .out = out,
    .run = run,
};
