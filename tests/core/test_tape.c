// test_tape.c: gradients through recorded calls: sums of paths, views, segments, what is let go, what is
// refused.
#include "tests/core/tape_test.h"

static void paths_add_up(void **state)
{
    (void)state;
    mw_tensor *x = leaf(MW_SHAPE(4));
    mw_tensor *a = mw_reshape(c, x, MW_SHAPE(2, 2)), *b = mw_transpose(c, a, 0, 1);
    mw_tensor *both = mw_concat(c, 3, (mw_tensor *[]){a, b, a}, 0); // each element three times
    float g[4], seeds[12] = {1, 2, 3, 4, 10, 20, 30, 40, 100, 200, 300, 400};
    gradient(both, mw_tensor_from_f32(c, MW_F32, MW_SHAPE(6, 2), seeds), x, g);
    const float want[4] = {111, 232, 323, 444};
    assert_memory_equal(g, want, sizeof g);
}

static void a_slice_takes_its_part(void **state)
{
    (void)state;
    mw_tensor *x = leaf(MW_SHAPE(3, 4));
    float g[12];
    gradient(mw_slice(c, mw_slice(c, x, 1, 1, 2), 0, 1, 1), NULL, x, g);
    for (int i = 0; i < 12; i++)
        assert_true(g[i] == (float)(i == 5 || i == 6));
}

static void an_expansion_sums(void **state)
{
    (void)state;
    mw_tensor *x = leaf(MW_SHAPE(3, 1));
    float g[3];
    gradient(mw_expand(c, x, MW_SHAPE(2, 3, 5)), NULL, x, g);
    for (int i = 0; i < 3; i++)
        assert_true(g[i] == 10);
}

static void what_nothing_depends_on_is_zero(void **state)
{
    (void)state;
    mw_tensor *x = leaf(MW_SHAPE(2)), *y = leaf(MW_SHAPE(2));
    float g[2] = {1, 1};
    gradient(mw_reshape(c, y, MW_SHAPE(2, 1)), NULL, x, g);
    assert_true(g[0] == 0 && g[1] == 0);
}

static void what_was_not_watched_is_refused(void **state)
{
    (void)state;
    mw_tensor *x = leaf(MW_SHAPE(2)), *other = mw_tensor_scalar(c, 1), *g;
    assert_int_equal(mw_backward(c, 1, &x, NULL, 1, &other, &g), MW_E_ARG);
}

static void nothing_is_recorded_that_needs_no_gradient(void **state)
{
    (void)state;
    mw_tensor *plain = mw_tensor_scalar(c, 1);
    assert_false(mw_watched(c, mw_reshape(c, plain, MW_SHAPE(1, 1))));
    mw_tensor *x = leaf(MW_SHAPE(2));
    assert_true(mw_watched(c, mw_reshape(c, x, MW_SHAPE(2, 1))));
}

// A sum's gradient reads nothing, a product's reads the factors.
static void values_that_no_gradient_reads_are_let_go(void **state)
{
    (void)state;
    enum { N = 64 };
    for (int product = 0; product < 2; product++) {
        mw_scope_begin(c);
        mw_tensor *x = leaf(MW_SHAPE(N));
        uint64_t before = mw_device_memory(c).used;
        mw_scope_begin(c);
        mw_tensor *y = mw_add(c, x, x);
        y = mw_scope_end(c, product ? mw_mul(c, y, y) : mw_add(c, y, y));
        assert_int_equal(mw_device_memory(c).used - before, (1 + product) * N * sizeof(float));
        float g[N];
        gradient(y, NULL, x, g);
        for (int i = 0; i < N; i++)
            assert_true(g[i] == (float)(product ? 8 * i : 4));
        mw_scope_end(c, NULL);
    }
}

static mw_tensor *twice_around(mw_ctx *ctx, const void *user, mw_tensor *const *in)
{
    (*(int *const *)user)[0]++;
    mw_tensor *t = mw_transpose(ctx, in[0], 0, 1);
    return mw_concat(ctx, 2, (mw_tensor *[]){mw_contiguous(ctx, t), t}, 1);
}

static void a_segment_gives_the_same_gradient(void **state)
{
    (void)state;
    float g[2][6];
    for (int recompute = 0; recompute < 2; recompute++) {
        int calls = 0, *count = &calls;
        assert_int_equal(mw_tape_begin(c, recompute), MW_OK);
        mw_tensor *x = leaf(MW_SHAPE(2, 3));
        mw_tensor *y = mw_segment(c, twice_around, &count, sizeof count, 1, &x); // [3,4]
        gradient(mw_slice(c, y, 1, 1, 2), NULL, x, g[recompute]);
        assert_int_equal(calls, 1 + recompute);
        mw_tape_end(c);
    }
    assert_memory_equal(g[0], g[1], sizeof g[0]);
    assert_true(g[0][0] == 1 && g[0][3] == 1);
}

static mw_tensor *watches(mw_ctx *ctx, const void *user, mw_tensor *const *in)
{
    mw_tensor *w = ((mw_tensor *const *)user)[0];
    mw_watch(ctx, w);
    return mw_mul(ctx, in[0], w);
}

// A weight is used in two segments, between them and behind them; x is watched, or is not.
static void weights_that_segments_use_get_their_gradients(void **state)
{
    (void)state;
    const float matrix[] = {1, -2, 0.5f, 3};
    for (int with_x = 0; with_x < 2; with_x++) {
        float g[2][2 + 4 + 2] = {{0}};
        for (int recompute = 0; recompute < 2; recompute++) {
            assert_int_equal(mw_tape_begin(c, recompute), MW_OK);
            mw_tensor *x = mw_tensor_from_f32(c, MW_F32, MW_SHAPE(1, 2), (float[]){0.3f, -1.7f}), *all[3];
            mw_tensor *w = mw_tensor_from_f32(c, MW_F32, MW_SHAPE(2), (float[]){1.1f, 0.7f});
            mw_tensor *p = mw_prepare_linear(c, mw_tensor_from_f32(c, MW_F32, MW_SHAPE(2, 2), matrix));
            mw_tensor *wrt[3] = {w, p, x};
            for (int i = 0; i < 2 + with_x; i++)
                mw_watch(c, wrt[i]);
            mw_tensor *user[3] = {w, p, mw_affine(c, w, 3, 1)};
            mw_tensor *y = mw_segment(c, weighed, user, sizeof user, 1, &x);
            y = mw_segment(c, weighed, user, sizeof user, 1, (mw_tensor *[]){mw_add(c, y, w)});
            y = mw_mul(c, y, w);
            assert_int_equal(mw_backward(c, 1, &y, NULL, 2 + with_x, wrt, all), MW_OK);
            mw_tensor_read_f32(c, all[0], g[recompute]);
            mw_tensor_read_f32(c, all[1], g[recompute] + 2);
            if (with_x)
                mw_tensor_read_f32(c, all[2], g[recompute] + 6);
            mw_tape_end(c);
            assert_false(mw_watched(c, w));
        }
        for (int i = 0; i < 6 + 2 * with_x; i++) // the parts' sums come together in another order
            assert_float_equal(g[0][i], g[1][i], 1e-5 * fabs((double)g[0][i]));
        assert_true(g[0][0] != 0 && g[0][2] != 0);
    }
}

static void what_a_segment_watches_is_refused(void **state)
{
    (void)state;
    mw_tape_end(c);
    assert_int_equal(mw_tape_begin(c, true), MW_OK);
    mw_tensor *x = leaf(MW_SHAPE(2)), *w = mw_tensor_scalar(c, 2);
    assert_null(mw_segment(c, watches, &w, sizeof w, 1, &x));
    refused(mw_err(c), "is watched within a part of a network that is run again");
}

static void what_leads_nowhere_goes_by_itself(void **state)
{
    (void)state;
    mw_tensor *x = leaf(MW_SHAPE(64));
    uint64_t before = mw_device_memory(c).used;
    mw_scope_begin(c);
    mw_tensor *y = mw_mul(c, mw_mul(c, x, x), x);
    assert_true(mw_device_memory(c).used > before && mw_watched(c, y));
    mw_scope_end(c, NULL);
    assert_int_equal(mw_device_memory(c).used, before);
}

static void a_part_is_walked_once(void **state)
{
    (void)state;
    mw_tensor *x = leaf(MW_SHAPE(2)), *y = mw_mul(c, x, x), *a = mw_affine(c, y, 2, 0),
              *b = mw_affine(c, y, 3, 0);
    float v[2];
    gradient(a, NULL, x, v);
    assert_true(v[1] == 4);
    mw_tensor *g;
    refused(mw_backward(c, 1, &b, NULL, 1, &x, &g), "walked back before; compute it anew");
    mw_err_clear(c);
    gradient(mw_mul(c, y, y), NULL, y, v); // up to there it can be asked
    assert_true(v[1] == 2);
    gradient(mw_mul(c, x, x), NULL, x, v);
    assert_true(v[1] == 2);
}

static void a_prepared_weight_is_no_plain_tensor(void **state)
{
    (void)state;
    mw_tensor *w = mw_tensor_from_f32(c, MW_F32, MW_SHAPE(2, 3), (float[]){1, 2, 3, 4, 5, 6});
    mw_tensor *x = leaf(MW_SHAPE(1, 3)), *packed = mw_prepare_linear(c, w);
    float v[6];
    gradient(mw_linear(c, x, packed, NULL, MW_ACT_NONE, NULL), NULL, x, v);
    assert_true(v[0] == 5 && v[2] == 9);
    const char *sentence = "was prepared for the kernels of linear layers and convolutions";
    assert_null(mw_add(c, packed, w));
    refused(mw_err(c), sentence);
    mw_err_clear(c);
    assert_null(mw_matmul(c, x, packed, 1));
    refused(mw_err(c), sentence);
    mw_err_clear(c);
    assert_null(mw_transpose(c, packed, 0, 1));
    refused(mw_err(c), sentence);
    mw_err_clear(c);
    refused(mw_tensor_read_f32(c, packed, v), sentence);
}

static void gathered(const mw_tensor *x, float want)
{
    float v[2];
    assert_int_equal(mw_tensor_read_f32(c, mw_gathered(c, x), v), MW_OK);
    assert_true(v[1] == want);
}

static void what_is_gathered_adds_up(void **state)
{
    (void)state;
    mw_tensor *x = leaf(MW_SHAPE(2)), *y = leaf(MW_SHAPE(2)), *plain = mw_full(c, MW_F32, MW_SHAPE(2), 5);
    assert_null(mw_gathered(c, x));
    assert_int_equal(mw_gather(c, mw_mul(c, mw_mul(c, x, y), plain)), MW_OK);
    gathered(x, 5);
    assert_int_equal(mw_gather(c, mw_affine(c, x, 3, 0)), MW_OK);
    gathered(x, 8);
    gathered(y, 5);
    mw_gathered_forget(c, x);
    assert_null(mw_gathered(c, x));
    refused(mw_gather(c, plain), "computed from nothing that is watched");
}

static void only_floats_are_watched(void **state)
{
    (void)state;
    mw_watch(c, mw_full(c, MW_I32, MW_SHAPE(2), 1));
    refused(mw_err(c), "i32 has no gradient");
}

static void none_begins_after_an_error(void **state)
{
    (void)state;
    struct mw_tape *outside = c->tape;
    mw_fail(c, MW_E_ARG, "before");
    assert_int_equal(mw_tape_begin(c, false), MW_E_ARG);
    assert_ptr_equal(c->tape, outside);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(paths_add_up, begin, clean),
        cmocka_unit_test_setup_teardown(a_slice_takes_its_part, begin, clean),
        cmocka_unit_test_setup_teardown(an_expansion_sums, begin, clean),
        cmocka_unit_test_setup_teardown(what_nothing_depends_on_is_zero, begin, clean),
        cmocka_unit_test_setup_teardown(what_was_not_watched_is_refused, begin, clean),
        cmocka_unit_test_setup_teardown(nothing_is_recorded_that_needs_no_gradient, begin, clean),
        cmocka_unit_test_setup_teardown(values_that_no_gradient_reads_are_let_go, begin, clean),
        cmocka_unit_test_setup_teardown(a_segment_gives_the_same_gradient, begin, clean),
        cmocka_unit_test_setup_teardown(weights_that_segments_use_get_their_gradients, begin, clean),
        cmocka_unit_test_setup_teardown(what_a_segment_watches_is_refused, begin, clean),
        cmocka_unit_test_setup_teardown(what_leads_nowhere_goes_by_itself, begin, clean),
        cmocka_unit_test_setup_teardown(a_part_is_walked_once, begin, clean),
        cmocka_unit_test_setup_teardown(what_is_gathered_adds_up, begin, clean),
        cmocka_unit_test_setup_teardown(only_floats_are_watched, begin, clean),
        cmocka_unit_test_setup_teardown(a_prepared_weight_is_no_plain_tensor, begin, clean),
        cmocka_unit_test_setup_teardown(none_begins_after_an_error, begin, clean),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
