// test_vision_configs.c: configs of Segment Anything, OWL-ViT and of their pictures: what is refused, by
// which sentence.
#include "core/io/json.h"
#include "nodes/nets/base/hf_folder.h"
#include "nodes/nets/pictures/image_prep.h"
#include "nodes/nets/owlvit/owlvit.h"
#include "nodes/nets/sam/sam.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define MODELS "tests/golden/lmd/models/"

static mw_ctx *c;

static int start(void **state)
{
    (void)state;
    c = mw_ctx_new();
    c->log_level = MW_LOG_ERROR;
    return c ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    mw_ctx_free(c);
    return 0;
}

// What is changed in a file that is fine: a key of a part (NULL: of the top) to a JSON value.
typedef struct {
    const char *part, *key, *value, *sentence;
} change;

typedef void (*reader)(const json_t *json);

static void expect(const char *file, const change *k, reader read)
{
    json_t *json = mw_json_load(c, file);
    json_t *at = k->part ? json_object_get(json, k->part) : json;
    assert_non_null(at);
    json_object_set_new(at, k->key, json_loads(k->value, JSON_DECODE_ANY, NULL));
    read(json);
    if (!strstr(mw_errmsg(c), k->sentence) || (*k->sentence ? mw_err(c) != MW_E_FILE : mw_err(c) != MW_OK))
        fail_msg("%s = %s: got '%s'", k->key, k->value, mw_errmsg(c));
    mw_err_clear(c);
    json_decref(json);
}

static void read_sam(const json_t *json)
{
    mw_sam_config f;
    mw_sam_config_read(c, json, "F", &f);
}

static void read_owlvit(const json_t *json)
{
    mw_clip_text_config text;
    mw_clip_vision_config vision;
    mw_owlvit_config_read(c, json, "F", &text, &vision);
}

static void read_prep(const json_t *json)
{
    mw_image_prep p = {0};
    mw_image_prep_read(c, json, "F", &p);
}

static void sam_configs(void **state)
{
    (void)state;
    static const change changes[] = {
        {NULL, "model_type", "\"sam\"", ""},
        {NULL, "model_type", "\"sam2\"", "F: 'model_type': must be \"sam\", got \"sam2\""},
        {"vision_config", "hidden_size", "30",
         "F: vision_config: 'num_attention_heads': 4 heads do not divide"},
        {"vision_config", "patch_size", "10", "'patch_size': 10 does not cut image_size 96"},
        {"vision_config", "patch_size", "0", "'patch_size'"},
        {"vision_config", "image_size", "1e99", "'image_size'"},
        {"vision_config", "global_attn_indexes", "[1, 500]",
         "'global_attn_indexes': must be a list of layers"},
        {"vision_config", "global_attn_indexes", "3", "'global_attn_indexes': must be a list of layers"},
        {"vision_config", "num_pos_feats", "8", "'output_channels': 32 must be divisible by 8 and twice"},
        {"vision_config", "hidden_act", "\"tanh\"", "'hidden_act': activation \"tanh\" is not supported"},
        {"vision_config", "num_channels", "4", "'num_channels'"},
        {"prompt_encoder_config", "hidden_size", "64", "F: prompt_encoder_config: 'hidden_size': must be 32"},
        {"prompt_encoder_config", "mask_input_channels", "6", "6 is not divisible by 4"},
        {"mask_decoder_config", "num_attention_heads", "3", "'num_attention_heads': 3 heads do not divide"},
        {"mask_decoder_config", "hidden_act", "\"gelu\"", "'hidden_act': \"gelu\" is not supported"},
        {"mask_decoder_config", "num_multimask_outputs", "99", "'num_multimask_outputs'"},
        {"mask_decoder_config", "iou_head_depth", "1", "'iou_head_depth'"},
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
        expect(MODELS "sam/config.json", &changes[i], read_sam);
}

static void owlvit_configs(void **state)
{
    (void)state;
    static const change changes[] = {
        {NULL, "model_type", "\"owlvit\"", ""},
        {NULL, "model_type", "\"owlv2\"", "'model_type': must be \"owlvit\""},
        {NULL, "projection_dim", "64", "F: text_config: 'hidden_size': must be projection_dim, 64, got 32"},
        {"text_config", "num_attention_heads", "5", "5 heads do not divide hidden_size 32"},
        {"text_config", "max_position_embeddings", "2", "'max_position_embeddings'"},
        {"vision_config", "patch_size", "7", "F: vision_config: 'patch_size': 7 does not cut image_size 96"},
        {"vision_config", "num_attention_heads", "0", "'num_attention_heads'"},
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
        expect(MODELS "owlvit/config.json", &changes[i], read_owlvit);
}

static void preparations(void **state)
{
    (void)state;
    static const change changes[] = {
        {NULL, "resample", "3", ""},
        {NULL, "size", "768", ""},
        {NULL, "size", "[768, 768]", ""},
        {NULL, "size", "{\"shortest_edge\": 224}", "'size': sides must be whole numbers"},
        {NULL, "size", "{\"longest_edge\": -1}", "'size': sides must be whole numbers"},
        {NULL, "size", "[96]", "'size': sides must be whole numbers"},
        {NULL, "resample", "0", "'resample'"},
        {NULL, "do_center_crop", "true", "'do_center_crop': true is not supported"},
        {NULL, "image_std", "[1, 0, 1]", "'image_std': must be a list of three positive numbers"},
        {NULL, "image_mean", "[1, 2]", "'image_mean': must be a list of three numbers"},
        {NULL, "rescale_factor", "0", "'rescale_factor'"},
        {NULL, "pad_size", "\"x\"", "'pad_size': sides must be whole numbers"},
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
        expect(MODELS "sam/preprocessor_config.json", &changes[i], read_prep);
}

// The newer place of a picture's settings counts before the older one.
static void where_pictures_settings_lie(void **state)
{
    (void)state;
    char folder[] = "/tmp/moonweave-test-XXXXXX", command[256];
    static const struct {
        const char *write, *file;
        int resample; // 0: no settings
    } steps[] = {
        {"echo '{}' > config.json", NULL, 0},
        {"echo '{\"resample\": 2}' > preprocessor_config.json", "/preprocessor_config.json", 2},
        {"echo '{\"processor_class\": \"X\"}' > processor_config.json", "/preprocessor_config.json", 2},
        {"echo '{\"image_processor\": {\"resample\": 3}}' > processor_config.json", "/processor_config.json",
         3},
        {"rm preprocessor_config.json", "/processor_config.json", 3},
    };
    assert_non_null(mkdtemp(folder));
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        mw_hf_folder f;
        snprintf(command, sizeof command, "cd %s && %s", folder, steps[i].write);
        assert_int_equal(system(command), 0);
        assert_int_equal(mw_hf_open(c, folder, &f), MW_OK);
        assert_int_equal(json_integer_value(json_object_get(f.prep, "resample")), steps[i].resample);
        assert_true(steps[i].file ? strstr(f.prep_path, steps[i].file) != NULL : !f.prep && !f.prep_path);
        mw_hf_close(&f);
    }
    snprintf(command, sizeof command, "cd %s && echo '{' > processor_config.json", folder);
    assert_int_equal(system(command), 0);
    mw_hf_folder f;
    assert_int_equal(mw_hf_open(c, folder, &f), MW_E_FILE);
    mw_hf_close(&f);
    mw_err_clear(c);
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sam_configs),
        cmocka_unit_test(owlvit_configs),
        cmocka_unit_test(preparations),
        cmocka_unit_test(where_pictures_settings_lie),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
