// test_textual_inversion.c: files of vectors teach a model tokens; the states are those of the rows.
#include "core/ops.h"
#include "tests/nodes/checkpoint_test.h"

#include "core/cl/device.h"
#include "core/io/safetensors.h"
#include "nodes/nets/clip/clip_tokenizer.h"
#include "nodes/nets/textual_inversion/textual_inversion.h"

#include <math.h>

#define SDXL "tests/golden/single_file_pairs/sdxl"
enum { L = 77 };

static mw_checkpoint *model;

// ---- rows and states

static int32_t id_of(const mw_checkpoint *k, int i, const char *word)
{
    int32_t ids[L];
    assert_int_equal(mw_clip_encode(c, k->tokenizer[i]->tokenizer, word, strlen(word), ids, NULL), MW_OK);
    return ids[1];
}

static void put_row(const mw_checkpoint *k, int i, const char *word, float *out)
{
    int width = k->text_config[i].width;
    mw_weight_source w = mw_source_weights(k->text_source[i]);
    float *all = calloc((size_t)k->text_config[i].vocab * (size_t)width, sizeof *all);
    assert_int_equal(w.read_f32(c, w.user, "embeddings.token_embedding.weight", all), MW_OK);
    memcpy(out, all + id_of(k, i, word) * width, (size_t)width * sizeof *out);
    free(all);
    w.free(w.user);
}

static float *states(const mw_checkpoint *k, int i, const char *prompt)
{
    int32_t ids[L];
    mw_clip_text_out r = {0};
    int n = k->text_config[i].positions;
    float *v = malloc((size_t)(n * k->text_config[i].width) * sizeof *v);
    mw_scope_begin(c);
    mw_clip_encode(c, k->tokenizer[i]->tokenizer, prompt, strlen(prompt), ids, NULL);
    mw_clip_text_forward(c, &k->text_encoder->encoder[i], ids, NULL, 1, n, &r);
    mw_tensor_read_f32(c, mw_cast(c, r.last, MW_F32), v);
    mw_scope_end(c, NULL);
    assert_string_equal(mw_errmsg(c), "");
    return v;
}

// The states of two prompts of two models are equal but for rounding.
static void assert_same(const mw_checkpoint *a, const char *p, const mw_checkpoint *b, const char *q, int i,
                        bool same)
{
    float *x = states(a, i, p), *y = states(b, i, q);
    double most = 0;
    for (int j = 0; j < a->text_config[i].positions * a->text_config[i].width; j++)
        most = fmax(most, fabs((double)x[j] - (double)y[j]));
    if (same != (most < 1e-5))
        fail_msg("'%s' and '%s' differ by %g in encoder %d", p, q, most, i);
    free(x);
    free(y);
}

// A file with rows of the named words (NULL-terminated); one word: a bare vector.
static const char *file_of(const char *tensor, const mw_checkpoint *k, int i, const char *const *words)
{
    float rows[8 * 256];
    int n = 0, width = k->text_config[i].width;
    for (; words[n]; n++)
        put_row(k, i, words[n], rows + n * width);
    int64_t shape[] = {n, width};
    mw_st_out out = {tensor, MW_ST_F32, n > 1 ? 2 : 1, n > 1 ? shape : shape + 1, rows};
    assert_int_equal(mw_st_write(c, in_folder("e.safetensors"), &out, 1, NULL), MW_OK);
    return in_folder("e.safetensors");
}
#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static mw_checkpoint *learn(mw_checkpoint *k, const char *path, const char *token)
{
    mw_checkpoint *with = mw_textual_inversion_apply(c, k, path, token);
    assert_string_equal(mw_errmsg(c), "");
    return with;
}

static void assert_not_learned(mw_checkpoint *k, const char *path, const char *token, mw_status status,
                               const char *says)
{
    assert_null(mw_textual_inversion_apply(c, k, path, token));
    if (mw_err(c) != status || !strstr(mw_errmsg(c), says))
        fail_msg("expected %d with '%s', got %d '%s'", (int)status, says, (int)mw_err(c), mw_errmsg(c));
    mw_err_clear(c);
}

static void done(mw_checkpoint *k) { mw_object_release(&k->base); }

// ---- tests

static void a_token_has_the_states_of_its_row(void **state)
{
    (void)state;
    mw_checkpoint *k = learn(model, file_of("<my-colour>", model, 0, WORDS("blue")), NULL);
    assert_same(k, "a <my-colour> star", model, "a blue star", 0, true);
    assert_same(k, "a<My-Colour>star", model, "a blue star", 0, true);
    assert_same(k, "a red star", model, "a red star", 0, true);
    assert_int_equal(k->text_config[0].vocab, model->text_config[0].vocab + 1);
    assert_ptr_equal(k->unet, model->unet);
    done(k);
    // Another token than the file's.
    k = learn(model, file_of("<my-colour>", model, 0, WORDS("blue")), "zorp");
    assert_same(k, "a zorp star", model, "a blue star", 0, true);
    assert_same(k, "a <my-colour> star", model, "a <my-colour> star", 0, true);
    done(k);
}

static void a_token_of_several_vectors_stands_for_all(void **state)
{
    (void)state;
    mw_checkpoint *k = learn(model, file_of("emb_params", model, 0, WORDS("blue", "star", "sky")), "bs");
    assert_same(k, "a bs, bs", model, "a blue star sky, blue star sky", 0, true);
    mw_checkpoint *both = learn(k, file_of("<c>", model, 0, WORDS("red")), NULL);
    assert_same(both, "<c> bs <c>", model, "red blue star sky red", 0, true);
    done(both);
    done(k);
}

static void files_of_torch_save_are_read(void **state)
{
    (void)state;
    mw_checkpoint *k = learn(model, "tests/golden/textual_inversion/webui.pt", NULL);
    assert_same(k, "a bluestar", model, "a blue star", 0, true);
    done(k);
    k = learn(model, "tests/golden/textual_inversion", NULL); // learned_embeds.bin
    assert_same(k, "a <my-colour> star", model, "a blue star", 0, true);
    done(k);
    assert_not_learned(model, "tests/golden/torch_pt/malformed/run_beside_tensor.pt", "x", MW_E_FILE,
                       "'posix.system'");
    assert_not_learned(model, "tests/golden/torch_pt/valid/legacy.pt", "x", MW_E_FILE, "before 1.6");
    assert_not_learned(model, "tests/golden/torch_pt/valid/state_dict.pt", "x", MW_E_FILE,
                       "is no textual inversion");
}

static mw_checkpoint *open_sdxl(void)
{
    mw_checkpoint *k = mw_checkpoint_open(
        c, &(mw_checkpoint_options){.path = SDXL "/single.safetensors", .dtype = MW_F32, .config = SDXL});
    assert_string_equal(mw_errmsg(c), "");
    return k;
}

static void write_pair(const mw_checkpoint *k, int n, int m)
{
    float rows[2][2 * 256] = {{0}};
    static const char *const words[] = {"cat", "dog"};
    int64_t shape[2][2] = {{n, k->text_config[0].width}, {m, k->text_config[1].width}};
    mw_st_out out[] = {{"clip_l", MW_ST_F32, 2, shape[0], rows[0]},
                       {"clip_g", MW_ST_F32, 2, shape[1], rows[1]}};
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < (i ? m : n); j++)
            put_row(k, i, words[j], rows[i] + j * k->text_config[i].width);
    assert_int_equal(mw_st_write(c, in_folder("xl.safetensors"), out, 2, NULL), MW_OK);
}

static void both_encoders_of_sdxl_learn(void **state)
{
    (void)state;
    mw_checkpoint *xl = open_sdxl();
    write_pair(xl, 2, 2);
    mw_checkpoint *k = learn(xl, in_folder("xl.safetensors"), "<cd>");
    for (int i = 0; i < 2; i++)
        assert_same(k, "the <cd>, a", xl, "the cat dog, a", i, true);
    assert_string_equal(warnings, "");
    done(k);
    // Vectors of one width: the other encoder reads letters, and that is said.
    k = learn(xl, file_of("<c>", xl, 1, WORDS("cat")), NULL);
    assert_same(k, "the <c>", xl, "the cat", 1, true);
    assert_same(k, "the <c>", xl, "the <c>", 0, true);
    assert_non_null(strstr(warnings, "no vectors for the first text encoder"));
    done(k);
    write_pair(xl, 2, 1);
    assert_not_learned(xl, in_folder("xl.safetensors"), "x", MW_E_FILE, "clip_l has 2 vectors, but clip_g 1");
    assert_not_learned(model, in_folder("xl.safetensors"), "x", MW_E_FILE, "text encoders of SDXL");
    assert_not_learned(xl, file_of("<c>", model, 0, WORDS("red")), NULL, MW_E_FILE, "have the width 128");
    done(xl);
}

static void what_fits_nothing_is_refused_by_name(void **state)
{
    (void)state;
    const char *blue = file_of("emb_params", model, 0, WORDS("blue"));
    assert_not_learned(model, blue, NULL, MW_E_ARG, "names no token");
    assert_not_learned(model, blue, "star", MW_E_ARG, "'star' is in the tokenizer's vocabulary");
    assert_not_learned(model, blue, "<|endoftext|>", MW_E_ARG, "vocabulary");
    mw_checkpoint *k = learn(model, blue, "<x>");
    assert_not_learned(k, blue, "<x>", MW_E_ARG, "'<x>' is in");
    done(k);
    int64_t shape[] = {76, 128}, flat[] = {128};
    float *rows = calloc(76 * 128, sizeof *rows);
    mw_st_out out[] = {{"a", MW_ST_F32, 2, shape, rows}, {"b", MW_ST_F32, 1, flat, rows}};
    const char *path = in_folder("w.safetensors");
    mw_st_write(c, path, out, 1, NULL);
    assert_not_learned(model, path, "x1y", MW_E_FILE, "76 vectors");
    mw_st_write(c, path, out, 2, NULL);
    assert_not_learned(model, path, "x1y", MW_E_FILE, "2 tensors");
    out[1].dtype = MW_ST_I32;
    mw_st_write(c, path, &out[1], 1, NULL);
    assert_not_learned(model, path, "x1y", MW_E_FILE, "I32");
    out[1].dtype = MW_ST_F32;
    rows[5] = NAN;
    mw_st_write(c, path, &out[1], 1, NULL);
    assert_not_learned(model, path, "x1y", MW_E_FILE, "position 5");
    assert_not_learned(model, in_folder("none.pt"), "x1y", MW_E_FILE, "none.pt");
    shell("mkdir -p empty");
    assert_not_learned(model, in_folder("empty"), "x1y", MW_E_FILE, "learned_embeds");
    free(rows);
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
        cmocka_unit_test_setup(a_token_has_the_states_of_its_row, clean),
        cmocka_unit_test_setup(a_token_of_several_vectors_stands_for_all, clean),
        cmocka_unit_test_setup(files_of_torch_save_are_read, clean),
        cmocka_unit_test_setup(both_encoders_of_sdxl_learn, clean),
        cmocka_unit_test_setup(what_fits_nothing_is_refused_by_name, clean),
    };
    return cmocka_run_group_tests(tests, start_device, stop_device);
}
