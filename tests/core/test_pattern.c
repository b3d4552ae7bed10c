// test_pattern.c: patterns against LuaJIT's own on random patterns and texts, and what bounds a match.
#include "core/lua/lua_internal.h"
#include "core/lua/pattern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROUNDS = 50000 };

static void *allocate(void *user, void *p, size_t old, size_t size)
{
    (void)user;
    (void)old;
    if (size)
        return realloc(p, size);
    free(p);
    return NULL;
}

// LuaJIT's library as it is, and ours in a table of its own.
static void same_as_luajit(void **state)
{
    (void)state;
    mw_script s = {.c = mw_ctx_new(), .o.trust = true};
    lua_State *L = lua_newstate(allocate, &s);
    luaL_openlibs(L);
    if (luaL_loadfile(L, "tests/core/pattern_compare.lua"))
        fail_msg("%s", lua_tostring(L, -1));
    lua_newtable(L);
    mw_lua_add_strings(L);
    lua_getglobal(L, "string");
    lua_pushinteger(L, ROUNDS);
    if (lua_pcall(L, 3, 2, 0))
        fail_msg("%s", lua_tostring(L, -1));
    assert_int_equal(lua_tointeger(L, -2), 4 * ROUNDS);
    assert_true(lua_tointeger(L, -1) >
                ROUNDS); // calls that matched something: the comparison is not of failures
    lua_close(L);
    mw_ctx_free(s.c);
}

static void count(void *user) { ++*(int *)user; }

static mw_pattern matcher(const char *subject, size_t n, const char *pattern)
{
    return (mw_pattern){
        .subject = subject, .subject_end = subject + n, .begin = pattern, .end = pattern + strlen(pattern)};
}

// A match that would take 2^60 years asks again and again whether it must stop, and ends with its budget.
static void has_a_budget(void **state)
{
    (void)state;
    int asked = 0;
    char subject[200];
    memset(subject, 'a', sizeof subject);
    mw_pattern m = matcher(subject, sizeof subject, "a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b");
    m.most_steps = 10 << 20;
    m.tick = count;
    m.user = &asked;
    assert_null(mw_pattern_match(&m, subject));
    assert_string_equal(m.wrong, "the pattern takes too many steps on this text");
    assert_in_range(asked, 100, 200);
}

// What looks at many bytes at once counts them: long sets, captures repeated, brackets that do not close.
static void long_items_count(void **state)
{
    (void)state;
    enum { LONG = 1 << 20 };
    char *text = malloc(LONG + 1);
    memset(text, 'a', LONG);
    text[LONG] = 0;
    mw_pattern repeated = matcher(text, LONG, "(a*)%1b");
    repeated.most_steps = LONG << 3;
    assert_null(mw_pattern_match(&repeated, text));
    assert_non_null(repeated.wrong);
    mw_pattern brackets = matcher(text, LONG, "%bab");
    assert_null(mw_pattern_match(&brackets, text));
    assert_true(brackets.steps >= LONG - 1);
    text[0] = '[';
    text[LONG - 1] = ']';
    mw_pattern set = matcher("bbbb", 4, text);
    assert_null(mw_pattern_match(&set, set.subject));
    assert_true(set.steps >= LONG / 8);
    free(text);
}

// Items one behind the other that may be there or not, by the thousand, do not eat C's stack.
static void depth_is_bounded(void **state)
{
    (void)state;
    enum { MANY = 100000 };
    char *pattern = malloc(2 * MANY + 1), *subject = malloc(MANY);
    for (int i = 0; i < MANY; i++)
        memcpy(pattern + 2 * i, "a?", 2);
    pattern[2 * MANY] = 0;
    memset(subject, 'a', MANY);
    mw_pattern m = matcher(subject, MANY, pattern);
    assert_null(mw_pattern_match(&m, subject));
    assert_string_equal(m.wrong, "pattern too complex");
    free(pattern);
    free(subject);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_as_luajit),
        cmocka_unit_test(has_a_budget),
        cmocka_unit_test(long_items_count),
        cmocka_unit_test(depth_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
