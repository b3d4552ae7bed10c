// test_single_file.c: single-file checkpoints of the true names and sizes open; everything else is refused by
// name.
//
// The names and shapes are those of published SD 1.5, 2.1 and SDXL files (tests/golden/single_file_keys, made
// by inverting the names of diffusers' networks and checked against its own converter). The data is a hole in
// the file.
// Long: files of each kind are put together here.
#include "tests/nodes/checkpoint_test.h"

#include "core/io/safetensors.h"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

// A line of keys changed on its way: "old name" -> "new line" ("name sizes"), or left out where it is NULL.
typedef struct edit {
    const char *name, *line;
} edit;

// Appends "name sizes" to the header; returns where its data ends.
static uint64_t put_entry(char **header, const char *line, uint64_t at)
{
    char name[256], sizes[64] = "", *end;
    uint64_t bytes = 2;
    assert_true(sscanf(line, "%255s %63s", name, sizes) >= 1);
    for (const char *p = sizes; *p; p = *end ? end + 1 : end)
        bytes *= strtoull(p, &end, 10);
    char *more;
    assert_true(asprintf(&more, "%s%s\"%s\":{\"dtype\":\"F16\",\"shape\":[%s],\"data_offsets\":[%llu,%llu]}",
                         *header, (*header)[1] ? "," : "", name, sizes, (unsigned long long)at,
                         (unsigned long long)(at + bytes)) > 0);
    free(*header);
    *header = more;
    return at + bytes;
}

static uint64_t put_keys(char **header, const char *family, const edit *e)
{
    char path[256], line[512];
    uint64_t at = 0;
    snprintf(path, sizeof path, "tests/golden/single_file_keys/%s.txt.gz", family);
    gzFile keys = gzopen(path, "rb");
    assert_non_null(keys);
    while (gzgets(keys, line, sizeof line)) {
        size_t n = strcspn(line, " ");
        bool hit = e && e->name && strlen(e->name) == n && strncmp(line, e->name, n) == 0;
        if (!hit || e->line)
            at = put_entry(header, hit ? e->line : line, at);
    }
    gzclose(keys);
    return at;
}

// A file of that family's keys, edited, with a further line; data all zeros.
static const char *make_file(const char *family, const edit *e, const char *further, const char *metadata)
{
    const char *path = in_folder("model.safetensors");
    char *header = strdup("{");
    uint64_t size = family ? put_keys(&header, family, e) : 0;
    if (further)
        size = put_entry(&header, further, size);
    char *all;
    int n = asprintf(&all, "%s%s%s}", header, metadata ? ",\"__metadata__\":" : "", metadata ? metadata : "");
    uint64_t length = (uint64_t)n;
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(&length, 1, sizeof length, f), sizeof length);
    assert_int_equal(fwrite(all, 1, length, f), length);
    assert_int_equal(fflush(f), 0);
    assert_int_equal(ftruncate(fileno(f), (off_t)(sizeof length + length + size)), 0);
    fclose(f);
    free(all);
    free(header);
    return path;
}

static void every_name_of_published_files_maps(void **state)
{
    (void)state;
    assert_opens(make_file("sd1", NULL, NULL, NULL), "sd1");
    assert_opens(make_file("sd2", NULL, NULL, NULL), "sd2");
    assert_opens(make_file("sdxl", NULL, NULL, NULL), "sdxl");
}

static void a_missing_or_misshapen_weight_is_named(void **state)
{
    (void)state;
    edit e = {"model.diffusion_model.output_blocks.5.2.conv.weight", NULL};
    assert_refused(make_file("sd1", &e, NULL, NULL),
                   "unet: tensor 'up_blocks.1.upsamplers.0.conv.weight' [1280,1280,3,3] is missing");
    e.name = "first_stage_model.decoder.up.0.block.1.norm2.bias";
    assert_refused(make_file("sdxl", &e, NULL, NULL),
                   "vae: tensor 'decoder.up_blocks.3.resnets.1.norm2.bias' [128] is missing");
    e.name = "cond_stage_model.model.transformer.resblocks.22.attn.in_proj_bias";
    assert_refused(make_file("sd2", &e, NULL, NULL),
                   "encoder.layers.22.self_attn.k_proj.bias|q_proj.bias|v_proj.bias");
    e.line = "cond_stage_model.model.transformer.resblocks.22.attn.in_proj_bias 3071";
    assert_refused(make_file("sd2", &e, NULL, NULL), "resblocks.22.attn.in_proj_bias");
    e = (edit){"conditioner.embedders.1.model.text_projection",
               "conditioner.embedders.1.model.text_projection 1280,768"};
    assert_refused(make_file("sdxl", &e, NULL, NULL),
                   "text_encoder_2|'text_projection.weight' (in the file: "
                   "'conditioner.embedders.1.model.text_projection')|has shape "
                   "[768,1280]|[1280,1280]");
    // twice under two names of different times
    assert_refused(make_file("sd1", NULL, "cond_stage_model.transformer.final_layer_norm.bias 768", NULL),
                   "both the weight 'final_layer_norm.bias'");
}

static void leftovers_do_no_harm(void **state)
{
    (void)state;
    mw_checkpoint *k = open_checkpoint(make_file("sd1", NULL, "text_encoder.lora_down.weight 4", NULL));
    assert_string_equal(mw_errmsg(c), "");
    assert_non_null(strstr(warnings,
                           "1 tensor outside the parts of a checkpoint is not used: "
                           "'text_encoder.lora_down.weight'"));
    mw_object_release(&k->base);
}

static void an_unknown_weight_is_warned_about(void **state)
{
    (void)state;
    mw_checkpoint *k =
        open_checkpoint(make_file("sd1", NULL, "model.diffusion_model.middle_block.3.weight 7", NULL));
    assert_string_equal(mw_errmsg(c), "");
    assert_non_null(
        strstr(warnings, "1 tensor of the file is not used: model.diffusion_model.middle_block.3.weight"));
    mw_object_release(&k->base);
}

static void other_models_are_refused_by_name(void **state)
{
    (void)state;
    const char *first = "model.diffusion_model.input_blocks.0.0.weight";
    edit e = {first, "model.diffusion_model.input_blocks.0.0.weight 320,9,3,3"};
    assert_refused(make_file("sd1", &e, NULL, NULL), "9 input channels (inpainting) is not supported yet");
    e.line = "model.diffusion_model.input_blocks.0.0.weight 320,5,3,3";
    assert_refused(make_file("sd2", &e, NULL, NULL), "(depth)");
    e.line = NULL;
    assert_refused(make_file("sd1", &e, NULL, NULL), "not a Stable Diffusion checkpoint");
    assert_refused(
        make_file(NULL, NULL, "model.diffusion_model.double_blocks.0.img_attn.proj.weight 4", NULL), "Flux");
    assert_refused(make_file(NULL, NULL, "double_blocks.0.img_attn.proj.weight 4", NULL), "Flux");
    assert_refused(make_file(NULL, NULL, "model.diffusion_model.joint_blocks.0.x.weight 4", NULL),
                   "Stable Diffusion 3");
    assert_refused(
        make_file(NULL, NULL, "lora_unet_mid_block_attentions_0_proj_in.lora_down.weight 4,4", NULL),
        "LoRA|lora node");
    assert_refused(make_file(NULL, NULL, "emb_params 2,768", NULL),
                   "textual inversion|textual_inversion node");
    assert_refused(make_file("sd1", NULL, "control_model.time_embed.0.weight 4", NULL), "ControlNet");
    assert_refused(make_file("sdxl", NULL, "edm_mean 4", NULL), "Playground");
    assert_refused(make_file("sdxl", NULL, "edm_vpred.sigma_max 1", NULL), "CosXL|edm_vpred");
    assert_refused(make_file(NULL, NULL, "clip_l 2,768", NULL), "textual inversion|textual_inversion node");
    assert_refused(make_file(NULL, NULL, "<cat-toy> 1,768", NULL),
                   "textual inversion|textual_inversion node");
    assert_refused(make_file(NULL, NULL, "down_blocks.0.resnets.0.conv1.weight 4,4,3,3", NULL),
                   "one part|folder");
    assert_refused(make_file(NULL, NULL, "model.diffusion_model.input_blocks.0.0.weight 320,4,3,3", NULL),
                   "text encoder is missing");
    assert_refused(make_file(NULL, NULL, "weight 3", NULL), "not a Stable Diffusion checkpoint|'weight'");
}

static void pickles_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"model.ckpt", "model.PT", "model.bin"};
    for (int i = 0; i < 3; i++) {
        shell("echo x > %s", names[i]);
        assert_refused(in_folder(names[i]), "a pickle, which is not supported yet");
    }
    shell("echo x > model.safetensors");
    assert_refused(in_folder("model.safetensors"), "model.safetensors");
    assert_refused("models", "model_index.json");
}

static void other_files_are_refused_by_what_they_are(void **state)
{
    (void)state;
    shell("printf 'version https://git-lfs.github.com/spec/v1\\noid sha256:0\\nsize 4\\n' > model.ckpt; "
          "cp model.ckpt model.safetensors");
    assert_refused(in_folder("model.ckpt"), "model.ckpt|a Git LFS pointer");
    assert_refused(in_folder("model.safetensors"), "model.safetensors|a Git LFS pointer");
    assert_refused("models/miniature/model_index.json", "the index of a diffusers folder: give the folder");
    assert_refused("models/miniature/unet/config.json", "is a JSON file, no model");
}

static double prediction(const char *path)
{
    mw_checkpoint *k = open_checkpoint(path);
    assert_string_equal(mw_errmsg(c), "");
    double v = k->scheduler->config.value[MW_SET_PREDICTION_TYPE];
    mw_object_release(&k->base);
    return v;
}

// Overwrites the data of one tensor with +x and -x by turns.
static void write_values(const char *path, const char *name, uint16_t x)
{
    mw_st *st = mw_st_open(c, path);
    const mw_st_entry *e = mw_st_find(st, name), *first = mw_st_at(st, 0);
    assert_non_null(e);
    uint64_t header;
    int fd = open(path, O_RDWR);
    assert_int_equal(read(fd, &header, sizeof header), sizeof header);
    off_t at = (off_t)(sizeof header + header) + (e->data - first->data);
    for (int64_t i = 0; i < e->count; i++) {
        uint16_t v = i % 2 ? x | 0x8000 : x;
        assert_int_equal(pwrite(fd, &v, sizeof v, at + 2 * i), sizeof v);
    }
    close(fd);
    mw_st_close(st);
}

static void what_it_predicts_is_told(void **state)
{
    (void)state;
    const char *norm = "model.diffusion_model.output_blocks.11.1.transformer_blocks.0.norm1.bias";
    assert_true(prediction(make_file("sd1", NULL, NULL, NULL)) == MW_PREDICT_EPSILON);
    const char *path = make_file("sd2", NULL, NULL, NULL);
    write_values(path, norm, 0x2c00); // 0.0625
    assert_true(prediction(path) == MW_PREDICT_EPSILON);
    write_values(path, norm, 0x3000); // 0.125
    assert_true(prediction(path) == MW_PREDICT_V);
    assert_true(prediction(make_file("sdxl", NULL, NULL, NULL)) == MW_PREDICT_EPSILON);
    assert_true(prediction(make_file("sdxl", NULL, "v_pred 0", NULL)) == MW_PREDICT_V);
    static const char *const spellings[] = {
        "{\"modelspec.prediction_type\":\"v\"}",
        "{\"modelspec.prediction_type\":\"v_prediction\"}",
        "{\"modelspec.predict_key\":\"v\"}",
        "{\"ss_v_parameterization\":\"True\"}",
        "{\"modelspec.prediction_type\":\"V-Prediction\"}",
    };
    for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++) {
        assert_true(prediction(make_file("sdxl", NULL, NULL, spellings[i])) == MW_PREDICT_V);
        assert_true(prediction(make_file("sd1", NULL, NULL, spellings[i])) == MW_PREDICT_V);
    }
    assert_true(prediction(make_file("sd2", NULL, NULL,
                                     "{\"modelspec.architecture\":\"stable-diffusion-v2-768-v\"}")) ==
                MW_PREDICT_V);
    assert_true(prediction(make_file("sd1", NULL, NULL, "{\"modelspec.predict_key\":\"x0\"}")) ==
                MW_PREDICT_SAMPLE);
    assert_string_equal(warnings, "");
}

static void statements_that_disagree_are_said(void **state)
{
    (void)state;
    assert_true(prediction(make_file("sdxl", NULL, "v_pred 0", "{\"modelspec.predict_key\":\"epsilon\"}")) ==
                MW_PREDICT_EPSILON);
    assert_non_null(strstr(warnings, "modelspec.predict_key and the tensor v_pred disagree"));
    clear_warnings();
    assert_true(prediction(make_file("sd1", NULL, NULL, "{\"modelspec.prediction_type\":\"flow\"}")) ==
                MW_PREDICT_EPSILON);
    assert_non_null(strstr(warnings, "modelspec.prediction_type' = \"flow\" is no kind"));
}

// The noise level of pure noise is a setting of its own, too.
static void zero_snr_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *tensor, *metadata;
        bool zero;
    } cases[] = {
        {"v_pred 0", NULL, false},
        {"ztsnr 0", "{\"modelspec.predict_key\":\"v\"}", true},
        {NULL, "{\"ss_v_parameterization\":\"True\",\"ss_zero_terminal_snr\":\"True\"}", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mw_checkpoint *k = open_checkpoint(make_file("sd1", NULL, cases[i].tensor, cases[i].metadata));
        assert_string_equal(mw_errmsg(c), "");
        const mw_scheduler_config *cfg = &k->scheduler->config;
        bool zero =
            cfg->given >> MW_SET_RESCALE_BETAS_ZERO_SNR & 1 && cfg->value[MW_SET_RESCALE_BETAS_ZERO_SNR] != 0;
        assert_int_equal(zero, cases[i].zero);
        assert_true(cfg->value[MW_SET_PREDICTION_TYPE] == MW_PREDICT_V);
        mw_object_release(&k->base);
    }
}

// ComfyUI names the text encoder by its kind.
static void text_encoders_of_comfyui_are_found(void **state)
{
    (void)state;
    const char *from = "tests/golden/single_file/sd1_ldm/sd1_ldm.safetensors";
    mw_st *st = mw_st_open(c, from);
    mw_st_out *out = calloc(mw_st_count(st), sizeof *out);
    char(*names)[300] = calloc(mw_st_count(st), sizeof *names);
    static const char was[] = "cond_stage_model.";
    for (size_t i = 0; i < mw_st_count(st); i++) {
        const mw_st_entry *e = mw_st_at(st, i);
        bool text = strncmp(e->name, was, sizeof was - 1) == 0;
        snprintf(names[i], sizeof names[i], "%s%s", text ? "cond_stage_model.clip_l." : "",
                 text ? e->name + sizeof was - 1 : e->name);
        out[i] = (mw_st_out){names[i], e->dtype, e->ndim, e->shape, e->data};
    }
    const char *path = in_folder("comfy.safetensors");
    assert_int_equal(mw_st_write(c, path, out, mw_st_count(st), NULL), MW_OK);
    mw_st_close(st);
    free(names);
    free(out);
    mw_checkpoint *k = mw_checkpoint_open(
        c,
        &(mw_checkpoint_options){
            .path = path, .dtype = MW_F32, .config = "tests/golden/single_file/sd1_ldm/model"});
    assert_string_equal(mw_errmsg(c), "");
    assert_string_equal(warnings, "");
    mw_object_release(&k->base);
}

static void the_users_configs_count(void **state)
{
    (void)state;
    const char *file = "tests/golden/single_file/sd1_ldm/sd1_ldm.safetensors";
    assert_refused(file,
                   "unet: tensor 'time_embedding.linear_1.weight' (in the file: "
                   "'model.diffusion_model.time_embed.0.weight') has shape "
                   "[64,16], but the config asks for "
                   "[1280,320]");
    mw_checkpoint *k = mw_checkpoint_open(
        c,
        &(mw_checkpoint_options){
            .path = file, .dtype = MW_F32, .config = "tests/golden/single_file/sd1_ldm/model"});
    assert_string_equal(mw_errmsg(c), "");
    assert_string_equal(warnings, "");
    mw_object_release(&k->base);
    assert_null(mw_checkpoint_open(c, &(mw_checkpoint_options){.path = file, .variant = "fp16"}));
    assert_int_equal(mw_err(c), MW_E_ARG);
}

// Every weight of a part has the values that it has under diffusers' own name ("<part>/<name>").
static void assert_same_weights(mw_files *parts, const char *part, mw_name_rule rule, mw_source *got)
{
    char prefix[32];
    const char *name;
    snprintf(prefix, sizeof prefix, "%s/", part);
    rule.prefix = prefix;
    mw_source *want = mw_source_new(c, parts, &rule);
    mw_weight_source a = mw_source_weights(want), b = mw_source_weights(got);
    size_t n = 0;
    for (; (name = mw_source_name_at(want, n)); n++) {
        int na, nb;
        int64_t sa[4] = {1, 1, 1, 1}, sb[4] = {1, 1, 1, 1};
        static float va[1 << 16], vb[1 << 16];
        assert_true(mw_source_find(want, name, &na, sa));
        if (!mw_source_find(got, name, &nb, sb))
            fail_msg("%s is missing", name);
        assert_memory_equal(sa, sb, sizeof sa);
        size_t count = (size_t)(sa[0] * sa[1] * sa[2] * sa[3]);
        assert_true(count <= 1 << 16);
        assert_int_equal(a.read_f32(c, a.user, name, va), MW_OK);
        assert_int_equal(b.read_f32(c, b.user, name, vb), MW_OK);
        assert_memory_equal(va, vb, count * sizeof(float));
    }
    assert_true(n > 20);
    assert_null(mw_source_name_at(got, n));
    a.free(a.user);
    b.free(b.user);
    mw_source_release(want);
}

// Random models of SD 2's and SDXL's structure under both kinds of names (checked against diffusers'
// converters when they were made): split and transposed matrices, levels that count backwards, one layer in a
// block.
static void values_come_from_the_right_places(void **state)
{
    (void)state;
    static const char *const families[] = {"sd2", "sdxl"};
    for (int i = 0; i < 2; i++) {
        char dir[128], path[160];
        snprintf(dir, sizeof dir, "tests/golden/single_file_pairs/%s", families[i]);
        snprintf(path, sizeof path, "%s/single.safetensors", dir);
        mw_checkpoint *k =
            mw_checkpoint_open(c, &(mw_checkpoint_options){.path = path, .dtype = MW_F32, .config = dir});
        assert_string_equal(mw_errmsg(c), "");
        assert_string_equal(k->kind, families[i]);
        snprintf(path, sizeof path, "%s/parts.safetensors", dir);
        mw_files *parts = mw_files_open(c, path);
        assert_same_weights(parts, "unet", mw_rule_unet, k->unet_source);
        assert_same_weights(parts, "vae", mw_rule_vae, k->vae_source);
        for (int t = 0; t < k->ntext; t++)
            assert_same_weights(parts, t ? "text_encoder_2" : "text_encoder", mw_rule_text,
                                k->text_source[t]);
        mw_files_release(parts);
        mw_object_release(&k->base);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_name_of_published_files_maps, clean),
        cmocka_unit_test_setup(a_missing_or_misshapen_weight_is_named, clean),
        cmocka_unit_test_setup(leftovers_do_no_harm, clean),
        cmocka_unit_test_setup(an_unknown_weight_is_warned_about, clean),
        cmocka_unit_test_setup(other_models_are_refused_by_name, clean),
        cmocka_unit_test_setup(values_come_from_the_right_places, clean),
        cmocka_unit_test_setup(other_files_are_refused_by_what_they_are, clean),
        cmocka_unit_test_setup(pickles_are_refused, clean),
        cmocka_unit_test_setup(what_it_predicts_is_told, clean),
        cmocka_unit_test_setup(statements_that_disagree_are_said, clean),
        cmocka_unit_test_setup(zero_snr_is_told, clean),
        cmocka_unit_test_setup(text_encoders_of_comfyui_are_found, clean),
        cmocka_unit_test_setup(the_users_configs_count, clean),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
