// test_launch.c: launches are recorded, and only what the table of variants lists is compiled.
#include "core/base/clock.h"
#include "core/base/ctx.h"
#include "core/cl/device.h"
#include "core/ops.h"
#include "core/tensor/launch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static mw_ctx *c;

static int open_device(void **state)
{
    (void)state;
    c = mw_ctx_new();
    return mw_device_open(c, NULL, 0, false) == MW_OK ? 0 : -1;
}

static int close_device(void **state)
{
    (void)state;
    mw_device_close(c);
    mw_ctx_free(c);
    return mw_live_tensors() == 0 ? 0 : -1;
}

static void launches_are_counted_until_asked_for(void **state)
{
    (void)state;
    mw_kernel_launches ran[4];
    mw_scope_begin(c);
    mw_tensor *x = mw_tensor_from_f32(c, MW_F32, MW_SHAPE(2), (float[]){1, 2});
    assert_int_equal(mw_device_launches(c, ran, 4), 0);
    mw_add(c, mw_add(c, x, x), x);
    assert_int_equal(mw_device_launches(c, ran, 4), 1);
    assert_int_equal(ran[0].launches, 2);
    assert_int_equal(strncmp(ran[0].kernel, "elementwise|-cl-std=CL1.2 ", 26), 0);
    assert_string_equal(strrchr(ran[0].kernel, '|'), "|binary");
    assert_int_equal(mw_device_launches(c, ran, 4), 0);
    mw_softmax(c, mw_add(c, x, x));
    assert_int_equal(mw_device_launches(c, ran, 1),
                     2); // says how many there are, fills what there is room for
    mw_scope_end(c, NULL);
}

// A hundred products of some milliseconds each: when the last is enqueued, most of them have run.
static void the_host_is_never_far_ahead(void **state)
{
    (void)state;
    mw_scope_begin(c);
    mw_tensor *x = mw_full(c, MW_F32, MW_SHAPE(1024, 1024), 1e-3);
    mw_device_finish(c);
    double began = mw_seconds();
    for (int i = 0; i < 100; i++) {
        mw_scope_begin(c);
        mw_matmul(c, x, x, 1);
        mw_scope_end(c, NULL);
    }
    double enqueued = mw_seconds();
    mw_device_finish(c);
    double all = mw_seconds() - began, left = began + all - enqueued;
    if (all > 0.4 && left > all / 2)
        fail_msg("%.3f s of %.3f s were in flight", left, all);
    mw_scope_end(c, NULL);
}

static void assert_unlisted(const char *file, mw_variant variant)
{
    mw_tensor *x = mw_tensor_new(c, MW_F32, MW_SHAPE(1));
    mw_launch l = {.file = file, .entry = "any", .variant = variant, .dims = 1, .global = {1}};
    assert_int_equal(MW_RUN(c, &l, MW_T(x)), MW_E_BUILD);
    if (!strstr(mw_errmsg(c), "core/tensor/variants.h does not list"))
        fail_msg("'%s'", mw_errmsg(c));
    mw_err_clear(c);
}

static void variants_that_are_not_listed_are_refused(void **state)
{
    (void)state;
    mw_scope_begin(c);
    bool cpu = mw_device_caps(c)->cpu;
    assert_unlisted("gemm", MW_VARIANT_PLAIN);
    assert_unlisted("attention", MW_VARIANT_COLUMNS_32); // attention_gpu is another file
    assert_unlisted("norm", cpu ? MW_VARIANT_GROUP_64 : MW_VARIANT_LANES_8);
    mw_scope_end(c, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(launches_are_counted_until_asked_for),
        cmocka_unit_test(the_host_is_never_far_ahead),
        cmocka_unit_test(variants_that_are_not_listed_are_refused),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
