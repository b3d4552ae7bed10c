// test_checkpoint.c: diffusers folders: the miniature opens, everything amiss is refused by a sentence.
#include "tests/nodes/checkpoint_test.h"

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
    shell("rm -r m/tokenizer");
    assert_refused(in_folder("m"), "m/tokenizer");
    assert_refused(in_folder("nothing"), "nothing");
}

static void variants_are_found(void **state)
{
    (void)state;
    mw_checkpoint_options o = {.path = in_folder("m"), .dtype = MW_F32, .variant = "fp16"};
    miniature_with("", "");
    assert_null(mw_checkpoint_open(c, &o));
    assert_non_null(strstr(mw_errmsg(c), "no 'model.fp16.safetensors' (variants there: none)"));
    mw_err_clear(c);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_miniature_opens, clean),
        cmocka_unit_test_setup(names_of_pipelines_and_parts_are_checked, clean),
        cmocka_unit_test_setup(missing_files_are_named, clean),
        cmocka_unit_test_setup(variants_are_found, clean),
        cmocka_unit_test_setup(shards_are_found, clean),
        cmocka_unit_test_setup(weights_that_do_not_fit_are_reported_together, clean),
        cmocka_unit_test_setup(unused_weights_are_warned_about, clean),
        cmocka_unit_test_setup(options_of_single_files_are_refused, clean),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
