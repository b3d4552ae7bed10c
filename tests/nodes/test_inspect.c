// test_inspect.c: what inspect says of folders, weights, configs and pictures, and what it refuses.
#include "tests/core/manifest.h"

#include "core/io/image.h"
#include "core/io/safetensors.h"
#include "core/io/inspect.h"
#include "nodes/nets/llm/llm_config.h"

// The description of path, NULL when it is refused; free() it.
static char *inspect(mw_ctx *c, const char *path)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    mw_status status = mw_inspect(c, path, f);
    fclose(f);
    if (status == MW_OK)
        return text;
    assert_int_equal(size, 0);
    free(text);
    return NULL;
}

static void visit(mw_ctx *c, const char *path, const char *expect, const json_t *entry)
{
    char *text = inspect(c, path);
    manifest_verdict(c, path, expect, entry, text != NULL);
    assert_true(!text || strstr(text, path));
    free(text);
}

static void manifests(void **state)
{
    (void)state;
    assert_true(manifest_walk("tests/golden/bad_configs/malformed", visit) > 20);
    assert_true(manifest_walk("tests/golden/bad_images/malformed", visit) > 15);
    assert_true(manifest_walk("tests/golden/safetensors/malformed", visit) > 40);
    assert_true(manifest_walk("tests/golden/safetensors/valid", visit) > 8);
    assert_int_equal(manifest_walk("tests/golden/gguf/malformed", visit), 50);
    assert_int_equal(manifest_walk("tests/golden/gguf/smallest", visit), 1);
    assert_true(manifest_walk("tests/golden/torch_pt/malformed", visit) > 15);
    assert_true(manifest_walk("tests/golden/torch_pt/valid", visit) > 5);
}

static void says(mw_ctx *c, const char *path, const char *const *words)
{
    char *text = inspect(c, path);
    if (!text)
        fail_msg("%s", mw_errmsg(c));
    for (; *words; words++)
        if (!strstr(text, *words))
            fail_msg("%s: '%s' is not in: %s", path, *words, text);
    free(text);
}

static void refuses(mw_ctx *c, const char *path, const char *word)
{
    assert_null(inspect(c, path));
    assert_int_equal(mw_err(c), MW_E_FILE);
    if (!strstr(mw_errmsg(c), path) || !strstr(mw_errmsg(c), word))
        fail_msg("%s: '%s' is not in: %s", path, word, mw_errmsg(c));
    mw_err_clear(c);
}

static void model_folders(void **state)
{
    (void)state;
    mw_ctx *c = mw_ctx_new();
    c->log_level = MW_LOG_DEBUG; // as -v
    says(c, "models/miniature",
         (const char *const[]){"StableDiffusionPipeline", "unet: UNet2DConditionModel, 326 tensors",
                               "vae: AutoencoderKL", "scheduler: DDIMScheduler", NULL});
    c->log_level = MW_LOG_DEBUG; // -v: tensors are listed
    says(c, "models/miniature/unet",
         (const char *const[]){"config of a UNet", "a UNet in diffusers' layout", "block_out_channels",
                               "conv_in.weight F16 [64,4,3,3]", NULL});
    c->log_level = MW_LOG_ERROR;
    says(c, "models/miniature/scheduler", (const char *const[]){"ddim", NULL});
    says(c, "models/miniature/model_index.json",
         (const char *const[]){"StableDiffusionPipeline", "unet", NULL});
    refuses(c, "models", "no model's folder");
    refuses(c, "models/nothing", "No such file");
    mw_ctx_free(c);
}

// Files and folders of language models are checked as their loader checks them: every weight, the tokenizer.
static void language_models(void **state)
{
    (void)state;
    mw_ctx *c = mw_ctx_new();
    c->log_level = MW_LOG_DEBUG;
    says(
        c, "models/miniature/llm/miniature-q8_0.gguf",
        (const char *const[]){"GGUF version 3, 39 tensors, 999,808 parameters, 1.0 MiB, 9 of F32, 30 of Q8_0",
                              "metadata llama.block_count: 4", "\"<0x02>\", ...] (1021)",
                              "blk.3.ffn_down.weight Q8_0 [128,352]", NULL});
    c->log_level = MW_LOG_ERROR;
    char *folder = scratch_make(), command[300], *config = mw_path_join(c, folder, "config.json");
    snprintf(command, sizeof command, "cp models/miniature/llm/*.json models/miniature/llm/model.* %s",
             folder);
    assert_int_equal(system(command), 0);
    says(c, folder,
         (const char *const[]){"config of a language model (llama)", "kind: a language model", NULL});
    snprintf(command, sizeof command, "sed -i 's/\"num_hidden_layers\": 4/\"num_hidden_layers\": 5/' %s",
             config);
    assert_int_equal(system(command), 0);
    assert_null(inspect(c, folder));
    assert_non_null(strstr(mw_errmsg(c), "tensor 'model.layers.4.input_layernorm.weight' [128] is missing"));
    mw_err_clear(c);
    snprintf(command, sizeof command,
             "cp models/miniature/llm/config.json %s && echo junk > %s/tokenizer.model", folder, folder);
    assert_int_equal(system(command), 0);
    refuses(c, folder, "tokenizer.model");
    free(config);
    scratch_remove(folder);
    mw_ctx_free(c);
}

// What a file is for is said where there is a node for it.
static void textual_inversion(void **state)
{
    (void)state;
    mw_ctx *c = mw_ctx_new();
    char *folder = scratch_make(), *path = mw_path_join(c, folder, "word.safetensors");
    mw_st_out row = {"emb_params", MW_ST_F32, 2, (const int64_t[]){1, 2}, (const float[]){1, 2}};
    assert_int_equal(mw_st_write(c, path, &row, 1, NULL), MW_OK);
    says(c, path, (const char *const[]){"kind: a textual inversion, for the node textual_inversion", NULL});
    free(path);
    scratch_remove(folder);
    mw_ctx_free(c);
}

// Folders that hold things of models, but are none: what they hold is said.
static void loose_folders(void **state)
{
    (void)state;
    mw_ctx *c = mw_ctx_new();
    c->log_level = MW_LOG_ERROR;
    char *folder = scratch_make(), command[1024];
    snprintf(command, sizeof command,
             "cd %s && mkdir -p a/unet a/scheduler a/deep b/configs/x && echo '{\"_class_name\": "
             "\"UNet3DConditionModel\"}' "
             "> a/unet/config.json && echo '{\"_class_name\": \"LCMScheduler\"}' > "
             "a/scheduler/scheduler_config.json && "
             "echo '{}' > a/deep/model_index.json && echo x: 1 > b/configs/v1.yaml && cp b/configs/v1.yaml "
             "b/configs/x",
             folder);
    assert_int_equal(system(command), 0);
    char *a = mw_path_join(c, folder, "a"), *b = mw_path_join(c, folder, "b");
    refuses(
        c, a,
        "it holds scheduler (LCMScheduler), unet (UNet3DConditionModel); a model_index.json lies in deep");
    refuses(c, b, "2 configs of the original code (YAML)");
    free(a);
    free(b);
    char *index = mw_path_join(c, folder, "model_index.json");
    static const char own[] = "{\"_class_name\": [\"pipeline\", \"MyPipeline\"]}";
    assert_int_equal(mw_file_write(c, index, own, sizeof own - 1), MW_OK);
    refuses(c, index, "a pipeline of its own ([\"pipeline\",\"MyPipeline\"])");
    free(index);
    snprintf(command, sizeof command, "rm -r %s/*", folder);
    assert_int_equal(system(command), 0);
    scratch_remove(folder);
    mw_ctx_free(c);
}

static void made_files(void **state)
{
    (void)state;
    mw_ctx *c = mw_ctx_new();
    c->log_level = MW_LOG_DEBUG; // as -v
    char *folder = scratch_make(), *path = mw_path_join(c, folder, "a.safetensors");
    const float values[8] = {0};
    const int64_t down[2] = {2, 3}, up[2] = {4, 2};
    mw_st_out lora[] = {{"lora_unet_x.lora_down.weight", MW_ST_F32, 2, down, values},
                        {"lora_unet_x.lora_up.weight", MW_ST_F16, 2, up, values}};
    const char *metadata[] = {"ss_note", "line\nline", NULL};
    assert_int_equal(mw_st_write(c, path, lora, 2, metadata), MW_OK);
    says(c, path,
         (const char *const[]){"2 tensors, 14 parameters, 40 bytes, 1 of F16, 1 of F32", "kohya", "rank 2",
                               "metadata ss_note: line\\nline", "lora_unet_x.lora_up.weight F16 [4,2]",
                               NULL});
    mw_image image = {2, 1, (uint8_t[]){1, 2, 3, 4, 5, 6}};
    const mw_png_text text = {"parameters", "a red star\nSteps: 20"};
    free(path);
    path = mw_path_join(c, folder, "picture"); // told by its content
    assert_int_equal(mw_png_write(c, path, &image, &text, 1), MW_OK);
    says(c, path,
         (const char *const[]){"PNG picture of 2 x 1 pixels, RGB",
                               "text parameters:\n  a red star\n  Steps: 20\n", NULL});
    assert_int_equal(mw_file_write(c, path, "GGUF\3\0\0\0", 8), MW_OK);
    refuses(c, path, "the number of tensors at byte 8 of 8");
    assert_int_equal(mw_file_write(c, path, "PK\3\4....", 8), MW_OK);
    refuses(c, path, "a zip archive");
    assert_int_equal(mw_file_write(c, path, "<html><body>", 12), MW_OK);
    refuses(c, path, "a web page");
    assert_int_equal(mw_file_write(c, path, "hello", 5), MW_OK);
    refuses(c, path, "neither");
    free(path);
    path = mw_path_join(c, folder, "model.ckpt");
    assert_int_equal(mw_file_write(c, path, "x", 1), MW_OK);
    refuses(c, path, "pickle, which is not supported yet");
    says(c, "tests/golden/textual_inversion/webui.pt",
         (const char *const[]){"nothing of it is executed): 1 tensor", "string_to_param.* F16 [2,128]",
                               "name = \"bluestar\"", "step = 100", NULL});
    refuses(c, "tests/golden/torch_pt/malformed/run_by_reduce.pt", "'posix.system'");
    refuses(c, "tests/golden/torch_pt/valid/legacy.pt", "before 1.6");
    free(path);
    scratch_remove(folder);
    mw_ctx_free(c);
}

// Numbers of a whole model, by hand: a layer has 7 weights and 2 norms; the last norm, two tables.
static void llm_counts(void **state)
{
    (void)state;
    mw_ctx *c = mw_ctx_new();
    c->log_level = MW_LOG_ERROR;
    const int rest = 3 * 80 + 16, ends = 8 + 96;
    const struct {
        const char *more;
        int count;
    } cases[] = {
        {"{}", 3 * (8 * 8 * 2 + 8 * 4 * 2 + rest) + ends + 96},
        {"{\"tie_word_embeddings\": true}", 3 * (8 * 8 * 2 + 8 * 4 * 2 + rest) + ends},
        {"{\"attention_bias\": true}", 3 * (8 * 8 * 2 + 8 * 4 * 2 + 8 + 4 + 4 + 8 + rest) + ends + 96},
        {"{\"head_dim\": 6}", 3 * (8 * 24 * 2 + 8 * 12 * 2 + rest) + ends + 96},
        {"{\"rope_scaling\": {\"type\": \"linear\", \"factor\": 2}}",
         3 * (8 * 8 * 2 + 8 * 4 * 2 + rest) + ends + 96},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *o = json_pack("{s:s, s:i, s:i, s:i, s:i, s:i, s:i}", "model_type", "llama", "hidden_size", 8,
                              "intermediate_size", 10, "vocab_size", 12, "num_hidden_layers", 3,
                              "num_attention_heads", 4, "num_key_value_heads", 2);
        json_t *more = mw_json_parse(c, cases[i].more, strlen(cases[i].more), "f");
        mw_llm_config m;
        json_object_update(o, more);
        if (mw_llm_config_read(c, o, "f", &m))
            fail_msg("%s: %s", cases[i].more, mw_errmsg(c));
        assert_int_equal(mw_llm_config_count(&m), cases[i].count);
        json_decref(more);
        json_decref(o);
    }
    mw_ctx_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(manifests),       cmocka_unit_test(model_folders),
        cmocka_unit_test(language_models), cmocka_unit_test(textual_inversion),
        cmocka_unit_test(loose_folders),   cmocka_unit_test(made_files),
        cmocka_unit_test(llm_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
