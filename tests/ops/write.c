// write.c: tensors changed in place: views written and filled, what was prepared from them, what is refused.
#include "tests/ops/harness.h"

#include "core/tensor/tape.h"

enum { B = 2, T = 5, H = 3, W = 4, ALL = B * T * H * W };

static mw_tensor *counting(mw_dtype dtype)
{
    float v[ALL];
    for (int i = 0; i < ALL; i++)
        v[i] = (float)i;
    return mw_tensor_from_f32(c, dtype, MW_SHAPE(B, T, H, W), v);
}

// Elements [1,4) of T, of a tensor [B,T,H,W]; strided: with the dimensions in another order, H halved.
static mw_tensor *part_of(mw_tensor *t, bool strided)
{
    mw_tensor *v = mw_slice(c, t, 1, 1, 3);
    return strided ? mw_slice(c, mw_permute(c, v, (int[]){3, 1, 0, 2}), 3, 1, 2) : v;
}

// The places of the part's elements in the whole, in the part's order.
static int places(bool strided, int *at)
{
    int n = 0;
    if (!strided)
        for (int b = 0; b < B; b++)
            for (int i = T * H * W * b + H * W; i < T * H * W * b + 4 * H * W; i++)
                at[n++] = i;
    else
        for (int w = 0; w < W; w++)
            for (int t = 1; t < 4; t++)
                for (int b = 0; b < B; b++)
                    for (int h = 1; h < H; h++)
                        at[n++] = ((b * T + t) * H + h) * W + w;
    return n;
}

// Whole numbers as they are in either dtype.
static void holds(const mw_tensor *t, const float *want, int n)
{
    float got[ALL];
    assert_int_equal(mw_numel(t), n);
    assert_int_equal(mw_tensor_read_f32(c, t, got), MW_OK);
    for (int i = 0; i < n; i++)
        if (got[i] != want[i])
            fail_msg("element %d is %g, not %g", i, (double)got[i], (double)want[i]);
}

static void views_are_written_and_nothing_beside_them(void **state)
{
    (void)state;
    for (int i = 0; i < 16; i++) {
        mw_dtype from = i & 1, to = i >> 1 & 1;
        bool strided = i & 4, packed = i & 8;
        mw_tensor *t = counting(to), *y = part_of(t, strided);
        mw_tensor *x = mw_affine(c, part_of(counting(from), strided), -1, -1);
        float want[ALL];
        int at[ALL], n = places(strided, at);
        for (int k = 0; k < ALL; k++)
            want[k] = (float)k;
        for (int k = 0; k < n; k++)
            want[at[k]] = (float)(-at[k] - 1);
        if (!packed) // the source is a view as well
            x = mw_transpose(c, mw_contiguous(c, mw_transpose(c, x, 0, 2)), 0, 2);
        assert_int_equal(mw_write(c, y, x), MW_OK);
        holds(t, want, ALL);
    }
}

static void views_are_filled_and_nothing_beside_them(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        bool strided = i & 2;
        mw_tensor *t = counting(i & 1 ? MW_F16 : MW_F32);
        float want[ALL];
        int at[ALL], n = places(strided, at);
        for (int k = 0; k < ALL; k++)
            want[k] = (float)k;
        for (int k = 0; k < n; k++)
            want[at[k]] = -0.5f;
        assert_int_equal(mw_fill(c, part_of(t, strided), -0.5), MW_OK);
        holds(t, want, ALL);
    }
    holds(mw_full(c, MW_F16, MW_SHAPE(2, 2), 3), (float[]){3, 3, 3, 3}, 4);
    holds(mw_full(c, MW_F32, MW_SHAPE(0, 2), 3), NULL, 0);
    mw_tensor *whole = mw_full(c, MW_I32, MW_SHAPE(3), -7);
    mw_fill(c, mw_slice(c, whole, 0, 1, 1), 2147483647);
    int32_t got[3];
    assert_int_equal(mw_tensor_read_i32(c, whole, got), MW_OK);
    assert_true(got[0] == -7 && got[1] == INT32_MAX && got[2] == -7);
}

static void a_value_is_broadcast_and_integers_keep_their_bits(void **state)
{
    (void)state;
    int32_t big = 0x7fc12345, got[3];
    mw_tensor *whole = mw_full(c, MW_I32, MW_SHAPE(3), 0);
    assert_int_equal(mw_write(c, mw_slice(c, whole, 0, 1, 2), mw_tensor_from_i32(c, MW_SHAPE(1), &big)),
                     MW_OK);
    assert_int_equal(mw_tensor_read_i32(c, whole, got), MW_OK);
    assert_true(got[0] == 0 && got[1] == big && got[2] == big);
    mw_tensor *t = mw_full(c, MW_F32, MW_SHAPE(2, 3), 0);
    mw_write(c, mw_transpose(c, t, 0, 1), tensor_of(MW_SHAPE(1, 2), (float[]){4, 9}));
    holds(t, (float[]){4, 4, 4, 9, 9, 9}, 6);
}

static void a_part_may_be_written_over_itself(void **state)
{
    (void)state;
    enum { N = 40000 }; // several work-items
    float v[N];
    for (int i = 0; i < N; i++)
        v[i] = (float)i;
    mw_tensor *t = tensor_of(MW_SHAPE(N), v);
    assert_int_equal(mw_write(c, mw_slice(c, t, 0, 3, N - 3), mw_slice(c, t, 0, 0, N - 3)), MW_OK);
    assert_int_equal(mw_tensor_read_f32(c, t, v), MW_OK);
    for (int i = 3; i < N; i++)
        assert_true(v[i] == (float)(i - 3));
}

// What a language model does with the keys of each new word.
static void a_cache_grows_in_place(void **state)
{
    (void)state;
    enum { WORDS = 6, HEADS = 2, D = 3 };
    mw_tensor *cache = mw_full(c, MW_F16, MW_SHAPE(1, HEADS, WORDS, D), 0);
    uint64_t before = mw_device_memory(c).allocations;
    for (int i = 0; i < WORDS; i++) {
        mw_scope_begin(c);
        float key[HEADS * D];
        for (int k = 0; k < HEADS * D; k++)
            key[k] = (float)(10 * i + k);
        mw_tensor *now = mw_tensor_from_f32(c, MW_F32, MW_SHAPE(1, 1, HEADS, D), key);
        assert_int_equal(mw_write(c, mw_slice(c, cache, 2, i, 1), mw_transpose(c, now, 1, 2)), MW_OK);
        mw_tensor *known = mw_slice(c, cache, 2, 0, i + 1); // [1,HEADS,i + 1,D]
        float got[HEADS * WORDS * D];
        mw_tensor_read_f32(c, known, got);
        for (int h = 0; h < HEADS; h++)
            for (int t = 0; t <= i; t++)
                for (int d = 0; d < D; d++)
                    assert_true(got[(h * (i + 1) + t) * D + d] == (float)(10 * t + h * D + d));
        mw_scope_end(c, NULL);
    }
    assert_int_equal(mw_generation(cache), WORDS);
    assert_true(mw_device_memory(c).allocations - before <= 1);
}

static void said(mw_status status, mw_status wanted, const char *sentence)
{
    assert_int_equal(status, wanted);
    if (!strstr(mw_errmsg(c), sentence))
        fail_msg("'%s' does not say '%s'", mw_errmsg(c), sentence);
    mw_err_clear(c);
}

static void what_cannot_be_written_is_refused(void **state)
{
    (void)state;
    mw_tensor *t = mw_full(c, MW_F32, MW_SHAPE(2, 3), 1), *whole = mw_full(c, MW_I32, MW_SHAPE(2, 3), 1);
    mw_tensor *row = mw_full(c, MW_F32, MW_SHAPE(3), 2);
    t->label = "the cache";
    said(mw_write(c, t, mw_full(c, MW_F32, MW_SHAPE(4), 1)), MW_E_SHAPE, "writing into the cache [2,3] f32");
    said(mw_write(c, t, whole), MW_E_SHAPE, "[2,3] i32 cannot be written into [2,3] f32");
    said(mw_write(c, mw_expand(c, row, MW_SHAPE(2, 3)), t), MW_E_SHAPE, "an expanded view");
    said(mw_fill(c, mw_expand(c, row, MW_SHAPE(2, 3)), 0), MW_E_SHAPE, "an expanded view");
    said(mw_fill(c, whole, 0.5), MW_E_ARG, "0.5 is not a whole number");
    said(mw_fill(c, mw_prepare_linear(c, t), 0), MW_E_ARG, "was prepared for the kernels");
    said(mw_write(c, mw_prepare_linear(c, t), t), MW_E_ARG, "was prepared for the kernels");
    holds(t, (float[]){1, 1, 1, 1, 1, 1}, 6);
    assert_int_equal(mw_generation(t), 0);
    assert_int_equal(mw_tape_begin(c, false), MW_OK);
    mw_watch(c, t);
    said(mw_fill(c, t, 0), MW_E_ARG, "the cache is watched by an open tape");
    said(mw_write(c, t, row), MW_E_ARG, "the cache is watched by an open tape");
    said(mw_write(c, row, mw_reshape(c, mw_slice(c, t, 0, 0, 1), MW_SHAPE(3))), MW_E_ARG,
         "its gradient would be lost");
    mw_tape_end(c);
    assert_int_equal(mw_fill(c, t, 0), MW_OK);
}

static mw_tensor *layer(mw_tensor *w, mw_tensor *x)
{
    return w->ndim == 2 ? mw_linear(c, x, w, NULL, MW_ACT_NONE, NULL)
                        : mw_conv2d(c, x, w, NULL, 1, 1, 1, NULL);
}

// The layer's result and the gradient for x, one after the other.
static void both(mw_tensor *w, mw_tensor *x, float *out)
{
    mw_tensor *g;
    x = mw_alias(c, x);
    assert_int_equal(mw_tape_begin(c, false), MW_OK);
    mw_watch(c, x);
    mw_tensor *y = layer(w, x);
    mw_backward(c, 1, &y, NULL, 1, &x, &g);
    mw_tensor_read_f32(c, y, out);
    mw_tensor_read_f32(c, g, out + mw_numel(y));
    mw_tape_end(c);
    assert_string_equal(mw_errmsg(c), "");
}

static void a_prepared_weight_notices_that_its_master_changed(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++) {
        mw_dtype dtype = i & 1, master = i & 2 ? dtype : MW_F32;
        int ndim = i & 4 ? 4 : 2;
        const int64_t shape[4] = {6, 5, 3, 3}, xs[4] = {1, 3, 4, 5};
        sample first = random_sample(dtype, (i & 1) == 1, -1, 1, ndim, shape);
        sample then = random_sample(master, false, -1, 1, ndim, shape);
        sample in = random_sample(dtype, true, -1, 1, 4, xs);
        mw_tensor *x = in.t, *w = first.t;
        float got[12 * 11], want[12 * 11];
        mw_tensor *p = ndim == 2 ? mw_prepare_linear(c, w) : mw_prepare_conv2d(c, w);
        p->label = "the weight";
        both(p, x, got); // its twin is there from now on
        assert_false(mw_stale(p));
        mw_write(c, mw_slice(c, w, 0, 1, 1), mw_slice(c, w, 0, 0, 1));
        assert_true(mw_stale(p));
        assert_null(layer(p, x));
        said(mw_err(c), MW_E_ARG, "the weight, was prepared from a weight that has changed since");
        assert_int_equal(mw_prepare_again(c, p, then.t), MW_OK);
        assert_false(mw_stale(p));
        both(p, x, got);
        both(mw_cast(c, then.t, dtype), x, want);
        assert_memory_equal(got, want, sizeof *got * (size_t)(12 * (6 + 5)));
        mw_fill(c, w, 0); // it comes from another now
        assert_false(mw_stale(p));
        mw_fill(c, then.t, 0);
        assert_true(mw_stale(p));
        said(mw_prepare_again(c, p, mw_slice(c, then.t, 0, 0, 2)), MW_E_SHAPE, "the weight");
        free(first.v);
        free(then.v);
        free(in.v);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(views_are_written_and_nothing_beside_them),
        TEST(views_are_filled_and_nothing_beside_them),
        TEST(a_value_is_broadcast_and_integers_keep_their_bits),
        TEST(a_part_may_be_written_over_itself),
        TEST(a_cache_grows_in_place),
        TEST(what_cannot_be_written_is_refused),
        TEST(a_prepared_weight_notices_that_its_master_changed),
    };
    static const char cpu[] = "elementwise:unary pack:pack pack:pack_transposed gemm:gemm";
    return RUN_FAMILIES(cpu, "elementwise:unary pack:pack pack:pack_transposed gemm_gpu:gemm", tests);
}
