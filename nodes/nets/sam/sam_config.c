// sam_config.c: the shape of a Segment Anything network, from a transformers config.json (SamModel).
#include "nodes/nets/sam/sam_config.h"

#include <stdio.h>
#include <string.h>

enum { MOST_TOKENS = 256 }; // along a side; the published models have 64

// A config within the config, `name` in messages; an absent one is empty.
static mw_status begin(mw_ctx *c, mw_config *cfg, const json_t *json, const char *name, const json_t *empty,
                       const char *file, char *label, size_t size)
{
    const json_t *inner = json_object_get(json, name);
    snprintf(label, size, "%s: %s", file, name);
    return mw_config_begin(c, cfg, inner ? inner : empty, label);
}

static void read_everywhere(mw_config *cfg, mw_sam_config *f)
{
    static const int base[] = {2, 5, 8, 11};
    const char *key = "global_attn_indexes";
    const json_t *list = mw_config_raw(cfg, key);
    for (size_t i = 0; !list && i < sizeof base / sizeof *base; i++)
        f->everywhere[base[i]] = true;
    if (list && !json_is_array(list))
        mw_config_fail(cfg, key, "must be a list of layers");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *v = json_array_get(list, i);
        json_int_t n = json_integer_value(v);
        if (!json_is_integer(v) || n < 0 || n >= MW_SAM_LAYERS)
            mw_config_fail(cfg, key, "must be a list of layers from 0 to %d", MW_SAM_LAYERS - 1);
        else
            f->everywhere[n] = true;
    }
}

static void read_vision(mw_config *cfg, mw_sam_config *f)
{
    f->image = mw_config_int(cfg, "image_size", 1024, 1, 1 << 13);
    f->patch = mw_config_int(cfg, "patch_size", 16, 1, 1 << 10);
    f->width = mw_config_int(cfg, "hidden_size", 768, 1, 1 << 16);
    double ratio = mw_config_number(cfg, "mlp_ratio", 4, 1.0 / 256, 256);
    f->inner = mw_config_int(cfg, "mlp_dim", (int)(f->width * ratio), 1, 1 << 18);
    f->layers = mw_config_int(cfg, "num_hidden_layers", 12, 1, MW_SAM_LAYERS);
    f->heads = mw_config_int(cfg, "num_attention_heads", 12, 1, 1 << 12);
    f->window = mw_config_int(cfg, "window_size", 14, 0, MOST_TOKENS);
    read_everywhere(cfg, f);
    f->qkv_bias = mw_config_bool(cfg, "qkv_bias", true);
    f->absolute = mw_config_bool(cfg, "use_abs_pos", true);
    f->relative = mw_config_bool(cfg, "use_rel_pos", true);
    f->eps = mw_config_number(cfg, "layer_norm_eps", 1e-6, 1e-12, 1);
    f->act = mw_config_activation(cfg, "hidden_act", "gelu");
    f->channels = mw_config_int(cfg, "output_channels", 256, 8, 1 << 14);
    f->features = mw_config_int(cfg, "num_pos_feats", 128, 1, 1 << 14);
    mw_config_only(cfg, "num_channels", "3", "pictures have three channels");
    mw_config_raw(cfg, "scale");             // of random position tables
    mw_config_raw(cfg, "intermediate_size"); // published files have these two, nothing reads them
    mw_config_raw(cfg, "projection_dim");
    if (mw_err(cfg->c) != MW_OK)
        return;
    if (f->image % f->patch || f->image / f->patch > MOST_TOKENS)
        mw_config_fail(cfg, "patch_size", "%d does not cut image_size %d into 1 to %d tokens a side",
                       f->patch, f->image, MOST_TOKENS);
    if (f->width % f->heads)
        mw_config_fail(cfg, "num_attention_heads", "%d heads do not divide hidden_size %d", f->heads,
                       f->width);
    if (f->channels % 8 || f->channels != 2 * f->features)
        mw_config_fail(cfg, "output_channels", "%d must be divisible by 8 and twice num_pos_feats, %d",
                       f->channels, f->features);
}

// A key that must repeat what another part says.
static void same(mw_config *cfg, const char *key, int def, int value, const char *as)
{
    int got = mw_config_int(cfg, key, def, 1, 1 << 14);
    if (mw_err(cfg->c) == MW_OK && got != value)
        mw_config_fail(cfg, key, "must be %d, as %s says, got %d", value, as, got);
}

static void read_prompt(mw_config *cfg, mw_sam_config *f)
{
    same(cfg, "hidden_size", 256, f->channels, "vision_config's output_channels");
    same(cfg, "image_size", 1024, f->image, "vision_config's");
    same(cfg, "patch_size", 16, f->patch, "vision_config's");
    mw_config_raw(cfg, "image_embedding_size"); // image_size / patch_size
    mw_config_only(cfg, "num_point_embeddings", "4", NULL);
    f->mask_channels = mw_config_int(cfg, "mask_input_channels", 16, 4, 1 << 12);
    f->prompt_eps = mw_config_number(cfg, "layer_norm_eps", 1e-6, 1e-12, 1);
    f->prompt_act = mw_config_activation(cfg, "hidden_act", "gelu");
    if (mw_err(cfg->c) == MW_OK && f->mask_channels % 4)
        mw_config_fail(cfg, "mask_input_channels", "%d is not divisible by 4", f->mask_channels);
}

static void read_decoder(mw_config *cfg, mw_sam_config *f)
{
    same(cfg, "hidden_size", 256, f->channels, "vision_config's output_channels");
    mw_config_only(cfg, "hidden_act", "\"relu\"", NULL);
    f->decoder_layers = mw_config_int(cfg, "num_hidden_layers", 2, 1, 64);
    f->decoder_heads = mw_config_int(cfg, "num_attention_heads", 8, 1, 1 << 12);
    f->decoder_inner = mw_config_int(cfg, "mlp_dim", 2048, 1, 1 << 18);
    f->shrink = mw_config_int(cfg, "attention_downsample_rate", 2, 1, 256);
    f->decoder_eps = mw_config_number(cfg, "layer_norm_eps", 1e-6, 1e-12, 1);
    f->masks = mw_config_int(cfg, "num_multimask_outputs", 3, 1, 16);
    f->score_depth = mw_config_int(cfg, "iou_head_depth", 3, 2, 64);
    f->score_inner = mw_config_int(cfg, "iou_head_hidden_dim", 256, 1, 1 << 14);
    if (mw_err(cfg->c) != MW_OK)
        return;
    if (f->channels % f->shrink || f->channels / f->shrink % f->decoder_heads ||
        f->channels / 2 % f->decoder_heads)
        mw_config_fail(cfg, "num_attention_heads", "%d heads do not divide hidden_size %d / 2 and / %d",
                       f->decoder_heads, f->channels, f->shrink);
}

mw_status mw_sam_config_read(mw_ctx *c, const json_t *json, const char *file, mw_sam_config *out)
{
    static const struct {
        const char *name;
        void (*read)(mw_config *cfg, mw_sam_config *f);
    } parts[] = {{"vision_config", read_vision},
                 {"prompt_encoder_config", read_prompt},
                 {"mask_decoder_config", read_decoder}};
    char label[512];
    mw_config cfg;
    json_t *empty = json_object();
    *out = (mw_sam_config){0};
    if (mw_config_begin(c, &cfg, json, file) == MW_OK) {
        const char *type = mw_config_text(&cfg, "model_type", "");
        if (type && strcmp(type, "sam") != 0)
            mw_config_fail(&cfg, "model_type", "must be \"sam\", got \"%.40s\"", type);
        for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
            mw_config_raw(&cfg, parts[i].name);
        mw_config_done(&cfg);
    }
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (begin(c, &cfg, json, parts[i].name, empty, file, label, sizeof label) == MW_OK) {
            parts[i].read(&cfg, out);
            mw_config_done(&cfg);
        }
    json_decref(empty);
    return mw_err(c);
}
