// family_vae.c: op vae_encode_decode: both halves of an autoencoder.
#include "tests/golden_runner/parts.h"

#include "core/ops.h"
#include "core/tensor/tape.h"
#include "nodes/nets/base/nn.h"
#include "nodes/nets/vae/vae.h"

#include <stdlib.h>

static void load(mw_ctx *c, golden_case *k, mw_vae_model *m)
{
    const char *folder = golden_model(c, k, NULL);
    char *path;
    json_t *json = golden_config(c, folder, &path);
    if (json && mw_vae_config_read(c, json, path, &m->config) == MW_OK) {
        mw_weight_source w = golden_weights(c, folder, "diffusion_pytorch_model", &mw_rule_vae);
        m->weights = mw_err(c) == MW_OK ? mw_weights_new(c, w, "vae", k->dtype) : NULL;
    }
    if (m->weights)
        mw_vae_load(c, m);
    json_decref(json);
    free(path);
}

static void take_act(mw_ctx *c, void *user, const char *module, mw_tensor *x)
{
    golden_case *k = user;
    const char *name = golden_text(c, k, "act/%s", module);
    if (name)
        golden_give_planes(c, k, name, x);
}

static void encode(mw_ctx *c, golden_case *k, const mw_vae_model *m, const mw_vae_taps *taps)
{
    mw_tensor *moments = mw_vae_encode_moments(c, m, golden_input_channels_last(c, k, "image"), taps);
    mw_tensor *planes = mw_nn_to_planes(c, moments);
    int channels = m->config.latent_channels;
    mw_tensor *mean = mw_slice(c, planes, 1, 0, channels),
              *logvar = mw_slice(c, planes, 1, channels, channels);
    mw_tensor *noise = golden_input_tensor(c, k, "posterior_noise", MW_F32);
    mw_tensor *deviation = mw_exp(c, mw_affine(c, logvar, 0.5, 0));
    if (mw_err(c) != MW_OK)
        return;
    golden_give_tensor(c, k, "mean", mean);
    golden_give_tensor(c, k, "logvar", logvar);
    golden_give_tensor(c, k, "sample", mw_add(c, mean, mw_mul(c, deviation, noise)));
}

// The picture, and the gradient of sum(G * picture) with respect to the latents.
static void decode(mw_ctx *c, golden_case *k, const mw_vae_model *m, mw_tensor *z, const mw_vae_taps *taps)
{
    mw_tensor *grad, *seed = golden_input_channels_last(c, k, "G");
    if (mw_tape_begin(c, false) != MW_OK)
        return;
    mw_watch(c, z);
    mw_tensor *y = mw_vae_decode_plain(c, m, z, taps);
    golden_give_planes(c, k, "decoded", y);
    mw_backward(c, 1, &y, &seed, 1, &z, &grad);
    golden_give_tensor(c, k, "grad_latents", grad);
    mw_tape_end(c);
}

static mw_status run(mw_ctx *c, golden_case *k)
{
    mw_vae_model m = {0};
    mw_vae_taps taps = {.user = k, .act = take_act};
    load(c, k, &m);
    if (mw_err(c) == MW_OK)
        encode(c, k, &m, &taps);
    mw_tensor *z = golden_input_tensor(c, k, "latents", MW_F32);
    if (mw_err(c) == MW_OK)
        decode(c, k, &m, z, &taps);
    mw_weights_free(m.weights);
    return mw_err(c);
}

const golden_family golden_vae = {{"vae_encode_decode"}, true, run};
