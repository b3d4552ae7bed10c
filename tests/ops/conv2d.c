// conv2d.c: mw_conv2d against the formula in double: sizes, strides, paddings, dtypes, views, bias, residual.
#include "tests/ops/gemm_test.h"

typedef struct setting {
    int64_t batch, h, w, in, out, kh, kw;
    int stride, pad_begin, pad_end;
} setting;

static void expected(const setting *s, const float *x, const float *w, const float *b, const float *r,
                     double *want)
{
    int64_t oh = (s->h + s->pad_begin + s->pad_end - s->kh) / s->stride + 1;
    int64_t ow = (s->w + s->pad_begin + s->pad_end - s->kw) / s->stride + 1;
    for (int64_t at = 0; at < s->batch * oh * ow * s->out; at++) {
        int64_t o = at % s->out, ox = at / s->out % ow, oy = at / s->out / ow % oh, n = at / s->out / ow / oh;
        double sum = b ? b[o] : 0;
        for (int64_t u = 0; u < s->kh; u++)
            for (int64_t v = 0; v < s->kw; v++) {
                int64_t y = oy * s->stride + u - s->pad_begin, z = ox * s->stride + v - s->pad_begin;
                if (y < 0 || y >= s->h || z < 0 || z >= s->w)
                    continue;
                for (int64_t i = 0; i < s->in; i++)
                    sum += (double)x[((n * s->h + y) * s->w + z) * s->in + i] *
                        w[((o * s->in + i) * s->kh + u) * s->kw + v];
            }
        want[at] = sum + (r ? r[at] : 0);
    }
}

static void check(const setting *s, mw_dtype dtype, bool extras, double slack)
{
    mw_scope_begin(c);
    mw_tensor *x = noisy(dtype, MW_SHAPE(s->batch, s->h, s->w, s->in));
    mw_tensor *w = noisy(dtype, MW_SHAPE(s->out, s->in, s->kh, s->kw));
    mw_tensor *b = extras ? noisy(dtype, MW_SHAPE(s->out)) : NULL;
    mw_tensor *p = extras ? mw_prepare_conv2d(c, w) : w;
    int64_t oh = (s->h + s->pad_begin + s->pad_end - s->kh) / s->stride + 1;
    int64_t ow = (s->w + s->pad_begin + s->pad_end - s->kw) / s->stride + 1;
    mw_tensor *r = extras ? noisy(dtype, MW_SHAPE(s->batch, oh, ow, s->out)) : NULL;
    float *xv = values(x), *wv = values(w), *bv = values(b), *rv = values(r);
    double *want = malloc((size_t)(s->batch * oh * ow * s->out) * sizeof *want);
    expected(s, xv, wv, bv, rv, want);
    mw_tensor *y = mw_conv2d(c, x, p, b, s->stride, s->pad_begin, s->pad_end, r);
    agrees_within(y, want, slack);
    assert_int_equal(y->shape[1], oh);
    assert_int_equal(y->shape[2], ow);
    assert_true(mw_same_shape(p, w));
    free(xv), free(wv), free(bv), free(rv), free(want);
    mw_scope_end(c, NULL);
}

static void all_sizes(void **state)
{
    (void)state;
    static const setting all[] = {
        {1, 1, 1, 1, 1, 1, 1, 1, 0, 0},    {2, 9, 7, 4, 20, 3, 3, 1, 1, 1},
        {1, 16, 16, 40, 3, 3, 3, 1, 1, 1}, {2, 8, 8, 64, 64, 3, 3, 1, 1, 1},
        {1, 11, 6, 33, 37, 3, 3, 2, 1, 1}, {1, 10, 10, 24, 16, 3, 3, 2, 0, 1},
        {3, 5, 8, 130, 70, 1, 1, 1, 0, 0}, {1, 12, 9, 5, 6, 5, 2, 3, 2, 0},
        {1, 4, 4, 450, 34, 3, 3, 1, 1, 1}, {1, 2, 2, 3, 2, 4, 4, 1, 1, 1},
        {1, 14, 14, 3, 18, 7, 7, 7, 0, 0},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        check(&all[i], MW_F32, i % 2, 1);
        check(&all[i], MW_F16, i % 2 == 0, 1);
    }
}

static void check_ways_f32(const void *s) { check(s, MW_F32, true, 2); }

static void check_ways_f16(const void *s) { check(s, MW_F16, true, 1); }

// Winograd's transforms lose about two bits to rounding. 1, 4 and 81 tiles among them: register tiles of
// different heights; 81 with their patches made by a launch of their own.
static void every_way_agrees(void **state)
{
    (void)state;
    static const setting all[] = {
        {2, 8, 8, 64, 64, 3, 3, 1, 1, 1},   {1, 13, 6, 48, 80, 3, 3, 1, 1, 1},
        {3, 5, 9, 64, 16, 3, 3, 1, 0, 0},   {1, 18, 15, 64, 16, 3, 3, 1, 2, 0},
        {1, 40, 36, 64, 16, 3, 3, 1, 1, 1}, {1, 4, 3, 64, 32, 3, 3, 1, 1, 1},
        {4, 4, 4, 64, 48, 3, 3, 1, 1, 1},   {1, 36, 35, 64, 112, 3, 3, 1, 1, 1},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        in_every_way(check_ways_f32, &all[i]);
        if (i < 4)
            in_every_way(check_ways_f16, &all[i]);
    }
}

// Transformed at once these weights would be 43 MB; the GPU family has one panel, which is never cut.
static void large_weights(void **state)
{
    (void)state;
    const setting s = {1, 1, 2, 576, 528, 3, 3, 1, 1, 1};
    mw_tune_set(c, "conv2d f32 f32 1 10 13", "winograd");
    check_ways_f32(&s);
    mw_tune_set(c, "conv2d f32 f32 1 10 13", NULL);
}

// Where there is no room for patches, the convolution is done directly instead of failing.
static void little_memory(void **state)
{
    (void)state;
    mw_ctx *whole = c;
    c = mw_ctx_new();
    assert_int_equal(mw_device_open(c, NULL, (uint64_t)8 << 20, false), MW_OK);
    setting s = {1, 128, 128, 16, 16, 3, 3, 1, 1, 1}; // 1 MiB each way; patches and products: 9 MiB
    mw_tune_set(c, "conv2d f32 f32 14 4 8", "winograd");
    check(&s, MW_F32, false, 1);
    mw_device_close(c);
    mw_ctx_free(c);
    c = whole;
}

// A window of channels and pixels, and a picture whose channels come first.
static void views(void **state)
{
    (void)state;
    mw_scope_begin(c);
    setting s = {2, 6, 5, 12, 10, 3, 3, 1, 1, 1};
    mw_tensor *big = noisy(MW_F32, MW_SHAPE(2, 9, 8, 20)), *first = noisy(MW_F32, MW_SHAPE(2, 12, 6, 5));
    mw_tensor *forms[] = {mw_slice(c, mw_slice(c, mw_slice(c, big, 1, 2, 6), 2, 3, 5), 3, 4, 12),
                          mw_permute(c, first, (int[]){0, 2, 3, 1})};
    mw_tensor *w = mw_permute(c, noisy(MW_F32, MW_SHAPE(3, 3, 12, 10)), (int[]){3, 2, 0, 1});
    for (int f = 0; f < 2; f++) {
        float *xv = values(forms[f]), *wv = values(w);
        double want[2 * 6 * 5 * 10];
        expected(&s, xv, wv, NULL, NULL, want);
        agrees(mw_conv2d(c, forms[f], w, NULL, 1, 1, 1, NULL), want);
        free(xv), free(wv);
    }
    mw_scope_end(c, NULL);
}

static void mistakes_are_told(void **state)
{
    (void)state;
    mw_scope_begin(c);
    mw_tensor *x = noisy(MW_F32, MW_SHAPE(1, 4, 4, 8)), *w = noisy(MW_F32, MW_SHAPE(4, 8, 3, 3));
    mw_tensor *empty = mw_slice(c, w, 0, 0, 0);
    const struct {
        mw_tensor *w;
        int stride, begin, end;
    } bad[] = {{x, 1, 1, 1},
               {w, 0, 1, 1},
               {w, 1, -1, 1},
               {noisy(MW_F32, MW_SHAPE(1, 8, 5, 5)), 1, 0, 0},
               {empty, 1, 1, 1}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_null(mw_conv2d(c, x, bad[i].w, NULL, bad[i].stride, bad[i].begin, bad[i].end, NULL));
        assert_int_equal(mw_err(c), MW_E_SHAPE);
        mw_err_clear(c);
    }
    mw_scope_end(c, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_sizes), cmocka_unit_test(every_way_agrees),  cmocka_unit_test(little_memory),
        cmocka_unit_test(views),     cmocka_unit_test(mistakes_are_told),
    };
    const struct CMUnitTest large[] = {cmocka_unit_test(large_weights)};
#define APART "pack:pack winograd:input winograd:weights winograd:output "
    int failed = RUN_FAMILY("cpu", APART "gemm:gemm", large);
    return failed + RUN_FAMILIES(APART "winograd:fused gemm:gemm", APART "gemm_gpu:gemm", tests);
}
