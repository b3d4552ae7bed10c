// test_sdxl_nodes.c: two text encoders joined; pooled text and sizes given to the UNet.
#include "tests/nodes/node_test.h"

#include "core/io/json.h"
#include "core/ops.h"
#include "nodes/nets/clip/clip_tokenizer.h"
#include "nodes/nets/base/part_files.h"
#include "nodes/nets/checkpoint/model.h"
#include "nodes/nets/base/source.h"

static mw_text_encoder *encoder;
static mw_unet *unet;

static mw_weight_source weights(const char *folder, const char *stem, const mw_name_rule *rule)
{
    char *path = mw_part_weights(c, folder, stem, NULL);
    mw_files *files = path ? mw_files_open(c, path) : NULL;
    mw_source *s = files ? mw_source_new(c, files, rule) : NULL;
    mw_weight_source w = s ? mw_source_weights(s) : (mw_weight_source){0};
    mw_source_release(s);
    mw_files_release(files);
    free(path);
    return w;
}

// SDXL in small: encoders of widths 40 and 48, the second one projecting; a tokenizer of 1000 entries for
// both.
static void make_encoder(void)
{
    static const char *const folder[] = {"tests/golden/clip_text/sd2_gelu/model",
                                         "tests/golden/clip_text/sdxl_projection/model"};
    mw_clip_text_config f[2];
    mw_weight_source w[2];
    mw_tokenizer *t[2];
    for (int i = 0; i < 2; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/config.json", folder[i]);
        json_t *j = mw_json_load(c, path);
        mw_clip_text_config_read(c, j, path, &f[i]);
        json_decref(j);
        w[i] = weights(folder[i], "model", &mw_rule_text);
        t[i] = mw_tokenizer_new(
            c, mw_clip_tokenizer_load(c, "tests/golden/pipeline/txt2img/model/tokenizer", NULL));
    }
    encoder = mw_text_encoder_new(c, 2, f, w, t, MW_F32);
    for (int i = 0; i < 2; i++)
        mw_object_release(&t[i]->base);
}

static int start(void **state)
{
    (void)state;
    static const char folder[] = "tests/golden/unet/sdxl_forward/model";
    mw_unet_config f;
    if (open_device((uint64_t)512 << 20))
        return -1;
    make_encoder();
    json_t *j = mw_json_load(c, "tests/golden/unet/sdxl_forward/model/config.json");
    mw_unet_config_read(c, j, folder, &f);
    json_decref(j);
    unet = mw_unet_new(c, &f, weights(folder, "diffusion_pytorch_model", &mw_rule_unet), MW_F32);
    return encoder && unet ? 0 : -1;
}

static int stop(void **state)
{
    mw_object_release(&encoder->base);
    mw_object_release(&unet->base);
    return close_device(state);
}

static void states_of_both_encoders(void **state)
{
    (void)state;
    int node = ADD("text_encoder", {"model", object(encoder)}, {"prompt", text("a red cat")});
    mw_tensor *joined = tensor_of(node, 0);
    assert_shape(joined, "[1,77,88] f32");
    assert_shape(tensor_of(node, 1), "[1,24] f32");
    int32_t ids[77];
    mw_clip_encode(c, encoder->tokenizer[0]->tokenizer, "a red cat", 9, ids, NULL);
    for (int i = 0; i < 2; i++) { // the state before the last layer, without the final norm
        const mw_clip_text *m = &encoder->encoder[i];
        mw_tensor *hidden[8];
        mw_clip_text_out r = {.all = true, .pool = true, .hidden = hidden};
        assert_int_equal(mw_clip_text_forward(c, m, ids, NULL, 1, 77, &r), MW_OK);
        mw_tensor *part = mw_slice(c, joined, 2, i ? 40 : 0, m->config.width);
        assert_below(difference(part, hidden[m->config.layers - 1]), 1e-6);
        if (i == 1)
            assert_below(difference(tensor_of(node, 1), r.embeds), 1e-6);
    }
}

static void an_empty_negative_gives_zeros(void **state)
{
    (void)state;
    encoder->zero_empty_negative = true;
    mw_value *both = LIST(text(""), text("blurry"));
    int negative = ADD("text_encoder", {"model", object(encoder)}, {"prompt", both},
                       {"negative", mw_value_bool(c, true)});
    int plain = ADD("text_encoder", {"model", object(encoder)}, {"prompt", text("")});
    int blurry = ADD("text_encoder", {"model", object(encoder)}, {"prompt", text("blurry")});
    mw_tensor *t = tensor_of(negative, 0), *zeros = mw_affine(c, mw_slice(c, t, 0, 0, 1), 0, 0);
    assert_below(difference(mw_slice(c, t, 0, 0, 1), zeros), 0);
    assert_below(difference(mw_slice(c, t, 0, 1, 1), tensor_of(blurry, 0)), 1e-6);
    assert_above(difference(tensor_of(plain, 0), zeros), 0.1);
    float *pooled = values_of(mw_slice(c, tensor_of(negative, 1), 0, 0, 1));
    for (int i = 0; i < 24; i++)
        assert_true(pooled[i] == 0);
    free(pooled);
    encoder->zero_empty_negative = false;
}

static mw_value *random_values(int ndim, const int64_t *shape)
{
    float v[4096];
    int64_t n = 1;
    for (int i = 0; i < ndim; i++)
        n *= shape[i];
    for (int64_t i = 0; i < n; i++)
        v[i] = (float)sin((double)(i * i % 1009));
    return wrap(mw_tensor_from_f32(c, MW_F32, ndim, shape, v));
}

static mw_value *pair(double a, double b) { return LIST(num(a), num(b)); }

#define UNET(...)                                                                                            \
    ADD("unet", {"model", object(unet)}, {"latents", random_values(MW_SHAPE(1, 4, 6, 10))},                  \
        {"embedding", random_values(MW_SHAPE(1, 9, 48))}, {"t", num(500)}, {"cfg", num(1)}, __VA_ARGS__)

static void sizes_given_to_the_unet(void **state)
{
    (void)state;
    int plain = UNET({"pooled", random_values(MW_SHAPE(1, 24))});
    int same = UNET({"pooled", random_values(MW_SHAPE(1, 24))}, {"original_size", pair(80, 48)},
                    {"target_size", pair(80, 48)}, {"crop", pair(0, 0)});
    int swapped = UNET({"pooled", random_values(MW_SHAPE(1, 24))}, {"original_size", pair(48, 80)});
    int moved = UNET({"pooled", random_values(MW_SHAPE(1, 24))}, {"crop", pair(0, 30)});
    assert_below(difference(tensor_of(plain, 0), tensor_of(same, 0)), 0);
    assert_above(difference(tensor_of(plain, 0), tensor_of(swapped, 0)), 1e-6);
    assert_above(difference(tensor_of(plain, 0), tensor_of(moved, 0)), 1e-6);
    assert_fails(UNET({"crop", pair(0, 0)}), MW_E_ARG, "'pooled' is needed");
    assert_fails(UNET({"pooled", random_values(MW_SHAPE(1, 23))}), MW_E_SHAPE,
                 "'pooled' must be 24 wide, got 23");
    assert_fails(UNET({"pooled", random_values(MW_SHAPE(1, 24))}, {"crop", LIST(num(1))}), MW_E_ARG,
                 "'crop' must be a list of two numbers");
}

#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(states_of_both_encoders),
        T(an_empty_negative_gives_zeros),
        T(sizes_given_to_the_unet),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
