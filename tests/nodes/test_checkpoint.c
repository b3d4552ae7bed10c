// test_checkpoint.c: diffusers folders: the miniature opens, everything amiss is refused by a sentence.
#include "tests/nodes/checkpoint_test.h"

#include "core/base/env.h"
#include "core/cl/device.h"

// A copy of the miniature made of links, with one file replaced by what `edit` (a sed program) makes of it.
static void miniature_with(const char *file, const char *edit)
{
    shell("rm -rf m; mkdir -p m; cd m; for d in scheduler text_encoder tokenizer unet vae; do cp -rs "
          "$R/models/miniature/$d .; "
          "done; cp $R/models/miniature/model_index.json .; [ -z '%s' ] || { sed -E '%s' "
          "$R/models/miniature/%s > x && rm -f "
          "'%s' && mv x '%s'; }",
          file, edit, file, file, file);
}

static void the_miniature_opens(void **state)
{
    (void)state;
    assert_opens("models/miniature", "sd1");
    miniature_with("", "");
    assert_opens(in_folder("m"), "sd1");
}

static void names_of_pipelines_and_parts_are_checked(void **state)
{
    (void)state;
    const char *index = "model_index.json";
    miniature_with(index, "s/StableDiffusionPipeline/FluxPipeline/");
    assert_refused(in_folder("m"), "model_index.json|FluxPipeline|not supported");
    miniature_with(index, "s/StableDiffusionPipeline/StableDiffusionInpaintPipeline/");
    assert_refused(in_folder("m"), "inpainting|not supported yet");
    miniature_with(index, "s/AutoencoderKL/AutoencoderTiny/");
    assert_refused(in_folder("m"), "'vae'|AutoencoderTiny|AutoencoderKL");
    miniature_with(index, "s/UNet2DConditionModel/SD3Transformer2DModel/");
    assert_refused(in_folder("m"), "'unet'|SD3Transformer2DModel");
    miniature_with(index, "s/\"unet\"/\"transformer\"/");
    assert_refused(in_folder("m"), "'unet' is missing");
    miniature_with(index, "s/_class_name/class/");
    assert_refused(in_folder("m"), "model_index.json|_class_name");
    miniature_with(index, "s/StableDiffusionPipeline/StableDiffusionXLPipeline/");
    assert_refused(in_folder("m"), "text_encoder_2|missing");
    miniature_with(index, "s/\"StableDiffusionPipeline\"/[\"pipeline\", \"StableMaterialsPipeline\"]/");
    assert_refused(in_folder("m"),
                   "model_index.json|a pipeline of its own|StableMaterialsPipeline|pipeline.py");
}

// As diffusers' pipelines of SD 1 and 2 do, in spite of the file; a word is said.
static void outdated_configs_are_mended(void **state)
{
    (void)state;
    const char *scheduler = "scheduler/scheduler_config.json", *unet = "unet/config.json";
    miniature_with(scheduler, "s/\"steps_offset\": 1/\"steps_offset\": 0/");
    mw_checkpoint *k = open_checkpoint(in_folder("m"));
    assert_string_equal(mw_errmsg(c), "");
    assert_true(k->scheduler->config.value[MW_SET_STEPS_OFFSET] == 1);
    assert_non_null(strstr(warnings, "steps_offset 0 is taken as 1"));
    mw_object_release(&k->base);
    static const struct {
        const char *version;
        int size;
    } cases[] = {{"0.8.0.dev0", 64}, {"0.8.1", 64}, {"0.9.0.dev0", 16}, {"0.10.2", 16}, {"1.0", 16}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char edit[64];
        snprintf(edit, sizeof edit, "s/\"0\\.42\\.1\"/\"%s\"/", cases[i].version);
        clear_warnings();
        miniature_with(unet, edit);
        k = open_checkpoint(in_folder("m"));
        assert_string_equal(mw_errmsg(c), "");
        assert_int_equal(k->unet_config.sample_height, cases[i].size);
        assert_int_equal(k->unet_config.sample_width, cases[i].size);
        assert_int_equal(cases[i].size == 64, strstr(warnings, "sample_size 16") != NULL);
        mw_object_release(&k->base);
    }
}

// The index decides of what class the scheduler is; settings come from its own file.
static void the_index_names_the_scheduler(void **state)
{
    (void)state;
    miniature_with("model_index.json", "s/DDIMScheduler/EulerAncestralDiscreteScheduler/");
    mw_checkpoint *k = open_checkpoint(in_folder("m"));
    assert_string_equal(mw_errmsg(c), "");
    assert_int_equal(k->scheduler->config.sampler, MW_EULER_ANCESTRAL);
    mw_object_release(&k->base);
    miniature_with("model_index.json", "s/DDIMScheduler/FlowMatchEulerDiscreteScheduler/");
    assert_refused(in_folder("m"), "FlowMatchEulerDiscreteScheduler|flow-matching");
}

// Weights of a part of a folder that lies as one file, "<part>/<name>", into the part's own file.
static void put_part(const char *from, const char *part, const char *file)
{
    char prefix[32], path[256];
    mw_st *st = mw_st_open(c, from);
    mw_st_out *out = calloc(mw_st_count(st), sizeof *out);
    size_t n = 0, skip = (size_t)snprintf(prefix, sizeof prefix, "%s/", part);
    const mw_st_entry *e;
    for (size_t i = 0; (e = mw_st_at(st, i)); i++)
        if (strncmp(e->name, prefix, skip) == 0)
            out[n++] = (mw_st_out){e->name + skip, e->dtype, e->ndim, e->shape, e->data};
    snprintf(path, sizeof path, "xl/%s/%s.safetensors", part, file);
    assert_int_equal(mw_st_write(c, in_folder(path), out, n, NULL), MW_OK);
    free(out);
    mw_st_close(st);
}

// A second text encoder projects because the index says so, whatever its own config leaves out; SDXL's
// pipelines change no configs.
static void the_index_tells_that_a_text_encoder_projects(void **state)
{
    (void)state;
    static const char from[] = "tests/golden/single_file_pairs/sdxl";
    shell("cp -r $R/%s xl; rm xl/*.safetensors; mkdir xl/scheduler; "
          "sed 's/\"steps_offset\": 1/\"steps_offset\": 0/' "
          "$R/models/miniature/scheduler/scheduler_config.json "
          "> xl/scheduler/scheduler_config.json; "
          "sed 's/\"architectures\"/\"task_specific_params\"/' $R/%s/text_encoder_2/config.json "
          "> xl/text_encoder_2/config.json; "
          "echo '{\"_class_name\": \"StableDiffusionXLPipeline\", \"scheduler\": [\"diffusers\", "
          "\"DDIMScheduler\"], "
          "\"text_encoder\": [\"transformers\", \"CLIPTextModel\"], \"tokenizer\": [\"transformers\", "
          "\"CLIPTokenizer\"], \"text_encoder_2\": [\"transformers\", \"CLIPTextModelWithProjection\"], "
          "\"tokenizer_2\": [\"transformers\", \"CLIPTokenizer\"], \"unet\": [\"diffusers\", "
          "\"UNet2DConditionModel\"], \"vae\": [\"diffusers\", \"AutoencoderKL\"]}' > xl/model_index.json",
          from, from);
    char parts[128];
    snprintf(parts, sizeof parts, "%s/parts.safetensors", from);
    put_part(parts, "unet", "diffusion_pytorch_model");
    put_part(parts, "vae", "diffusion_pytorch_model");
    put_part(parts, "text_encoder", "model");
    put_part(parts, "text_encoder_2", "model");
    clear_warnings();
    mw_checkpoint *k = open_checkpoint(in_folder("xl"));
    assert_string_equal(mw_errmsg(c), "");
    assert_int_equal(k->text_config[0].projection, 0);
    assert_true(k->text_config[1].projection > 0);
    assert_true(k->scheduler->config.value[MW_SET_STEPS_OFFSET] == 0);
    assert_string_equal(warnings, "");
    mw_object_release(&k->base);
}

static void missing_files_are_named(void **state)
{
    (void)state;
    static const char *const files[] = {"model_index.json", "unet/config.json", "vae/config.json",
                                        "text_encoder/config.json", "scheduler/scheduler_config.json"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        miniature_with("", "");
        shell("rm m/%s", files[i]);
        assert_refused(in_folder("m"), files[i]);
    }
    miniature_with("", "");
    shell("rm m/unet/*.safetensors");
    assert_refused(in_folder("m"), "m/unet|no 'diffusion_pytorch_model.safetensors'");
    shell("touch m/unet/diffusion_pytorch_model.bin");
    assert_refused(in_folder("m"), "pickle|not supported yet");
    miniature_with("", "");
    shell("rm -r m/tokenizer");
    assert_refused(in_folder("m"), "m/tokenizer");
    assert_refused(in_folder("nothing"), "nothing");
}

// What is wrong with the configs that are there comes before what is missing.
static void all_missing_files_are_named_together(void **state)
{
    (void)state;
    const char *scheduler = "scheduler/scheduler_config.json";
    miniature_with(scheduler, "s/scaled_linear/curved/");
    shell("cd m; rm -r tokenizer vae unet/*.safetensors");
    assert_refused(in_folder("m"), "scheduler_config.json|beta_schedule|curved");
    miniature_with("", "");
    shell("cd m; rm -r tokenizer vae unet/*.safetensors");
    assert_refused(in_folder("m"),
                   "m: a StableDiffusionPipeline (sd1)|no config of vae|"
                   "no weights of unet, vae|no vocabulary of tokenizer");
    // weights of a kind that is not read are no missing ones
    miniature_with("", "");
    shell("cd m; for p in unet vae; do mv $p/diffusion_pytorch_model.safetensors "
          "$p/diffusion_pytorch_model.bin; done");
    assert_refused(in_folder("m"), "m/unet|a pickle (.bin)");
}

static void variants_are_found(void **state)
{
    (void)state;
    mw_checkpoint_options o = {.path = in_folder("m"), .dtype = MW_F32, .variant = "fp16"};
    miniature_with("", "");
    assert_null(mw_checkpoint_open(c, &o));
    assert_non_null(strstr(mw_errmsg(c), "m: no part has a variant 'fp16'"));
    mw_err_clear(c);
    // taken where a part has it, the plain file elsewhere
    shell("cd m/unet; mv diffusion_pytorch_model.safetensors diffusion_pytorch_model.fp16.safetensors; "
          "cp diffusion_pytorch_model.fp16.safetensors diffusion_pytorch_model.safetensors; "
          "echo broken > diffusion_pytorch_model.bf16.safetensors");
    mw_checkpoint *some = mw_checkpoint_open(c, &o);
    assert_string_equal(mw_errmsg(c), "");
    assert_non_null(
        strstr(mw_source_path(some->unet_source), "unet/diffusion_pytorch_model.fp16.safetensors"));
    assert_non_null(strstr(mw_source_path(some->text_source[0]), "text_encoder/model.safetensors"));
    mw_object_release(&some->base);
    miniature_with("", "");
    shell("cd m; for p in unet vae; do mv $p/diffusion_pytorch_model.safetensors "
          "$p/diffusion_pytorch_model.fp16.safetensors; "
          "done; mv text_encoder/model.safetensors text_encoder/model.fp16.safetensors");
    mw_checkpoint *k = mw_checkpoint_open(c, &o);
    assert_string_equal(mw_errmsg(c), "");
    mw_object_release(&k->base);
    assert_opens(in_folder("m"), "sd1"); // the only one there is
    shell("cp m/unet/diffusion_pytorch_model.fp16.safetensors "
          "m/unet/diffusion_pytorch_model.non_ema.safetensors");
    assert_refused(in_folder("m"), "several variants (fp16, non_ema)");
}

static void shards_are_found(void **state)
{
    (void)state;
    miniature_with("", "");
    shell("cd m/text_encoder; mv model.safetensors model-00001-of-00001.safetensors; "
          "head -c 100000 model-00001-of-00001.safetensors | tail -c +9 | grep -ao "
          "'\"[a-z_0-9.]*\":{\"dtype' | cut -d'\"' -f2 | "
          "sed 's/.*/\"&\": \"model-00001-of-00001.safetensors\"/' | paste -sd, | "
          "sed 's/.*/{\"metadata\": {}, \"weight_map\": {&}}/' > model.safetensors.index.json");
    assert_opens(in_folder("m"), "sd1");
}

static void weights_that_do_not_fit_are_reported_together(void **state)
{
    (void)state;
    miniature_with("unet/config.json", "s/\"cross_attention_dim\": 128/\"cross_attention_dim\": 64/");
    assert_refused(in_folder("m"), "text states of width 64|text encoder gives 128");
    miniature_with("vae/config.json", "s/\"layers_per_block\": 1/\"layers_per_block\": 2/");
    assert_refused(in_folder("m"), "vae: tensor '|is missing;|more of this kind");
    miniature_with("unet/config.json", "s/\"norm_num_groups\": 16/\"norm_num_groups\": 7/");
    assert_refused(in_folder("m"), "unet/config.json|norm_num_groups");
    miniature_with("unet/config.json", "s/\"in_channels\": 4/\"in_channels\": 9/");
    assert_refused(in_folder("m"), "in_channels|9|inpainting|not supported yet");
}

static void unused_weights_are_warned_about(void **state)
{
    (void)state;
    clear_warnings();
    miniature_with("text_encoder/config.json", "s/\"num_hidden_layers\": 4/\"num_hidden_layers\": 3/");
    mw_checkpoint *k = open_checkpoint(in_folder("m"));
    assert_string_equal(mw_errmsg(c), "");
    mw_object_release(&k->base);
    assert_non_null(strstr(warnings, "16 tensors of the file are not used: encoder.layers.3."));
}

static void options_of_single_files_are_refused(void **state)
{
    (void)state;
    mw_checkpoint_options o = {.path = "models/miniature", .dtype = MW_F32, .config = "models/miniature"};
    assert_null(mw_checkpoint_open(c, &o));
    assert_int_equal(mw_err(c), MW_E_ARG);
    mw_err_clear(c);
}

// The storage that "auto" means on the open device, were it of that type and did it report fp16 or not.
static mw_dtype auto_on(const char *type, bool fp16)
{
    mw_device_info *info = (mw_device_info *)mw_device_get_info(c), was = *info;
    info->type = type;
    info->caps.fp16 = fp16;
    mw_dtype dtype = mw_checkpoint_dtype(c, "auto");
    *info = was;
    return dtype;
}

static void f16_is_automatic_on_gpus_only(void **state)
{
    (void)state;
    assert_int_equal(mw_checkpoint_dtype(c, "auto"), MW_F32); // without a device
    assert_int_equal(mw_device_open(c, NULL, 0, false), MW_OK);
    assert_int_equal(auto_on("gpu", true), MW_F16);
    assert_int_equal(auto_on("gpu", false), MW_F32);
    assert_int_equal(auto_on("cpu", true), MW_F32);
    assert_int_equal(auto_on("cpu", false), MW_F32);
    c->env = &(mw_env){.dtype = "f16"};
    assert_int_equal(auto_on("cpu", true), MW_F16);
    c->env = NULL;
    mw_device_close(c);
}

// In f32, too: the miniature's file is in f16, and its norms and biases become f32.
static void matrices_stay_f16_in_memory(void **state)
{
    (void)state;
    size_t bytes[2];
    for (mw_dtype dtype = MW_F32; dtype <= MW_F16; dtype++) {
        mw_checkpoint_options o = {.path = "models/miniature", .dtype = dtype};
        mw_checkpoint *k = mw_checkpoint_open(c, &o);
        assert_string_equal(mw_errmsg(c), "");
        assert_int_equal(mw_weights_dtype(k->unet->model.weights), dtype);
        bytes[dtype] = mw_weights_bytes(k->unet->model.weights);
        assert_true(bytes[dtype] < 3 * (size_t)mw_weights_count(k->unet->model.weights));
        mw_object_release(&k->base);
    }
    assert_true(bytes[MW_F32] >= bytes[MW_F16]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_miniature_opens, clean),
        cmocka_unit_test_setup(names_of_pipelines_and_parts_are_checked, clean),
        cmocka_unit_test_setup(outdated_configs_are_mended, clean),
        cmocka_unit_test_setup(the_index_names_the_scheduler, clean),
        cmocka_unit_test_setup(the_index_tells_that_a_text_encoder_projects, clean),
        cmocka_unit_test_setup(missing_files_are_named, clean),
        cmocka_unit_test_setup(all_missing_files_are_named_together, clean),
        cmocka_unit_test_setup(variants_are_found, clean),
        cmocka_unit_test_setup(shards_are_found, clean),
        cmocka_unit_test_setup(weights_that_do_not_fit_are_reported_together, clean),
        cmocka_unit_test_setup(unused_weights_are_warned_about, clean),
        cmocka_unit_test_setup(options_of_single_files_are_refused, clean),
        cmocka_unit_test_setup(f16_is_automatic_on_gpus_only, clean),
        cmocka_unit_test_setup(matrices_stay_f16_in_memory, clean),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
