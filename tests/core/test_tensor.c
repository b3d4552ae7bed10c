// test_tensor.c: devices, the pool, tensors, views and scopes.
#include "core/base/ctx.h"
#include "core/cl/device.h"
#include "core/ops.h"
#include "core/tensor/finite.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static mw_ctx *c;

static int open_device(void **state)
{
    (void)state;
    c = mw_ctx_new();
    return mw_device_open(c, NULL, (uint64_t)256 << 20, false) == MW_OK ? 0 : -1;
}

static int close_device(void **state)
{
    (void)state;
    mw_device_close(c);
    mw_ctx_free(c);
    return mw_live_tensors() == 0 ? 0 : -1;
}

static int clean(void **state)
{
    (void)state;
    while (c->scope)
        mw_scope_end(c, NULL);
    mw_err_clear(c);
    return mw_device_memory(c).used == 0 && mw_live_tensors() == 0 ? 0 : -1;
}

static mw_tensor *counting(int ndim, const int64_t *shape, mw_dtype dtype)
{
    float values[4096];
    int64_t n = 1;
    for (int i = 0; i < ndim; i++)
        n *= shape[i];
    for (int64_t i = 0; i < n; i++)
        values[i] = (float)i;
    return mw_tensor_from_f32(c, dtype, ndim, shape, values);
}

static void values_survive_the_round_trip(void **state)
{
    (void)state;
    mw_scope_begin(c);
    float got[24];
    for (mw_dtype d = MW_F32; d <= MW_F16; d++) {
        mw_tensor *t = counting(MW_SHAPE(2, 3, 4), d);
        assert_int_equal(mw_tensor_read_f32(c, t, got), MW_OK);
        for (int i = 0; i < 24; i++)
            assert_true(got[i] == (float)i);
    }
}

// Small and large, many more bytes and pieces than the ring of the uploads holds, while the device is busy;
// what was uploaded may change at once.
static void uploads_may_go_at_once(void **state)
{
    (void)state;
    enum { N = 600, LARGE = 3 << 20 }; // elements; 12 MB
    static float data[LARGE];
    float *got = malloc(LARGE * sizeof *got);
    mw_tensor *t[N];
    mw_scope_begin(c);
    mw_tensor *slow = mw_full(c, MW_F32, MW_SHAPE(1024, 1024), 1);
    uint64_t waits = c->waits;
    for (int i = 0; i < 4; i++)
        slow = mw_matmul(c, slow, slow, 1e-3);
    for (int i = 0; i < N; i++) {
        int n = 1 + i % 7 * 20000;
        for (int k = 0; k < n; k++)
            data[k] = (float)(i + k);
        t[i] = mw_tensor_from_f32(c, MW_F32, MW_SHAPE(n), data);
        if (i == 5) // far below what the ring holds
            assert_int_equal(c->waits, waits);
    }
    for (int k = 0; k < LARGE; k++)
        data[k] = (float)k;
    mw_tensor *large = mw_tensor_from_f32(c, MW_F32, MW_SHAPE(LARGE), data);
    memset(data, 0, sizeof data);
    for (int i = 0; i < N; i++) {
        assert_int_equal(mw_tensor_read_f32(c, t[i], got), MW_OK);
        for (int k = 0; k < 1 + i % 7 * 20000; k++)
            assert_true(got[k] == (float)(i + k));
    }
    assert_int_equal(mw_tensor_read_f32(c, large, got), MW_OK);
    for (int k = 0; k < LARGE; k++)
        assert_true(got[k] == (float)k);
    assert_true(c->waits >= waits + N + 1);
    mw_scope_end(c, NULL);
    free(got);
}

static void numbers_that_are_none_are_counted(void **state)
{
    (void)state;
    float data[40000];
    for (int dtype = MW_F32; dtype <= MW_F16; dtype++) {
        for (int i = 0; i < 40000; i++)
            data[i] = i % 1000 == 7 ? NAN : i % 5000 == 0 ? -INFINITY : (float)i;
        mw_scope_begin(c);
        mw_tensor *t = mw_tensor_from_f32(c, (mw_dtype)dtype, MW_SHAPE(200, 200), data);
        mw_finite *all = mw_finite_begin(c, t), *some = mw_finite_begin(c, mw_slice(c, t, 1, 7, 1));
        assert_int_equal(mw_finite_end(c, all), 40 + 8);
        mw_device_finish(c);
        assert_true(mw_finite_known(some));
        assert_int_equal(mw_finite_end(c, some), 40);
        assert_null(mw_finite_begin(c, mw_full(c, MW_I32, MW_SHAPE(3), 1)));
        mw_scope_end(c, NULL);
    }
}

static void views_share_and_copies_agree(void **state)
{
    (void)state;
    mw_scope_begin(c);
    mw_tensor *t = counting(MW_SHAPE(2, 3, 4), MW_F32);
    mw_tensor *v = mw_slice(c, mw_transpose(c, t, 0, 2), 1, 1, 2); // [4,2,2]: v[i,j,k] = t[k,j+1,i]
    float a[16], b[16];
    assert_int_equal(mw_tensor_read_f32(c, v, a), MW_OK);
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 2; j++)
            for (int k = 0; k < 2; k++)
                assert_true(a[(i * 2 + j) * 2 + k] == (float)(k * 12 + (j + 1) * 4 + i));
    mw_tensor *dense = mw_contiguous(c, v);
    assert_true(mw_is_contiguous(dense) && !mw_is_contiguous(v));
    assert_int_equal(mw_tensor_read_f32(c, dense, b), MW_OK);
    assert_memory_equal(a, b, sizeof a);
    assert_int_equal(mw_tensor_read_f32(c, mw_cast(c, v, MW_F16), b), MW_OK);
    assert_memory_equal(a, b, sizeof a);
    mw_tensor *flat = mw_reshape(c, v, MW_SHAPE(-1));
    assert_int_equal(mw_dim(flat, 0), 16);
    assert_int_equal(mw_tensor_read_f32(c, flat, b), MW_OK);
    assert_memory_equal(a, b, sizeof a);
}

static void reshape_of_a_view_copies_only_when_it_must(void **state)
{
    (void)state;
    mw_scope_begin(c);
    mw_tensor *t = counting(MW_SHAPE(2, 6, 4), MW_F32);
    mw_tensor *half = mw_slice(c, t, 2, 0, 2);                    // strides 24 4 1
    mw_tensor *split = mw_reshape(c, half, MW_SHAPE(2, 2, 3, 2)); // 6 -> 2x3 needs no copy
    assert_ptr_equal(split->storage, t->storage);
    mw_tensor *merged = mw_reshape(c, half, MW_SHAPE(2, 12));
    assert_ptr_not_equal(merged->storage, t->storage);
    float a[24], b[24];
    mw_tensor_read_f32(c, half, a);
    mw_tensor_read_f32(c, split, b);
    assert_memory_equal(a, b, sizeof a);
    mw_tensor_read_f32(c, merged, b);
    assert_memory_equal(a, b, sizeof a);
}

static void expand_repeats(void **state)
{
    (void)state;
    mw_scope_begin(c);
    mw_tensor *t = mw_expand(c, counting(MW_SHAPE(3, 1), MW_F32), MW_SHAPE(2, 3, 2));
    float got[12];
    assert_int_equal(mw_tensor_read_f32(c, mw_contiguous(c, t), got), MW_OK);
    for (int i = 0; i < 12; i++)
        assert_true(got[i] == (float)(i / 2 % 3));
    assert_null(mw_expand(c, t, MW_SHAPE(2, 4, 2)));
    assert_int_equal(mw_err(c), MW_E_SHAPE);
}

static void the_limit_is_never_passed(void **state)
{
    (void)state;
    mw_scope_begin(c);
    int n = 0;
    while (mw_tensor_new(c, MW_F32, MW_SHAPE(1 << 20)))
        n++;
    assert_int_equal(n, 64); // 256 MiB
    assert_int_equal(mw_err(c), MW_E_MEMORY);
    assert_non_null(strstr(mw_errmsg(c), "limit is 256.0 MiB"));
    assert_true(mw_device_memory(c).peak <= mw_device_memory(c).limit);
    mw_err_clear(c);
    mw_scope_end(c, NULL);
    mw_scope_begin(c);
    assert_non_null(mw_tensor_new(c, MW_F32, MW_SHAPE(50 << 20))); // freed ranges join, other sizes fit again
}

static void a_steady_state_allocates_nothing(void **state)
{
    (void)state;
    uint64_t before = 0;
    for (int step = 0; step < 10; step++) {
        mw_scope_begin(c);
        for (int i = 1; i < 20; i++)
            assert_non_null(mw_tensor_new(c, MW_F32, MW_SHAPE(i * 10007)));
        mw_scope_end(c, NULL);
        if (step == 0)
            before = mw_device_memory(c).allocations;
    }
    assert_int_equal(mw_device_memory(c).allocations, before);
}

// As /proc says it, in KiB; -1 where it doesn't.
static long large_pages(void)
{
    char line[256];
    long kib = -1;
    FILE *f = fopen("/proc/self/smaps_rollup", "r");
    while (f && fgets(line, sizeof line, f))
        if (!strncmp(line, "AnonHugePages:", 14))
            kib = atol(line + 14);
    if (f)
        fclose(f);
    return kib;
}

// Small ones take a fifth of a second to be taken down when a process with gigabytes of them ends.
static void a_CPUs_memory_is_made_of_large_pages(void **state)
{
    (void)state;
    char allowed[64] = "";
    FILE *f = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "r");
    if (f && !fgets(allowed, sizeof allowed, f))
        allowed[0] = 0;
    if (f)
        fclose(f);
    bool cpu = !strcmp(mw_device_get_info(c)->type, "cpu");
    if (!cpu || (!strstr(allowed, "[madvise]") && !strstr(allowed, "[always]")))
        skip();
    mw_scope_begin(c);
    mw_full(c, MW_F32, MW_SHAPE(20 << 20), 1);
    mw_device_finish(c);
    if (large_pages() < 64 << 10)
        fail_msg("%ld KiB of 80 MiB are in large pages", large_pages());
    mw_scope_end(c, NULL);
}

static void a_scope_hands_out_what_is_kept(void **state)
{
    (void)state;
    mw_scope_begin(c);
    mw_scope_begin(c);
    mw_tensor *keep = counting(MW_SHAPE(5), MW_F32);
    counting(MW_SHAPE(7), MW_F32);
    assert_int_equal(mw_live_tensors(), 2);
    keep = mw_scope_end(c, keep);
    assert_int_equal(mw_live_tensors(), 1);
    assert_int_equal(mw_dim(keep, 0), 5);
}

static void a_dry_context_has_shapes_only(void **state)
{
    (void)state;
    c->dry = true;
    mw_scope_begin(c);
    mw_tensor *t = mw_tensor_new(c, MW_F16, MW_SHAPE(1 << 20, 1 << 20));
    assert_int_equal(mw_dim(mw_contiguous(c, mw_transpose(c, t, 0, 1)), 0), 1 << 20);
    assert_int_equal(mw_device_memory(c).used, 0);
    mw_scope_end(c, NULL);
    c->dry = false;
}

static void impossible_shapes_are_refused(void **state)
{
    (void)state;
    mw_scope_begin(c);
    assert_null(mw_tensor_new(c, MW_F32, MW_SHAPE((int64_t)1 << 40, (int64_t)1 << 40)));
    assert_int_equal(mw_err(c), MW_E_SHAPE);
    mw_err_clear(c);
    assert_null(mw_tensor_new(c, MW_F32, MW_SHAPE(-1)));
    mw_err_clear(c);
    assert_null(mw_reshape(c, counting(MW_SHAPE(6), MW_F32), MW_SHAPE(4, -1)));
    assert_int_equal(mw_err(c), MW_E_SHAPE);
}

// Products that wrap around or whose signs cancel do not pass for the right number of elements.
static void views_of_impossible_shapes_are_refused(void **state)
{
    (void)state;
    const int64_t big = (int64_t)1 << 32;
    mw_scope_begin(c);
    mw_tensor *six = counting(MW_SHAPE(6), MW_F32), *none = mw_slice(c, six, 0, 0, 0);
    assert_null(mw_reshape(c, none, MW_SHAPE(big, big)));
    assert_int_equal(mw_err(c), MW_E_SHAPE);
    mw_err_clear(c);
    assert_null(mw_reshape(c, none, MW_SHAPE(0, big, big)));
    mw_err_clear(c);
    assert_null(mw_reshape(c, none, MW_SHAPE(big, big, -1)));
    mw_err_clear(c);
    assert_null(mw_reshape(c, six, MW_SHAPE(-2, -3)));
    mw_err_clear(c);
    assert_null(mw_expand(c, counting(MW_SHAPE(1), MW_F32), MW_SHAPE(big, big, 1)));
    assert_int_equal(mw_err(c), MW_E_SHAPE);
    mw_err_clear(c);
    assert_null(mw_expand(c, counting(MW_SHAPE(1), MW_F32), MW_SHAPE(-5, 1)));
    assert_int_equal(mw_err(c), MW_E_SHAPE);
}

static void an_unknown_device_names_those_there_are(void **state)
{
    (void)state;
    mw_ctx *other = mw_ctx_new();
    assert_int_equal(mw_device_open(other, "no such device", 0, false), MW_E_DEVICE);
    mw_device_info info;
    assert_true(mw_device_list(other, &info, 1) >= 1);
    assert_non_null(strstr(mw_errmsg(other), info.name));
    mw_ctx_free(other);
}

// What the host has read or made it does not wait for again, until it changes; also through a view.
static void what_is_known_is_not_waited_for(void **state)
{
    (void)state;
    mw_scope_begin(c);
    float got[24], known[6] = {5, 4, 3, 2, 1, 0};
    mw_tensor *t = counting(MW_SHAPE(2, 3, 4), MW_F32), *view = mw_slice(c, t, 1, 1, 1);
    unsigned long before = c->waits;
    mw_tensor_read_f32(c, t, got);
    assert_int_equal(c->waits, before + 1);
    assert_int_equal(mw_tensor_read_f32(c, view, got), MW_OK);
    assert_true(got[0] == 4 && got[7] == 19);
    assert_int_equal(c->waits, before + 1);
    mw_fill(c, view, -1);
    mw_tensor_read_f32(c, t, got);
    assert_true(got[3] == 3 && got[4] == -1 && got[19] == -1 && got[20] == 20);
    assert_int_equal(c->waits, before + 2);
    mw_tensor *made = mw_tensor_from_f32(c, MW_F32, MW_SHAPE(2, 3), known);
    mw_tensor_known(c, made, known);
    mw_tensor_read_f32(c, mw_transpose(c, made, 0, 1), got);
    assert_true(got[0] == 5 && got[1] == 2 && got[5] == 0);
    assert_int_equal(c->waits, before + 2);
    mw_write(c, made, mw_full(c, MW_F32, 0, NULL, 9));
    mw_tensor_read_f32(c, made, got);
    assert_true(got[0] == 9 && got[5] == 9);
    // What is large is read each time.
    mw_tensor *large = mw_full(c, MW_F32, MW_SHAPE(1 << 15), 2);
    float *much = malloc((1 << 15) * sizeof *much);
    before = c->waits;
    mw_tensor_read_f32(c, large, much);
    mw_tensor_read_f32(c, mw_slice(c, large, 0, 7, 3), got);
    assert_true(much[77] == 2 && got[2] == 2);
    assert_int_equal(c->waits, before + 2);
    free(much);
    assert_int_equal(mw_err(c), MW_OK);
    mw_scope_end(c, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(values_survive_the_round_trip, clean),
        cmocka_unit_test_teardown(uploads_may_go_at_once, clean),
        cmocka_unit_test_teardown(numbers_that_are_none_are_counted, clean),
        cmocka_unit_test_teardown(views_share_and_copies_agree, clean),
        cmocka_unit_test_teardown(reshape_of_a_view_copies_only_when_it_must, clean),
        cmocka_unit_test_teardown(expand_repeats, clean),
        cmocka_unit_test_teardown(the_limit_is_never_passed, clean),
        cmocka_unit_test_teardown(a_steady_state_allocates_nothing, clean),
        cmocka_unit_test_teardown(a_CPUs_memory_is_made_of_large_pages, clean),
        cmocka_unit_test_teardown(a_scope_hands_out_what_is_kept, clean),
        cmocka_unit_test_teardown(a_dry_context_has_shapes_only, clean),
        cmocka_unit_test_teardown(impossible_shapes_are_refused, clean),
        cmocka_unit_test_teardown(views_of_impossible_shapes_are_refused, clean),
        cmocka_unit_test_teardown(an_unknown_device_names_those_there_are, clean),
        cmocka_unit_test_teardown(what_is_known_is_not_waited_for, clean),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
