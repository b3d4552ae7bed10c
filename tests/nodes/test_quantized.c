// test_quantized.c: weights of 8 bits with their scales in tensors beside them: multiplied, or refused by
// name.
#include "tests/core/manifest.h"

#include "core/ops.h"
#include "nodes/nets/base/source.h"

static mw_ctx *c;
static char *folder;
static char warnings[2048];

static void keep_warning(void *user, mw_log_level level, const char *text)
{
    (void)user;
    if (level <= MW_LOG_WARN)
        snprintf(warnings, sizeof warnings, "%s", text);
}

static int set_up(void **state)
{
    (void)state;
    c = mw_ctx_new();
    c->log = keep_warning;
    folder = scratch_make();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mw_ctx_free(c);
    scratch_remove(folder);
    return 0;
}

// A file of a.weight [4,2] = 1 .. 8 as integers of 8 bits, with these beside it, asked for by a network.
// The values as read; nothing where it was refused.
static bool read_beside(const mw_st_out *beside, size_t n, float *out)
{
    static const int8_t values[] = {1, 2, 3, 4, 5, 6, 7, 8};
    static const int64_t shape[] = {4, 2};
    mw_st_out all[4] = {{"a.weight", MW_ST_I8, 2, shape, values}};
    memcpy(all + 1, beside, n * sizeof *beside);
    char *path = mw_path_join(c, folder, "q.safetensors");
    warnings[0] = 0;
    assert_int_equal(mw_st_write(c, path, all, n + 1, NULL), MW_OK);
    mw_files *files = mw_files_open(c, path);
    mw_source *s = mw_source_new(c, files, &mw_rule_unet);
    mw_weights *w = mw_weights_new(c, mw_source_weights(s), "unet", MW_F32);
    c->dry = true;
    mw_scope_begin(c);
    mw_weight_linear(c, w, "a.weight", 4, 2);
    mw_scope_end(c, NULL);
    c->dry = false;
    bool good = mw_weights_load(c, w, NULL) == MW_OK;
    mw_weight_source source = mw_source_weights(s);
    if (good)
        good = source.read_f32(c, source.user, "a.weight", out) == MW_OK;
    source.free(source.user);
    mw_weights_free(w);
    mw_source_release(s);
    mw_files_release(files);
    free(path);
    return good;
}

#define SHAPE(...)                                                                                           \
    (const int64_t[]) { __VA_ARGS__ }

static void assert_reads(const mw_st_out *beside, size_t n, const float want[8])
{
    float got[8];
    if (!read_beside(beside, n, got))
        fail_msg("%s", mw_errmsg(c));
    for (int i = 0; i < 8; i++)
        assert_true(got[i] == want[i]);
    assert_string_equal(warnings, "");
}

static void assert_refused(const mw_st_out *beside, const char *words)
{
    float got[8];
    assert_false(read_beside(beside, 1, got));
    assert_int_equal(mw_err(c), MW_E_FILE);
    if (!strstr(mw_errmsg(c), words) || !strstr(mw_errmsg(c), "a.weight"))
        fail_msg("'%s' is not in: %s", words, mw_errmsg(c));
    mw_err_clear(c);
}

static void scales_are_multiplied(void **state)
{
    (void)state;
    const float one[] = {0.5f}, rows[] = {1, 10, 100, 1000}, blocks[] = {1, 2, 4, 8}, input[] = {3};
    const mw_st_out scalar = {"a.scale_weight", MW_ST_F32, 0, NULL, one};
    assert_reads(&scalar, 1, (const float[]){0.5f, 1, 1.5f, 2, 2.5f, 3, 3.5f, 4});
    const mw_st_out by_row = {"a.weight_scale", MW_ST_F32, 1, SHAPE(4), rows};
    assert_reads(&by_row, 1, (const float[]){1, 2, 30, 40, 500, 600, 7000, 8000});
    const mw_st_out column = {"a.weight_scale", MW_ST_F32, 2, SHAPE(4, 1), rows};
    assert_reads(&column, 1, (const float[]){1, 2, 30, 40, 500, 600, 7000, 8000});
    const mw_st_out block = {"a.weight_scale", MW_ST_F32, 2, SHAPE(2, 2), blocks};
    assert_reads(&block, 1, (const float[]){1, 4, 3, 8, 20, 48, 28, 64});
    // What activations would be scaled by, and marks, change no weight.
    static const char note[] = "{\"format\": \"float8_e4m3fn\"}";
    const mw_st_out more[] = {scalar,
                              {"a.scale_input", MW_ST_F32, 1, SHAPE(1), input},
                              {"a.comfy_quant", MW_ST_U8, 1, SHAPE(sizeof note - 1), note}};
    assert_reads(more, 3, (const float[]){0.5f, 1, 1.5f, 2, 2.5f, 3, 3.5f, 4});
}

static void what_cannot_be_told_is_refused(void **state)
{
    (void)state;
    const float three[] = {1, 2, 3}, nan[] = {__builtin_nanf("")};
    assert_refused(&(mw_st_out){"a.weight_scale", MW_ST_F32, 1, SHAPE(3), three},
                   "'a.weight_scale' beside it");
    assert_refused(&(mw_st_out){"a.weight_zero_point", MW_ST_F32, 1, SHAPE(1), three}, "a.weight_zero_point");
    assert_refused(&(mw_st_out){"a.weight.SCB", MW_ST_F32, 1, SHAPE(3), three}, "a.weight.SCB");
    static const char note[] = "{\"format\": \"nvfp4\"}";
    assert_refused(&(mw_st_out){"a.comfy_quant", MW_ST_U8, 1, SHAPE(sizeof note - 1), note}, "a.comfy_quant");
    assert_refused(&(mw_st_out){"a.weight_scale", MW_ST_F32, 0, NULL, nan}, "a.weight_scale' holds nan");
}

// Of another module nothing is concluded.
static void other_leftovers_are_warned_of(void **state)
{
    (void)state;
    const float one[] = {1};
    float got[8];
    assert_true(read_beside(&(mw_st_out){"b.weight_scale", MW_ST_F32, 1, SHAPE(1), one}, 1, got));
    assert_true(got[7] == 8);
    assert_non_null(strstr(warnings, "not used: b.weight_scale"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scales_are_multiplied),
        cmocka_unit_test(what_cannot_be_told_is_refused),
        cmocka_unit_test(other_leftovers_are_warned_of),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
