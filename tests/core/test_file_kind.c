// test_file_kind.c: files that only bear the name of a model are recognised, wherever one is opened.
#include "tests/core/manifest.h"

#include "core/io/file_kind.h"
#include "core/io/image.h"
#include "core/io/safetensors.h"

#define CASE(bytes, words)                                                                                   \
    {                                                                                                        \
        bytes, sizeof bytes - 1, words                                                                       \
    }

static const struct {
    const char *bytes;
    size_t size;
    const char *words;
} cases[] = {
    CASE("version https://git-lfs.github.com/spec/v1\noid "
         "sha256:6ce0161689b3853acaa03779ec93eafe75a02f4ced6597\n",
         "Git LFS pointer: the weights themselves were not downloaded"),
    CASE("/annex/objects/MD5E-s3438167540--0c4cbd6bbfcd1f3a7a8e0b1d4f1c2a9e.safetensors\n",
         "git-annex pointer"),
    CASE("<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>", "web page"),
    CASE("\xef\xbb\xbf\n  <HTML lang=\"en\"><body>Access denied</body></HTML>", "web page"),
    CASE("<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>", "XML"),
    CASE("\x80\x02}q\x01(X\x04\x00\x00\x00name", "pickle, which is not supported yet"),
    CASE("PK\3\4\0\0\0\0\0\0archive/data.pkl", "pickle, which is not supported yet"),
    CASE("PK\3\4\0\0\0\0\0\0model.safetensors", "zip archive"),
    CASE("GGUF\3\0\0\0\0\0\0\0", "GGUF"),
    CASE("\x1f\x8b\x08\0\0\0\0\0\0\3", "gzip archive"),
    CASE("7z\xbc\xaf\x27\x1c\0\4........", "7z archive"),
    CASE("Rar!\x1a\x07\1\0........", "RAR archive"),
    CASE("\x89HDF\r\n\x1a\n........", "HDF5"),
};

static void each_is_said_where_tensors_are_read(void **state)
{
    (void)state;
    mw_ctx *c = mw_ctx_new();
    c->log_level = MW_LOG_ERROR;
    char *folder = scratch_make(), *path = mw_path_join(c, folder, "model.safetensors");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(mw_file_write(c, path, cases[i].bytes, cases[i].size), MW_OK);
        assert_null(mw_st_open(c, path));
        if (!strstr(mw_errmsg(c), cases[i].words) || !strstr(mw_errmsg(c), path))
            fail_msg("'%s' is not in: %s", cases[i].words, mw_errmsg(c));
        assert_int_equal(mw_err(c), MW_E_FILE);
        mw_err_clear(c);
        const char *kind = mw_file_kind_at(c, path);
        assert_non_null(kind);
        assert_non_null(strstr(kind, cases[i].words));
    }
    free(path);
    scratch_remove(folder);
    mw_ctx_free(c);
}

// What a file is that only bears the name of a picture.
static void each_is_said_where_a_picture_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *words;
    } pictures[] = {
        {"", 0, "picture but empty"},
        {"RIFF\x24\0\0\0WEBPVP8 ", 16, "picture but a WebP picture"},
        {"GIF89a\x10\0\x10\0", 10, "picture but a GIF picture"},
        {"\0\0\0\x20"
         "ftypavif\0\0\0\0",
         16, "picture but an AVIF picture"},
        {"\0\0\0\x18"
         "ftypheic\0\0\0\0",
         16, "picture but a HEIF picture"},
        {"II*\0\x08\0\0\0", 8, "picture but a TIFF picture"},
        {"MM\0*\0\0\0\x08", 8, "picture but a TIFF picture"},
        {"<!DOCTYPE html><html>", 21, "picture but a web page"},
        {"version https://git-lfs.github.com/spec/v1\n", 43, "picture but a Git LFS pointer"},
    };
    mw_ctx *c = mw_ctx_new();
    c->log_level = MW_LOG_ERROR;
    for (size_t i = 0; i < sizeof pictures / sizeof *pictures; i++) {
        mw_image image;
        assert_int_equal(mw_image_decode(c, "a.png", pictures[i].bytes, pictures[i].size, &image, NULL),
                         MW_E_FILE);
        const char *end = strstr(mw_errmsg(c), pictures[i].words);
        if (!end || end[strlen(pictures[i].words)])
            fail_msg("'%s' does not end in '%s'", mw_errmsg(c), pictures[i].words);
        mw_err_clear(c);
        mw_image_free(&image);
    }
    mw_ctx_free(c);
}

static void a_text_is_quoted(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
    } texts[] = {
        {"{\"error\":\"Access to this model is restricted\"}",
         "but a text: \"{\"error\":\"Access to this model is restricted\"}\""},
        {"model:\n  base_learning_rate: 1.0e-04\n", "but a text: \"model:\\n  base_learning_rate"},
        {"\xe6\x96\x87\xe4\xbb\xb6\xe4\xb8\x8d\xe5\xad\x98\xe5\x9c\xa8", "but a text: \"\xe6\x96\x87"},
        {"404", "but a text: \"404\""},
        {"\xff\xfe<\0h\0t\0m\0l\0", "a text in UTF-16"},
    };
    mw_ctx *c = mw_ctx_new();
    char *folder = scratch_make(), *path = mw_path_join(c, folder, "model.safetensors");
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_int_equal(mw_file_write(c, path, texts[i].text, strlen(texts[i].text)), MW_OK);
        assert_null(mw_st_open(c, path));
        if (!strstr(mw_errmsg(c), texts[i].words))
            fail_msg("'%s' is not in: %s", texts[i].words, mw_errmsg(c));
        mw_err_clear(c);
    }
    free(path);
    scratch_remove(folder);
    mw_ctx_free(c);
}

// A header of which the end is missing is still one; what no letters begin is no text.
static void other_bytes_are_no_text(void **state)
{
    (void)state;
    static const char cut[] = "abcdefg\0{\"a\":",
                      onnx[] = "\x08\x07\x12\x07pytorch\x1a\x05"
                               "2.0.0";
    mw_ctx *c = mw_ctx_new();
    char *folder = scratch_make(), *path = mw_path_join(c, folder, "model.safetensors");
    assert_int_equal(mw_file_write(c, path, cut, sizeof cut - 1), MW_OK);
    assert_null(mw_st_open(c, path));
    assert_null(strstr(mw_errmsg(c), "text"));
    mw_err_clear(c);
    assert_int_equal(mw_file_write(c, path, onnx, sizeof onnx - 1), MW_OK);
    assert_null(mw_st_open(c, path));
    assert_null(strstr(mw_errmsg(c), "text"));
    free(path);
    scratch_remove(folder);
    mw_ctx_free(c);
}

static void json_that_is_no_index_is_said(void **state)
{
    (void)state;
    static const char text[] = "{\"_class_name\": \"StableDiffusionPipeline\"}";
    mw_ctx *c = mw_ctx_new();
    char *folder = scratch_make(), *path = mw_path_join(c, folder, "model_index.json");
    assert_int_equal(mw_file_write(c, path, text, sizeof text - 1), MW_OK);
    assert_null(mw_st_open(c, path));
    assert_non_null(strstr(mw_errmsg(c), "is a JSON file, but no index of safetensors files"));
    free(path);
    scratch_remove(folder);
    mw_ctx_free(c);
}

static void a_config_that_was_not_downloaded_is_said(void **state)
{
    (void)state;
    mw_ctx *c = mw_ctx_new();
    char *folder = scratch_make(), *path = mw_path_join(c, folder, "config.json");
    assert_int_equal(mw_file_write(c, path, cases[0].bytes, cases[0].size), MW_OK);
    assert_null(mw_json_load(c, path));
    assert_non_null(strstr(mw_errmsg(c), "is no JSON but a Git LFS pointer"));
    free(path);
    scratch_remove(folder);
    mw_ctx_free(c);
}

// The reference refuses anything before the header's brace.
static void a_byte_order_mark_before_the_header_is_refused(void **state)
{
    (void)state;
    static const char file[] = "\x05\0\0\0\0\0\0\0\xef\xbb\xbf{}", plain[] = "\x02\0\0\0\0\0\0\0{}";
    mw_ctx *c = mw_ctx_new();
    char *folder = scratch_make(), *path = mw_path_join(c, folder, "model.safetensors");
    assert_int_equal(mw_file_write(c, path, plain, sizeof plain - 1), MW_OK);
    mw_st *s = mw_st_open(c, path);
    assert_non_null(s);
    mw_st_close(s);
    assert_int_equal(mw_file_write(c, path, file, sizeof file - 1), MW_OK);
    assert_null(mw_st_open(c, path));
    assert_non_null(strstr(mw_errmsg(c), "byte order mark"));
    free(path);
    scratch_remove(folder);
    mw_ctx_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_said_where_tensors_are_read),
        cmocka_unit_test(each_is_said_where_a_picture_is_read),
        cmocka_unit_test(a_text_is_quoted),
        cmocka_unit_test(other_bytes_are_no_text),
        cmocka_unit_test(json_that_is_no_index_is_said),
        cmocka_unit_test(a_config_that_was_not_downloaded_is_said),
        cmocka_unit_test(a_byte_order_mark_before_the_header_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
