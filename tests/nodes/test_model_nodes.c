// test_model_nodes.c: noise, text_encoder, unet, vae_encode and vae_decode on a small checkpoint.
#include "tests/nodes/node_test.h"

#include "core/ops.h"
#include "nodes/nets/checkpoint/checkpoint.h"

static mw_checkpoint *model;

static int start(void **state)
{
    (void)state;
    mw_checkpoint_options o = {.path = "tests/golden/pipeline/txt2img/model", .dtype = MW_F32};
    if (open_device((uint64_t)512 << 20))
        return -1;
    model = mw_checkpoint_open(c, &o);
    return model ? 0 : -1;
}

static int stop(void **state)
{
    mw_object_release(&model->base);
    return close_device(state);
}

// ---- noise

static void noise_of_a_batch(void **state)
{
    (void)state;
    int one = ADD("noise", {"seed", num(8)}, {"width", num(64)}, {"height", num(32)});
    int batch = ADD("noise", {"seed", num(7)}, {"width", num(64)}, {"height", num(32)}, {"batch", num(3)});
    int stream = ADD("noise", {"seed", num(7)}, {"width", num(64)}, {"height", num(32)}, {"batch", num(3)},
                     {"batch_seed", text("stream")});
    int philox = ADD("noise", {"seed", num(8)}, {"width", num(64)}, {"height", num(32)},
                     {"generator", text("philox")});
    assert_shape(tensor_of(batch, 0), "[3,4,4,8] f32");
    mw_tensor *second = mw_slice(c, tensor_of(batch, 0), 0, 1, 1);
    assert_below(difference(second, tensor_of(one, 0)), 0);
    assert_below(
        difference(mw_slice(c, tensor_of(batch, 0), 0, 0, 1), mw_slice(c, tensor_of(stream, 0), 0, 0, 1)), 0);
    assert_above(difference(second, mw_slice(c, tensor_of(stream, 0), 0, 1, 1)), 0.5);
    assert_above(difference(tensor_of(one, 0), tensor_of(philox, 0)), 0.5);
}

static void noise_takes_its_size_from_the_model(void **state)
{
    (void)state;
    assert_shape(tensor_of(ADD("noise", {"model", object(model)}), 0), "[1,4,8,8] f32");
    assert_fails(ADD("noise", {"width", num(100)}, {"height", num(64)}), MW_E_ARG,
                 "'width' must be a multiple of 8, got 100 (96 or 104 would do)");
}

// ---- text_encoder

static void prompts_in_a_batch(void **state)
{
    (void)state;
    int one = ADD("text_encoder", {"model", object(model->text_encoder)}, {"prompt", text("a cat")});
    int two = ADD("text_encoder", {"model", object(model->text_encoder)},
                  {"prompt", LIST(text("a red dog"), text("a cat"))});
    assert_shape(tensor_of(two, 0), "[2,77,32] f32");
    assert_shape(tensor_of(two, 1), "[2,32] f32");
    assert_below(difference(mw_slice(c, tensor_of(two, 0), 0, 1, 1), tensor_of(one, 0)), 1e-6);
    assert_below(difference(mw_slice(c, tensor_of(two, 1), 0, 1, 1), tensor_of(one, 1)), 1e-6);
    mw_value *tokens = mw_value_at(result(two, 2), 1);
    assert_string_equal(mw_value_as_text(mw_value_get(tokens, "text")), "a cat");
    assert_int_equal(mw_value_count(mw_value_get(tokens, "ids")), 77);
    size_t pieces = mw_value_count(mw_value_get(tokens, "pieces"));
    assert_int_equal(mw_value_as_number(mw_value_get(tokens, "used")), pieces + 2);
    assert_string_equal(mw_value_as_text(mw_value_at(mw_value_get(tokens, "pieces"), 0)), "a");
    assert_fails(ADD("text_encoder", {"model", object(model->text_encoder)}, {"prompt", mw_value_list(c)}),
                 MW_E_SCRIPT, "a list of 0");
}

static void a_long_prompt_is_cut_with_a_warning(void **state)
{
    (void)state;
    char prompt[600] = "";
    for (int i = 0; i < 60; i++)
        strcat(prompt, "a b ");
    strcat(prompt, "the end");
    assert_int_equal(
        run(ADD("text_encoder", {"model", object(model->text_encoder)}, {"prompt", text(prompt)})), MW_OK);
    assert_non_null(strstr(warnings, "longer than 77 tokens; lost: \""));
    assert_non_null(strstr(warnings, "the end\""));
}

static void a_long_prompt_of_several_is_named_and_shown_printable(void **state)
{
    (void)state;
    char prompt[1200] = "";
    for (int i = 0; i < 75; i++)
        strcat(prompt, "a ");
    strcat(prompt, "\x1b[31mb\x07\nb ");
    for (int i = 0; i < 150; i++)
        strcat(prompt, "\u00e9");
    assert_int_equal(run(ADD("text_encoder", {"model", object(model->text_encoder)},
                             {"prompt", LIST(text("a"), text("b"), text(prompt))})),
                     MW_OK);
    assert_non_null(strstr(warnings, "prompt 3 of 3 is longer than 77 tokens; lost: \""));
    assert_non_null(strstr(warnings, "[31mb\\x07\\nb "));
    assert_non_null(strstr(warnings, "\u00e9...\"")); // cut between characters
    assert_null(strpbrk(warnings, "\x1b\x07"));
}

static int count_of(const char *in, const char *what)
{
    int n = 0;
    for (const char *p = in; (p = strstr(p, what)); p++)
        n++;
    return n;
}

static void markup_of_other_programs_is_named_once(void **state)
{
    (void)state;
    static const char *const marked[] = {"a (b:1.2) (c:0.5)", "((a) b: 1.25 )",   "a <lora:thing:0.8> b",
                                         "a <LyCO:x>",        "embedding:bad, a", "a (embedding:x:1.1)",
                                         "[a:b:0.5]",         "a\n(b:.5)",        "<hypernet:a:1>"};
    static const char *const plain[] = {
        "a (b)", "at 10:30",  "a:1.2", "(a:b)", "an embedding: b", "\\(a:1.2\\)", "<lora:thing",
        "(a:",   "a) b:1.2)", "(:",    "()",    "noembedding:a",   "embedding:"};
    for (size_t i = 0; i < sizeof marked / sizeof *marked; i++) {
        warnings[0] = 0;
        run(ADD("text_encoder", {"model", object(model->text_encoder)},
                {"prompt", LIST(text("a"), text(marked[i]), text(marked[i]))}));
        if (count_of(warnings, "is read literally") != 1 || !strstr(warnings, "prompt 2 of 3: "))
            fail_msg("'%s': %s", marked[i], warnings);
    }
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        warnings[0] = 0;
        run(ADD("text_encoder", {"model", object(model->text_encoder)}, {"prompt", text(plain[i])}));
        if (*warnings)
            fail_msg("'%s': %s", plain[i], warnings);
    }
}

// use_attention_mask of a text encoder's config: the padding is seen by nobody, the text before it as ever.
static void padding_is_hidden_where_the_config_says_so(void **state)
{
    (void)state;
    mw_clip_text_config *f = &model->text_encoder->encoder[0].config;
    int seen = ADD("text_encoder", {"model", object(model->text_encoder)}, {"prompt", text("a cat")});
    mw_tensor *a = tensor_of(seen, 0);
    f->masks_padding = true;
    int hidden = ADD("text_encoder", {"model", object(model->text_encoder)}, {"prompt", LIST(text("a cat"))});
    mw_tensor *b = tensor_of(hidden, 0);
    f->masks_padding = false;
    assert_below(difference(mw_slice(c, a, 1, 0, 4), mw_slice(c, b, 1, 0, 4)), 1e-6);
    assert_above(difference(mw_slice(c, a, 1, 4, 73), mw_slice(c, b, 1, 4, 73)), 1e-3);
}

static void layers_are_skipped(void **state)
{
    (void)state;
    int all = ADD("text_encoder", {"model", object(model->text_encoder)}, {"prompt", text("a cat")});
    int skip = ADD("text_encoder", {"model", object(model->text_encoder)}, {"prompt", text("a cat")},
                   {"clip_skip", num(1)});
    assert_above(difference(tensor_of(all, 0), tensor_of(skip, 0)), 1e-3);
    assert_below(difference(tensor_of(all, 1), tensor_of(skip, 1)), 0);
    assert_fails(ADD("text_encoder", {"model", object(model->text_encoder)}, {"prompt", text("a")},
                     {"clip_skip", num(3)}),
                 MW_E_ARG, "clip_skip must be 0 to 2");
}

// ---- unet

typedef struct {
    int noise, prompt, negative;
} wires;

static wires wired(void)
{
    return (wires){ADD("noise", {"width", num(72)}, {"height", num(40)}, {"batch", num(2)}),
                   ADD("text_encoder", {"model", object(model->text_encoder)}, {"prompt", text("a cat")}),
                   ADD("text_encoder", {"model", object(model->text_encoder)}, {"prompt", text("")})};
}

static void guidance_is_one_batch(void **state)
{
    (void)state;
    wires w = wired();
    int cond = ADD("unet", {"model", object(model->unet)}, {"latents", out_of(w.noise, 0)}, {"t", num(300)},
                   {"cfg", num(1)}, {"embedding", out_of(w.prompt, 0)},
                   {"capture", LIST(text("mid"), text("up.1.0"))});
    int uncond = ADD("unet", {"model", object(model->unet)}, {"latents", out_of(w.noise, 0)}, {"t", num(300)},
                     {"cfg", num(1)}, {"embedding", out_of(w.negative, 0)});
    int guided =
        ADD("unet", {"model", object(model->unet)}, {"latents", out_of(w.noise, 0)}, {"t", num(300)},
            {"cfg", num(7.5)}, {"embedding", out_of(w.prompt, 0)}, {"negative", out_of(w.negative, 0)},
            {"capture", LIST(text("mid"), text("mid_block.attentions.0.transformer_blocks.0.attn2"))});
    mw_tensor *terms[2] = {tensor_of(uncond, 0), tensor_of(cond, 0)};
    assert_above(difference(terms[0], terms[1]), 1e-3);
    assert_shape(tensor_of(guided, 0), "[2,4,5,9] f32");
    assert_below(difference(mw_lincomb(c, 2, terms, (double[]){-6.5, 7.5}), tensor_of(guided, 0)), 1e-4);
    mw_value *maps = result(guided, 1), *alone = result(cond, 1);
    mw_tensor *map = mw_value_as_tensor(mw_value_get(maps, "mid"));
    assert_int_equal(mw_value_count(maps), 2);
    assert_int_equal(mw_value_count(alone), 2);
    assert_shape(map, "[2,4,2,77] f32");
    assert_below(difference(map, mw_value_as_tensor(mw_value_get(alone, "mid"))), 1e-5);
    float *sums = values_of(mw_sum(c, map, 3, false));
    for (int i = 0; i < 2 * 4 * 2; i++)
        assert_below(fabs((double)sums[i] - 1), 1e-5);
    free(sums);
}

static void a_step_of_a_schedule(void **state)
{
    (void)state;
    wires w = wired();
    int plan =
        ADD("schedule", {"model", object(model->scheduler)}, {"sampler", text("euler")}, {"steps", num(4)});
    mw_value *s = result(plan, 0);
    double sigma = mw_value_as_number(mw_value_at(mw_value_get(s, "sigmas"), 1));
    double t = mw_value_as_number(mw_value_at(mw_value_get(s, "timesteps"), 1));
    mw_tensor *scaled = mw_affine(c, tensor_of(w.noise, 0), 1 / sqrt(sigma * sigma + 1), 0);
    int a = ADD("unet", {"model", object(model->unet)}, {"latents", out_of(w.noise, 0)},
                {"schedule", out_of(plan, 0)}, {"step", num(1)}, {"cfg", num(1)},
                {"embedding", out_of(w.prompt, 0)});
    int b = ADD("unet", {"model", object(model->unet)}, {"latents", wrap(scaled)}, {"t", num(t)},
                {"cfg", num(1)}, {"embedding", out_of(w.prompt, 0)});
    assert_below(difference(tensor_of(a, 0), tensor_of(b, 0)), 1e-5);
}

static void wrong_inputs_of_the_unet(void **state)
{
    (void)state;
    wires w = wired();
#define UNET(...)                                                                                            \
    ADD("unet", {"model", object(model->unet)}, {"latents", out_of(w.noise, 0)},                             \
        {"embedding", out_of(w.prompt, 0)}, __VA_ARGS__)
    assert_fails(UNET({"t", num(1)}), MW_E_ARG, "'negative' is needed, since cfg is not 1");
    assert_fails(UNET({"cfg", num(1)}), MW_E_ARG, "either 't', or 'schedule' and 'step'");
    assert_fails(UNET({"cfg", num(1)}, {"t", num(1)}, {"capture", LIST(text("up.0.0"))}), MW_E_ARG,
                 "no cross-attention 'up.0.0' in this model; it has down.0.0");
    assert_fails(UNET({"cfg", num(1)}, {"t", num(1)}, {"capture", LIST(num(3))}), MW_E_ARG, "list of texts");
    assert_fails(UNET({"cfg", num(1)}, {"t", num(1)}, {"grounding", text("x")}), MW_E_ARG,
                 "'grounding' must be what the node grounding gives");
    mw_tensor *narrow = mw_slice(c, tensor_of(w.prompt, 0), 2, 0, 16);
    assert_fails(ADD("unet", {"model", object(model->unet)}, {"latents", out_of(w.noise, 0)}, {"t", num(1)},
                     {"cfg", num(1)}, {"embedding", wrap(narrow)}),
                 MW_E_SHAPE, "the embedding must be [2,L,32], got [2,77,16]");
}

// ---- autoencoder

static void decoding_in_tiles(void **state)
{
    (void)state;
    int z = ADD("noise", {"width", num(200)}, {"height", num(120)}, {"batch", num(2)});
    int whole =
        ADD("vae_decode", {"model", object(model->vae)}, {"latents", out_of(z, 0)}, {"tile", text("none")});
    int same =
        ADD("vae_decode", {"model", object(model->vae)}, {"latents", out_of(z, 0)}, {"tile", num(256)});
    int tiled =
        ADD("vae_decode", {"model", object(model->vae)}, {"latents", out_of(z, 0)}, {"tile", num(64)});
    assert_shape(tensor_of(whole, 0), "[2,120,200,3] f32");
    assert_below(difference(tensor_of(whole, 0), tensor_of(same, 0)), 1e-6);
    // Where no other tile reaches, a tile's pixels are those of decoding its latents alone.
    mw_tensor *cut = mw_slice(c, mw_slice(c, mw_slice(c, tensor_of(z, 0), 0, 1, 1), 2, 0, 8), 3, 0, 8);
    int alone = ADD("vae_decode", {"model", object(model->vae)}, {"latents", wrap(cut)});
    mw_tensor *corner =
        mw_slice(c, mw_slice(c, mw_slice(c, tensor_of(tiled, 0), 0, 1, 1), 1, 0, 48), 2, 0, 48);
    mw_tensor *want = mw_slice(c, mw_slice(c, tensor_of(alone, 0), 0, 0, 48), 1, 0, 48);
    assert_below(difference(mw_reshape(c, corner, MW_SHAPE(48, 48, 3)), want), 1e-6);
    assert_fails(
        ADD("vae_decode", {"model", object(model->vae)}, {"latents", out_of(z, 0)}, {"tile", num(8)}),
        MW_E_ARG, "'tile' must be");
}

static void encoding_a_picture(void **state)
{
    (void)state;
    int z = ADD("noise", {"width", num(64)}, {"height", num(32)});
    int image = ADD("vae_decode", {"model", object(model->vae)}, {"latents", out_of(z, 0)});
    int mean = ADD("vae_encode", {"model", object(model->vae)}, {"image", out_of(image, 0)});
    int sample = ADD("vae_encode", {"model", object(model->vae)}, {"image", out_of(image, 0)},
                     {"noise", out_of(z, 0)});
    assert_shape(tensor_of(image, 0), "[32,64,3] f32");
    assert_shape(tensor_of(mean, 0), "[1,4,4,8] f32");
    assert_above(difference(tensor_of(mean, 0), tensor_of(sample, 0)), 1e-4);
    mw_tensor *odd = mw_slice(c, tensor_of(image, 0), 0, 0, 30);
    assert_fails(ADD("vae_encode", {"model", object(model->vae)}, {"image", wrap(odd)}), MW_E_SHAPE,
                 "multiples of 8, got 64 x 30");
    int big = ADD("noise", {"width", num(64)}, {"height", num(64)});
    assert_fails(ADD("vae_encode", {"model", object(model->vae)}, {"image", out_of(image, 0)},
                     {"noise", out_of(big, 0)}),
                 MW_E_SHAPE, "'noise' must be [1,4,4,8]");
}

#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)

// ---- weights that are set

static unsigned long revision_of(void *part)
{
    mw_value *v = object(part);
    unsigned long revision = mw_value_revision(v);
    mw_value_release(v);
    return revision;
}

static void a_model_has_the_revision_of_its_parts(void **state)
{
    (void)state;
    assert_int_equal(revision_of(model), 0);
    mw_weights *w = model->unet->model.weights;
    const char *name = NULL;
    int ndim = 0;
    int64_t shape[4];
    for (size_t i = 0; ndim != 1; i++)
        assert_true(mw_weights_at(w, i, &name, &ndim, shape));
    mw_tensor *same = mw_affine(c, mw_weight_vector(c, w, name, shape[0]), 1, 0);
    assert_int_equal(mw_weight_set(c, w, name, same), MW_OK);
    unsigned long first = revision_of(model->unet);
    assert_true(first > 0 && revision_of(model) == first);
    assert_int_equal(revision_of(model->vae), 0);
    assert_int_equal(revision_of(model->text_encoder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(noise_of_a_batch),
        T(noise_takes_its_size_from_the_model),
        T(prompts_in_a_batch),
        T(a_long_prompt_is_cut_with_a_warning),
        T(a_long_prompt_of_several_is_named_and_shown_printable),
        T(markup_of_other_programs_is_named_once),
        T(padding_is_hidden_where_the_config_says_so),
        T(layers_are_skipped),
        T(guidance_is_one_batch),
        T(a_step_of_a_schedule),
        T(wrong_inputs_of_the_unet),
        T(decoding_in_tiles),
        T(encoding_a_picture),
        T(a_model_has_the_revision_of_its_parts),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
