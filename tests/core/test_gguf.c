// test_gguf.c: the reader: tables, typed metadata, damaged files; and the writer. Each kind of metadata is
// held against the goldens by tests/golden_runner/gguf.sh.
#include "tests/core/manifest.h"

#include "core/io/gguf_write.h"
#include "core/io/safetensors.h"

#define GOLDEN "tests/golden/gguf/"

static mw_ctx *c;

static int set_up(void **state)
{
    (void)state;
    c = mw_ctx_new();
    c->log_level = MW_LOG_ERROR;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mw_ctx_free(c);
    return 0;
}

static mw_gguf *open_good(const char *path)
{
    mw_gguf *g = mw_gguf_open(c, path);
    if (!g)
        fail_msg("%s", mw_errmsg(c));
    return g;
}

// ---- metadata and table

static void check_tensor(const mw_gguf *g, const char *name, const json_t *want, const mw_st *expected)
{
    const mw_gguf_tensor *t = mw_gguf_tensor_find(g, name);
    const json_t *shape = json_object_get(want, "shape_row_major");
    const mw_st_entry *e = mw_st_find(expected, name);
    assert_non_null(t);
    assert_non_null(e);
    assert_string_equal(mw_ggml_type_facts(t->type)->name, json_string_value(json_object_get(want, "type")));
    assert_int_equal(t->ndim, json_array_size(shape));
    for (int i = 0; i < t->ndim; i++)
        assert_int_equal(t->shape[i], json_integer_value(json_array_get(shape, (size_t)i)));
    assert_int_equal((uintptr_t)t->data % 64, 0); // mapped at a page, so the file's alignment shows
    float *got = malloc(4 * (size_t)t->count), *values = malloc(4 * (size_t)t->count);
    mw_ggml_decode(t->type, t->data, got, t->count);
    assert_int_equal(e->count, t->count);
    assert_int_equal(mw_st_read_f32(c, e, values), MW_OK);
    assert_memory_equal(got, values, 4 * (size_t)t->count);
    free(got);
    free(values);
}

static void metadata(void **state)
{
    (void)state;
    json_t *k = json_load_file(GOLDEN "metadata/case.json", JSON_ALLOW_NUL, NULL), *v;
    const json_t *params = json_object_get(k, "params");
    json_t *values = json_object_get(params, "kv"), *tensors = json_object_get(params, "tensors");
    mw_st *expected = mw_st_open(c, GOLDEN "metadata/expected.safetensors");
    const char *name, *files[] = {GOLDEN "metadata/file_v2.gguf", GOLDEN "metadata/file.gguf"};
    for (int i = 0; i < 2; i++) {
        mw_gguf *g = open_good(files[i]);
        assert_int_equal(mw_gguf_version(g), 2 + i);
        assert_int_equal(mw_gguf_alignment(g), 64);
        json_object_foreach(tensors, name, v) check_tensor(g, name, v, expected);
        assert_null(mw_gguf_value_at(g, json_object_size(values)));
        assert_non_null(mw_gguf_value_at(g, json_object_size(values) - 1));
        assert_null(mw_gguf_at(g, json_object_size(tensors)));
        assert_non_null(mw_gguf_at(g, json_object_size(tensors) - 1));
        assert_null(mw_gguf_find(g, "t.none"));
        assert_null(mw_gguf_tensor_find(g, "none"));
        mw_gguf_close(g);
    }
    mw_st_close(expected);
    json_decref(k);
}

// What a key holds is not what was asked for: the sentence names file, key, what must be and what is.
static void refuses(const mw_gguf *g, const char *words)
{
    assert_int_equal(mw_err(c), MW_E_FILE);
    if (!strstr(mw_errmsg(c), words) || !strstr(mw_errmsg(c), mw_gguf_path(g)))
        fail_msg("'%s' is not in: %s", words, mw_errmsg(c));
    mw_err_clear(c);
}

static void values_by_key(void **state)
{
    (void)state;
    mw_gguf *g = open_good(GOLDEN "metadata/file.gguf");
    size_t size;
    assert_int_equal(mw_gguf_int(c, g, "t.uint8", 7, 0, 255), 255);
    assert_int_equal(mw_gguf_int(c, g, "none", 7, 0, 255), 7);
    assert_int_equal(mw_gguf_need_int(c, g, "t.int32", INT64_MIN, 0), INT32_MIN);
    assert_true(mw_gguf_number(c, g, "t.float32", 0, 0, 4) == (double)3.1415927410125732f);
    assert_true(mw_gguf_number(c, g, "t.int8", 0, -200, 4) == -128);
    assert_true(mw_gguf_number(c, g, "none", 0.5, 0, 1) == 0.5);
    assert_true(mw_gguf_bool(c, g, "t.bool_true", false));
    assert_false(mw_gguf_bool(c, g, "t.bool_false", true));
    assert_string_equal(mw_gguf_text(c, g, "general.architecture", NULL, NULL), "testarch");
    assert_memory_equal(mw_gguf_text(c, g, "t.string_zero_inside", NULL, &size), "a\0b", 4);
    assert_int_equal(size, 3);
    assert_null(mw_gguf_text(c, g, "none", NULL, &size));
    assert_int_equal(mw_gguf_array(c, g, "t.array_string", MW_GGUF_TEXTS)->count, 5);
    assert_int_equal(mw_gguf_array(c, g, "t.array_u8", MW_GGUF_INTS)->count, 9);
    assert_non_null(mw_gguf_array(c, g, "t.array_bool", MW_GGUF_INTS));
    assert_non_null(mw_gguf_array(c, g, "t.array_f32", MW_GGUF_NUMBERS));
    assert_non_null(mw_gguf_array(c, g, "t.array_i32", MW_GGUF_NUMBERS));
    assert_null(mw_gguf_array(c, g, "none", MW_GGUF_TEXTS));
    assert_int_equal(mw_err(c), MW_OK);

    assert_int_equal(mw_gguf_int(c, g, "t.uint8", 7, 0, 254), 7);
    refuses(g, "'t.uint8': must be a whole number from 0 to 254, got u8 255");
    mw_gguf_int(c, g, "t.string", 7, 0, 254);
    refuses(g, "'t.string': must be a whole number from 0 to 254, got text");
    mw_gguf_int(c, g, "t.float32", 7, 0, 254);
    refuses(g, "got f32 3.1415927");
    mw_gguf_int(c, g, "t.array_one", 7, 0, 254);
    refuses(g, "got i16s [1]");
    mw_gguf_int(c, g, "t.uint64", 7, 0, INT64_MAX - 1);
    refuses(g, "got u64 18446744073709551615");
    mw_gguf_number(c, g, "t.bool_true", 0, 0, 1);
    refuses(g, "'t.bool_true': must be a number from 0 to 1, got bool true");
    mw_gguf_bool(c, g, "t.uint8", 0);
    refuses(g, "'t.uint8': must be true or false");
    mw_gguf_text(c, g, "t.array_string", NULL, NULL);
    refuses(g, "'t.array_string': must be a text");
    assert_null(mw_gguf_array(c, g, "t.array_string", MW_GGUF_NUMBERS));
    refuses(g, "'t.array_string': must be an array of numbers");
    assert_null(mw_gguf_array(c, g, "t.array_f32", MW_GGUF_INTS));
    refuses(g, "'t.array_f32': must be an array of whole numbers");
    assert_null(mw_gguf_array(c, g, "t.array_i32", MW_GGUF_TEXTS));
    refuses(g, "must be an array of texts, got i32s [506, -862, 594, -672, -510, -232, ...] (7)");
    assert_null(mw_gguf_array(c, g, "t.uint8", MW_GGUF_INTS));
    refuses(g, "must be an array of whole numbers, got u8 255");
    mw_gguf_need_int(c, g, "none", 1, 9);
    refuses(g, "'none': is missing; it must be a whole number from 1 to 9");
    mw_gguf_need_number(c, g, "none", 0, 9);
    refuses(g, "'none': is missing");
    mw_gguf_need_text(c, g, "none");
    refuses(g, "'none': is missing; it must be a text");
    mw_gguf_close(g);
}

// ---- damaged files

// What is wrong with the model, not with the file, is found by those who know models.
static bool about_model(const json_t *entry)
{
    return json_object_get(entry, "should_mention") &&
        strcmp(json_string_value(json_object_get(entry, "file")), "model_cut.gguf") != 0;
}

static void visit(mw_ctx *ctx, const char *path, const char *expect, const json_t *entry)
{
    mw_gguf *g = mw_gguf_open(ctx, path);
    manifest_verdict(ctx, path, about_model(entry) ? "accept" : expect, entry, g != NULL);
    mw_gguf_close(g);
}

static void malformed(void **state)
{
    (void)state;
    assert_int_equal(manifest_walk(GOLDEN "malformed", visit), 50);
}

static void says_what_is_wrong(void **state)
{
    (void)state;
    const char *cases[][2] = {
        {"big_endian", "is a big-endian GGUF file"},
        {"version_1", "of version 1; only 2 and 3"},
        {"bad_magic", "is no GGUF file"},
        {"duplicate_key", "'general.name': is there twice"},
        {"duplicate_tensor", "tensor 'a': is there twice"},
        {"overlap", "its bytes overlap those of tensor"},
        {"row_not_whole_blocks", "rows of 33 are no whole blocks of Q4_0, which hold 32"},
        {"alignment_not_power", "'general.alignment': must be a power of two, got"},
        {"array_of_arrays", "arrays of arrays are not supported"},
        {"type_unknown", "is of the unknown type 99"},
        {"data_cut", "are not within the file's"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[200];
        snprintf(path, sizeof path, GOLDEN "malformed/%s.gguf", cases[i][0]);
        assert_null(mw_gguf_open(c, path));
        if (!strstr(mw_errmsg(c), cases[i][1]))
            fail_msg("'%s' is not in: %s", cases[i][1], mw_errmsg(c));
        mw_err_clear(c);
    }
}

// Cut anywhere, a file is refused.
static void cut_anywhere(void **state)
{
    (void)state;
    size_t size;
    char *folder = scratch_make(), *path = mw_path_join(c, folder, "a.gguf");
    char *all = mw_file_read(c, GOLDEN "metadata/file.gguf", 1 << 20, &size);
    mw_gguf *g;
    for (size_t n = 0; n + 64 < size; n += n < 1500 ? 1 : 17) {
        assert_int_equal(mw_file_write(c, path, all, n), MW_OK);
        g = mw_gguf_open(c, path);
        if (g)
            fail_msg("%zu bytes of %zu were accepted", n, size);
        assert_int_equal(mw_err(c), MW_E_FILE);
        mw_err_clear(c);
    }
    free(all);
    free(path);
    scratch_remove(folder);
}

// ---- writing

static const void *make_twos(mw_ctx *ctx, void *user, const mw_gguf_out_tensor *t)
{
    static float twos[64];
    (void)ctx;
    for (int i = 0; i < 64; i++)
        twos[i] = 2;
    assert_string_equal(t->name, "made");
    ++*(int *)user;
    return twos;
}

static void writes_what_it_reads(void **state)
{
    (void)state;
    char *folder = scratch_make(), *path = mw_path_join(c, folder, "a.gguf");
    const char *name = "größe", *texts[] = {"", "a", "▁the"};
    float scores[3] = {0, -1, 0.5f}, rows[2 * 96];
    uint8_t blocks[2 * 3 * 34], bools[2] = {1, 0};
    int made = 0;
    for (int i = 0; i < 2 * 96; i++)
        rows[i] = (float)(i % 7) - 3;
    mw_ggml_encode(MW_GGML_Q8_0, rows, blocks, 2 * 96);
    mw_gguf_out_value values[] = {{"general.name", MW_GGUF_TEXT, false, 1, &name},
                                  {MW_GGUF_ONE("a.u32", MW_GGUF_U32, uint32_t, 7)},
                                  {MW_GGUF_ONE("a.f64", MW_GGUF_F64, double, 0.1)},
                                  {"a.texts", MW_GGUF_TEXT, true, 3, texts},
                                  {"a.scores", MW_GGUF_F32, true, 3, scores},
                                  {"a.bools", MW_GGUF_BOOL, true, 2, bools},
                                  {MW_GGUF_ONE("general.alignment", MW_GGUF_U32, uint32_t, 128)}};
    mw_gguf_out_tensor tensors[] = {{"blocks", MW_GGML_Q8_0, 2, {2, 96}, blocks},
                                    {"one", MW_GGML_F32, 0, {0}, scores},
                                    {"made", MW_GGML_F32, 3, {4, 1, 16}, NULL}};
    mw_gguf_out out = {values, 7, tensors, 3, make_twos, &made};
    assert_int_equal(mw_gguf_write(c, path, &out), MW_OK);
    assert_int_equal(made, 1);
    mw_gguf *g = open_good(path);
    assert_string_equal(mw_gguf_text(c, g, "general.name", NULL, NULL), name);
    assert_int_equal(mw_gguf_need_int(c, g, "a.u32", 0, 9), 7);
    assert_true(mw_gguf_need_number(c, g, "a.f64", 0, 9) == 0.1);
    assert_int_equal(mw_gguf_item_int(mw_gguf_array(c, g, "a.bools", MW_GGUF_INTS), 0), 1);
    assert_true(mw_gguf_item_number(mw_gguf_array(c, g, "a.scores", MW_GGUF_NUMBERS), 2) == 0.5);
    size_t size;
    assert_memory_equal(mw_gguf_item_text(mw_gguf_array(c, g, "a.texts", MW_GGUF_TEXTS), 2, &size), "▁the",
                        6);
    assert_int_equal(size, 6);
    assert_int_equal(mw_gguf_alignment(g), 128);
    assert_memory_equal(mw_gguf_tensor_find(g, "blocks")->data, blocks, sizeof blocks);
    const mw_gguf_tensor *t = mw_gguf_tensor_find(g, "made");
    assert_true(t->ndim == 3 && t->shape[0] == 4 && t->shape[1] == 1 && t->shape[2] == 16 && t->count == 64);
    assert_true(((const float *)t->data)[63] == 2);
    assert_true(mw_gguf_tensor_find(g, "one")->count == 1);
    mw_gguf_close(g);
    tensors[0].shape[1] = 95;
    assert_int_equal(mw_gguf_write(c, path, &out), MW_E_ARG);
    assert_string_equal(strstr(mw_errmsg(c), "rows of"), "rows of 95 are no whole blocks of Q8_0");
    mw_err_clear(c);
    free(path);
    scratch_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metadata),     cmocka_unit_test(values_by_key),
        cmocka_unit_test(malformed),    cmocka_unit_test(says_what_is_wrong),
        cmocka_unit_test(cut_anywhere), cmocka_unit_test(writes_what_it_reads),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
