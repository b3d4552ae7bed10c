// vae_config.c: the shape of a variational autoencoder, from a diffusers config.json (AutoencoderKL).
#include "nodes/nets/vae/vae_config.h"

#include <string.h>

static void check_types(mw_config *cfg, const char *key, const char *supported, int levels)
{
    const json_t *list = mw_config_raw(cfg, key);
    if (!list)
        return;
    if (!json_is_array(list) || json_array_size(list) != (size_t)levels) {
        mw_config_fail(cfg, key, "must have %d entries, as block_out_channels has", levels);
        return;
    }
    size_t i;
    json_t *type;
    json_array_foreach(list, i, type)
    {
        const char *name = json_string_value(type);
        if (!name || strcmp(name, supported) != 0)
            mw_config_fail(cfg, key, "\"%.40s\" is not supported, only \"%s\" is", name ? name : "(no text)",
                           supported);
    }
}

static int sample_size(mw_config *cfg)
{
    const json_t *v = mw_config_raw(cfg, "sample_size");
    if (!json_is_array(v))
        return mw_config_int(cfg, "sample_size", 512, 1, 1 << 20);
    json_int_t side = json_integer_value(json_array_get(v, 0));
    if (side < 1 || side > 1 << 20)
        mw_config_fail(cfg, "sample_size", "must be positive");
    return (int)side;
}

static void check_channels(mw_config *cfg, const mw_vae_config *v)
{
    for (int i = 0; i < v->levels; i++)
        if (v->channels[i] % v->groups)
            mw_config_fail(cfg, "block_out_channels",
                           "%d channels do not divide into norm_num_groups = %d groups", v->channels[i],
                           v->groups);
}

mw_status mw_vae_config_read(mw_ctx *c, const json_t *json, const char *file, mw_vae_config *out)
{
    mw_config cfg;
    if (mw_config_begin(c, &cfg, json, file) != MW_OK)
        return mw_err(c);
    mw_config_only(&cfg, "_class_name", "\"AutoencoderKL\"", NULL);
    mw_config_only_silu(&cfg, "act_fn");
    mw_config_only(&cfg, "latents_mean", "null", "the pipeline would shift the latents by channel");
    mw_config_only(&cfg, "latents_std", "null", "the pipeline would scale the latents by channel");
    // The pipelines of SD 1, 2 and XL leave it aside; those of other families, which add it, are refused.
    mw_config_raw(&cfg, "shift_factor");
    *out = (mw_vae_config){
        .in_channels = mw_config_int(&cfg, "in_channels", 3, 3, 3),
        .out_channels = mw_config_int(&cfg, "out_channels", 3, 3, 3),
        .latent_channels = mw_config_int(&cfg, "latent_channels", 4, 1, 256),
        .levels = mw_config_list_size(&cfg, "block_out_channels", MW_VAE_LEVELS),
        .layers = mw_config_int(&cfg, "layers_per_block", 1, 1, 32),
        .groups = mw_config_int(&cfg, "norm_num_groups", 32, 1, 1 << 12),
        .attends = mw_config_bool(&cfg, "mid_block_add_attention", true),
        .quant = mw_config_bool(&cfg, "use_quant_conv", true),
        .post_quant = mw_config_bool(&cfg, "use_post_quant_conv", true),
        .scaling = mw_config_number(&cfg, "scaling_factor", 0.18215, 1e-6, 1e6),
        .force_upcast = mw_config_bool(&cfg, "force_upcast", true),
        .sample_size = sample_size(&cfg),
    };
    mw_config_ints(&cfg, "block_out_channels", 64, 1, 1 << 15, out->levels, out->channels);
    check_types(&cfg, "down_block_types", "DownEncoderBlock2D", out->levels);
    check_types(&cfg, "up_block_types", "UpDecoderBlock2D", out->levels);
    if (mw_err(c) == MW_OK)
        check_channels(&cfg, out);
    return mw_config_done(&cfg);
}
