// unet_config.c: the shape of a text-conditioned UNet, from a diffusers config.json (UNet2DConditionModel).
#include "nodes/nets/unet/unet_config.h"

#include <stdio.h>
#include <string.h>

enum { MAX_CHANNELS = 1 << 15, MAX_DEPTH = 64 };

// What the config says per level, before it is dealt out to blocks.
typedef struct {
    int n;
    int channels[MW_UNET_LEVELS], layers[MW_UNET_LEVELS], heads[MW_UNET_LEVELS], context[MW_UNET_LEVELS];
    bool only_cross[MW_UNET_LEVELS];
} levels;

// Keys whose supported value is one; anything else changes the network in ways that are not built.
static void refuse_others(mw_config *cfg)
{
    static const struct {
        const char *key, *supported, *why;
    } table[] = {
        {"_class_name", "\"UNet2DConditionModel\"", NULL},
        {"class_embed_type", "null", "class conditioning is not supported"},
        {"num_class_embeds", "null", "class conditioning is not supported"},
        {"class_embeddings_concat", "false", "class conditioning is not supported"},
        {"cross_attention_norm", "null", NULL},
        {"dual_cross_attention", "false", NULL},
        {"encoder_hid_dim", "null", "a projection of the text states is not supported"},
        {"encoder_hid_dim_type", "null", "a projection of the text states is not supported"},
        {"mid_block_scale_factor", "1", NULL},
        {"resnet_out_scale_factor", "1", NULL},
        {"resnet_skip_time_act", "false", NULL},
        {"resnet_time_scale_shift", "\"default\"", NULL},
        {"time_cond_proj_dim", "null", "guidance-distilled models are not supported"},
        {"time_embedding_act_fn", "null", NULL},
        {"time_embedding_type", "\"positional\"", NULL},
        {"timestep_post_act", "null", NULL},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        mw_config_only(cfg, table[i].key, table[i].supported, table[i].why);
    mw_config_only_silu(cfg, "act_fn");
}

// GLIGEN. LMD's published code, which says use_gated_attention, takes phrases of SD 1's width whatever the
// width of the text; diffusers those of the text's.
static void read_gated(mw_config *cfg, mw_unet_config *u)
{
    const char *attention = mw_config_text(cfg, "attention_type", "default");
    bool own = mw_config_bool(cfg, "use_gated_attention", false);
    bool gated = attention && strcmp(attention, "gated") == 0;
    if (attention && strcmp(attention, "gated-text-image") == 0)
        mw_config_fail(cfg, "attention_type",
                       "\"gated-text-image\": GLIGEN grounded in pictures is not supported, only \"gated\" "
                       "(boxes and phrases) is");
    else if (attention && !gated && strcmp(attention, "default") != 0)
        mw_config_fail(cfg, "attention_type",
                       "\"%.40s\" is not supported, only \"default\" and \"gated\" are", attention);
    u->gated = gated || own;
    u->phrase_width = own ? 768 : u->context;
}

static int input_channels(mw_config *cfg)
{
    int n = mw_config_int(cfg, "in_channels", 4, 1, 1 << 10);
    if (n == 9)
        mw_config_fail(cfg, "in_channels", "9: inpainting UNets are not supported yet");
    return n;
}

static int odd(mw_config *cfg, const char *key)
{
    int k = mw_config_int(cfg, key, 3, 1, 15);
    if (k % 2 == 0)
        mw_config_fail(cfg, key, "must be odd, got %d", k);
    return k;
}

static void sample_size(mw_config *cfg, mw_unet_config *u)
{
    const json_t *v = mw_config_raw(cfg, "sample_size");
    if (!v)
        return;
    int side[2];
    mw_config_ints(cfg, "sample_size", 0, 1, 1 << 16, 2, side);
    u->sample_height = side[0];
    u->sample_width = side[1];
    const char *version = json_string_value(json_object_get(cfg->json, "_diffusers_version"));
    int major, minor;
    u->doubtful_size = json_is_integer(v) && side[0] < 64 && version &&
        sscanf(version, "%d.%d", &major, &minor) == 2 && major == 0 && minor < 9;
}

static void bools(mw_config *cfg, const char *key, int n, bool *out)
{
    const json_t *v = mw_config_raw(cfg, key);
    bool list = json_is_array(v);
    if (list && json_array_size(v) != (size_t)n) {
        mw_config_fail(cfg, key, "must have %d entries, one for each level, has %zu", n, json_array_size(v));
        return;
    }
    bool one = list ? false : mw_config_bool(cfg, key, false);
    for (int i = 0; i < n; i++) {
        const json_t *e = list ? json_array_get(v, (size_t)i) : NULL;
        if (e && !json_is_boolean(e))
            mw_config_fail(cfg, key, "must hold true or false");
        out[i] = e ? json_is_true(e) : one;
    }
}

// Does the i-th block of the list attend? Two names are supported.
static bool attends(mw_config *cfg, const char *key, int n, int i, const char *plain, const char *cross)
{
    static const char *const usual_down[] = {"CrossAttnDownBlock2D", "DownBlock2D"};
    const json_t *list = mw_config_raw(cfg, key);
    if (!list) // the class's default is SD 1's: all levels attend but the deepest
        return strcmp(cross, usual_down[0]) == 0 ? i < n - 1 : i > 0;
    if (!json_is_array(list) || json_array_size(list) != (size_t)n) {
        mw_config_fail(cfg, key, "must have %d entries, as block_out_channels has", n);
        return false;
    }
    const char *type = json_string_value(json_array_get(list, (size_t)i));
    if (!type || (strcmp(type, plain) != 0 && strcmp(type, cross) != 0))
        mw_config_fail(cfg, key, "\"%.48s\" is not supported, only \"%s\" and \"%s\" are",
                       type ? type : "(no text)", plain, cross);
    return type && strcmp(type, cross) == 0;
}

// Transformer layers of block i, one number for each residual block: an entry may be a number or a list.
static void depths(mw_config *cfg, const char *key, const json_t *v, int n, int i, int layers, int *out)
{
    if (json_is_array(v) && json_array_size(v) != (size_t)n) {
        mw_config_fail(cfg, key, "must have %d entries, one for each level, has %zu", n, json_array_size(v));
        return;
    }
    const json_t *e = json_is_array(v) ? json_array_get(v, (size_t)i) : v;
    if (json_is_array(e) && json_array_size(e) != (size_t)layers) {
        mw_config_fail(cfg, key, "entry %d must have %d numbers, one for each residual block, has %zu", i,
                       layers, json_array_size(e));
        return;
    }
    for (int k = 0; k < layers; k++) {
        const json_t *x = json_is_array(e) ? json_array_get(e, (size_t)k) : e;
        json_int_t d = x ? json_integer_value(x) : 1;
        if (x && (!json_is_integer(x) || d < 0 || d > MAX_DEPTH))
            mw_config_fail(cfg, key, "must hold whole numbers from 0 to %d", MAX_DEPTH);
        out[k] = (int)d;
    }
}

static void read_levels(mw_config *cfg, levels *l)
{
    *l = (levels){.n = mw_config_list_size(cfg, "block_out_channels", MW_UNET_LEVELS)};
    mw_config_ints(cfg, "block_out_channels", 320, 1, MAX_CHANNELS, l->n, l->channels);
    mw_config_ints(cfg, "layers_per_block", 2, 1, MW_UNET_LAYERS - 1, l->n, l->layers);
    // Historically named: attention_head_dim is the NUMBER of heads.
    mw_config_ints(cfg, "attention_head_dim", 8, 1, 1 << 12, l->n, l->heads);
    if (mw_config_raw(cfg, "num_attention_heads"))
        mw_config_ints(cfg, "num_attention_heads", 8, 1, 1 << 12, l->n, l->heads);
    mw_config_ints(cfg, "cross_attention_dim", 1280, 1, MAX_CHANNELS, l->n, l->context);
    bools(cfg, "only_cross_attention", l->n, l->only_cross);
}

static mw_unet_block block_of(const levels *l, int level)
{
    return (mw_unet_block){.channels = l->channels[level],
                           .layers = l->layers[level],
                           .heads = l->heads[level],
                           .context = l->context[level],
                           .only_cross = l->only_cross[level]};
}

static void make_down(mw_config *cfg, const levels *l, mw_unet_config *u)
{
    static const char key[] = "transformer_layers_per_block";
    const json_t *depth = mw_config_raw(cfg, key);
    for (int i = 0; i < l->n; i++) {
        mw_unet_block b = block_of(l, i);
        b.attends = attends(cfg, "down_block_types", l->n, i, "DownBlock2D", "CrossAttnDownBlock2D");
        b.resamples = i < l->n - 1;
        depths(cfg, key, depth, l->n, i, b.layers, b.depth);
        u->down[i] = b;
    }
}

static void make_up(mw_config *cfg, const levels *l, mw_unet_config *u)
{
    static const char straight[] = "transformer_layers_per_block",
                      reverse[] = "reverse_transformer_layers_per_block";
    const json_t *own = mw_config_raw(cfg, reverse), *depth = mw_config_raw(cfg, straight);
    for (int i = 0; i < l->n; i++) {
        int level = l->n - 1 - i;
        mw_unet_block b = block_of(l, level);
        b.layers++;
        b.attends = attends(cfg, "up_block_types", l->n, i, "UpBlock2D", "CrossAttnUpBlock2D");
        b.resamples = level > 0;
        if (own)
            depths(cfg, reverse, own, l->n, i, b.layers, b.depth);
        else if (json_is_array(json_array_get(depth, (size_t)level)))
            mw_config_fail(cfg, straight,
                           "a list of lists needs reverse_transformer_layers_per_block beside it");
        else
            depths(cfg, straight, depth, l->n, level, b.layers, b.depth);
        u->up[i] = b;
    }
}

static void make_mid(mw_config *cfg, const levels *l, mw_unet_config *u)
{
    // An explicit null means that there is no middle block, unlike elsewhere.
    bool none = json_is_null(json_object_get(cfg->json, "mid_block_type"));
    const char *type = mw_config_text(cfg, "mid_block_type", none ? NULL : "UNetMidBlock2DCrossAttn");
    u->mid = block_of(l, l->n - 1);
    u->mid.only_cross = false;
    u->mid.layers = 1;
    u->mid.depth[0] = u->down[l->n - 1].depth[0];
    if (none || !type)
        u->mid_kind = MW_MID_NONE;
    else if (strcmp(type, "UNetMidBlock2DCrossAttn") == 0)
        u->mid_kind = MW_MID_CROSS;
    else if (strcmp(type, "UNetMidBlock2D") == 0)
        u->mid_kind = MW_MID_PLAIN;
    else
        mw_config_fail(
            cfg, "mid_block_type",
            "\"%.48s\" is not supported, only \"UNetMidBlock2DCrossAttn\", \"UNetMidBlock2D\" and null are",
            type);
    u->mid.attends = u->mid_kind == MW_MID_CROSS;
}

static void check_block(mw_config *cfg, mw_unet_config *u, const mw_unet_block *b)
{
    if (b->channels % u->groups)
        mw_config_fail(cfg, "block_out_channels",
                       "%d channels do not divide into norm_num_groups = %d groups", b->channels, u->groups);
    if (!b->attends)
        return;
    if (b->channels % b->heads)
        mw_config_fail(cfg, "attention_head_dim", "%d heads do not divide the %d channels of their level",
                       b->heads, b->channels);
    if (u->context && b->context != u->context)
        mw_config_fail(cfg, "cross_attention_dim", "levels of different widths (%d and %d) are not supported",
                       u->context, b->context);
    u->context = b->context;
}

static void read_addition(mw_config *cfg, mw_unet_config *u)
{
    int width = mw_config_int(cfg, "addition_time_embed_dim", 0, 1, 1 << 14);
    int all = mw_config_int(cfg, "projection_class_embeddings_input_dim", 0, 1, 1 << 16);
    const char *type = mw_config_text(cfg, "addition_embed_type", NULL);
    if (!type)
        return;
    if (strcmp(type, "text_time") != 0)
        mw_config_fail(cfg, "addition_embed_type",
                       "\"%.40s\" is not supported, only null and \"text_time\" are", type);
    else if (width < 2 || width % 2)
        mw_config_fail(cfg, "addition_time_embed_dim", "\"text_time\" needs an even number here, got %d",
                       width);
    else if (all <= width)
        mw_config_fail(cfg, "projection_class_embeddings_input_dim",
                       "must hold the pooled text beside the time ids of %d each, got %d", width, all);
    u->text_time = true;
    u->time_id_width = width;
    u->add_width = all;
}

mw_status mw_unet_config_read(mw_ctx *c, const json_t *json, const char *file, mw_unet_config *out)
{
    mw_config cfg;
    levels l;
    if (mw_config_begin(c, &cfg, json, file) != MW_OK)
        return mw_err(c);
    refuse_others(&cfg);
    read_levels(&cfg, &l);
    *out = (mw_unet_config){
        .in_channels = input_channels(&cfg),
        .out_channels = mw_config_int(&cfg, "out_channels", 4, 1, 1 << 10),
        .levels = l.n,
        .base = l.channels[0],
        .time_width = mw_config_int(&cfg, "time_embedding_dim", 4 * l.channels[0], 1, 1 << 18),
        .groups = mw_config_int(&cfg, "norm_num_groups", 32, 1, 1 << 12),
        .norm_eps = mw_config_number(&cfg, "norm_eps", 1e-5, 1e-12, 1),
        .center_input = mw_config_bool(&cfg, "center_input_sample", false),
        .cos_first = mw_config_bool(&cfg, "flip_sin_to_cos", true),
        .freq_shift = mw_config_number(&cfg, "freq_shift", 0, -1e3, 1e3),
        .down_padding = mw_config_int(&cfg, "downsample_padding", 1, 0, 1),
        .conv_in_kernel = odd(&cfg, "conv_in_kernel"),
        .conv_out_kernel = odd(&cfg, "conv_out_kernel"),
    };
    sample_size(&cfg, out);
    read_addition(&cfg, out);
    make_down(&cfg, &l, out);
    make_up(&cfg, &l, out);
    if (mw_err(c) == MW_OK)
        make_mid(&cfg, &l, out);
    if (mw_err(c) == MW_OK) {
        for (int i = 0; i < l.n; i++) {
            check_block(&cfg, out, &out->down[i]);
            check_block(&cfg, out, &out->up[i]);
        }
        check_block(&cfg, out, &out->mid);
        read_gated(&cfg, out);
        if (out->base % 2)
            mw_config_fail(&cfg, "block_out_channels", "the first number must be even, got %d", out->base);
        if (out->freq_shift >= out->base / 2)
            mw_config_fail(&cfg, "freq_shift", "must be below half the channels of the first level");
    }
    return mw_config_done(&cfg);
}
