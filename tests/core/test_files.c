// test_files.c: whole files, files in pieces, mappings, paths as texts, text for messages.
#include "tests/core/manifest.h"

#include "core/base/text.h"

#include <sys/stat.h>

typedef struct {
    mw_ctx *c;
    char *folder, *path;
} scratch;

static int set_up(void **state)
{
    scratch *s = malloc(sizeof *s);
    *s = (scratch){mw_ctx_new(), scratch_make(), NULL};
    s->c->log_level = MW_LOG_ERROR;
    s->path = mw_path_join(s->c, s->folder, "f");
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    scratch *s = *state;
    mw_ctx_free(s->c);
    scratch_remove(s->folder);
    free(s->path);
    free(s);
    return 0;
}

static void must_fail(scratch *s, mw_status status, const char *word)
{
    assert_int_equal(mw_err(s->c), status);
    if (!strstr(mw_errmsg(s->c), word))
        fail_msg("'%s' is not in: %s", word, mw_errmsg(s->c));
    mw_err_clear(s->c);
}

static void whole_files(void **state)
{
    scratch *s = *state;
    size_t n = 9;
    assert_int_equal(mw_file_write(s->c, s->path, "a\0b", 3), MW_OK);
    char *data = mw_file_read(s->c, s->path, 3, &n);
    assert_int_equal(n, 3);
    assert_memory_equal(data, "a\0b", 4);
    free(data);
    assert_null(mw_file_read(s->c, s->path, 2, &n));
    must_fail(s, MW_E_FILE, s->path);
    assert_null(mw_file_read(s->c, s->folder, 100, &n));
    must_fail(s, MW_E_FILE, "a folder");
    assert_null(mw_file_read(s->c, "/dev/zero", 100, &n));
    must_fail(s, MW_E_FILE, "/dev/zero");
    assert_int_equal(mw_file_write(s->c, s->path, "", 0), MW_OK);
    data = mw_file_read(s->c, s->path, 0, NULL);
    assert_string_equal(data, "");
    free(data);
    char *pipe = mw_path_join(s->c, s->folder, "pipe");
    assert_int_equal(mkfifo(pipe, 0600), 0);
    assert_null(mw_file_read(s->c, pipe, 100, &n)); // does not wait for a writer
    must_fail(s, MW_E_FILE, "pipe");
    free(pipe);
}

static void pieces(void **state)
{
    scratch *s = *state;
    mw_mapping m;
    mw_file_writer *w = mw_file_begin(s->c, s->path);
    mw_file_put(s->c, w, "one ", 4);
    mw_file_put(s->c, w, "two", 3);
    assert_false(mw_path_exists(s->path));
    assert_int_equal(mw_file_commit(s->c, w), MW_OK);
    assert_true(mw_file_map(s->c, s->path, &m));
    assert_int_equal(m.size, 7);
    assert_memory_equal(m.data, "one two", 7);
    mw_file_unmap(&m);
    // An error on the way, and the user's wish to stop, leave the old content and no other file.
    w = mw_file_begin(s->c, s->path);
    mw_file_put(s->c, w, "x", 1);
    mw_fail(s->c, MW_E_RUN, "no more");
    assert_int_equal(mw_file_commit(s->c, w), MW_E_RUN);
    mw_err_clear(s->c);
    w = mw_file_begin(s->c, s->path);
    mw_file_put(s->c, w, "x", 1);
    atomic_store(s->c->cancel, 1);
    assert_int_equal(mw_file_commit(s->c, w), MW_E_CANCEL);
    atomic_store(s->c->cancel, 0);
    mw_err_clear(s->c);
    assert_int_equal(scratch_count(s->folder), 1);
    char *data = mw_file_read(s->c, s->path, 100, NULL);
    assert_string_equal(data, "one two");
    free(data);
    char *nowhere = mw_path_join(s->c, s->path, "below");
    assert_null(mw_file_begin(s->c, nowhere));
    must_fail(s, MW_E_RUN, nowhere);
    free(nowhere);
}

static void is_text(char *got, const char *want)
{
    assert_string_equal(got, want);
    free(got);
}

static void path_texts(void **state)
{
    scratch *s = *state;
    is_text(mw_path_join(s->c, "a", "b"), "a/b");
    is_text(mw_path_join(s->c, "a/", "b"), "a/b");
    is_text(mw_path_join(s->c, ".", "b"), "b");
    is_text(mw_path_folder(s->c, "a/b/c"), "a/b");
    is_text(mw_path_folder(s->c, "c"), ".");
    is_text(mw_path_folder(s->c, "/c"), "/");
    assert_string_equal(mw_path_base("a/b"), "b");
    assert_true(mw_path_is_folder(s->folder) && !mw_path_is_folder(s->path));
    assert_true(mw_path_has_suffix("A.PNG", ".png") && !mw_path_has_suffix("png", ".png"));
    static const char *const inside[] = {"a", "a/b", "a..b", "./a", "..a/b.."};
    static const char *const outside[] = {"", "/a", "..", "../a", "a/..", "a/../../b", "a\\b"};
    for (size_t i = 0; i < 5; i++)
        assert_true(mw_path_stays_inside(inside[i]));
    for (size_t i = 0; i < 7; i++)
        assert_false(mw_path_stays_inside(outside[i]));
}

static void printable(void **state)
{
    char buf[12];
    (void)state;
    assert_string_equal(mw_printable("plain", buf, sizeof buf), "plain");
    assert_string_equal(mw_printable("elevenbytes", buf, sizeof buf), "elevenbytes");
    assert_string_equal(mw_printable("twelve bytes", buf, sizeof buf), "twelve b...");
    assert_string_equal(mw_printable("a\n\x1b[b", buf, sizeof buf), "a\\n\\x1b[b");
    assert_string_equal(mw_printable("\xff\xc3", buf, sizeof buf), "\\xff\\xc3");
    assert_string_equal(mw_printable("\u202ea", buf, sizeof buf), "\\u{202e}a"); // would turn the line around
    assert_string_equal(mw_printable("ωωωωωωω", buf, sizeof buf), "ωωωω...");    // cut between characters
    assert_string_equal(mw_printable_n("abc", 2, buf, sizeof buf), "ab");
    char *lines = mw_printable_lines("one\ttab\nwarning: \x1b[2J\x9b\xc2\x85ω\n");
    assert_string_equal(lines, "one\ttab\n  warning: \\x1b[2J\\x9b\\u{85}ω");
    free(lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(whole_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pieces, set_up, tear_down),
        cmocka_unit_test_setup_teardown(path_texts, set_up, tear_down),
        cmocka_unit_test(printable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
