// test_measure.c: what `moonweave bench` holds against the device's limits is what was really done.
#include "core/measure/measure.h"

#include "core/cl/device.h"
#include "core/cl/tune.h"
#include "core/measure/task_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static mw_ctx *c;

static int open_device(void **state)
{
    (void)state;
    c = mw_ctx_new();
    return mw_device_open(c, NULL, (uint64_t)640 << 20, false) == MW_OK ? 0 : -1;
}

static int close_device(void **state)
{
    (void)state;
    mw_device_close(c);
    mw_ctx_free(c);
    return mw_live_tensors() == 0 ? 0 : -1;
}

static double products_of(mw_size size)
{
    mw_task t;
    mw_scope_begin(c);
    mw_task_make(c, &size, MW_F32, 0, &t);
    mw_timing m = mw_task_time(c, &t, 0);
    mw_scope_end(c, NULL);
    assert_int_equal(mw_err(c), MW_OK);
    assert_true(m.seconds > 0);
    return m.products;
}

static void products_are_counted(void **state)
{
    (void)state;
    assert_true(products_of((mw_size){"linear", {6, 32, 64}}) == 2.0 * 6 * 32 * 64);
    assert_true(products_of((mw_size){"matmul", {3, 5, 7, 11}}) == 2.0 * 3 * 5 * 7 * 11);
    assert_true(products_of((mw_size){"conv2d", {2, 6, 5, 7, 3}}) == 2.0 * 2 * 36 * 5 * 9 * 7);
    assert_true(products_of((mw_size){"attention", {2, 9, 5, 3, 8}}) == 2 * 2.0 * 2 * 9 * 5 * 3 * 8);
    assert_true(products_of((mw_size){"softmax", {9, 5}}) == 0);
}

// Winograd's F(4x4,3x3) makes 36 products of 4 x 4 results; 9 x 9 pixels are 3 x 3 such tiles.
static void a_convolution_counts_the_way_that_was_taken(void **state)
{
    (void)state;
    const mw_size size = {"conv2d", {2, 9, 64, 96, 3}};
    const double direct = 2.0 * 2 * 81 * 9 * 64 * 96, winograd = 2.0 * 2 * 9 * 36 * 64 * 96;
    const char *key;
    const char *const *ways;
    int tried = 0;
    mw_tune_record(c, true);
    products_of(size);
    assert_true(mw_tune_recorded(c, 0, &key, &ways));
    char *own = strdup(key);
    mw_tune_record(c, false);
    for (; ways[tried]; tried++) {
        mw_tune_set(c, own, ways[tried]);
        assert_true(products_of(size) == (strcmp(ways[tried], "direct") ? winograd : direct));
    }
    assert_int_equal(tried, 3);
    mw_tune_set(c, own, NULL);
    free(own);
}

// The line that is printed for a task that took a second on a device of these limits.
static const char *line(mw_task t, double products, mw_peak p)
{
    static char text[256];
    FILE *f = fmemopen(text, sizeof text, "w");
    assert_non_null(f);
    mw_bench_print(f, &t, (mw_timing){1, products}, p);
    fclose(f);
    return text;
}

static void a_row_is_a_share_of_what_was_computed(void **state)
{
    (void)state;
    mw_peak p = {100e9, 10e9};
    mw_task conv = {.op = "conv2d", .shape = "1x2x3", .flop = 160e9}, add = {.op = "add", .bytes = 5e9};
    const char *text = line(conv, 40e9, p);
    assert_non_null(strstr(text, " 40.0 GF/s "));
    assert_non_null(strstr(text, " 40 %  as 160.0 GF/s done directly\n"));
    conv.flop = 40e9;
    assert_non_null(strstr(line(conv, 40e9, p), " 40 %\n"));
    text = line(add, 0, p);
    assert_non_null(strstr(text, " 5.0 GB/s "));
    assert_non_null(strstr(text, " 50 %\n"));
}

static void bytes_go_through_memory(void **state)
{
    (void)state;
    enum { ROWS = 4096, COLUMNS = 512 };
    const mw_size size = {"add", {ROWS, COLUMNS}};
    mw_task t;
    mw_scope_begin(c);
    mw_task_make(c, &size, MW_F32, MW_BEYOND_CACHES, &t);
    assert_int_equal(mw_err(c), MW_OK);
    assert_true(t.bytes == 3.0 * ROWS * COLUMNS * sizeof(float)); // two are read, one is written
    assert_true((double)t.sets * t.bytes >= MW_BEYOND_CACHES);
    for (int set = 0; set < 2; set++) { // each has operands of its own
        for (int i = 0; i < 2; i++)
            mw_fill(c, mw_slice(c, t.in[i], 0, set * ROWS, ROWS), 1 + i + 10 * set);
        mw_tensor *y = mw_slice(c, mw_slice(c, mw_task_run(c, &t, set), 0, 0, 1), 1, 0, 1);
        float sum = 0;
        mw_tensor_read_f32(c, y, &sum);
        assert_true(sum == 3.0F + 20.0F * (float)set);
    }
    uint64_t inputs = mw_device_memory(c).used;
    assert_true((double)inputs >= 2.0 / 3 * MW_BEYOND_CACHES);
    mw_task_time(c, &t, 0);
    // Each set has a result of its own, in memory of its own.
    assert_true((double)mw_device_memory(c).peak >= MW_BEYOND_CACHES);
    mw_scope_end(c, NULL);
    assert_int_equal(mw_err(c), MW_OK);
}

// The third value of a row: what it is of the limit, in percent.
static double share(const char *row)
{
    const char *percent = strstr(row, " %");
    assert_non_null(percent);
    while (percent > row && percent[-1] != ' ')
        percent--;
    return atof(percent);
}

static void a_limit_that_a_row_passes_is_measured_again(void **state)
{
    (void)state;
    const mw_size sizes[] = {{"linear", {64, 64, 64}}, {"softmax", {8192, 77}}, {NULL, {0}}};
    mw_peak p = {1, 1};
    char text[512] = "";
    FILE *f = fmemopen(text, sizeof text, "w");
    mw_bench_sizes(c, sizes, MW_F32, &p, f);
    fclose(f);
    assert_int_equal(mw_err(c), MW_OK);
    assert_true(p.flops > 1e8 && p.bytes > 1e7);
    assert_true(share(text) <= 100);
    char *second = strchr(text, '\n');
    assert_non_null(second);
    assert_true(share(second) <= 100);
    mw_peak high = {1e20, 1e20};
    mw_measure_flops(c, &high);
    mw_measure_bytes(c, &high);
    assert_true(high.flops == 1e20 && high.bytes == 1e20); // only raised
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_are_counted),
        cmocka_unit_test(a_convolution_counts_the_way_that_was_taken),
        cmocka_unit_test(a_row_is_a_share_of_what_was_computed),
        cmocka_unit_test(bytes_go_through_memory),
        cmocka_unit_test(a_limit_that_a_row_passes_is_measured_again),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
