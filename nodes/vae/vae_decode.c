// vae_decode.c: latents to pictures.
#include "core/graph/node.h"
#include "core/ops.h"
#include "nodes/nets/checkpoint/model.h"
#include "core/graph/picture.h"

enum { MODEL, LATENTS, TILE };

static const mw_port in[] = {
    [MODEL] = {.name = "model", .type = "vae", .doc = "a checkpoint, or its vae"},
    [LATENTS] = {.name = "latents",
                 .type = "latents",
                 .doc = "[B,4,h,w] clean latents, scaled as the UNet has them"},
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
    {.name = "image", .type = "image", .doc = "[H,W,3] f32 in 0..1; of a batch [B,H,W,3]"},
    {.name = NULL},
};

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    const mw_vae_model *m = &((const mw_vae *)mw_value_as_object(i[MODEL]))->model;
    mw_tensor *z = mw_vae_unscale(c, m, mw_cast(c, mw_value_as_tensor(i[LATENTS]), MW_F32));
    mw_tensor *x = mw_vae_run(c, m, MW_VAE_DECODE, z, i[TILE]);
    x = mw_clamp(c, mw_affine(c, x, 0.5, 0.5), 0, 1);
    o[0] = mw_value_tensor(c, mw_picture_squeeze(c, x));
    return mw_err(c);
}

const mw_node_type mw_node_vae_decode = {
    .name = "vae_decode",
    .version = 1,
    .doc = "Latents to pictures, by the model's autoencoder.",
    .in = in,
    .out = out,
    .run = run,
};
