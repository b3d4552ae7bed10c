// test_driver_output.c: a driver's chatter on descriptor 2 is logged, our own lines are shown.
#include "core/cl/driver_output.h"

#include "core/base/console.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static FILE *terminal; // what descriptor 2 leads to
static char logged[256];
static int lines;

static void keep(void *user, mw_log_level level, const char *text)
{
    (void)user;
    assert_int_equal(level, MW_LOG_DEBUG);
    snprintf(logged, sizeof logged, "%s", text);
    lines++;
}

static void chatter(const char *text) { assert_int_equal(write(2, text, strlen(text)), strlen(text)); }

// What came to the terminal since it was last asked for.
static const char *shown(void)
{
    static char text[256];
    size_t n = (size_t)pread(fileno(terminal), text, sizeof text - 1, 0);
    text[n] = 0;
    assert_int_equal(ftruncate(fileno(terminal), 0), 0);
    lseek(fileno(terminal), 0, SEEK_SET);
    return text;
}

static mw_ctx *listener(mw_log_level level)
{
    mw_ctx *c = mw_ctx_new();
    c->log = keep;
    c->log_level = level;
    lines = 0;
    return c;
}

static void chatter_is_logged_at_debug_level(void **state)
{
    (void)state;
    mw_ctx *c = listener(MW_LOG_DEBUG);
    mw_driver_output_begin();
    chatter("6 warnings generated.\n");
    fputs("own line\n", mw_stderr());
    mw_driver_output_end(c);
    assert_string_equal(shown(), "own line\n");
    assert_non_null(strstr(logged, "6 warnings generated."));
    assert_null(strchr(logged, '\n'));
    chatter("afterwards\n");
    assert_string_equal(shown(), "afterwards\n");
    mw_driver_output_begin();
    mw_driver_output_end(c);
    assert_int_equal(lines, 1); // silence is no line
    mw_ctx_free(c);
}

static void chatter_is_not_shown_where_nobody_debugs(void **state)
{
    (void)state;
    mw_ctx *c = listener(MW_LOG_INFO);
    mw_driver_output_begin();
    chatter("6 warnings generated.\n");
    mw_driver_output_end(c);
    assert_string_equal(shown(), "");
    assert_int_equal(lines, 0);
    mw_ctx_free(c);
}

static void builds_may_overlap(void **state)
{
    (void)state;
    mw_ctx *c = listener(MW_LOG_DEBUG);
    mw_driver_output_begin();
    chatter("alone\n");
    mw_driver_output_begin();
    chatter("first\n");
    mw_driver_output_end(c);
    chatter("second\n");
    mw_driver_output_end(c);
    assert_string_equal(shown(), "");
    assert_non_null(strstr(logged, "alone\nfirst\nsecond"));
    assert_int_equal(lines, 1);
    mw_ctx_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chatter_is_logged_at_debug_level),
        cmocka_unit_test(chatter_is_not_shown_where_nobody_debugs),
        cmocka_unit_test(builds_may_overlap),
    };
    int real = dup(2);
    terminal = tmpfile();
    if (real < 0 || !terminal || dup2(fileno(terminal), 2) < 0)
        return 1;
    mw_stderr(); // leads to the file, as does descriptor 2
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    dup2(real, 2);
    fputs(failed ? shown() : "", stderr); // cmocka tells there what failed
    return failed;
}
