// test_gguf_parts.c: models in several GGUF files.
#include "tests/core/manifest.h"

#include "core/graph/graph.h"
#include "core/io/gguf_write.h"

static mw_ctx *c;
static char *folder;

static int set_up(void **state)
{
    (void)state;
    c = mw_ctx_new();
    c->log_level = MW_LOG_ERROR;
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

static const float values[4] = {1, 2, 3, 4};

// A file with a tensor of these names, which says that it is part `no` of `count`.
static void write_part(const char *name, int no, int count, const char *const *tensors, size_t n)
{
    mw_gguf_out_tensor t[4];
    mw_gguf_out_value v[] = {{MW_GGUF_ONE("split.no", MW_GGUF_U16, uint16_t, (uint16_t)no)},
                             {MW_GGUF_ONE("split.count", MW_GGUF_U16, uint16_t, (uint16_t)count)},
                             {MW_GGUF_ONE("split.tensors.count", MW_GGUF_I32, int32_t, 3)},
                             {MW_GGUF_ONE("a.key", MW_GGUF_U32, uint32_t, (uint32_t)(100 + no))}};
    for (size_t i = 0; i < n; i++)
        t[i] = (mw_gguf_out_tensor){tensors[i], MW_GGML_F32, 1, {4}, values};
    char *path = mw_path_join(c, folder, name);
    assert_int_equal(mw_gguf_write(c, path, &(mw_gguf_out){v, 4, t, n}), MW_OK);
    free(path);
}

// All three as they should be; the first has no tensors, as some converters leave it.
static void write_all(void)
{
    write_part("m-00001-of-00003.gguf", 0, 3, NULL, 0);
    write_part("m-00002-of-00003.gguf", 1, 3, (const char *[]){"b", "a"}, 2);
    write_part("m-00003-of-00003.gguf", 2, 3, (const char *[]){"c"}, 1);
}

static void read_as_one(void **state)
{
    (void)state;
    write_all();
    char *path = mw_path_join(c, folder, "m-00001-of-00003.gguf");
    mw_gguf *g = mw_gguf_open(c, path);
    if (!g)
        fail_msg("%s", mw_errmsg(c));
    for (const char *const *name = (const char *[]){"a", "b", "c", NULL}; *name; name++) {
        const mw_gguf_tensor *t = mw_gguf_tensor_find(g, *name);
        assert_non_null(t);
        assert_memory_equal(t->data, values, sizeof values);
    }
    assert_string_equal(mw_gguf_at(g, 2)->name, "c");
    assert_null(mw_gguf_at(g, 3));
    assert_int_equal(mw_gguf_need_int(c, g, "a.key", 0, 999), 100); // the first file's
    mw_gguf_close(g);
    free(path);
}

static void refuses(const char *name, const char *words)
{
    char *path = mw_path_join(c, folder, name);
    assert_null(mw_gguf_open(c, path));
    if (mw_err(c) != MW_E_FILE || !strstr(mw_errmsg(c), words))
        fail_msg("'%s' is not in: %s", words, mw_errmsg(c));
    mw_err_clear(c);
    free(path);
}

static void refused(void **state)
{
    (void)state;
    const char first[] = "m-00001-of-00003.gguf";
    write_all();
    refuses("m-00002-of-00003.gguf", "is file 2 of 3 of a model; open the first");
    write_part("m-00003-of-00003.gguf", 1, 3, (const char *[]){"c"}, 1);
    refuses(first, "m-00003-of-00003.gguf: 'split.no': must be 2");
    write_part("m-00003-of-00003.gguf", 2, 4, (const char *[]){"c"}, 1);
    refuses(first, "'split.count': must be 3");
    write_part("m-00003-of-00003.gguf", 2, 3, (const char *[]){"a"}, 1);
    refuses(first, "tensor 'a': is there twice");
    write_part("m-00003-of-00003.gguf", 2, 3, NULL, 0);
    refuses(first, "'split.tensors.count': 3 tensors, but the files hold 2");
    char *gone = mw_path_join(c, folder, "m-00003-of-00003.gguf");
    assert_int_equal(remove(gone), 0);
    refuses(first, "m-00003-of-00003.gguf");
    free(gone);
    write_part("other.gguf", 0, 3, NULL, 0);
    refuses("other.gguf", "their names must end in -00001-of-00003.gguf");
}

// What was made of a model is made anew when a part of it changes.
static void all_files_count_for_keys(void **state)
{
    (void)state;
    write_all();
    char *path = mw_path_join(c, folder, "m-00001-of-00003.gguf");
    mw_value *before = mw_file_identity(c, path), *same = mw_file_identity(c, path);
    write_part("m-00003-of-00003.gguf", 2, 3, (const char *[]){"d"}, 1);
    mw_value *after = mw_file_identity(c, path);
    assert_string_equal(mw_value_as_text(before), mw_value_as_text(same));
    assert_string_not_equal(mw_value_as_text(before), mw_value_as_text(after));
    mw_value_release(before);
    mw_value_release(same);
    mw_value_release(after);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(read_as_one),
        cmocka_unit_test(refused),
        cmocka_unit_test(all_files_count_for_keys),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
