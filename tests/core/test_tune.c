// test_tune.c: the table of measured ways, its file, and the questions it notes.
#include "core/cl/tune.h"

#include "core/cl/device.h"
#include "core/measure/task_internal.h"
#include "core/ops.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static const char *const ways[] = {"slow", "fast", NULL};
static char dir[] = "/tmp/moonweave-tune-XXXXXX";

static mw_ctx *open_device(void)
{
    mw_ctx *c = mw_ctx_new();
    mw_device_open(c, NULL, (uint64_t)512 << 20, false);
    assert_int_equal(mw_err(c), MW_OK);
    return c;
}

static void close_device(mw_ctx *c)
{
    mw_device_close(c);
    mw_ctx_free(c);
}

// The one file in the tuning folder.
static char *tuning_file(char *path, size_t size)
{
    char folder[256];
    snprintf(folder, sizeof folder, "%s/moonweave/tune", dir);
    DIR *d = opendir(folder);
    assert_non_null(d);
    int n = 0;
    for (struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.') {
            snprintf(path, size, "%s/%s", folder, e->d_name);
            n++;
        }
    closedir(d);
    assert_int_equal(n, 1);
    return path;
}

static void what_is_saved_is_found_again(void **state)
{
    (void)state;
    mw_ctx *c = open_device();
    assert_int_equal(mw_tune_find(c, "op f32 1 2 3", ways), -1);
    mw_tune_set(c, "op f32 1 2 3", "fast");
    mw_tune_set(c, "op f16 1 2 3", "slow");
    mw_tune_set(c, "op f32 9 9 9", "gone");
    mw_tune_set(c, "op f32 4 4 4", "fast");
    mw_tune_set(c, "op f32 4 4 4", NULL);
    assert_int_equal(mw_tune_save(c), MW_OK);
    close_device(c);
    c = open_device();
    assert_int_equal(mw_tune_find(c, "op f32 1 2 3", ways), 1);
    assert_int_equal(mw_tune_find(c, "op f16 1 2 3", ways), 0);
    assert_int_equal(mw_tune_find(c, "op f32 9 9 9", ways), -1); // a way that is no more
    assert_int_equal(mw_tune_find(c, "op f32 4 4 4", ways), -1);
    close_device(c);
}

static void a_damaged_file_is_no_harm(void **state)
{
    (void)state;
    char path[768];
    FILE *f = fopen(tuning_file(path, sizeof path), "w");
    for (int i = 0; i < 2000; i++)
        fputc(i * 37 % 256, f);
    fputs("\nop f32 1 2 3\tfast\nop f32 2\t\n\t\nop cut", f);
    fclose(f);
    mw_ctx *c = open_device();
    assert_int_equal(mw_tune_find(c, "op f32 1 2 3", ways), 1);
    assert_int_equal(mw_tune_find(c, "op f32 2", ways), -1);
    assert_int_equal(mw_err(c), MW_OK);
    close_device(c);
}

static void questions_are_noted_once(void **state)
{
    (void)state;
    mw_ctx *c = open_device();
    const char *key;
    const char *const *w;
    mw_tune_find(c, "before", ways);
    mw_tune_record(c, true);
    mw_tune_find(c, "a", ways);
    mw_tune_find(c, "b", ways);
    mw_tune_find(c, "a", ways);
    mw_tune_record(c, false);
    mw_tune_find(c, "after", ways);
    assert_true(mw_tune_recorded(c, 0, &key, &w) && !strcmp(key, "a") && w == ways);
    assert_true(mw_tune_recorded(c, 1, &key, &w) && !strcmp(key, "b"));
    assert_false(mw_tune_recorded(c, 2, &key, &w));
    close_device(c);
}

// A stream that stops the tuning as soon as `text` is printed, and keeps what was.
typedef struct stopper {
    mw_ctx *c;
    const char *text;
    char printed[8192];
    size_t used;
} stopper;

static ssize_t take(void *cookie, const char *text, size_t n)
{
    stopper *s = cookie;
    size_t room = sizeof s->printed - 1 - s->used, m = n < room ? n : room;
    memcpy(s->printed + s->used, text, m);
    s->used += m;
    if (strstr(s->printed, s->text))
        atomic_store(s->c->cancel, 1);
    return (ssize_t)n;
}

// Tunes until `text` is printed; the line in which it stopped.
static const char *tune_until(mw_ctx *c, stopper *s, const char *text)
{
    *s = (stopper){.c = c, .text = text};
    FILE *f = fopencookie(s, "w", (cookie_io_functions_t){.write = take});
    assert_non_null(f);
    setvbuf(f, NULL, _IONBF, 0);
    const mw_size sizes[] = {
        {"linear", {16, 16, 16}}, {"conv2d", {1, 4, 16, 16, 3}}, {"conv2d", {1, 16, 16, 16, 3}}, {NULL, {0}}};
    mw_tune_sizes(c, sizes, MW_F32, f);
    assert_int_equal(mw_err(c), MW_E_CANCEL);
    fclose(f);
    assert_non_null(strstr(s->printed, text));
    char *end = strrchr(s->printed, '\n');
    assert_non_null(end);
    *end = 0;
    char *line = strrchr(s->printed, '\n');
    return line ? line + 1 : s->printed;
}

// Rows of the device's file that begin so.
static int rows_of(const char *start)
{
    char path[768], line[256];
    FILE *f = fopen(tuning_file(path, sizeof path), "r");
    assert_non_null(f);
    int n = 0;
    while (fgets(line, sizeof line, f))
        n += strncmp(line, start, strlen(start)) == 0;
    fclose(f);
    return n;
}

static void a_stopped_tuning_keeps_what_it_settled(void **state)
{
    (void)state;
    static stopper s;
    mw_ctx *c = open_device();
    mw_tune_set(c, "op f32 1 2 3", "fast");
    mw_tune_save(c);
    // In the midst of a choice: neither kept nor left as it was tried.
    const char *line = tune_until(c, &s, " ms");
    assert_null(strstr(line, "->"));
    assert_true(strstr(line, " ms") ==
                strstr(s.printed, " ms")); // one way was measured, and only that is told
    assert_null(strstr(strstr(line, " ms") + 3, " ms"));
    assert_null(strstr(line, "differs"));
    atomic_store(c->cancel, 0);
    mw_err_clear(c);
    mw_tune_save(c);
    assert_int_equal(rows_of("conv2d") + rows_of("gemm"), 0);
    // After a choice: that one is kept, beside what was known.
    line = tune_until(c, &s, "->");
    assert_non_null(strstr(line, "->"));
    assert_int_equal(rows_of("conv2d") + rows_of("gemm"), 1);
    assert_int_equal(rows_of("op f32 1 2 3\tfast\n"), 1);
    close_device(c);
}

// Where PoCL keeps what it compiled, so that it need not compile everything anew in the test's own folder.
static void keep_drivers_kernels(void)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char path[512];
    snprintf(path, sizeof path, "%s%s/pocl/kcache", cache ? cache : home ? home : "", cache ? "" : "/.cache");
    setenv("POCL_CACHE_DIR", path, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_saved_is_found_again),
        cmocka_unit_test(a_damaged_file_is_no_harm),
        cmocka_unit_test(questions_are_noted_once),
        cmocka_unit_test(a_stopped_tuning_keeps_what_it_settled),
    };
    keep_drivers_kernels();
    if (!mkdtemp(dir) || setenv("XDG_CACHE_HOME", dir, 1))
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    char command[128];
    snprintf(command, sizeof command, "rm -r '%s'", dir);
    return system(command) || failed;
}
