// test_net_configs.c: configs of networks: what is read, what is refused and how, what is warned of; names of
// layers.
#include "core/io/json.h"
#include "nodes/nets/clip/clip_text.h"
#include "nodes/nets/unet/unet.h"
#include "nodes/nets/vae/vae.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static mw_ctx *c;
static char warnings[2048];

static void keep_warning(void *user, mw_log_level level, const char *text)
{
    (void)user;
    size_t n = strlen(warnings);
    if (level <= MW_LOG_WARN)
        snprintf(warnings + n, sizeof warnings - n, "%s\n", text);
}

static int begin(void **state)
{
    (void)state;
    mw_err_clear(c);
    warnings[0] = 0;
    return 0;
}

// The config at `path` with one key changed (value as JSON text; NULL: the key removed).
static json_t *changed(const char *path, const char *key, const char *value)
{
    json_t *j = mw_json_load(c, path);
    assert_non_null(j);
    if (key && value)
        json_object_set_new(j, key, json_loads(value, JSON_DECODE_ANY, NULL));
    else if (key)
        json_object_del(j, key);
    return j;
}

static void assert_refused(const char *key, const char *value, const char *with)
{
    char quoted[80];
    snprintf(quoted, sizeof quoted, "file.json: '%s'", key);
    if (mw_err(c) != MW_E_FILE || !strstr(mw_errmsg(c), with) || !strstr(mw_errmsg(c), quoted))
        fail_msg("%s = %s: expected a refusal with '%s', got '%s'", key, value, with, mw_errmsg(c));
    mw_err_clear(c);
}

// ---- UNet

#define SD15 "tests/golden/unet/sd15_forward/model/config.json"
#define SDXL "tests/golden/unet/sdxl_forward/model/config.json"

static mw_unet_config unet(const char *path, const char *key, const char *value)
{
    mw_unet_config u = {0};
    json_t *j = changed(path, key, value);
    mw_unet_config_read(c, j, "file.json", &u);
    json_decref(j);
    return u;
}

static void unet_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *key, *value, *with;
    } t[] = {
        {"_class_name", "\"UNet1D\"", "\"UNet1D\" is not supported"},
        {"in_channels", "9", "inpainting UNets are not supported yet"},
        {"in_channels", "0", "from 1 to"},
        {"attention_type", "\"gated-text-image\"", "grounded in pictures is not supported"},
        {"attention_type", "\"odd\"", "only \"default\" and \"gated\" are"},
        {"class_embed_type", "\"timestep\"", "class conditioning"},
        {"num_class_embeds", "1000", "class conditioning"},
        {"encoder_hid_dim", "512", "projection of the text states"},
        {"resnet_time_scale_shift", "\"scale_shift\"", "only \"default\" is"},
        {"resnet_out_scale_factor", "1.4", "only 1 is"},
        {"time_cond_proj_dim", "256", "distilled"},
        {"time_embedding_type", "\"fourier\"", "only \"positional\" is"},
        {"act_fn", "\"gelu\"", "only \"silu\""},
        {"act_fn", "\"relu\"", "\"relu\" is not supported"},
        {"dual_cross_attention", "true", "only false is"},
        {"mid_block_type", "\"UNetMidBlock2DSimpleCrossAttn\"", "is not supported"},
        {"down_block_types", "[\"AttnDownBlock2D\",\"DownBlock2D\",\"DownBlock2D\",\"DownBlock2D\"]",
         "\"AttnDownBlock2D\" is not supported"},
        {"down_block_types", "[\"DownBlock2D\"]", "must have 4 entries"},
        {"up_block_types", "[1,2,3,4]", "(no text)"},
        {"block_out_channels", "[]", "list of 1 to 8"},
        {"block_out_channels", "[16,32,32,36]", "36 channels do not divide into norm_num_groups = 8"},
        {"block_out_channels", "[16,32,-32,32]", "from 1 to"},
        {"attention_head_dim", "3", "3 heads do not divide the 16 channels"},
        {"attention_head_dim", "[2,2]", "must have 4 entries, one for each level, has 2"},
        {"attention_head_dim", "0", "from 1 to"},
        {"layers_per_block", "100000", "from 1 to 11"},
        {"layers_per_block", "[2,2,2]", "must have 4 entries"},
        {"transformer_layers_per_block", "[1,2]", "must have 4 entries"},
        {"transformer_layers_per_block", "[1,1,1,\"x\"]", "whole numbers from 0 to"},
        {"transformer_layers_per_block", "[1,1,[1,1],1]", "needs reverse_transformer_layers_per_block"},
        {"reverse_transformer_layers_per_block", "[1,1,1,[1,1]]", "entry 3 must have 3 numbers"},
        {"only_cross_attention", "[true]", "must have 4 entries"},
        {"only_cross_attention", "[1,2,3,4]", "true or false"},
        {"cross_attention_dim", "[32,16,32,32]", "levels of different widths"},
        {"conv_in_kernel", "4", "must be odd, got 4"},
        {"downsample_padding", "2", "from 0 to 1"},
        {"norm_eps", "0", "must be from"},
        {"norm_num_groups", "\"many\"", "many"},
        {"freq_shift", "8", "below half"},
        {"addition_embed_type", "\"image\"", "only null and \"text_time\" are"},
        {"addition_embed_type", "\"text_time\"", ""},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        unet(SD15, t[i].key, t[i].value);
        if (*t[i].with)
            assert_refused(t[i].key, t[i].value, t[i].with);
    }
    assert_refused("addition_time_embed_dim", "null", "\"text_time\" needs an even number here, got 0");
    unet(SDXL, "projection_class_embeddings_input_dim", "8");
    assert_refused("projection_class_embeddings_input_dim", "8", "must hold the pooled text");
}

static void unet_levels(void **state)
{
    (void)state;
    mw_unet_config u = unet(SDXL, NULL, NULL);
    assert_string_equal(mw_errmsg(c), "");
    assert_string_equal(warnings, "");
    assert_int_equal(u.levels, 3);
    assert_false(u.down[0].attends);
    assert_true(u.down[1].attends && u.up[0].attends && !u.up[2].attends);
    assert_int_equal(u.down[2].depth[0], 3);
    assert_int_equal(u.up[0].depth[2], 3);
    assert_int_equal(u.up[0].layers, 3);
    assert_int_equal(u.up[1].depth[0], 2);
    assert_int_equal(u.mid.depth[0], 3);
    assert_int_equal(u.mid.heads, 4);
    assert_int_equal(u.add_width, 72);
    assert_int_equal(u.context, 48);
    assert_true(u.down[1].resamples && !u.down[2].resamples && u.up[1].resamples && !u.up[2].resamples);

    u = unet(SD15, "num_attention_heads", "[1,2,4,8]"); // the plain name wins over the historical one
    assert_int_equal(u.down[3].heads, 8);
    assert_int_equal(u.up[3].heads, 1);
    assert_int_equal(unet(SD15, "mid_block_type", "null").mid_kind, MW_MID_NONE);
    assert_int_equal(unet(SD15, "mid_block_type", NULL).mid_kind, MW_MID_CROSS);
    assert_int_equal(unet(SD15, "sample_size", "[8,12]").sample_width, 12);
    u = unet(SD15, "down_block_types", NULL); // SD 1's are the defaults
    assert_true(u.down[2].attends && !u.down[3].attends);
    u = unet(SD15, "layers_per_block", "[1,2,3,1]");
    assert_int_equal(u.up[1].layers, 4);
    assert_string_equal(mw_errmsg(c), "");
}

static void unet_gates(void **state)
{
    (void)state;
    assert_false(unet(SD15, NULL, NULL).gated);
    mw_unet_config u = unet(SD15, "attention_type", "\"gated\"");
    assert_true(u.gated);
    assert_int_equal(u.phrase_width, u.context);
    u = unet(SD15, "use_gated_attention", "true"); // LMD's own code: SD 1's width whatever the text's
    assert_true(u.gated);
    assert_int_equal(u.phrase_width, 768);
    assert_string_equal(mw_errmsg(c), "");
    assert_string_equal(warnings, "");
}

static void unknown_keys_are_warned_of(void **state)
{
    (void)state;
    unet(SD15, "sampler_magic", "{\"a\": 3}");
    assert_int_equal(mw_err(c), MW_OK);
    assert_string_equal(warnings, "file.json: unknown key 'sampler_magic' ({\"a\":3}) is ignored\n");
}

static void layer_names(void **state)
{
    (void)state;
    static const char *const same[][2] = {
        {"mid", "mid_block.attentions.0.transformer_blocks.0.attn2"},
        {"mid.0", "mid_block.attentions.0.transformer_blocks.0.attn2"},
        {"mid.0.0", "mid_block.attentions.0.transformer_blocks.0.attn2"},
        {"mid.0.2", "mid_block.attentions.0.transformer_blocks.2.attn2"},
        {"up.0.1", "up_blocks.0.attentions.1.transformer_blocks.0.attn2"},
        {"up.0.1.2", "up_blocks.0.attentions.1.transformer_blocks.2.attn2"},
        {"down_blocks.1.attentions.1.transformer_blocks.1",
         "down_blocks.1.attentions.1.transformer_blocks.1.attn2"},
        {"down_blocks.2.attentions.0.transformer_blocks.2.attn2",
         "down_blocks.2.attentions.0.transformer_blocks.2.attn2"},
    };
    char path[96];
    mw_unet_config u = unet(SDXL, NULL, NULL);
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        assert_int_equal(mw_unet_layer_path(c, &u, same[i][0], path, sizeof path), MW_OK);
        assert_string_equal(path, same[i][1]);
    }
    static const char *const none[] = {"",        "up",    "up.0",       "up.2.0",   "down.0.0",
                                       "mid.0.3", "mid.1", "up.0.1.2.3", "mid_block"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        assert_int_equal(mw_unet_layer_path(c, &u, none[i], path, sizeof path), MW_E_ARG);
        assert_non_null(strstr(mw_errmsg(c), "it has down.1.0 down.1.0.1 down.1.1"));
        mw_err_clear(c);
    }
    int n = 0, heads, level;
    while (mw_unet_layer_at(&u, n, path, sizeof path, &heads, &level))
        n++;
    assert_int_equal(n, 2 * 2 + 2 * 3 + 3 + 3 * 3 + 3 * 2);
    assert_true(mw_unet_layer_at(&u, 10, path, sizeof path, &heads, &level));
    assert_string_equal(path, "mid_block.attentions.0.transformer_blocks.0.attn2");
    assert_int_equal(level, 2);
    assert_false(mw_unet_layer_at(&u, -1, path, sizeof path, NULL, NULL));
}

// ---- autoencoder, text encoder

static void vae_configs(void **state)
{
    (void)state;
    static const struct {
        const char *key, *value, *with;
    } t[] = {
        {"_class_name", "\"AsymmetricAutoencoderKL\"", "only \"AutoencoderKL\" is"},
        {"latents_mean", "[0,0,0,0]", "only null is"},
        {"act_fn", "\"gelu\"", "only \"silu\""},
        {"down_block_types", "[\"AttnDownEncoderBlock2D\"]", "must have 4 entries"},
        {"up_block_types", "[\"UpDecoderBlock2D\",\"X\",\"UpDecoderBlock2D\",\"UpDecoderBlock2D\"]", "\"X\""},
        {"in_channels", "4", "in_channels"},
        {"block_out_channels", "[8,16,32,36]", "36 channels do not divide"},
        {"scaling_factor", "0", "must be from"},
        {"block_out_channels", "7", "must be a list"},
        {"sample_size", "[-3,3]", "must be positive"},
    };
    mw_vae_config v;
    json_t *j = changed("tests/golden/vae/four_level/model/config.json", NULL, NULL);
    assert_int_equal(mw_vae_config_read(c, j, "file.json", &v), MW_OK);
    assert_int_equal(v.levels, 4);
    assert_int_equal(v.channels[3], 32);
    assert_string_equal(warnings, "");
    json_decref(j);
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        j = changed("tests/golden/vae/four_level/model/config.json", t[i].key, t[i].value);
        mw_vae_config_read(c, j, "file.json", &v);
        assert_refused(t[i].key, t[i].value, t[i].with);
        json_decref(j);
    }
}

#define CLIP "tests/golden/clip_text/sdxl_projection/model/config.json"

static void clip_configs(void **state)
{
    (void)state;
    static const struct {
        const char *key, *value, *with;
    } t[] = {
        {"model_type", "\"bert\"", "only \"clip_text_model\" is"},
        {"hidden_act", "\"relu6\"", "is not supported"},
        {"num_attention_heads", "5", "5 heads do not divide hidden_size 48"},
        {"num_hidden_layers", "0", "from 1 to"},
        {"hidden_size", "48.5", "48.5"},
        {"eos_token_id", "[1,2]", "[1,2]"},
        {"layer_norm_eps", "-1", "must be from"},
    };
    mw_clip_text_config f;
    json_t *j = changed(CLIP, NULL, NULL);
    assert_int_equal(mw_clip_text_config_read(c, j, "file.json", &f), MW_OK);
    assert_int_equal(f.projection, 24);
    // a whole CLIP: the projection's width is named outside of the text tower's config
    json_t *whole =
        json_pack("{s:s, s:i, s:O}", "model_type", "clip", "projection_dim", 20, "text_config", j);
    assert_int_equal(mw_clip_text_config_read(c, whole, "file.json", &f), MW_OK);
    assert_int_equal(f.projection, 20);
    assert_int_equal(f.width, 48);
    assert_string_equal(warnings, "");
    json_decref(whole);
    json_decref(j);
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        j = changed(CLIP, t[i].key, t[i].value);
        mw_clip_text_config_read(c, j, "file.json", &f);
        assert_refused(t[i].key, t[i].value, t[i].with);
        json_decref(j);
    }
    j = json_loads("[1]", 0, NULL);
    assert_int_equal(mw_clip_text_config_read(c, j, "file.json", &f), MW_E_FILE);
    json_decref(j);
}

// ---- the published models: as many parameters as their checkpoints have

static int64_t parameters(const char *family, const char *part)
{
    mw_weight_source any = {.path = "none"}; // has whatever is asked for
    union {
        mw_unet_model unet;
        mw_vae_model vae;
        mw_clip_text text;
    } m;
    char path[128];
    snprintf(path, sizeof path, "models/families/%s/%s/config.json", family, part);
    json_t *j = mw_json_load(c, path);
    mw_weights *w = mw_weights_new(c, any, part, MW_F16);
    memset(&m, 0, sizeof m);
    if (strcmp(part, "unet") == 0) {
        mw_unet_config_read(c, j, path, &m.unet.config);
        m.unet.weights = w;
        mw_unet_load(c, &m.unet);
    } else if (strcmp(part, "vae") == 0) {
        mw_vae_config_read(c, j, path, &m.vae.config);
        m.vae.weights = w;
        mw_vae_load(c, &m.vae);
    } else {
        mw_clip_text_config_read(c, j, path, &m.text.config);
        m.text.weights = w;
        mw_clip_text_load(c, &m.text);
    }
    assert_string_equal(mw_errmsg(c), "");
    int64_t n = mw_weights_count(w);
    mw_weights_free(w);
    json_decref(j);
    return n;
}

static void published_sizes(void **state)
{
    (void)state;
    assert_int_equal(parameters("sd1", "unet"), 859520964);
    assert_int_equal(parameters("sd1", "vae"), 83653863);
    assert_int_equal(parameters("sd1", "text_encoder"), 123060480);
    assert_int_equal(parameters("sd2", "unet"), 865910724);
    assert_int_equal(parameters("sd2_v", "text_encoder"), 340387840);
    assert_int_equal(parameters("sdxl", "unet"), 2567463684);
    assert_int_equal(parameters("sdxl", "text_encoder"), 123060480);
    assert_int_equal(parameters("sdxl", "text_encoder_2"), 694659840);
    assert_string_equal(warnings, "");
}

static int start(void **state)
{
    (void)state;
    c = mw_ctx_new();
    c->log = keep_warning;
    return 0;
}

static int stop(void **state)
{
    (void)state;
    mw_ctx_free(c);
    return 0;
}

#define T(f) cmocka_unit_test_setup(f, begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(unet_refusals), T(unet_levels), T(unet_gates),   T(unknown_keys_are_warned_of),
        T(layer_names),   T(vae_configs), T(clip_configs), T(published_sizes),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
