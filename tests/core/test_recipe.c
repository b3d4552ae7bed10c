// test_recipe.c: the text of what bits follow from; hashes of files' contents; ways of computing that depend
// on the memory limit and not on what is in memory.
#include "core/base/content_hash.h"
#include "core/base/env.h"
#include "core/base/file.h"
#include "core/cl/device.h"
#include "core/cl/tune.h"
#include "core/graph/recipe.h"
#include "core/ops.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static char dir[] = "/tmp/moonweave-recipe-XXXXXX";

static mw_ctx *open_device(uint64_t limit)
{
    mw_ctx *c = mw_ctx_new();
    mw_device_open(c, NULL, limit, false);
    assert_int_equal(mw_err(c), MW_OK);
    return c;
}

static void close_device(mw_ctx *c)
{
    mw_device_close(c);
    mw_ctx_free(c);
}

static char *recipe(mw_ctx *c)
{
    char *text = mw_recipe_text(c, true);
    assert_non_null(text);
    return text;
}

// What the recipe says of itself differs from `was` in these words, and in nothing when `words` is empty.
static void assert_differs(mw_ctx *c, const char *was, const char *words)
{
    char *now = recipe(c), *difference = mw_recipe_difference(c, was, now);
    if (*words)
        assert_non_null(strstr(difference, words));
    else
        assert_string_equal(difference, "");
    free(difference);
    free(now);
}

static void all_that_changes_bits_is_a_line(void **state)
{
    (void)state;
    mw_ctx *c = open_device(256 << 20);
    char *was = recipe(c);
    static const char *const names[] = {"build: ",        "files: ",         "compute units: ",
                                        "device: ",       "driver: ",        "dtype: auto\n",
                                        "family: ",       "kernels: ",       "lanes: ",
                                        "local memory: ", "platform: ",      "tuned: 0000000000000000\n",
                                        "half: ",         "largest group: ", "memory limit: 268435456\n"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strstr(was, names[i]))
            fail_msg("no line '%s' in\n%s", names[i], was);
    assert_differs(c, was, "");
    mw_env env = mw_env_of(c);
    env.dtype = "f16";
    c->env = &env;
    assert_differs(c, was, "dtype auto (here f16)");
    c->env = NULL;
    mw_tune_set(c, "conv2d f32 f32 1 2 3", "direct");
    assert_differs(c, was, "tuned 0000000000000000 (here ");
    mw_tune_set(c, "conv2d f32 f32 1 2 3", NULL);
    assert_differs(c, was, "");
    char *program = mw_recipe_text(c, false);
    assert_memory_equal(program, was, strlen(program)); // the program's lines come first
    free(program);
    close_device(c);
    free(was);
}

// ---- contents

static void write_file(mw_ctx *c, const char *path, size_t size, int seed)
{
    char *data = malloc(size);
    for (size_t i = 0; i < size; i++)
        data[i] = (char)(i * 31 + (size_t)seed);
    assert_int_equal(mw_file_write(c, path, data, size), MW_OK);
    free(data);
}

static mw_content_hash hash_of(mw_ctx *c, const char *path)
{
    mw_content_hash h = {0, 0};
    assert_true(mw_content_hash_of(c, path, &h));
    return h;
}

// Entries in the folder of hashes.
static int count_memos(void)
{
    char folder[256];
    snprintf(folder, sizeof folder, "%s/moonweave/hashes", dir);
    DIR *d = opendir(folder);
    int n = 0;
    for (struct dirent *e; d && (e = readdir(d));)
        n += e->d_name[0] != '.';
    if (d)
        closedir(d);
    return n;
}

// One hexadecimal digit of every entry becomes another.
static void damage_memos(mw_ctx *c)
{
    char folder[256], path[600];
    snprintf(folder, sizeof folder, "%s/moonweave/hashes", dir);
    DIR *d = opendir(folder);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) {
        if (e->d_name[0] == '.')
            continue;
        size_t size = 0;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        char *text = mw_file_read(c, path, 256, &size);
        assert_non_null(text);
        text[0] = text[0] == '0' ? '1' : '0';
        mw_file_write(c, path, text, size);
        free(text);
    }
    closedir(d);
}

static void content_counts_and_nothing_else(void **state)
{
    (void)state;
    enum { LARGE = (1 << 20) + 5 };
    char a[256], b[256], link_path[256];
    mw_ctx *c = mw_ctx_new();
    int memos = count_memos();
    snprintf(a, sizeof a, "%s/a", dir);
    snprintf(b, sizeof b, "%s/b", dir);
    snprintf(link_path, sizeof link_path, "%s/link", dir);
    write_file(c, a, LARGE, 1);
    write_file(c, b, LARGE, 1);
    assert_int_equal(symlink(a, link_path), 0);
    mw_content_hash first = hash_of(c, a), same = hash_of(c, b), through = hash_of(c, link_path);
    assert_memory_equal(&first, &same, sizeof first);
    assert_memory_equal(&first, &through, sizeof first);
    write_file(c, a, LARGE, 2); // within the same tick, and of the same size
    mw_content_hash second = hash_of(c, a);
    assert_memory_not_equal(&first, &second, sizeof first);
    assert_int_equal(count_memos(), memos); // too fresh to be remembered
    sleep(4);
    mw_content_hash settled = hash_of(c, a);
    assert_memory_equal(&second, &settled, sizeof second);
    assert_int_equal(count_memos(), memos + 1);
    mw_ctx_free(c);
}

// In a process of its own, which remembers nothing: what lies on disk is believed when it is whole, else read
// anew.
static void a_damaged_memo_is_not_believed(void **state)
{
    (void)state;
    char a[256];
    mw_ctx *c = mw_ctx_new();
    snprintf(a, sizeof a, "%s/a", dir);
    damage_memos(c);
    char command[600], line[64] = "", before[64] = "";
    snprintf(before, sizeof before, "%016llx%016llx", (unsigned long long)hash_of(c, a).hi,
             (unsigned long long)hash_of(c, a).lo);
    snprintf(command, sizeof command, "/proc/%ld/exe %s", (long)getpid(), a);
    FILE *f = popen(command, "r");
    assert_non_null(f);
    assert_non_null(fgets(line, sizeof line, f));
    assert_int_equal(pclose(f), 0);
    assert_string_equal(strtok(line, "\n"), before);
    mw_ctx_free(c);
}

static int print_hash(const char *path)
{
    mw_content_hash h;
    mw_ctx *c = mw_ctx_new();
    bool good = mw_content_hash_of(c, path, &h);
    if (good)
        printf("%016llx%016llx\n", (unsigned long long)h.hi, (unsigned long long)h.lo);
    mw_ctx_free(c);
    return !good;
}

// ---- memory

enum { SIDE = 48, CHANNELS = 64, NUMBERS = SIDE * SIDE * CHANNELS };

static void convolve(mw_ctx *c, float *out)
{
    static float x[NUMBERS], w[CHANNELS * CHANNELS * 9];
    for (int i = 0; i < NUMBERS; i++)
        x[i] = (float)(i * 7919 % 2003) / 1000 - 1;
    for (int i = 0; i < CHANNELS * CHANNELS * 9; i++)
        w[i] = (float)(i * 7919 % 2003) / 1e4F;
    mw_scope_begin(c);
    mw_tensor *y =
        mw_conv2d(c, mw_tensor_from_f32(c, MW_F32, MW_SHAPE(1, SIDE, SIDE, CHANNELS), x),
                  mw_tensor_from_f32(c, MW_F32, MW_SHAPE(CHANNELS, CHANNELS, 3, 3), w), NULL, 1, 1, 1, NULL);
    if (y)
        mw_tensor_read_f32(c, y, out);
    mw_scope_end(c, NULL);
}

// Tuned to go by Winograd's method, a convolution does so or runs out of memory, however full the memory is;
// under a limit that has no room for it, it goes the direct way.
static void the_limit_decides_and_not_what_is_free(void **state)
{
    (void)state;
    enum { LIMIT = 96 << 20 };
    static const char *const classes = "conv2d f32 f32 12 6 10";
    static float empty[NUMBERS], full[NUMBERS], small[NUMBERS];
    mw_ctx *c = open_device(LIMIT);
    mw_tune_set(c, classes, "winograd");
    convolve(c, empty);
    assert_int_equal(mw_err(c), MW_OK);
    mw_scope_begin(c);
    int ways[2] = {0, 0};
    while (mw_err(c) == MW_OK) { // ever less room
        convolve(c, full);
        if (mw_err(c) == MW_OK)
            assert_memory_equal(full, empty, sizeof full);
        ways[mw_err(c) == MW_OK]++;
        mw_tensor_new(c, MW_U8, MW_SHAPE(2 << 20));
    }
    assert_int_equal(mw_err(c), MW_E_MEMORY);
    assert_true(ways[1] > 2);
    mw_err_clear(c);
    mw_scope_end(c, NULL);
    close_device(c);
    c = open_device(8 << 20);
    mw_tune_set(c, classes, "winograd");
    convolve(c, small);
    assert_int_equal(mw_err(c), MW_OK);
    assert_memory_not_equal(small, empty, sizeof small);
    for (int i = 0; i < NUMBERS; i++)
        assert_float_equal(small[i], empty[i], 1e-3);
    close_device(c);
}

static int in_an_own_cache(void **state)
{
    (void)state;
    return !mkdtemp(dir) || setenv("XDG_CACHE_HOME", dir, 1);
}

static int remove_all(void **state)
{
    (void)state;
    char command[300];
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

int main(int argc, char **argv)
{
    if (argc == 2)
        return print_hash(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_that_changes_bits_is_a_line),
        cmocka_unit_test(content_counts_and_nothing_else),
        cmocka_unit_test(a_damaged_memo_is_not_believed),
        cmocka_unit_test(the_limit_decides_and_not_what_is_free),
    };
    return cmocka_run_group_tests(tests, in_an_own_cache, remove_all);
}
