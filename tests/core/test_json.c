// test_json.c: parsing bounds, messages, typed fields.
#include "tests/core/manifest.h"

static mw_ctx *c;

static json_t *parse(const char *text) { return mw_json_parse(c, text, strlen(text), "f.json"); }

static void must_fail(const char *word)
{
    assert_int_equal(mw_err(c), MW_E_FILE);
    if (!strstr(mw_errmsg(c), "f.json") || !strstr(mw_errmsg(c), word))
        fail_msg("'f.json' and '%s' must be in: %s", word, mw_errmsg(c));
    mw_err_clear(c);
}

static void refuses(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"", "f.json:1"},
        {"{\"a\": 1, \"a\": 2}", "duplicate"},
        {"{\"a\":\n 1,\n}", "f.json:3:1"},
        {"{\"norm_eps\": NaN}", "norm_eps"},
        {"{\"theta\": 1e999}", "theta"},
        {"{\"a\": \"\xff\"}", "0xff"},
        {"{\"a\": \"\\ud800\"}", "f.json"},
        {"{} x", "f.json"},
        {"{\"a\xc2\x9b\": }", "a\\u{9b}"}, // a terminal's escape is not passed on
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_null(parse(wrong[i][0]));
        must_fail(wrong[i][1]);
    }
    assert_null(mw_json_parse(c, "{}\0", 3, "f.json"));
    must_fail("f.json");
    char bomb[1000];
    memset(bomb, '[', sizeof bomb);
    assert_null(mw_json_parse(c, bomb, sizeof bomb, "f.json"));
    must_fail("nested");
}

static void accepts(void **state)
{
    (void)state;
    json_t *v = parse("\xef\xbb\xbf{\"a\": \"[[[ \\\" [[\"}");
    assert_non_null(v);
    assert_string_equal(mw_json_string(c, "f.json", v, "a"), "[[[ \" [[");
    json_decref(v);
    char deep[200];
    memset(deep, '[', 100);
    memset(deep + 100, ']', 100);
    v = mw_json_parse(c, deep, sizeof deep, "f.json");
    assert_non_null(v);
    json_decref(v);
}

// As published tokenizer settings have it: "no limit" written as a number beyond 64 bits.
static void huge_whole_numbers_are_numbers(void **state)
{
    (void)state;
    json_t *o = parse("{\"n\": 1000000000000000019884624838656, \"m\": 7, \"l\": [1, 2]}");
    int64_t out[2];
    assert_true(mw_json_number(c, "f.json", o, "n") > 0.9e30);
    assert_int_equal(mw_json_int(c, "f.json", o, "m", 0, 9), 7);
    assert_int_equal(mw_json_ints(c, "f.json", o, "l", 0, 9, out, 2), 2);
    assert_int_equal(mw_err(c), MW_OK);
    mw_json_int(c, "f.json", o, "n", 0, INT64_MAX); // but no count of anything
    must_fail("'n' must be a whole number");
    json_decref(o);
}

static void fields(void **state)
{
    (void)state;
    json_t *o =
        parse("{\"n\": 3, \"x\": 0.5, \"b\": true, \"s\": \"t\", \"l\": [1, 2], \"o\": {}, \"z\": null}");
    int64_t out[2];
    assert_int_equal(mw_json_int(c, "f.json", o, "n", 1, 3), 3);
    assert_true(mw_json_number(c, "f.json", o, "x") == 0.5 && mw_json_number(c, "f.json", o, "n") == 3);
    assert_true(mw_json_bool(c, "f.json", o, "b"));
    assert_int_equal(mw_json_ints(c, "f.json", o, "l", 0, 9, out, 2), 2);
    assert_true(out[0] == 1 && out[1] == 2);
    assert_true(mw_json_object(c, "f.json", o, "o") && mw_json_list(c, "f.json", o, "l"));
    assert_true(mw_json_has(o, "n") && !mw_json_has(o, "z") && !mw_json_has(o, "absent"));
    assert_int_equal(mw_err(c), MW_OK);
    mw_json_int(c, "f.json", o, "n", 4, 9);
    must_fail("'n' must be a whole number from 4 to 9, got 3");
    mw_json_int(c, "f.json", o, "x", 4, 9);
    must_fail("got 0.5");
    mw_json_int(c, "f.json", o, "absent", 1, INT64_MAX);
    must_fail("'absent' is missing; it must be a whole number of at least 1");
    mw_json_number(c, "f.json", o, "s");
    must_fail("'s' must be a number, got \"t\"");
    mw_json_bool(c, "f.json", o, "n");
    must_fail("true or false");
    mw_json_string(c, "f.json", o, "l");
    must_fail("'l' must be a text, got [1,2]");
    mw_json_ints(c, "f.json", o, "l", 2, 9, out, 2);
    must_fail("whole numbers from 2 to 9");
    mw_json_ints(c, "f.json", o, "l", 0, 9, out, 1);
    must_fail("at most 1");
    mw_json_list(c, "f.json", o, "o");
    must_fail("a list");
    mw_json_object(c, "f.json", o, "z");
    must_fail("got null");
    json_decref(o);
}

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses),
        cmocka_unit_test(accepts),
        cmocka_unit_test(huge_whole_numbers_are_numbers),
        cmocka_unit_test(fields),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
