// test_lora.c: LoRA files of several dialects change the right weights by the right amounts; the rest is
// refused.
// Long: every spelling of LoRA files, with what each is merged to.
#include "tests/nodes/checkpoint_test.h"

#include "core/cl/device.h"
#include "nodes/nets/lora/lora.h"
#include "nodes/nets/lora/lora_names.h"

#include <math.h>

enum { RANK = 2, MAX_TENSORS = 12 };

// The miniature's first attention: 64 channels, a 1x1 convolution in front, text states of width 128.
#define TO_K "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k" // [64,128]
#define FC1 "encoder.layers.1.mlp.fc1"                                    // [512,128]
#define CONV1 "down_blocks.0.resnets.0.conv1"                             // [64,64,3,3]

static mw_checkpoint *model;

// A tensor to write: values from a formula, so that the change can be computed a second time.
typedef struct spec {
    const char *name;
    int ndim;
    int64_t shape[4];
    double phase;
} spec;

static float value(const spec *s, int64_t i) { return (float)(sin(0.37 * (double)i + s->phase) / 4); }

static const char *write_lora(const spec *s, int n, const char *const *metadata)
{
    const char *path = in_folder("lora.safetensors");
    mw_st_out out[MAX_TENSORS];
    float *data[MAX_TENSORS];
    for (int k = 0; k < n; k++) {
        int64_t count = 1;
        for (int d = 0; d < s[k].ndim; d++)
            count *= s[k].shape[d];
        data[k] = malloc((size_t)count * sizeof(float));
        for (int64_t i = 0; i < count; i++)
            data[k][i] = s[k].ndim ? value(&s[k], i) : (float)s[k].phase;
        out[k] = (mw_st_out){s[k].name, MW_ST_F32, s[k].ndim, s[k].shape, data[k]};
    }
    assert_int_equal(mw_st_write(c, path, out, (size_t)n, metadata), MW_OK);
    for (int k = 0; k < n; k++)
        free(data[k]);
    return path;
}

static mw_lora *open_lora(const spec *s, int n, const char *const *metadata)
{
    mw_lora *l = mw_lora_open(c, write_lora(s, n, metadata), model);
    assert_string_equal(mw_errmsg(c), "");
    return l;
}

// The change of `weight` is scale * up * down, by plain loops.
static void assert_change(const mw_lora *l, int part, const char *weight, const spec *up, const spec *down,
                          double scale)
{
    int64_t n = up->shape[0], r = down->shape[0], k = 1, shape[4] = {n};
    int ndim = down->ndim;
    for (int d = 1; d < ndim; d++)
        k *= shape[d] = down->shape[d];
    float *got = calloc((size_t)(n * k), sizeof *got);
    assert_int_equal(mw_lora_add(c, l, part, 1, weight, ndim, shape, got), MW_OK);
    double worst = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < k; j++) {
            double want = 0;
            for (int64_t q = 0; q < r; q++)
                want += (double)value(up, i * r + q) * (double)value(down, q * k + j);
            worst = fmax(worst, fabs(scale * want - (double)got[i * k + j]));
        }
    free(got);
    assert_true(worst < 1e-6);
}

static void assert_lora_refused(const spec *s, int n, const char *const *metadata, const char *pieces)
{
    char list[256];
    snprintf(list, sizeof list, "%s", pieces);
    assert_null(mw_lora_open(c, write_lora(s, n, metadata), model));
    assert_int_equal(mw_err(c), MW_E_FILE);
    for (char *save, *p = strtok_r(list, "|", &save); p; p = strtok_r(NULL, "|", &save))
        if (!strstr(mw_errmsg(c), p))
            fail_msg("'%s' is not in: %s", p, mw_errmsg(c));
    mw_err_clear(c);
}

static spec down_of(const char *name, int64_t k) { return (spec){name, 2, {RANK, k}, 0.3}; }
static spec up_of(const char *name, int64_t n) { return (spec){name, 2, {n, RANK}, 1.1}; }

// Each dialect's names of one module, without alpha: the change is up * down alone.
static void every_dialect_names_the_same_weight(void **state)
{
    (void)state;
    static const struct {
        const char *down, *up;
        int part;
        const char *weight;
        int64_t n, k;
    } dialects[] = {
        {"lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k.lora_down.weight",
         "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k.lora_up.weight", 0, TO_K, 64,
         128},
        {"lora_unet_input_blocks_1_1_transformer_blocks_0_attn2_to_k.lora_down.weight",
         "lora_unet_input_blocks_1_1_transformer_blocks_0_attn2_to_k.lora_up.weight", 0, TO_K, 64, 128},
        {"unet." TO_K ".lora_A.weight", "unet." TO_K ".lora_B.weight", 0, TO_K, 64, 128},
        {"unet." TO_K ".lora_A.default.weight", "unet." TO_K ".lora_B.default.weight", 0, TO_K, 64, 128},
        {"unet.base_model.model." TO_K ".lora_A.weight", "unet.base_model.model." TO_K ".lora_B.weight", 0,
         TO_K, 64, 128},
        {"base_model.model." TO_K ".lora_A.weight", "base_model.model." TO_K ".lora_B.weight", 0, TO_K, 64,
         128},
        {"unet.down_blocks.0.attentions.0.transformer_blocks.0.attn2.processor.to_k_lora.down.weight",
         "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn2.processor.to_k_lora.up.weight", 0, TO_K,
         64, 128},
        {"unet." TO_K ".lora.down.weight", "unet." TO_K ".lora.up.weight", 0, TO_K, 64, 128},
        {"diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.lora_A.weight",
         "diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.lora_B.weight", 0, TO_K, 64, 128},
        {"lycoris_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k.lora_down.weight",
         "lycoris_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k.lora_up.weight", 0, TO_K, 64,
         128},
        {"lycoris_text_model_encoder_layers_1_mlp_fc1.lora_down.weight",
         "lycoris_text_model_encoder_layers_1_mlp_fc1.lora_up.weight", 1, FC1, 512, 128},
        {"text_encoders.clip_l.transformer.text_model." FC1 ".lora_down.weight",
         "text_encoders.clip_l.transformer.text_model." FC1 ".lora_up.weight", 1, FC1, 512, 128},
        {"text_encoders.clip_h.transformer.text_model." FC1 ".lora_A.weight",
         "text_encoders.clip_h.transformer.text_model." FC1 ".lora_B.weight", 1, FC1, 512, 128},
        {"lora_te_text_model_encoder_layers_1_mlp_fc1.lora_down.weight",
         "lora_te_text_model_encoder_layers_1_mlp_fc1.lora_up.weight", 1, FC1, 512, 128},
        {"lora_te1_text_model_encoder_layers_1_mlp_fc1.lora_down.weight",
         "lora_te1_text_model_encoder_layers_1_mlp_fc1.lora_up.weight", 1, FC1, 512, 128},
        {"text_encoder.text_model." FC1 ".lora_A.weight", "text_encoder.text_model." FC1 ".lora_B.weight", 1,
         FC1, 512, 128},
        {"text_encoder.text_model." FC1 ".lora_linear_layer.down.weight",
         "text_encoder.text_model." FC1 ".lora_linear_layer.up.weight", 1, FC1, 512, 128},
    };
    for (size_t i = 0; i < sizeof dialects / sizeof *dialects; i++) {
        spec s[] = {down_of(dialects[i].down, dialects[i].k), up_of(dialects[i].up, dialects[i].n)};
        char weight[256];
        snprintf(weight, sizeof weight, "%s.weight", dialects[i].weight);
        mw_lora *l = open_lora(s, 2, NULL);
        assert_change(l, dialects[i].part, weight, &s[1], &s[0], 1);
        mw_lora_release(l);
    }
}

static void alpha_is_divided_by_the_rank(void **state)
{
    (void)state;
    spec s[] = {down_of("lora_unet_down_blocks_0_attentions_0_proj_in.lora_down.weight", 64),
                up_of("lora_unet_down_blocks_0_attentions_0_proj_in.lora_up.weight", 64),
                {"lora_unet_down_blocks_0_attentions_0_proj_in.alpha", 0, {0}, 3}};
    s[0].ndim = s[1].ndim = 4; // a 1x1 convolution
    s[0].shape[2] = s[0].shape[3] = s[1].shape[2] = s[1].shape[3] = 1;
    mw_lora *l = open_lora(s, 3, NULL);
    assert_change(l, 0, "down_blocks.0.attentions.0.proj_in.weight", &s[1], &s[0], 1.5);
    mw_lora_release(l);
}

static void alpha_comes_from_metadata(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        double scale;
    } cases[] = {
        {"{\"unet.lora_alpha\": 6, \"unet.r\": 2}", 3},
        {"{\"unet.lora_alpha\": 6, \"unet.use_rslora\": true}", 6 / 1.4142135623730951},
        {"{\"unet.lora_alpha\": 6, \"unet.alpha_pattern\": {\"attn2.to_k\": 1}}", 0.5},
        {"{\"unet.lora_alpha\": 6, \"unet.alpha_pattern\": {\"2.to_k\": 1, \"^" TO_K "\": 5}}", 2.5},
        {"{\"text_encoder.lora_alpha\": 6}", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        spec s[] = {down_of("unet." TO_K ".lora_A.weight", 128), up_of("unet." TO_K ".lora_B.weight", 64)};
        mw_lora *l = open_lora(s, 2, (const char *[]){"lora_adapter_metadata", cases[i].json, NULL});
        assert_change(l, 0, TO_K ".weight", &s[1], &s[0], cases[i].scale);
        mw_lora_release(l);
    }
}

static void a_folder_of_peft_has_its_own_settings(void **state)
{
    (void)state;
    spec s[] = {down_of("base_model.model." TO_K ".lora_A.weight", 128),
                up_of("base_model.model." TO_K ".lora_B.weight", 64)};
    write_lora(s, 2, NULL);
    shell("mkdir -p peft; mv lora.safetensors peft/adapter_model.safetensors; echo '{\"lora_alpha\": 8, "
          "\"r\": 2}' > "
          "peft/adapter_config.json");
    mw_lora *l = mw_lora_open(c, in_folder("peft"), model);
    assert_string_equal(mw_errmsg(c), "");
    assert_change(l, 0, TO_K ".weight", &s[1], &s[0], 4);
    mw_lora_release(l);
}

// What PEFT's settings say that is not built is refused by name, in the file beside and in the metadata.
static void settings_of_peft_are_read_or_refused(void **state)
{
    (void)state;
    static const struct {
        const char *key, *value, *words; // words: NULL where it does no harm
    } cases[] = {
        {"init_lora_weights", "\"pissa\"", "init_lora_weights|pissa"},
        {"init_lora_weights", "\"pissa_niter_16\"", "init_lora_weights|pissa_niter_16"},
        {"init_lora_weights", "\"olora\"", "init_lora_weights|olora"},
        {"init_lora_weights", "\"corda\"", "init_lora_weights|corda"},
        {"init_lora_weights", "\"loftq\"", "init_lora_weights|loftq"},
        {"init_lora_weights", "\"gaussian\"", NULL},
        {"init_lora_weights", "true", NULL},
        {"peft_type", "\"LOHA\"", "peft_type|LOHA"},
        {"bias", "\"all\"", "bias"},
        {"fan_in_fan_out", "true", "fan_in_fan_out"},
        {"modules_to_save", "[\"conv_in\"]", "modules_to_save"},
        {"modules_to_save", "[]", NULL},
        {"use_dora", "true", "use_dora|DoRA"},
        {"lora_bias", "true", "lora_bias"},
        {"layer_replication", "[[0, 4], [2, 5]]", "layer_replication"},
        {"lora_dropout", "0.1", NULL},
        {"target_modules", "[\"to_k\"]", NULL},
        {"loftq_config", "{}", NULL},
    };
    spec s[] = {down_of("unet." TO_K ".lora_A.weight", 128), up_of("unet." TO_K ".lora_B.weight", 64)};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char json[128];
        snprintf(json, sizeof json, "{\"unet.lora_alpha\": 2, \"unet.%s\": %s}", cases[i].key,
                 cases[i].value);
        const char *metadata[] = {"lora_adapter_metadata", json, NULL};
        clear_warnings();
        if (cases[i].words)
            assert_lora_refused(s, 2, metadata, cases[i].words);
        else
            mw_lora_release(open_lora(s, 2, metadata));
        assert_string_equal(warnings, "");
        write_lora(s, 2, NULL);
        shell("mkdir -p peft; mv lora.safetensors peft/adapter_model.safetensors; echo '{\"lora_alpha\": 2, "
              "\"%s\": "
              "%s}' > peft/adapter_config.json",
              cases[i].key, cases[i].value);
        mw_lora *l = mw_lora_open(c, in_folder("peft"), model);
        assert_int_equal(l == NULL, cases[i].words != NULL);
        assert_true(l || (strstr(mw_errmsg(c), "adapter_config.json") && strstr(mw_errmsg(c), cases[i].key)));
        assert_string_equal(warnings, "");
        mw_lora_release(l);
        mw_err_clear(c);
    }
    static const char *const unknown[] = {"lora_adapter_metadata", "{\"unet.use_something_new\": true}",
                                          NULL};
    mw_lora_release(open_lora(s, 2, unknown));
    assert_non_null(strstr(warnings, "unknown key 'use_something_new' (true) is ignored"));
}

// A number that is none is the LoRA's fault, not the model's.
static void what_is_no_number_is_blamed_on_the_lora(void **state)
{
    (void)state;
    spec s[] = {down_of("unet." TO_K ".lora_A.weight", 128), up_of("unet." TO_K ".lora_B.weight", 64)};
    float values[64 * 128] = {0};
    s[1].phase = NAN;
    mw_lora *l = open_lora(s, 2, NULL);
    assert_int_equal(mw_lora_add(c, l, 0, 1, TO_K ".weight", 2, (int64_t[]){64, 128}, values), MW_E_FILE);
    assert_non_null(strstr(mw_errmsg(c), "lora.safetensors: tensor 'unet." TO_K ".lora_B.weight'"));
    mw_err_clear(c);
    mw_lora_release(l);
    s[1].phase = 1.1;
    l = open_lora(s, 2, NULL);
    assert_int_equal(mw_lora_add(c, l, 0, 1e300, TO_K ".weight", 2, (int64_t[]){64, 128}, values), MW_E_FILE);
    assert_non_null(strstr(mw_errmsg(c), "lora.safetensors: module '" TO_K "'"));
    mw_err_clear(c);
    mw_lora_release(l);
}

static void convolutions_change(void **state)
{
    (void)state;
    spec s[] = {{"unet." CONV1 ".lora_A.weight", 4, {RANK, 64, 3, 3}, 0.2},
                up_of("unet." CONV1 ".lora_B.weight", 64)};
    mw_lora *l = open_lora(s, 2, NULL);
    assert_change(l, 0, CONV1 ".weight", &s[1], &s[0], 1);
    mw_lora_release(l);
}

// With a factor in the middle: W'[o,i,y,x] = sum over p, q of up[o,p] mid[p,q,y,x] down[q,i].
static void a_factor_in_the_middle_counts(void **state)
{
    (void)state;
    const char *front = "lora_unet_down_blocks_0_resnets_0_conv1";
    char names[3][128];
    snprintf(names[0], sizeof names[0], "%s.lora_down.weight", front);
    snprintf(names[1], sizeof names[1], "%s.lora_mid.weight", front);
    snprintf(names[2], sizeof names[2], "%s.lora_up.weight", front);
    spec down = {names[0], 4, {RANK, 64, 1, 1}, 0.2}, mid = {names[1], 4, {RANK, RANK, 3, 3}, 0.9};
    spec up = {names[2], 4, {64, RANK, 1, 1}, 1.3}, s[] = {down, mid, up};
    mw_lora *l = open_lora(s, 3, NULL);
    static float got[64 * 64 * 9];
    memset(got, 0, sizeof got);
    assert_int_equal(mw_lora_add(c, l, 0, 2, CONV1 ".weight", 4, (int64_t[]){64, 64, 3, 3}, got), MW_OK);
    double worst = 0;
    for (int64_t o = 0; o < 64; o++)
        for (int64_t i = 0; i < 64; i++)
            for (int64_t y = 0; y < 9; y++) {
                double want = 0;
                for (int64_t p = 0; p < RANK; p++)
                    for (int64_t q = 0; q < RANK; q++)
                        want += (double)value(&up, o * RANK + p) *
                            (double)value(&mid, (p * RANK + q) * 9 + y) * (double)value(&down, q * 64 + i);
                worst = fmax(worst, fabs(2 * want - (double)got[(o * 64 + i) * 9 + y]));
            }
    assert_true(worst < 1e-6);
    mw_lora_release(l);
}

// Reads one weight of a model as its network gets it.
static void read_weight(mw_checkpoint *k, float *out)
{
    mw_scope_begin(c);
    mw_tensor *t = mw_weight_vector(c, k->unet->model.weights, "conv_in.bias", 64);
    assert_int_equal(mw_tensor_read_f32(c, t, out), MW_OK);
    mw_scope_end(c, NULL);
}

static void loras_share_what_they_leave_alone(void **state)
{
    (void)state;
    spec s[] = {down_of("unet." TO_K ".lora_A.weight", 128), up_of("unet." TO_K ".lora_B.weight", 64)};
    mw_lora *l = open_lora(s, 2, NULL);
    mw_checkpoint *one = mw_lora_apply(c, l, model, 0.5, 1), *two = mw_lora_apply(c, l, one, 0.25, 1);
    mw_checkpoint *none = mw_lora_apply(c, l, model, 0, 1);
    mw_lora_release(l);
    assert_string_equal(mw_errmsg(c), "");
    assert_ptr_equal(one->vae, model->vae);
    assert_ptr_equal(one->text_encoder, model->text_encoder);
    assert_ptr_not_equal(one->unet, model->unet);
    assert_ptr_equal(none->unet, model->unet);
    // Stacked strengths add up.
    mw_weight_source w = mw_source_weights(two->unet_source);
    static float got[64 * 128], once[64 * 128];
    int64_t shape[] = {64, 128};
    memset(got, 0, sizeof got);
    memset(once, 0, sizeof once);
    assert_int_equal(w.patch(c, w.user, TO_K ".weight", 2, shape, got), MW_OK);
    w.free(w.user);
    w = mw_source_weights(one->unet_source);
    assert_int_equal(w.patch(c, w.user, TO_K ".weight", 2, shape, once), MW_OK);
    w.free(w.user);
    for (int i = 0; i < 64 * 128; i++)
        assert_true(fabsf(got[i] - 1.5f * once[i]) < 1e-6f);
    float a[64], b[64];
    read_weight(model, a);
    read_weight(two, b);
    assert_memory_equal(a, b, sizeof a);
    mw_object_release(&one->base);
    mw_object_release(&two->base);
    mw_object_release(&none->base);
}

static void what_fits_nothing_is_refused_by_name(void **state)
{
    (void)state;
    spec s[] = {down_of("unet.mid_block.attentions.0.proj_inn.lora_A.weight", 192),
                up_of("unet.mid_block.attentions.0.proj_inn.lora_B.weight", 192)};
    assert_lora_refused(s, 2, NULL,
                        "lora.safetensors|'mid_block.attentions.0.proj_inn' matches nothing|did you mean");
    assert_lora_refused(s, 1, NULL, "has no up (B) factor");
    spec te2[] = {down_of("lora_te2_text_model_encoder_layers_1_mlp_fc1.lora_down.weight", 128),
                  up_of("lora_te2_text_model_encoder_layers_1_mlp_fc1.lora_up.weight", 512)};
    assert_lora_refused(te2, 2, NULL, "second text encoder");
    spec wide[] = {down_of("unet." TO_K ".lora_A.weight", 768), up_of("unet." TO_K ".lora_B.weight", 64)};
    assert_lora_refused(wide, 2, NULL, TO_K "|[64,128]");
    spec ranks[] = {down_of("unet." TO_K ".lora_A.weight", 128),
                    {"unet." TO_K ".lora_B.weight", 2, {64, 3}, 0}};
    assert_lora_refused(ranks, 2, NULL, TO_K "|rank 2");
    spec twice[] = {
        down_of("unet." TO_K ".lora_A.weight", 128), up_of("unet." TO_K ".lora_B.weight", 64),
        down_of("lora_unet_input_blocks_1_1_transformer_blocks_0_attn2_to_k.lora_down.weight", 128),
        up_of("lora_unet_input_blocks_1_1_transformer_blocks_0_attn2_to_k.lora_up.weight", 64)};
    assert_lora_refused(twice, 4, NULL, "both change the weight");
    spec same[] = {down_of("unet." TO_K ".lora_A.weight", 128),
                   down_of("unet." TO_K ".lora.down.weight", 128)};
    assert_lora_refused(same, 2, NULL, "same factor");
    spec alpha[] = {down_of("unet." TO_K ".lora_A.weight", 128),
                    up_of("unet." TO_K ".lora_B.weight", 64),
                    {"unet." TO_K ".alpha", 1, {2}, 1}};
    assert_lora_refused(alpha, 3, NULL, ".alpha|one number");
    static const char *const dora[] = {"lora_adapter_metadata", "{\"unet.use_dora\": true}", NULL};
    assert_lora_refused(alpha, 2, dora, "DoRA");
    static const char *const broken[] = {"lora_adapter_metadata", "{\"unet.lora_alpha\": ", NULL};
    assert_lora_refused(alpha, 2, broken, "lora.safetensors");
}

static void other_adapters_are_refused_by_name(void **state)
{
    (void)state;
    static const char *const names[][2] = {
        {"lora_unet_mid_block_attentions_0_proj_in.dora_scale", "DoRA"},
        {"unet.mid_block.attentions.0.proj_in.lora_magnitude_vector", "DoRA"},
        {"lora_unet_mid_block_attentions_0_proj_in.hada_w1_a", "LoHa"},
        {"lora_unet_mid_block_attentions_0_proj_in.lokr_w1", "LoKr"},
        {"lora_unet_mid_block_attentions_0_proj_in.oft_blocks", "OFT"},
        {"lora_unet_mid_block_attentions_0_proj_in.diff", "full-difference"},
        {"emb_params", "textual inversion"},
        {"transformer.x.lora_A.weight", "no part that is known"},
        {"weights", "no name of a LoRA factor"},
        {".lora_A.weight", "no name of a LoRA factor"},
        {"lora_unet_.lora_down.weight", "no part that is known"},
    };
    spec embedding[] = {{"<cat-toy>", 2, {1, 768}, 0}};
    assert_lora_refused(embedding, 1, NULL, "the textual_inversion node adds it to a model");
    spec two[] = {{"clip_l", 2, {4, 768}, 0}, {"clip_g", 2, {4, 1280}, 0}};
    assert_lora_refused(two, 2, NULL, "the textual_inversion node adds it to a model");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        spec s[] = {{names[i][0], 2, {2, 2}, 0}, {"lora_unet_.lora_up.weight", 2, {2, 2}, 0}};
        assert_lora_refused(s, 2, NULL, names[i][1]);
    }
}

static int start_device(void **state)
{
    if (start(state) != 0 || mw_device_open(c, NULL, (uint64_t)512 << 20, false) != MW_OK)
        return -1;
    model = open_checkpoint("models/miniature");
    return model ? 0 : -1;
}

static int stop_device(void **state)
{
    mw_object_release(&model->base);
    mw_device_close(c);
    return stop(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_dialect_names_the_same_weight, clean),
        cmocka_unit_test_setup(alpha_is_divided_by_the_rank, clean),
        cmocka_unit_test_setup(alpha_comes_from_metadata, clean),
        cmocka_unit_test_setup(a_folder_of_peft_has_its_own_settings, clean),
        cmocka_unit_test_setup(settings_of_peft_are_read_or_refused, clean),
        cmocka_unit_test_setup(what_is_no_number_is_blamed_on_the_lora, clean),
        cmocka_unit_test_setup(convolutions_change, clean),
        cmocka_unit_test_setup(a_factor_in_the_middle_counts, clean),
        cmocka_unit_test_setup(loras_share_what_they_leave_alone, clean),
        cmocka_unit_test_setup(what_fits_nothing_is_refused_by_name, clean),
        cmocka_unit_test_setup(other_adapters_are_refused_by_name, clean),
    };
    return cmocka_run_group_tests(tests, start_device, stop_device);
}
