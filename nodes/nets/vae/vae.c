// vae.c: the variational autoencoder between pictures and latents (Rombach et al. 2022, appendix G).
#include "nodes/nets/vae/vae.h"
#include "core/ops.h"

#include "nodes/nets/base/nn.h"

#include <math.h>

#define EPS 1e-6 // of every norm

typedef struct {
    mw_nn nn;
    const mw_vae_config *cfg;
    const mw_vae_taps *taps;
} net;

static void tap(const net *n, const char *module, mw_tensor *x)
{
    if (x && n->taps && n->taps->act)
        n->taps->act(n->nn.c, n->taps->user, module, x);
}

static mw_tensor *resnet(const net *n, const char *path, int i, mw_tensor *x, int channels)
{
    return mw_nn_resnet(&n->nn, mw_path_of("%s.resnets.%d", path, i).s, x, channels, n->cfg->groups, EPS,
                        NULL);
}

// One head over all channels.
static mw_tensor *attention(const net *n, const char *path, mw_tensor *x)
{
    mw_ctx *c = n->nn.c;
    int64_t B = mw_dim(x, 0), h = mw_dim(x, 1), w = mw_dim(x, 2), C = mw_dim(x, 3);
    mw_scope_begin(c);
    mw_tensor *y = mw_nn_group_norm(&n->nn, path, "group_norm", x, n->cfg->groups, EPS, MW_ACT_NONE);
    y = mw_reshape(c, y, MW_SHAPE(B, h * w, C));
    mw_tensor *q = mw_nn_linear(&n->nn, path, "to_q", y, C, 0, MW_ACT_NONE, NULL);
    mw_tensor *k = mw_nn_linear(&n->nn, path, "to_k", y, C, 0, MW_ACT_NONE, NULL);
    mw_tensor *v = mw_nn_linear(&n->nn, path, "to_v", y, C, 0, MW_ACT_NONE, NULL);
    y = mw_attention(c, q, k, v, 1, 1 / sqrt((double)C), false, NULL);
    mw_tensor *flat = mw_reshape(c, x, MW_SHAPE(B, h * w, C));
    y = mw_nn_linear(&n->nn, path, "to_out.0", y, C, 0, MW_ACT_NONE, flat);
    return mw_scope_end(c, mw_reshape(c, y, MW_SHAPE(B, h, w, C)));
}

// half: "encoder" or "decoder"
static mw_tensor *middle(const net *n, const char *half, mw_tensor *x)
{
    mw_path path = mw_path_of("%s.mid_block", half);
    int channels = (int)mw_dim(x, 3);
    mw_scope_begin(n->nn.c);
    x = resnet(n, path.s, 0, x, channels);
    if (n->cfg->attends)
        x = attention(n, mw_path_of("%s.attentions.0", path.s).s, x);
    x = resnet(n, path.s, 1, x, channels);
    tap(n, path.s, x);
    return mw_scope_end(n->nn.c, x);
}

static mw_tensor *head(const net *n, const char *half, mw_tensor *x, int channels)
{
    x = mw_nn_group_norm(&n->nn, half, "conv_norm_out", x, n->cfg->groups, EPS, MW_ACT_SILU);
    return mw_nn_conv(&n->nn, half, "conv_out", x, channels, 3, NULL);
}

static mw_tensor *down(const net *n, int level, mw_tensor *x)
{
    mw_ctx *c = n->nn.c;
    mw_path path = mw_path_of("encoder.down_blocks.%d", level);
    mw_scope_begin(c);
    for (int i = 0; i < n->cfg->layers && !mw_cancelled(c); i++) {
        mw_scope_begin(c);
        x = mw_scope_end(c, resnet(n, path.s, i, x, n->cfg->channels[level]));
    }
    if (level < n->cfg->levels - 1)
        x = mw_nn_conv_down(&n->nn, path.s, "downsamplers.0.conv", x, n->cfg->channels[level], 0);
    tap(n, path.s, x);
    return mw_scope_end(c, x);
}

static mw_tensor *up(const net *n, int index, mw_tensor *x)
{
    mw_ctx *c = n->nn.c;
    int level = n->cfg->levels - 1 - index, channels = n->cfg->channels[level];
    mw_path path = mw_path_of("decoder.up_blocks.%d", index);
    mw_scope_begin(c);
    for (int i = 0; i <= n->cfg->layers && !mw_cancelled(c); i++) {
        mw_scope_begin(c);
        x = mw_scope_end(c, resnet(n, path.s, i, x, channels));
    }
    if (level > 0) {
        x = mw_resize_nearest(c, x, 2 * mw_dim(x, 1), 2 * mw_dim(x, 2));
        x = mw_nn_conv(&n->nn, path.s, "upsamplers.0.conv", x, channels, 3, NULL);
    }
    tap(n, path.s, x);
    return mw_scope_end(c, x);
}

static net start(mw_ctx *c, const mw_vae_model *m, const mw_vae_taps *taps)
{
    return (net){.nn = {c, m->weights}, .cfg = &m->config, .taps = taps};
}

mw_tensor *mw_vae_encode_moments(mw_ctx *c, const mw_vae_model *m, mw_tensor *image, const mw_vae_taps *taps)
{
    const mw_vae_config *f = &m->config;
    net n = start(c, m, taps);
    int64_t least = (int64_t)1 << (f->levels - 1);
    char got[64];
    if (mw_err(c) != MW_OK)
        return NULL;
    if (!image || image->ndim != 4 || mw_dim(image, 3) != f->in_channels || mw_dim(image, 1) < least ||
        mw_dim(image, 2) < least) {
        mw_fail(c, MW_E_SHAPE, "vae: a picture must be [B,H,W,%d] with sides of at least %lld pixels, got %s",
                f->in_channels, (long long)least, mw_shape_text(image, got, sizeof got));
        return NULL;
    }
    mw_scope_begin(c);
    mw_tensor *x = mw_cast(c, image, mw_weights_dtype(m->weights));
    x = mw_nn_conv(&n.nn, "encoder", "conv_in", x, f->channels[0], 3, NULL);
    tap(&n, "encoder.conv_in", x);
    for (int i = 0; i < f->levels; i++)
        x = down(&n, i, x);
    x = head(&n, "encoder", middle(&n, "encoder", x), 2 * f->latent_channels);
    if (f->quant)
        x = mw_nn_conv(&n.nn, "", "quant_conv", x, 2 * f->latent_channels, 1, NULL);
    tap(&n, "quant_conv", x);
    x = mw_cast(c, x, MW_F32);
    mw_tensor *parts[2] = {mw_slice(c, x, 3, 0, f->latent_channels),
                           mw_clamp(c, mw_slice(c, x, 3, f->latent_channels, f->latent_channels), -30, 20)};
    return mw_scope_end(c, mw_concat(c, 2, parts, 3));
}

mw_tensor *mw_vae_decode_plain(mw_ctx *c, const mw_vae_model *m, mw_tensor *z, const mw_vae_taps *taps)
{
    const mw_vae_config *f = &m->config;
    net n = start(c, m, taps);
    char got[64];
    if (mw_err(c) != MW_OK)
        return NULL;
    if (!z || z->ndim != 4 || mw_dim(z, 1) != f->latent_channels || mw_numel(z) == 0) {
        mw_fail(c, MW_E_SHAPE, "vae: latents must be [B,%d,h,w], got %s", f->latent_channels,
                mw_shape_text(z, got, sizeof got));
        return NULL;
    }
    mw_scope_begin(c);
    mw_tensor *x = mw_nn_from_planes(c, z, mw_weights_dtype(m->weights));
    if (f->post_quant)
        x = mw_nn_conv(&n.nn, "", "post_quant_conv", x, f->latent_channels, 1, NULL);
    tap(&n, "post_quant_conv", x);
    x = mw_nn_conv(&n.nn, "decoder", "conv_in", x, f->channels[f->levels - 1], 3, NULL);
    tap(&n, "decoder.conv_in", x);
    x = middle(&n, "decoder", x);
    for (int i = 0; i < f->levels; i++)
        x = up(&n, i, x);
    return mw_scope_end(c, mw_cast(c, head(&n, "decoder", x, f->out_channels), MW_F32));
}

mw_tensor *mw_vae_scale(mw_ctx *c, const mw_vae_model *m, mw_tensor *z)
{
    return mw_affine(c, z, m->config.scaling, 0);
}

mw_tensor *mw_vae_unscale(mw_ctx *c, const mw_vae_model *m, mw_tensor *latents)
{
    return mw_affine(c, latents, 1 / m->config.scaling, 0);
}

static void walk(mw_ctx *c, void *model)
{
    const mw_vae_model *m = model;
    int64_t side = (int64_t)1 << (m->config.levels - 1);
    mw_vae_encode_moments(c, m, mw_tensor_new(c, MW_F32, MW_SHAPE(1, side, side, m->config.in_channels)),
                          NULL);
    mw_vae_decode_plain(c, m, mw_tensor_new(c, MW_F32, MW_SHAPE(1, m->config.latent_channels, 1, 1)), NULL);
}

mw_status mw_vae_load(mw_ctx *c, mw_vae_model *m) { return mw_nn_load(c, m->weights, walk, m, NULL); }
