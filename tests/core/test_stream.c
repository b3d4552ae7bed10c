// test_stream.c: two devices in one process: choosing them, tensors on either, transfers, refusals, limits.
#include "core/base/ctx.h"
#include "core/cl/device.h"
#include "core/ops.h"
#include "core/tensor/tape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static mw_ctx *c;
static mw_stream *a, *b;

// Two halves of a CPU stand for two devices; where no CPU can be halved there is nothing to test.
static int open_two(void **state)
{
    (void)state;
    c = mw_ctx_new();
    if (mw_device_open(c, "cpu/2", (uint64_t)64 << 20, false) != MW_OK) {
        print_message("skipped: %s\n", mw_errmsg(c));
        mw_err_clear(c);
        return 0;
    }
    a = mw_stream_at(c, 0);
    b = mw_stream_at(c, 1);
    return a && b && c->stream == a ? 0 : -1;
}

static int close_two(void **state)
{
    (void)state;
    mw_device_close(c);
    mw_ctx_free(c);
    return mw_live_tensors() == 0 ? 0 : -1;
}

static int begin(void **state)
{
    (void)state;
    if (a)
        mw_scope_begin(c);
    return 0;
}

static int clean(void **state)
{
    (void)state;
    while (c->scope)
        mw_scope_end(c, NULL);
    mw_err_clear(c);
    uint64_t used = mw_device_memory(c).used;
    c->stream = b;
    used += mw_device_memory(c).used;
    c->stream = a;
    return used == 0 && mw_live_tensors() == 0 ? 0 : -1;
}

#define NEED_TWO()                                                                                           \
    if (!a)                                                                                                  \
    skip()

static void fails_with(const char *first, const char *second)
{
    assert_int_not_equal(mw_err(c), MW_OK);
    if (!strstr(mw_errmsg(c), first) || !strstr(mw_errmsg(c), second))
        fail_msg("'%s' and '%s' are not in: %s", first, second, mw_errmsg(c));
    mw_err_clear(c);
}

static mw_tensor *ramp(mw_dtype dtype, int ndim, const int64_t *shape)
{
    float values[512];
    for (int i = 0; i < 512; i++)
        values[i] = (float)(i % 61) / 8 - 3;
    return mw_tensor_from_f32(c, dtype, ndim, shape, values);
}

// Same shape, dtype and elements.
static void assert_same(mw_tensor *x, mw_tensor *y)
{
    float fx[512], fy[512];
    assert_int_equal(mw_err(c), MW_OK);
    assert_true(mw_same_shape(x, y) && x->dtype == y->dtype);
    assert_int_equal(mw_tensor_read_f32(c, x, fx), MW_OK);
    assert_int_equal(mw_tensor_read_f32(c, y, fy), MW_OK);
    assert_memory_equal(fx, fy, (size_t)mw_numel(x) * sizeof *fx);
}

static void halves_are_two_devices_of_one_kind(void **state)
{
    (void)state;
    NEED_TWO();
    assert_int_equal(mw_stream_count(c), 2);
    assert_null(mw_stream_at(c, 2));
    assert_null(mw_stream_at(c, -1));
    assert_int_equal(mw_stream_number(b), 1);
    assert_non_null(strstr(mw_stream_name(a), "device 0 ("));
    assert_non_null(strstr(mw_stream_name(b), ", part 2 of 2)"));
    assert_true(mw_stream_alike(a, b));
}

static void a_half_computes_what_the_other_does(void **state)
{
    (void)state;
    NEED_TWO();
    mw_tensor *y[2];
    for (int i = 0; i < 2; i++) {
        c->stream = i ? b : a;
        mw_tensor *x = ramp(MW_F32, MW_SHAPE(8, 16)), *w = ramp(MW_F32, MW_SHAPE(24, 16));
        y[i] = mw_softmax(c, mw_linear(c, x, mw_prepare_linear(c, w), NULL, MW_ACT_NONE, NULL));
        assert_ptr_equal(mw_tensor_stream(y[i]), c->stream);
    }
    assert_same(y[0], y[1]);
}

static void tensors_move(void **state)
{
    (void)state;
    NEED_TWO();
    mw_tensor *f32 = ramp(MW_F32, MW_SHAPE(4, 6, 5)), *f16 = ramp(MW_F16, MW_SHAPE(4, 6, 5));
    mw_tensor *x[] = {
        f32,
        f16,
        mw_tensor_from_i32(c, MW_SHAPE(3), (int32_t[]){7, -1, 1 << 30}),
        mw_slice(c, f32, 0, 1, 2),                                  // contiguous, with an offset
        mw_slice(c, f16, 2, 1, 3),                                  // with gaps
        mw_transpose(c, f32, 0, 2),                                 // in another order
        mw_expand(c, mw_slice(c, f16, 0, 3, 1), MW_SHAPE(3, 6, 5)), // elements upon each other
        mw_tensor_scalar(c, 2.5f),
        mw_full(c, MW_F32, MW_SHAPE(0, 4), 0), // none
    };
    for (size_t i = 0; i < sizeof x / sizeof *x; i++) {
        mw_tensor *there = mw_tensor_to(c, x[i], b);
        assert_non_null(there);
        assert_ptr_equal(mw_tensor_stream(there), b);
        assert_true(mw_is_contiguous(there));
        assert_ptr_equal(c->stream, a);
        assert_same(there, x[i]);
        assert_same(mw_tensor_to(c, there, a), x[i]);
        assert_ptr_equal(mw_tensor_to(c, there, b), there); // it is there
    }
}

static void a_prepared_weight_moves(void **state)
{
    (void)state;
    NEED_TWO();
    mw_tensor *x = ramp(MW_F32, MW_SHAPE(2, 16)), *master = ramp(MW_F32, MW_SHAPE(12, 16));
    mw_tensor *w = mw_prepare_linear(c, master), *there = mw_tensor_to(c, w, b);
    mw_tensor *y = mw_linear(c, x, w, NULL, MW_ACT_NONE, NULL);
    assert_non_null(there);
    c->stream = b;
    assert_same(mw_linear(c, mw_tensor_to(c, x, b), there, NULL, MW_ACT_NONE, NULL), y);
    c->stream = a;
    assert_int_equal(mw_fill(c, master, 1), MW_OK);
    assert_true(mw_stale(there)); // as w is
}

static void a_mix_of_two_is_refused(void **state)
{
    (void)state;
    NEED_TWO();
    mw_tensor *x = ramp(MW_F32, MW_SHAPE(4)), *y = mw_tensor_to(c, x, b);
    x->label = "the one";
    y->label = "the other";
    assert_null(mw_add(c, x, y));
    fails_with("add", "input 2: the other lies on device 1 (");
    assert_null(mw_softmax(c, y));
    fails_with(mw_stream_name(b), mw_stream_name(a));
    assert_int_not_equal(mw_write(c, y, x), MW_OK);
    fails_with("the other lies on device 1", "runs on device 0");
    assert_int_not_equal(mw_write(c, x, y), MW_OK);
    fails_with("the other lies on device 1", "runs on device 0");
    assert_int_not_equal(mw_fill(c, y, 0), MW_OK);
    fails_with("the other lies on device 1", "runs on device 0");
    assert_same(mw_add(c, x, mw_tensor_to(c, y, a)), mw_add(c, x, x));
}

static void what_is_watched_does_not_move(void **state)
{
    (void)state;
    NEED_TWO();
    mw_tensor *x = ramp(MW_F32, MW_SHAPE(4));
    mw_tape_begin(c, false);
    mw_watch(c, x);
    assert_null(mw_tensor_to(c, x, b));
    mw_tape_end(c);
    fails_with("watched by an open tape", mw_stream_name(b));
}

static void each_has_its_own_limit(void **state)
{
    (void)state;
    NEED_TWO();
    int64_t size[] = {40 << 20};
    mw_tensor *x = mw_tensor_new(c, MW_U8, 1, size);
    assert_non_null(x);
    assert_null(mw_tensor_new(c, MW_U8, 1, size));
    fails_with("device 0 (", "the limit is 64.0 MiB");
    mw_tensor *y = mw_tensor_to(c, x, b); // there it fits
    assert_non_null(y);
    assert_null(mw_tensor_to(c, mw_slice(c, x, 0, 0, 39 << 20), b));
    fails_with("device 1 (", "the limit is 64.0 MiB");
    assert_ptr_equal(c->stream, a);
    c->stream = b;
    assert_true(mw_device_memory(c).used >= (uint64_t)size[0]);
    assert_true(mw_device_memory(c).held <= (uint64_t)64 << 20);
    c->stream = a;
}

static void refuses(const char *selector, const char *sentence)
{
    mw_ctx *o = mw_ctx_new();
    assert_int_equal(mw_device_open(o, selector, 0, false), MW_E_DEVICE);
    if (!strstr(mw_errmsg(o), sentence))
        fail_msg("'%s' is not in: %s", sentence, mw_errmsg(o));
    assert_null(o->stream);
    mw_ctx_free(o);
}

static void selectors_that_mean_nothing_are_refused(void **state)
{
    (void)state;
    refuses("", "no device matches ''; there is: 0 \"");
    refuses("64", "no device matches '64'");
    refuses("-1", "no device matches '-1'");
    refuses("0,", "no device matches ''");
    refuses("0,nothing", "no device matches 'nothing'");
    refuses("0,0", "is named twice");
    refuses("0/2,0", "is named twice");
    refuses("0/1", "cannot be split into 1 parts");
    refuses("0/1000", "compute units");
    refuses("0/two", "no device matches '0/two'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(halves_are_two_devices_of_one_kind, begin, clean),
        cmocka_unit_test_setup_teardown(a_half_computes_what_the_other_does, begin, clean),
        cmocka_unit_test_setup_teardown(tensors_move, begin, clean),
        cmocka_unit_test_setup_teardown(a_prepared_weight_moves, begin, clean),
        cmocka_unit_test_setup_teardown(a_mix_of_two_is_refused, begin, clean),
        cmocka_unit_test_setup_teardown(what_is_watched_does_not_move, begin, clean),
        cmocka_unit_test_setup_teardown(each_has_its_own_limit, begin, clean),
        cmocka_unit_test(selectors_that_mean_nothing_are_refused),
    };
    return cmocka_run_group_tests(tests, open_two, close_two);
}
