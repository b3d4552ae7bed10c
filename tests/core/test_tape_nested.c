// test_tape_nested.c: tapes within tapes, in threads and in pauses; long chains; values that change under a
// tape.
#include "tests/core/tape_test.h"

#include <pthread.h>

// ---- gradients of gradients

typedef mw_tensor *function(mw_tensor *x);

static mw_tensor *weights(int ndim, const int64_t *shape)
{
    float v[64];
    for (int i = 0; i < 64; i++)
        v[i] = sinf((float)(3 * i + 1));
    return mw_tensor_from_f32(c, MW_F32, ndim, shape, v);
}

// Of x[2,3], positive.
static mw_tensor *products(mw_tensor *x)
{
    return mw_mul(c, mw_mul(c, x, x), mw_div(c, x, mw_affine(c, x, 1, 2)));
}
static mw_tensor *powers(mw_tensor *x) { return mw_mul(c, mw_pow(c, x, 3), mw_pow(c, mw_pow(c, x, 2), 0.5)); }
static mw_tensor *logs(mw_tensor *x) { return mw_mul(c, mw_log_e(c, x), mw_exp(c, mw_sqrt(c, x))); }
static mw_tensor *matrices(mw_tensor *x)
{
    return mw_matmul(c, mw_matmul(c, x, mw_transpose(c, x, 0, 1), 0.5), mw_pow(c, x, 2), 1);
}
static mw_tensor *layers(mw_tensor *x) // x is the weight, and what goes into the layer comes of it
{
    mw_tensor *y = mw_linear(c, mw_mul(c, x, x), x, mw_sum(c, x, 1, false), MW_ACT_NONE, NULL); // [2,2]
    return mw_mul(c, y, y);
}
static mw_tensor *views(mw_tensor *x)
{
    mw_tensor *row = mw_slice(c, x, 0, 1, 1), *flat = mw_reshape(c, mw_transpose(c, x, 0, 1), MW_SHAPE(2, 3));
    mw_tensor *y =
        mw_concat(c, 2, (mw_tensor *[]){mw_mul(c, row, flat), mw_mean(c, mw_mul(c, x, flat), 0, true)}, 0);
    return mw_mul(c, y, mw_expand(c, mw_sum(c, x, 0, true), MW_SHAPE(3, 3)));
}
static mw_tensor *convolution(mw_tensor *x) // x is what goes in, and the weight comes of it
{
    mw_tensor *w = mw_reshape(c, mw_slice(c, mw_mul(c, x, x), 1, 0, 2), MW_SHAPE(1, 1, 2, 2));
    return mw_conv2d(c, mw_reshape(c, x, MW_SHAPE(1, 2, 3, 1)), w, NULL, 1, 0, 0, NULL);
}
static mw_tensor *segment_body(mw_ctx *ctx, const void *user, mw_tensor *const *in)
{
    return mw_mul(ctx, mw_mul(ctx, in[0], in[0]), ((mw_tensor *const *)user)[0]);
}
static mw_tensor *segments(mw_tensor *x)
{
    mw_tensor *in = mw_affine(c, x, 2, 0);
    return mw_segment(c, segment_body, &x, sizeof x, 1, &in);
}

static mw_tensor *weighed_sum(mw_tensor *y)
{
    mw_tensor *w = y ? weights(y->ndim, y->shape) : NULL;
    return mw_sum(c, mw_reshape(c, mw_mul(c, y, w), MW_SHAPE(-1)), 0, false);
}

// d/dx weighed_sum(f(x)), on a tape of its own within those that are open.
static mw_tensor *first_gradient(function *f, mw_tensor *x, bool recompute)
{
    mw_tensor *g;
    assert_int_equal(mw_tape_begin(c, recompute), MW_OK);
    mw_watch(c, x);
    mw_tensor *y = weighed_sum(f(x));
    mw_backward(c, 1, &y, NULL, 1, &x, &g);
    mw_tape_end(c);
    return g;
}

enum { N = 6 };

static double along(function *f, const float *at, bool recompute)
{
    float v;
    mw_tensor *g = first_gradient(f, mw_tensor_from_f32(c, MW_F32, MW_SHAPE(2, 3), at), recompute);
    assert_int_equal(mw_tensor_read_f32(c, weighed_sum(g), &v), MW_OK);
    return (double)v;
}

static void gradients_of_gradients_agree_with_differences(void **state)
{
    (void)state;
    function *const f[] = {products, powers, logs, matrices, layers, views, segments};
    const float at[N] = {0.7f, 1.9f, 0.4f, 1.2f, 0.9f, 1.3f};
    for (size_t i = 0; i < sizeof f / sizeof *f; i++)
        for (int recompute = 0; recompute < 2; recompute++) {
            mw_scope_begin(c);
            float got[N];
            mw_tensor *x = mw_tensor_from_f32(c, MW_F32, MW_SHAPE(2, 3), at);
            mw_watch(c, x);
            gradient(weighed_sum(first_gradient(f[i], x, recompute)), NULL, x, got);
            mw_tape_end(c); // differences are taken without
            for (int k = 0; k < N; k++) {
                float up[N], down[N];
                const float h = 1.0f / 128;
                memcpy(up, at, sizeof up);
                memcpy(down, at, sizeof down);
                up[k] += h;
                down[k] -= h;
                double want = (along(f[i], up, recompute) - along(f[i], down, recompute)) / (2 * (double)h);
                if (fabs((double)got[k] - want) > 5e-3 * fmax(1, fabs(want)))
                    fail_msg("function %zu, element %d: %g, not %g", i, k, (double)got[k], want);
            }
            assert_int_equal(mw_tape_begin(c, false), MW_OK);
            mw_scope_end(c, NULL);
        }
}

static mw_tensor *normalised(mw_tensor *x) { return mw_softmax(c, x); }
static mw_tensor *activated(mw_tensor *x) { return mw_activate(c, x, MW_ACT_SILU); }
static mw_tensor *prepared(mw_tensor *x)
{
    return mw_linear(c, mw_mul(c, x, x), mw_prepare_linear(c, x), NULL, MW_ACT_NONE, NULL);
}

static void what_has_no_second_gradient_says_so(void **state)
{
    (void)state;
    const struct {
        function *f;
        const char *sentence;
    } all[] = {
        {normalised, "the gradient of softmax: "},
        {activated, "the gradient of activate: "},
        {convolution, "the gradient of conv2d: "},
        {prepared, "the kernel pack:pack that reads it cannot be differentiated"},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        mw_tensor *x = leaf(MW_SHAPE(2, 3));
        assert_null(first_gradient(all[i].f, x, false));
        refused(mw_err(c), all[i].sentence);
        refused(mw_err(c), "again");
        mw_err_clear(c);
        if (all[i].f != prepared) // of what the outer tape does not follow it is had
            assert_non_null(first_gradient(all[i].f, mw_alias(c, x), false));
    }
}

static void an_outer_tape_keeps_what_it_needs_and_no_more(void **state)
{
    (void)state;
    float v[2];
    mw_tensor *x = leaf(MW_SHAPE(2)), *own = mw_alias(c, x), *g, *y = mw_mul(c, x, x);
    assert_int_equal(mw_tape_begin(c, false), MW_OK);
    mw_watch(c, own);
    gradient(mw_mul(c, own, own), NULL, own, v);
    assert_true(v[1] == 2);
    mw_tensor *z = mw_mul(c, mw_mul(c, y, own), x);
    assert_int_equal(mw_backward(c, 1, &z, NULL, 1, &own, &g), MW_OK); // x^3: the outer tape follows it
    mw_tape_end(c);
    assert_true(mw_watched(c, g) && mw_watched(c, z) && !mw_watched(c, own));
    gradient(mw_affine(c, g, 1, 0), NULL, x, v);
    assert_true(v[1] == 3);
    y = mw_mul(c, x, x);
    assert_int_equal(mw_tape_begin(c, false), MW_OK);
    z = mw_mul(c, y, x);
    gradient(z, NULL, y, v); // of what came about before it began
    assert_true(v[1] == 1);
    mw_tape_end(c);
    gradient(z, NULL, x, v); // the inner one's walk used nothing up
    assert_true(v[1] == 3);
}

// ---- threads

typedef struct job {
    mw_ctx *c;
    mw_tensor **shared; // a weight, and a prepared one
    float got[2 + 4 + 2];
} job;

static void *train(void *data)
{
    enum { TURNS = 12 };
    job *j = data;
    mw_ctx *own = j->c;
    for (int turn = 0; turn < TURNS && !mw_err(own); turn++) {
        mw_scope_begin(own);
        if (mw_tape_begin(own, turn % 2) == MW_OK) {
            mw_tensor *x = mw_tensor_from_f32(own, MW_F32, MW_SHAPE(1, 2), (float[]){0.5f, -2}), *all[3];
            mw_tensor *wrt[3] = {j->shared[0], j->shared[1], x}, *user[3] = {wrt[0], wrt[1], wrt[0]};
            for (int i = 0; i < 3; i++)
                mw_watch(own, wrt[i]);
            mw_tensor *y = mw_segment(own, weighed, user, sizeof user, 1, &x);
            mw_backward(own, 1, &y, NULL, 3, wrt, all);
            mw_tensor_read_f32(own, all[0], j->got);
            mw_tensor_read_f32(own, all[1], j->got + 2);
            mw_tensor_read_f32(own, all[2], j->got + 6);
            mw_tape_end(own);
        }
        mw_scope_end(own, NULL);
    }
    return NULL;
}

static void threads_watch_the_same_weights(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    mw_tensor *w = mw_tensor_from_f32(c, MW_F32, MW_SHAPE(2), (float[]){1.5f, 0.75f}), *shared[2];
    shared[0] = w;
    shared[1] =
        mw_prepare_linear(c, mw_tensor_from_f32(c, MW_F32, MW_SHAPE(2, 2), (float[]){1, -2, 0.5f, 3}));
    job one = {.c = c, .shared = shared}, many[THREADS];
    train(&one);
    assert_string_equal(mw_errmsg(c), "");
    assert_true(one.got[0] != 0 && one.got[2] != 0 && one.got[6] != 0);
    pthread_t thread[THREADS];
    for (int i = 0; i < THREADS; i++) {
        many[i] = (job){.c = mw_ctx_fork(c), .shared = shared};
        assert_int_equal(pthread_create(&thread[i], NULL, train, &many[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
        assert_string_equal(mw_errmsg(many[i].c), "");
        assert_memory_equal(many[i].got, one.got, sizeof one.got);
        mw_ctx_free(many[i].c);
    }
    assert_false(mw_watched(c, w));
}

// ---- pauses and lengths

static void nothing_is_recorded_in_a_pause(void **state)
{
    (void)state;
    mw_tensor *x = leaf(MW_SHAPE(2)), *y = mw_mul(c, x, x);
    struct mw_tape *tape = mw_tape_pause(c);
    mw_tensor *apart = mw_mul(c, x, x);
    assert_false(mw_watched(c, x));
    assert_int_equal(mw_fill(c, mw_full(c, MW_F32, MW_SHAPE(1), 0), 1), MW_OK);
    mw_tape_resume(c, tape);
    assert_true(mw_watched(c, y) && !mw_watched(c, apart));
    float v[2];
    gradient(y, NULL, x, v);
    assert_true(v[1] == 2);
}

// Chains of any length are recorded, walked and let go, with a stack of any size.
static void a_chain_may_be_long(void **state)
{
    (void)state;
    enum { LONG = 200000 };
    c->dry = true;
    for (int walked = 0; walked < 2; walked++) {
        mw_scope_begin(c);
        mw_tensor *x = mw_tensor_new(c, MW_F32, MW_SHAPE(1)), *y = x, *g;
        mw_watch(c, x);
        for (int i = 0; i < LONG; i++) {
            mw_scope_begin(c);
            y = mw_scope_end(c, mw_affine(c, y, 1, 1));
        }
        assert_int_equal(walked ? mw_backward(c, 1, &y, NULL, 1, &x, &g) : MW_OK, MW_OK);
        mw_scope_end(c, NULL);
    }
    c->dry = false;
}

// ---- values that change

// Changed in place between the forward pass and the gradient.
static void what_a_gradient_needs_must_not_change(void **state)
{
    (void)state;
    mw_tensor *x = leaf(MW_SHAPE(1, 2)), *g, *in[] = {x};
    mw_tensor *w = mw_full(c, MW_F32, MW_SHAPE(2), 2), *master = mw_full(c, MW_F32, MW_SHAPE(2, 2), 1);
    mw_tensor *p = mw_prepare_linear(c, master), *user[3] = {w, p, w};
    w->label = "the weight";
    p->label = "the layer";
    mw_tensor *sum = mw_add(c, x, w), *product = mw_mul(c, x, w);
    mw_tensor *layer = mw_linear(c, x, p, NULL, MW_ACT_NONE, NULL);
    assert_int_equal(mw_fill(c, mw_slice(c, w, 0, 1, 1), 9), MW_OK);
    assert_int_equal(mw_prepare_again(c, p, master), MW_OK);
    assert_int_equal(mw_backward(c, 1, &sum, NULL, 1, &x, &g), MW_OK); // reads nothing of w
    refused(mw_backward(c, 1, &product, NULL, 1, &x, &g),
            "the weight was changed in place after mul used it");
    mw_err_clear(c);
    refused(mw_backward(c, 1, &layer, NULL, 1, &x, &g),
            "the layer was changed in place after linear used it");
    mw_err_clear(c);
    mw_tape_end(c);
    assert_int_equal(mw_tape_begin(c, true), MW_OK);
    mw_watch(c, x);
    mw_watch(c, w);
    mw_tensor *again = mw_segment(c, weighed, user, sizeof user, 1, in);
    refused(mw_fill(c, w, 1), "the weight is watched by an open tape");
    mw_err_clear(c);
    assert_int_equal(mw_fill(c, mw_alias(c, w), 1), MW_OK); // behind the tape's back
    refused(mw_backward(c, 1, &again, NULL, 1, &x, &g),
            "the weight was changed in place after segment used it");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(gradients_of_gradients_agree_with_differences, begin, clean),
        cmocka_unit_test_setup_teardown(what_has_no_second_gradient_says_so, begin, clean),
        cmocka_unit_test_setup_teardown(an_outer_tape_keeps_what_it_needs_and_no_more, begin, clean),
        cmocka_unit_test_setup_teardown(threads_watch_the_same_weights, begin, clean),
        cmocka_unit_test_setup_teardown(nothing_is_recorded_in_a_pause, begin, clean),
        cmocka_unit_test_setup_teardown(a_chain_may_be_long, begin, clean),
        cmocka_unit_test_setup_teardown(what_a_gradient_needs_must_not_change, begin, clean),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
