// test_torch_file.c: files of torch.save: good ones are read to the number, hostile ones refused and never
// run.
#include "tests/core/manifest.h"

#include "core/io/torch_file.h"

#include <unistd.h>

// What a hostile file would make if anything of it were executed.
#define RAN "MOONWEAVE_PICKLE_RAN"

static const mw_st *expected;
static const json_t *expected_plain;
static size_t seen, seen_plain;

static void visit_bad(mw_ctx *c, const char *path, const char *expect, const json_t *entry)
{
    mw_pt *f = mw_pt_open(c, path);
    manifest_verdict(c, path, expect, entry, f != NULL);
    assert_int_not_equal(access(RAN, F_OK), 0);
    mw_pt_close(f);
}

static void malformed(void **state)
{
    (void)state;
    assert_int_equal(manifest_walk("tests/golden/torch_pt/malformed", visit_bad), 18);
}

static void check_tensor(mw_ctx *c, const mw_pt *f, const char *file, const mw_pt_tensor *t)
{
    char name[200];
    snprintf(name, sizeof name, "%s/%s", file, t->name);
    const mw_st_entry *want = mw_st_find(expected, name);
    if (!want)
        fail_msg("%s is not expected", name);
    seen++;
    float *a = malloc((size_t)t->count * sizeof *a + 1), *b = malloc((size_t)t->count * sizeof *b + 1);
    assert_int_equal(t->count, want->count);
    for (int i = 0; i < t->ndim; i++)
        assert_int_equal(t->shape[i], want->shape[i]);
    assert_int_equal(mw_pt_read_f32(c, f, t, a), MW_OK);
    assert_int_equal(mw_st_read_f32(c, want, b), MW_OK);
    for (int64_t i = 0; i < t->count; i++)
        if (!(a[i] == b[i] || (a[i] != a[i] && b[i] != b[i])))
            fail_msg("%s: element %d is %g, must be %g", name, (int)i, (double)a[i], (double)b[i]);
    assert_ptr_equal(mw_pt_find(f, t->name), t);
    free(a);
    free(b);
}

static void check_plain(const mw_pt *f, const char *file, const mw_pt_plain *p)
{
    char name[200];
    snprintf(name, sizeof name, "%s/%s", file, p->name);
    const json_t *want = json_object_get(expected_plain, name);
    if (!want)
        fail_msg("%s is not expected", name);
    seen_plain++;
    assert_int_equal(p->kind,
                     json_is_null(want)          ? MW_PT_NONE
                         : json_is_boolean(want) ? MW_PT_BOOL
                         : json_is_integer(want) ? MW_PT_INTEGER
                         : json_is_real(want)    ? MW_PT_NUMBER
                                                 : MW_PT_TEXT);
    assert_true(!json_is_number(want) || json_number_value(want) == p->number);
    assert_true(!json_is_string(want) || !strcmp(json_string_value(want), p->text));
    assert_ptr_equal(mw_pt_find_plain(f, p->name), p);
}

static void visit_good(mw_ctx *c, const char *path, const char *expect, const json_t *entry)
{
    const char *file = json_string_value(json_object_get(entry, "file"));
    mw_pt *f = mw_pt_open(c, path);
    manifest_verdict(c, path, expect, entry, f != NULL);
    const mw_pt_tensor *t;
    for (size_t i = 0; f && (t = mw_pt_at(f, i)); i++)
        check_tensor(c, f, file, t);
    const mw_pt_plain *p;
    for (size_t i = 0; f && (p = mw_pt_plain_at(f, i)); i++)
        check_plain(f, file, p);
    mw_pt_close(f);
}

static void valid(void **state)
{
    (void)state;
    mw_ctx *c = mw_ctx_new();
    mw_st *st = mw_st_open(c, "tests/golden/torch_pt/valid/expected.safetensors");
    json_t *plain = mw_json_load(c, "tests/golden/torch_pt/valid/expected_plain.json");
    assert_true(st && plain);
    expected = st;
    expected_plain = plain;
    assert_int_equal(manifest_walk("tests/golden/torch_pt/valid", visit_good), 8);
    // All but those of legacy.pt, which is refused by name.
    assert_int_equal(seen, mw_st_count(st) - 1);
    assert_int_equal(seen_plain, json_object_size(plain) - 1);
    assert_null(mw_pt_open(c, "tests/golden/torch_pt/valid/legacy.pt"));
    assert_non_null(strstr(mw_errmsg(c), "before 1.6"));
    json_decref(plain);
    mw_st_close(st);
    mw_ctx_free(c);
}

// Two keys of one text: "" inside of a dict is not the file that is one tensor.
static void depths(void **state)
{
    (void)state;
    mw_ctx *c = mw_ctx_new();
    mw_pt *one = mw_pt_open(c, "tests/golden/torch_pt/valid/one_tensor.pt");
    mw_pt *dict = mw_pt_open(c, "tests/golden/torch_pt/valid/prompt2vec.pt");
    assert_int_equal(mw_pt_find(one, "")->depth, 0);
    assert_int_equal(mw_pt_find(dict, "")->depth, 1);
    assert_string_equal(mw_pt_find(dict, "a red cat")->key, "a red cat");
    mw_pt_close(one);
    mw_pt_close(dict);
    mw_ctx_free(c);
}

// Random damage: an error or a file whose tensors can be read, never more.
static void damage(void **state)
{
    (void)state;
    static const char *const from[] = {"checkpoint", "views", "state_dict", "dtypes"};
    mw_ctx *c = mw_ctx_new();
    c->log_level = MW_LOG_ERROR;
    char *folder = scratch_make(), *path = mw_path_join(c, folder, "x.pt");
    uint32_t random = 7;
    int opened = 0;
    for (int k = 0; k < 4; k++) {
        char name[100];
        size_t n;
        snprintf(name, sizeof name, "tests/golden/torch_pt/valid/%s.pt", from[k]);
        char *data = mw_file_read(c, name, 1 << 20, &n), *copy = malloc(n);
        for (int round = 0; round < 1500; round++) {
            memcpy(copy, data, n);
            for (int i = 0; i <= round % 4; i++) {
                random = random * 1664525u + 1013904223u;
                copy[(random >> 8) % (round % 2 ? n : 1000)] = (char)(random >> 24);
            }
            assert_int_equal(mw_file_write(c, path, copy, round % 13 ? n : random % n), MW_OK);
            mw_pt *f = mw_pt_open(c, path);
            assert_true(f ? mw_err(c) == MW_OK : mw_err(c) == MW_E_FILE);
            const mw_pt_tensor *t;
            for (size_t i = 0; f && (t = mw_pt_at(f, i)); i++) {
                float *v = malloc((size_t)t->count * sizeof *v + 1);
                mw_pt_read_f32(c, f, t, v);
                free(v);
            }
            opened += f != NULL;
            mw_pt_close(f);
            mw_err_clear(c);
        }
        free(copy);
        free(data);
    }
    assert_true(opened > 100);
    assert_int_not_equal(access(RAN, F_OK), 0);
    free(path);
    scratch_remove(folder);
    mw_ctx_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(malformed), cmocka_unit_test(valid),
                                       cmocka_unit_test(depths), cmocka_unit_test(damage)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
