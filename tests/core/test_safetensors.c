// test_safetensors.c: the reader against every file of the goldens, shards, the writer, damaged files.
#include "tests/core/manifest.h"

#include "core/io/safetensors.h"

#include <zlib.h>

#define GOLDEN "tests/golden/safetensors/"

static void visit_any(mw_ctx *c, const char *path, const char *expect, const json_t *entry)
{
    mw_st *s = mw_st_open(c, path);
    manifest_verdict(c, path, expect, entry, s != NULL);
    mw_st_close(s);
}

static void malformed(void **state)
{
    (void)state;
    assert_true(manifest_walk(GOLDEN "malformed", visit_any) > 40);
}

static void check_bytes(const mw_st_entry *e, const json_t *want)
{
    const char *hex = json_string_value(json_object_get(want, "hex"));
    const json_t *crc = json_object_get(want, "crc32");
    if (crc)
        assert_int_equal(crc32(0, e->data, (uInt)e->bytes), json_integer_value(crc));
    else
        assert_int_equal(strlen(hex), 2 * e->bytes);
    for (size_t i = 0; hex && i < e->bytes; i++) {
        char byte[3];
        snprintf(byte, sizeof byte, "%02x", e->data[i]);
        assert_memory_equal(byte, hex + 2 * i, 2);
    }
}

static void check_entry(const mw_st *s, const char *name, const json_t *want)
{
    const mw_st_entry *e = mw_st_find(s, name);
    assert_non_null(e);
    assert_string_equal(e->name, name);
    assert_string_equal(mw_st_dtype_name(e->dtype), json_string_value(json_object_get(want, "dtype")));
    const json_t *shape = json_object_get(want, "shape");
    int64_t count = 1;
    assert_int_equal(e->ndim, json_array_size(shape));
    for (int i = 0; i < e->ndim; i++) {
        assert_int_equal(e->shape[i], json_integer_value(json_array_get(shape, (size_t)i)));
        count *= e->shape[i];
    }
    assert_int_equal(e->count, count);
    assert_int_equal(e->bytes,
                     json_integer_value(json_object_get(want, "end")) -
                         json_integer_value(json_object_get(want, "begin")));
    check_bytes(e, want);
}

static json_t *expected;

static void visit_valid(mw_ctx *c, const char *path, const char *expect, const json_t *entry)
{
    mw_st *s = mw_st_open(c, path);
    manifest_verdict(c, path, expect, entry, s != NULL);
    const json_t *want = json_object_get(expected, mw_path_base(path));
    json_t *tensors = json_object_get(want, "tensors"), *metadata = json_object_get(want, "metadata"), *v;
    const char *name, *value;
    assert_non_null(want);
    assert_int_equal(mw_st_count(s), json_object_size(tensors));
    json_object_foreach(tensors, name, v) check_entry(s, name, v);
    json_object_foreach(metadata, name, v) assert_string_equal(mw_st_metadata(s, name), json_string_value(v));
    size_t keys = 0;
    for (name = NULL; (name = mw_st_metadata_next(s, name, &value)); keys++)
        assert_string_equal(value, json_string_value(json_object_get(metadata, name)));
    assert_int_equal(keys, json_object_size(metadata));
    assert_null(mw_st_find(s, "no such tensor"));
    assert_null(mw_st_at(s, mw_st_count(s)));
    mw_st_close(s);
}

static void valid(void **state)
{
    (void)state;
    mw_ctx *c = mw_ctx_new();
    expected = mw_json_load(c, GOLDEN "valid/expected.json");
    assert_non_null(expected);
    assert_true(manifest_walk(GOLDEN "valid", visit_valid) > 8);
    json_decref(expected);
    mw_ctx_free(c);
}

typedef struct {
    mw_ctx *c;
    char *folder;
} scratch;

static int set_up(void **state)
{
    scratch *s = malloc(sizeof *s);
    *s = (scratch){mw_ctx_new(), scratch_make()};
    s->c->log_level = MW_LOG_ERROR;
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    scratch *s = *state;
    mw_ctx_free(s->c);
    scratch_remove(s->folder);
    free(s);
    return 0;
}

static void writes_what_it_reads(void **state)
{
    scratch *sc = *state;
    int64_t shape[3] = {2, 1, 3}, nothing[1] = {0};
    uint8_t bytes[6] = {1, 2, 3, 4, 5, 6};
    float floats[6] = {1, -2, 3, 1e-20f, 5, 6};
    double one = 0.1;
    mw_st_out out[] = {{"bytes \"é\"", MW_ST_U8, 3, shape, bytes},
                       {"floats", MW_ST_F32, 3, shape, floats},
                       {"one", MW_ST_F64, 0, NULL, &one},
                       {"none", MW_ST_F16, 1, nothing, NULL}};
    char *path = mw_path_join(sc->c, sc->folder, "a.safetensors");
    const char *metadata[] = {"format", "pt", "note", "zwölf\n", NULL};
    assert_int_equal(mw_st_write(sc->c, path, out, 4, metadata), MW_OK);
    mw_st *s = mw_st_open(sc->c, path);
    assert_non_null(s);
    assert_int_equal(mw_st_count(s), 4);
    for (size_t i = 0; i < 4; i++) {
        const mw_st_entry *e = mw_st_find(s, out[i].name);
        assert_non_null(e);
        assert_int_equal(e->ndim, out[i].ndim);
        assert_memory_equal(e->data, out[i].data ? out[i].data : "", e->bytes);
        assert_int_equal((uintptr_t)e->data % ((unsigned)mw_st_dtype_bits(e->dtype) / 8), 0);
    }
    assert_string_equal(mw_st_metadata(s, "note"), "zwölf\n");
    mw_st_close(s);
    out[1].name = "one";
    assert_int_equal(mw_st_write(sc->c, path, out, 4, NULL), MW_E_ARG);
    mw_err_clear(sc->c);
    // An interrupted write, too, leaves the file as it was and nothing beside it.
    out[1].name = "floats";
    atomic_store(sc->c->cancel, 1);
    assert_int_equal(mw_st_write(sc->c, path, out, 2, NULL), MW_E_CANCEL);
    atomic_store(sc->c->cancel, 0);
    mw_err_clear(sc->c);
    s = mw_st_open(sc->c, path);
    assert_int_equal(mw_st_count(s), 4);
    mw_st_close(s);
    assert_int_equal(scratch_count(sc->folder), 1);
    free(path);
}

static void write_text(scratch *sc, const char *name, const char *text)
{
    char *path = mw_path_join(sc->c, sc->folder, name);
    assert_int_equal(mw_file_write(sc->c, path, text, strlen(text)), MW_OK);
    free(path);
}

static mw_st *open_in(scratch *sc, const char *name)
{
    char *path = mw_path_join(sc->c, sc->folder, name);
    mw_st *s = mw_st_open(sc->c, path);
    free(path);
    return s;
}

static void shards(void **state)
{
    scratch *sc = *state;
    int64_t n = 2;
    float x[2] = {1, 2}, y[2] = {3, 4};
    const char *metadata[] = {"format", "pt", NULL};
    for (int i = 0; i < 2; i++) {
        mw_st_out out[] = {{i ? "b" : "a", MW_ST_F32, 1, &n, i ? y : x},
                           {"both", MW_ST_F32, 1, &n, i ? y : x}};
        char *path = mw_path_join(sc->c, sc->folder, i ? "m-2.safetensors" : "m-1.safetensors");
        assert_int_equal(mw_st_write(sc->c, path, out, 2, metadata), MW_OK);
        free(path);
    }
    write_text(sc, "m.safetensors.index.json",
               "{\"weight_map\": {\"b\": \"m-2.safetensors\", \"a\": \"m-1.safetensors\", \"both\": "
               "\"m-2.safetensors\"}}");
    mw_st *s = open_in(sc, "m.safetensors.index.json");
    assert_non_null(s);
    assert_int_equal(mw_st_count(s), 3);
    assert_int_equal(mw_st_file_count(s), 2);
    assert_memory_equal(mw_st_find(s, "a")->data, x, sizeof x);
    assert_memory_equal(mw_st_find(s, "both")->data, y, sizeof y);
    assert_non_null(strstr(mw_st_find(s, "a")->file, "m-1.safetensors"));
    assert_string_equal(mw_st_metadata(s, "format"), "pt");
    mw_st_close(s);
    static const struct {
        const char *text, *word;
    } wrong[] = {
        {"{\"weight_map\": {\"z\": \"m-1.safetensors\"}}", "'z' is not in m-1.safetensors"},
        {"{\"weight_map\": {\"a\": \"m-3.safetensors\"}}", "m-3.safetensors"},
        {"{\"weight_map\": {\"a\": \"/etc/hostname\"}}", "/etc/hostname"},
        {"{\"weight_map\": {\"a\": \"x/../../m\"}}", "x/../../m"},
        {"{\"weight_map\": {\"a\": 3}}", "got 3"},
        {"{\"weight_map\": {}}", "weight_map"},
        {"{}", "weight_map"},
        {"[]", "object"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        write_text(sc, "w.index.json", wrong[i].text);
        assert_null(open_in(sc, "w.index.json"));
        assert_int_equal(mw_err(sc->c), MW_E_FILE);
        assert_non_null(strstr(mw_errmsg(sc->c), "w.index.json"));
        assert_non_null(strstr(mw_errmsg(sc->c), wrong[i].word));
        mw_err_clear(sc->c);
    }
}

// Random damage to good files: refused, or every byte of every tensor can be read.
static void damaged(void **state)
{
    scratch *sc = *state;
    static const char *const files[] = {"all_dtypes", "scalar_and_empty", "names", "unordered",
                                        "only_metadata"};
    uint32_t random = 12345;
    char *path = mw_path_join(sc->c, sc->folder, "d.safetensors");
    for (int round = 0; round < 600; round++) {
        char from[100];
        size_t n;
        snprintf(from, sizeof from, GOLDEN "valid/%s.safetensors", files[round % 5]);
        char *data = mw_file_read(sc->c, from, 1 << 20, &n);
        assert_non_null(data);
        for (int i = 0; i < 1 + round % 4; i++) {
            random = random * 1664525u + 1013904223u;
            data[(random >> 8) % (round % 2 && n > 300 ? 300 : n)] = (char)(random >> 24);
        }
        if (round % 7 == 0)
            n = random % n;
        FILE *f = fopen(path, "wb");
        assert_non_null(f);
        assert_int_equal(fwrite(data, 1, n, f), n);
        fclose(f);
        free(data);
        mw_st *s = mw_st_open(sc->c, path);
        assert_int_equal(s == NULL, mw_err(sc->c) == MW_E_FILE);
        unsigned long sum = 0;
        for (size_t i = 0; s && i < mw_st_count(s); i++)
            sum += crc32(0, mw_st_at(s, i)->data, (uInt)mw_st_at(s, i)->bytes);
        assert_true(s || !sum);
        mw_st_close(s);
        mw_err_clear(sc->c);
    }
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(malformed),
        cmocka_unit_test(valid),
        cmocka_unit_test_setup_teardown(writes_what_it_reads, set_up, tear_down),
        cmocka_unit_test_setup_teardown(shards, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damaged, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
