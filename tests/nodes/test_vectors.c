// test_vectors.c: files of vectors of texts: what is read, what is refused, and that what is written is read
// again.
#include "tests/core/manifest.h"

#include "core/cl/device.h"
#include "core/io/safetensors.h"
#include "nodes/nets/llm/vectors_file.h"

#include <math.h>

#define GOLDEN "tests/golden/torch_pt/valid/"

static mw_ctx *c;
static char *folder, *path;

static const mw_tensor *tensor_of(const mw_value *v)
{
    return mw_value_as_tensor(mw_value_get(v, "vectors"));
}

static const char *caption(const mw_value *v, size_t i)
{
    return mw_value_as_text(mw_value_at(mw_value_get(v, "captions"), i));
}

// Row i of the value against the entry of the goldens.
static void row_is(const mw_value *v, int64_t i, const mw_st_entry *e)
{
    const mw_tensor *t = tensor_of(v);
    float *all = malloc((size_t)mw_numel(t) * sizeof *all), *want = malloc((size_t)e->count * sizeof *want);
    assert_int_equal(t->shape[1], e->count);
    assert_int_equal(mw_tensor_read_f32(c, t, all), MW_OK);
    assert_int_equal(mw_st_read_f32(c, e, want), MW_OK);
    assert_memory_equal(all + i * e->count, want, (size_t)e->count * sizeof *want);
    free(all);
    free(want);
}

static mw_value *read_good(const char *file)
{
    mw_value *v = mw_vectors_read(c, file);
    if (!v)
        fail_msg("%s", mw_errmsg(c));
    return v;
}

static void from_torch_and_back(void **state)
{
    (void)state;
    mw_st *expected = mw_st_open(c, GOLDEN "expected.safetensors");
    mw_value *v = read_good(GOLDEN "prompt2vec.pt");
    for (int again = 0; again < 2; again++) {
        assert_int_equal(mw_value_count(mw_value_get(v, "captions")), 3);
        assert_int_equal(tensor_of(v)->dtype, MW_F16); // as it is stored
        assert_string_equal(caption(v, 1), "zwei Äpfel auf dem Tisch");
        assert_string_equal(caption(v, 2), "");
        row_is(v, 0, mw_st_find(expected, "prompt2vec.pt/a red cat"));
        row_is(v, 1, mw_st_find(expected, "prompt2vec.pt/zwei Äpfel auf dem Tisch"));
        row_is(v, 2, mw_st_find(expected, "prompt2vec.pt/"));
        assert_int_equal(mw_vectors_write(c, path, v), MW_OK);
        mw_value_release(v);
        v = read_good(path);
    }
    mw_value_release(v);
    mw_st_close(expected);
}

static void write_entries(const mw_st_out *entries, size_t n, const char *captions)
{
    const char *metadata[] = {"captions", captions, NULL};
    assert_int_equal(mw_st_write(c, path, entries, n, captions ? metadata : NULL), MW_OK);
}

static void a_tensor_for_each_text(void **state)
{
    (void)state;
    const uint16_t bf16[2] = {0x3f80, 0x4000}, f16[2] = {0x3c00, 0xc000};
    const int64_t one[] = {2}, row[] = {1, 2};
    write_entries((mw_st_out[]){{"a", MW_ST_BF16, 1, one, bf16}, {"b.c", MW_ST_F16, 2, row, f16}}, 2, NULL);
    mw_value *v = read_good(path);
    float got[4];
    assert_int_equal(tensor_of(v)->dtype, MW_F32); // f16 would not hold all bf16
    assert_int_equal(mw_tensor_read_f32(c, tensor_of(v), got), MW_OK);
    size_t b = !strcmp(caption(v, 0), "a");
    assert_string_equal(caption(v, b), "b.c");
    assert_true(got[2 * (1 - b)] == 1 && got[2 * (1 - b) + 1] == 2 && got[2 * b] == 1 &&
                got[2 * b + 1] == -2);
    assert_int_equal(mw_vectors_write(c, path, v), MW_OK);
    mw_st *st = mw_st_open(c, path);
    assert_int_equal(mw_st_find(st, "vectors")->dtype, MW_ST_F32);
    mw_st_close(st);
    mw_value_release(v);
}

static void refuses(const char *file, const char *words)
{
    assert_null(mw_vectors_read(c, file));
    assert_int_equal(mw_err(c), MW_E_FILE);
    if (!strstr(mw_errmsg(c), words) || !strstr(mw_errmsg(c), file))
        fail_msg("'%s' is not in: %s", words, mw_errmsg(c));
    mw_err_clear(c);
}

static void refused(void **state)
{
    (void)state;
    const float v[4] = {1, 2, 3, 4}, wrong[2] = {1, (float)INFINITY};
    const int64_t two[] = {2}, three[] = {3}, square[] = {2, 2};
    write_entries((mw_st_out[]){{"a", MW_ST_F32, 1, two, v}, {"b", MW_ST_F32, 1, three, v}}, 2, NULL);
    refuses(path, "is a vector of");
    write_entries((mw_st_out[]){{"a cat", MW_ST_F32, 2, square, v}}, 1, NULL);
    refuses(path, "'a cat' holds no vector: floats of 1 dimension");
    write_entries((mw_st_out[]){{"a cat", MW_ST_I32, 1, two, v}}, 1, NULL);
    refuses(path, "got 1 dimensions of I32");
    write_entries((mw_st_out[]){{"a cat", MW_ST_F32, 1, two, wrong}}, 1, NULL);
    refuses(path, "'a cat' holds numbers that are not finite");
    write_entries((mw_st_out[]){{"vectors", MW_ST_F32, 2, square, v}}, 1, "[\"a\"]");
    refuses(path, "'captions' a list of N texts");
    write_entries((mw_st_out[]){{"vectors", MW_ST_F32, 2, square, v}}, 1, "[\"a\", 2]");
    refuses(path, "'captions' a list of N texts");
    write_entries(NULL, 0, NULL);
    refuses(path, "there are no vectors in it");
    refuses(GOLDEN "one_tensor.pt", "must be a dict of texts and vectors");
    refuses(GOLDEN "checkpoint.pt", "is no vector");
    refuses("tests/golden/torch_pt/malformed/run_by_reduce.pt", "nothing of it was executed");
}

static int set_up(void **state)
{
    (void)state;
    c = mw_ctx_new();
    c->log_level = MW_LOG_ERROR;
    folder = scratch_make();
    path = mw_path_join(c, folder, "v.safetensors");
    return mw_device_open(c, NULL, 0, false) == MW_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    mw_device_close(c);
    mw_ctx_free(c);
    free(path);
    scratch_remove(folder);
    return mw_live_tensors() == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_torch_and_back),
        cmocka_unit_test(a_tensor_for_each_text),
        cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
