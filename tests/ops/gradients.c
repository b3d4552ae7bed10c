// gradients.c: the gradient of every op against finite differences of the op itself, in both kernel families.
// Long: a table of all ops, and what is cut into blocks or parts beside it.
#include "tests/ops/harness.h"

#include "core/tensor/launch.h"
#include "core/tensor/tape.h"

enum { MOST = 4 };

// A function of up to MOST tensors.
typedef mw_tensor *(*function)(mw_tensor *const *x);

typedef struct input {
    int ndim;
    int64_t shape[4];
    double low, high;
} input;

typedef struct gradient_case {
    const char *name;
    function f;
    input in[MOST];
} gradient_case;

static double weighted_sum(mw_tensor *y, const float *weights)
{
    size_t n = (size_t)mw_numel(y);
    float *v = malloc((n + 1) * sizeof *v);
    assert_int_equal(mw_tensor_read_f32(c, y, v), MW_OK);
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)v[i] * weights[i];
    free(v);
    return sum;
}

// sum(weights * f(x)) with element e of input i moved by h.
static double moved(const gradient_case *k, float *const *values, const float *weights, int i, int64_t e,
                    float h)
{
    mw_tensor *x[MOST] = {0};
    float was = values[i][e];
    values[i][e] = was + h;
    mw_scope_begin(c);
    for (int j = 0; j < MOST && k->in[j].ndim; j++)
        x[j] = mw_tensor_from_f32(c, MW_F32, k->in[j].ndim, k->in[j].shape, values[j]);
    double sum = weighted_sum(k->f(x), weights);
    mw_scope_end(c, NULL);
    values[i][e] = was;
    return sum;
}

static void check_case(const gradient_case *k, mw_dtype dtype)
{
    mw_tensor *x[MOST] = {0}, *grads[MOST];
    float *values[MOST] = {0}, weights[4096];
    int n = 0;
    mw_scope_begin(c);
    for (; n < MOST && k->in[n].ndim; n++) {
        const input *in = &k->in[n];
        sample s = random_sample(dtype, false, in->low, in->high, in->ndim, in->shape);
        values[n] = malloc((size_t)s.n * sizeof(float));
        for (int64_t e = 0; e < s.n; e++)
            values[n][e] = (float)s.v[e];
        free(s.v);
        x[n] = s.t;
    }
    assert_int_equal(mw_tape_begin(c, false), MW_OK);
    for (int i = 0; i < n; i++)
        mw_watch(c, x[i]);
    mw_tensor *y = k->f(x);
    assert_string_equal(mw_errmsg(c), "");
    for (int64_t i = 0; i < mw_numel(y); i++)
        weights[i] = (float)uniform(-1, 1);
    mw_tensor *seed = mw_tensor_from_f32(c, MW_F32, y->ndim, y->shape, weights);
    mw_backward(c, 1, &y, &seed, n, x, grads);
    assert_string_equal(mw_errmsg(c), "");
    mw_tape_end(c);
    for (int i = 0; i < n; i++) {
        int64_t count = mw_numel(x[i]);
        float *got = malloc((size_t)count * sizeof *got);
        assert_int_equal(grads[i]->dtype, MW_F32);
        assert_int_equal(mw_tensor_read_f32(c, grads[i], got), MW_OK);
        for (int64_t e = 0; e < count; e += 1 + count / 40) { // some forty elements of each input
            const float h = 1.0f / 64;
            double want =
                (moved(k, values, weights, i, e, h) - moved(k, values, weights, i, e, -h)) / (2 * (double)h);
            double allowed = (dtype == MW_F16 ? 3e-2 : 4e-3) * fmax(1, fabs(want));
            if (!(fabs(got[e] - want) <= allowed))
                fail_msg("%s: gradient of input %d, element %lld: got %.6g, finite difference %.6g", k->name,
                         i, (long long)e, (double)got[e], want);
        }
        free(got);
    }
    for (int i = 0; i < n; i++)
        free(values[i]);
    mw_scope_end(c, NULL);
}

static mw_tensor *add(mw_tensor *const *x) { return mw_add(c, x[0], x[1]); }
static mw_tensor *sub(mw_tensor *const *x) { return mw_sub(c, x[0], x[1]); }
static mw_tensor *mul(mw_tensor *const *x) { return mw_mul(c, x[0], x[1]); }
static mw_tensor *divide(mw_tensor *const *x) { return mw_div(c, x[0], x[1]); }
static mw_tensor *square_of_one(mw_tensor *const *x) { return mw_mul(c, x[0], x[0]); }
static mw_tensor *affine(mw_tensor *const *x) { return mw_affine(c, x[0], -2.5, 1); }
static mw_tensor *clamp(mw_tensor *const *x) { return mw_clamp(c, x[0], -0.4, 0.4); }
static mw_tensor *cube(mw_tensor *const *x) { return mw_pow(c, x[0], 3); }
static mw_tensor *square(mw_tensor *const *x) { return mw_pow(c, x[0], 2); }
static mw_tensor *exponential(mw_tensor *const *x) { return mw_exp(c, x[0]); }
static mw_tensor *logarithm(mw_tensor *const *x) { return mw_log_e(c, x[0]); }
static mw_tensor *root(mw_tensor *const *x) { return mw_sqrt(c, x[0]); }
static mw_tensor *absolute(mw_tensor *const *x) { return mw_abs(c, x[0]); }
static mw_tensor *silu(mw_tensor *const *x) { return mw_activate(c, x[0], MW_ACT_SILU); }
static mw_tensor *gelu(mw_tensor *const *x) { return mw_activate(c, x[0], MW_ACT_GELU); }
static mw_tensor *quick_gelu(mw_tensor *const *x) { return mw_activate(c, x[0], MW_ACT_QUICK_GELU); }
static mw_tensor *gelu_tanh(mw_tensor *const *x) { return mw_activate(c, x[0], MW_ACT_GELU_TANH); }
static mw_tensor *geglu(mw_tensor *const *x) { return mw_geglu(c, x[0]); }
static mw_tensor *swiglu(mw_tensor *const *x) { return mw_glu(c, x[0], x[1], MW_ACT_SILU); }
static mw_tensor *geglu_tanh(mw_tensor *const *x) { return mw_glu(c, x[0], x[1], MW_ACT_GELU_TANH); }
static mw_tensor *lincomb(mw_tensor *const *x)
{
    return mw_lincomb(c, 3, (mw_tensor *[]){x[0], x[1], x[0]}, (double[]){2, -3, 0.5});
}
static mw_tensor *softmax(mw_tensor *const *x) { return mw_softmax(c, x[0]); }
static mw_tensor *layer_norm(mw_tensor *const *x) { return mw_layer_norm(c, x[0], x[1], x[2], 1e-5); }
static mw_tensor *rms_norm(mw_tensor *const *x) { return mw_rms_norm(c, x[0], x[1], 1e-5); }
static mw_tensor *group_norm(mw_tensor *const *x)
{
    return mw_group_norm(c, x[0], x[1], x[2], 3, 1e-5, MW_ACT_NONE);
}
static mw_tensor *group_norm_silu(mw_tensor *const *x)
{
    return mw_group_norm(c, x[0], x[1], x[2], 3, 1e-5, MW_ACT_SILU);
}
static mw_tensor *sum(mw_tensor *const *x) { return mw_sum(c, x[0], 1, false); }
static mw_tensor *mean(mw_tensor *const *x) { return mw_mean(c, x[0], -1, true); }
static mw_tensor *max(mw_tensor *const *x) { return mw_max(c, x[0], 1, false); }
static mw_tensor *topk(mw_tensor *const *x) { return mw_topk(c, x[0], 3, NULL); }
static mw_tensor *nearest_up(mw_tensor *const *x) { return mw_resize_nearest(c, x[0], 7, 5); }
static mw_tensor *nearest_down(mw_tensor *const *x) { return mw_resize_nearest(c, x[0], 2, 3); }
static mw_tensor *bilinear_up(mw_tensor *const *x) { return mw_resize_bilinear(c, x[0], 7, 5); }
static mw_tensor *bilinear_down(mw_tensor *const *x) { return mw_resize_bilinear(c, x[0], 2, 3); }
static mw_tensor *concat(mw_tensor *const *x)
{
    return mw_concat(c, 3, (mw_tensor *[]){x[0], x[1], x[0]}, 1);
}
static mw_tensor *matmul(mw_tensor *const *x) { return mw_matmul(c, x[0], x[1], 0.5); }
static mw_tensor *matmul_transposed(mw_tensor *const *x)
{
    return mw_matmul(c, x[0], mw_transpose(c, x[1], -2, -1), 1);
}
static mw_tensor *embedding(mw_tensor *const *x)
{
    const int32_t ids[6] = {4, 0, 2, 2, 4, 4}; // one and three are not there
    return mw_embedding(c, x[0], mw_tensor_from_i32(c, MW_SHAPE(2, 3), ids), x[0]->dtype);
}
static mw_tensor *attention(mw_tensor *const *x)
{
    return mw_attention(c, x[0], x[1], x[2], 2, 0.5, false, NULL);
}
static mw_tensor *causal(mw_tensor *const *x)
{
    return mw_attention(c, x[0], x[1], x[2], 2, 0.5, true, NULL);
}
static mw_tensor *grouped(mw_tensor *const *x)
{
    return mw_grouped_attention(c, x[0], x[1], x[2], 4, 2, 0.5, 0);
}
static mw_tensor *windowed(mw_tensor *const *x)
{
    return mw_grouped_attention(c, x[0], x[1], x[2], 4, 2, 0.5, 3);
}
static mw_tensor *rope(mw_tensor *const *x)
{
    const float table[3 * 4] = {1, 0.5f, 0, -0.8f, 0.2f, -1, 0.6f, 0.1f, -0.3f, 0.9f, 1, 0.4f};
    return mw_rope(c, x[0], mw_tensor_from_f32(c, MW_F32, MW_SHAPE(3, 4), table), 2);
}
static mw_tensor *probs(mw_tensor *const *x)
{
    return mw_attention_probs(c, x[0], x[1], 2, 0.5, false, NULL);
}

static mw_tensor *linear(mw_tensor *const *x) { return mw_linear(c, x[0], x[1], x[2], MW_ACT_NONE, x[3]); }
static mw_tensor *linear_gelu(mw_tensor *const *x)
{
    return mw_linear(c, x[0], x[1], x[2], MW_ACT_GELU, x[3]);
}
static mw_tensor *conv(mw_tensor *const *x) { return mw_conv2d(c, x[0], x[1], x[2], 1, 1, 1, x[3]); }
// What else reads x gives its gradient first; that of the op is added to it (mw_op.adds), once.
static mw_tensor *times_x(mw_tensor *y, mw_tensor *const *x) { return mw_mul(c, y, x[0]); }
static mw_tensor *layer_norm_times(mw_tensor *const *x) { return times_x(layer_norm(x), x); }
static mw_tensor *rms_norm_times(mw_tensor *const *x) { return times_x(rms_norm(x), x); }
static mw_tensor *group_norm_times(mw_tensor *const *x) { return times_x(group_norm(x), x); }
static mw_tensor *conv_times(mw_tensor *const *x)
{
    return times_x(mw_conv2d(c, x[0], x[1], NULL, 1, 1, 1, x[0]), x);
}
static mw_tensor *linear_times(mw_tensor *const *x)
{
    mw_tensor *y = mw_linear(c, x[0], x[1], NULL, MW_ACT_NONE, x[0]);
    return times_x(mw_linear(c, x[0], x[1], NULL, MW_ACT_NONE, y), x);
}
static mw_tensor *conv_1x1(mw_tensor *const *x) { return mw_conv2d(c, x[0], x[1], NULL, 1, 0, 0, NULL); }
static mw_tensor *conv_stride(mw_tensor *const *x) { return mw_conv2d(c, x[0], x[1], x[2], 2, 1, 1, NULL); }
static mw_tensor *conv_one_sided(mw_tensor *const *x)
{
    return mw_conv2d(c, x[0], x[1], NULL, 2, 0, 1, NULL);
}
static mw_tensor *conv_valid(mw_tensor *const *x) { return mw_conv2d(c, x[0], x[1], NULL, 1, 0, 0, NULL); }

#define IN(lo, hi, n, ...)                                                                                   \
    {                                                                                                        \
        n, {__VA_ARGS__}, lo, hi                                                                             \
    }

static const gradient_case cases[] = {
    {"add", add, {IN(-1, 1, 3, 2, 3, 4), IN(-1, 1, 2, 3, 1)}},
    {"sub", sub, {IN(-1, 1, 2, 1, 4), IN(-1, 1, 3, 2, 3, 4)}},
    {"mul", mul, {IN(-1, 1, 3, 2, 3, 4), IN(-1, 1, 2, 3, 1)}},
    {"mul of one", square_of_one, {IN(-1, 1, 2, 3, 4)}},
    {"div", divide, {IN(-1, 1, 3, 2, 3, 4), IN(1, 2, 1, 4)}},
    {"affine", affine, {IN(-1, 1, 2, 3, 7)}},
    {"clamp", clamp, {IN(-0.35, 0.35, 2, 3, 7)}},
    {"clamp outside", clamp, {IN(0.5, 1, 2, 3, 7)}},
    {"cube", cube, {IN(0.5, 1, 2, 3, 7)}},
    {"square", square, {IN(-1, 1, 2, 3, 7)}},
    {"exp", exponential, {IN(-1, 1, 2, 3, 7)}},
    {"log", logarithm, {IN(1, 2, 2, 3, 7)}},
    {"sqrt", root, {IN(1, 2, 2, 3, 7)}},
    {"abs", absolute, {IN(0.1, 1, 2, 3, 7)}},
    {"silu", silu, {IN(-3, 3, 2, 3, 7)}},
    {"gelu", gelu, {IN(-3, 3, 2, 3, 7)}},
    {"quick gelu", quick_gelu, {IN(-3, 3, 2, 3, 7)}},
    {"gelu tanh", gelu_tanh, {IN(-3, 3, 2, 3, 7)}},
    {"geglu", geglu, {IN(-2, 2, 2, 3, 14)}},
    {"swiglu", swiglu, {IN(-2, 2, 2, 3, 7), IN(-2, 2, 2, 3, 7)}},
    {"geglu of two, tanh", geglu_tanh, {IN(-2, 2, 2, 3, 7), IN(-2, 2, 2, 3, 7)}},
    {"rope", rope, {IN(-1, 1, 3, 2, 3, 12)}},
    {"lincomb", lincomb, {IN(-1, 1, 2, 3, 7), IN(-1, 1, 2, 3, 7)}},
    {"softmax", softmax, {IN(-2, 2, 2, 3, 19)}},
    {"layer norm", layer_norm, {IN(-1, 3, 2, 3, 19), IN(-1, 1, 1, 19), IN(-1, 1, 1, 19)}},
    {"rms norm", rms_norm, {IN(-1, 3, 2, 3, 19), IN(-1, 1, 1, 19)}},
    {"group norm", group_norm, {IN(-1, 3, 4, 2, 5, 7, 6), IN(-1, 1, 1, 6), IN(-1, 1, 1, 6)}},
    {"group norm, silu", group_norm_silu, {IN(-1, 3, 4, 2, 5, 7, 6), IN(-1, 1, 1, 6), IN(-1, 1, 1, 6)}},
    {"sum", sum, {IN(-1, 1, 3, 2, 5, 3)}},
    {"mean", mean, {IN(-1, 1, 3, 2, 5, 3)}},
    {"nearest up", nearest_up, {IN(-1, 1, 4, 2, 3, 4, 5)}},
    {"nearest down", nearest_down, {IN(-1, 1, 4, 2, 5, 4, 5)}},
    {"bilinear up", bilinear_up, {IN(-1, 1, 4, 2, 3, 4, 5)}},
    {"bilinear down", bilinear_down, {IN(-1, 1, 4, 2, 5, 4, 5)}},
    {"concat", concat, {IN(-1, 1, 3, 2, 3, 4), IN(-1, 1, 3, 2, 1, 4)}},
    {"matmul", matmul, {IN(-1, 1, 3, 2, 3, 9), IN(-1, 1, 2, 9, 5)}},
    {"matmul, transposed", matmul_transposed, {IN(-1, 1, 3, 2, 3, 9), IN(-1, 1, 3, 2, 5, 9)}},
    {"linear", linear, {IN(-1, 1, 3, 2, 3, 9), IN(-1, 1, 2, 5, 9), IN(-1, 1, 1, 5), IN(-1, 1, 3, 2, 3, 5)}},
    {"linear, gelu",
     linear_gelu,
     {IN(-1, 1, 3, 2, 3, 9), IN(-1, 1, 2, 5, 9), IN(-1, 1, 1, 5), IN(-1, 1, 3, 2, 3, 5)}},
    {"conv 3x3",
     conv,
     {IN(-1, 1, 4, 2, 5, 6, 3), IN(-1, 1, 4, 4, 3, 3, 3), IN(-1, 1, 1, 4), IN(-1, 1, 4, 2, 5, 6, 4)}},
    {"layer norm beside x", layer_norm_times, {IN(-1, 3, 2, 3, 19), IN(-1, 1, 1, 19), IN(-1, 1, 1, 19)}},
    {"rms norm beside x", rms_norm_times, {IN(-1, 3, 2, 3, 19), IN(-1, 1, 1, 19)}},
    {"group norm beside x", group_norm_times, {IN(-1, 3, 4, 2, 5, 7, 6), IN(-1, 1, 1, 6), IN(-1, 1, 1, 6)}},
    {"linear beside x", linear_times, {IN(-1, 1, 3, 2, 3, 9), IN(-1, 1, 2, 9, 9)}},
    {"conv beside x", conv_times, {IN(-1, 1, 4, 2, 5, 6, 3), IN(-1, 1, 4, 3, 3, 3, 3)}},
    {"conv 1x1", conv_1x1, {IN(-1, 1, 4, 2, 5, 6, 3), IN(-1, 1, 4, 4, 3, 1, 1)}},
    {"conv, stride 2", conv_stride, {IN(-1, 1, 4, 2, 5, 6, 3), IN(-1, 1, 4, 4, 3, 3, 3), IN(-1, 1, 1, 4)}},
    {"conv, zeros at one side", conv_one_sided, {IN(-1, 1, 4, 1, 6, 6, 3), IN(-1, 1, 4, 4, 3, 3, 3)}},
    {"conv 2x3, no padding", conv_valid, {IN(-1, 1, 4, 1, 5, 6, 3), IN(-1, 1, 4, 4, 3, 2, 3)}},
    {"embedding", embedding, {IN(-1, 1, 2, 5, 37)}},
    {"attention", attention, {IN(-1, 1, 3, 2, 5, 6), IN(-1, 1, 3, 2, 7, 6), IN(-1, 1, 3, 2, 7, 6)}},
    {"attention, causal", causal, {IN(-1, 1, 3, 1, 5, 6), IN(-1, 1, 3, 1, 5, 6), IN(-1, 1, 3, 1, 5, 6)}},
    {"attention, grouped", grouped, {IN(-1, 1, 3, 2, 5, 12), IN(-1, 1, 3, 2, 7, 6), IN(-1, 1, 3, 2, 7, 6)}},
    {"attention, windowed", windowed, {IN(-1, 1, 3, 1, 9, 8), IN(-1, 1, 3, 1, 9, 4), IN(-1, 1, 3, 1, 9, 4)}},
    {"attention probabilities", probs, {IN(-1, 1, 3, 2, 5, 6), IN(-1, 1, 3, 2, 7, 6)}},
};

static void gradients_agree_in_f32(void **state)
{
    (void)state;
    for (int i = 0; i < COUNT(cases); i++)
        check_case(&cases[i], MW_F32);
}

static void gradients_agree_in_f16(void **state)
{
    (void)state;
    for (int i = 0; i < COUNT(cases); i++)
        check_case(&cases[i], MW_F16);
}

// Selection has no derivative where values tie; these are told apart by more than a step.
static void selected_elements_take_the_gradient(void **state)
{
    (void)state;
    float values[12] = {5, 1, 9, 3, 7, 2, -4, 8, 8, 0, 6, -1}, g[12];
    mw_tensor *grad;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(mw_tape_begin(c, false), MW_OK);
        mw_tensor *x = mw_tensor_from_f32(c, MW_F32, MW_SHAPE(2, 6), values);
        mw_watch(c, x);
        mw_tensor *y = i ? topk(&x) : max(&x);
        mw_backward(c, 1, &y, NULL, 1, &x, &grad);
        assert_int_equal(mw_tensor_read_f32(c, grad, g), MW_OK);
        mw_tape_end(c);
        const float want[2][12] = {{0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0},
                                   {1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 1, 0}};
        assert_memory_equal(g, want[i], sizeof g);
    }
}

// [B,n,H*D] as [B,H,n,D].
static mw_tensor *by_head(mw_tensor *x, int64_t heads)
{
    x = mw_reshape(c, x, MW_SHAPE(x->shape[0], x->shape[1], heads, x->shape[2] / heads));
    return mw_permute(c, x, (int[]){0, 2, 1, 3});
}

// The same attention through a matrix of probabilities that stands whole.
static mw_tensor *plain_attention(mw_tensor *const *x, int64_t heads, double scale)
{
    mw_tensor *p = mw_matmul(c, by_head(x[0], heads), mw_transpose(c, by_head(x[1], heads), 2, 3), scale);
    mw_tensor *y =
        mw_permute(c, mw_matmul(c, mw_softmax(c, p), by_head(x[2], heads), 1), (int[]){0, 2, 1, 3});
    return mw_reshape(c, mw_contiguous(c, y), MW_SHAPE(x[0]->shape[0], x[0]->shape[1], x[0]->shape[2]));
}

// Of sums of many terms only the error relative to the whole says anything.
static void assert_blocks_agree(const float *got, const float *want, int64_t n, char name)
{
    double error = 0, norm = 0, worst = 0, most = 0;
    for (int64_t e = 0; e < n; e++) {
        double d = (double)got[e] - want[e];
        error += d * d;
        norm += (double)want[e] * want[e];
        worst = fmax(worst, fabs(d));
        most = fmax(most, fabs(want[e]));
    }
    if (!(sqrt(error) <= 2e-6 * sqrt(norm)) || !(worst <= 2e-5 * most))
        fail_msg("gradient for %c: relative error %.3g, worst %.3g of %.3g", name, sqrt(error / norm), worst,
                 most);
}

// Work that is cut into blocks of queries and of keys: the same gradients as in one piece.
static void attention_in_blocks(void **state)
{
    (void)state;
    static const struct {
        int64_t B, T, S, H, D;
        bool masked; // a mask that hides nothing
    } blocks[] = {{1, 70, 450, 2, 40, false}, {2, 65, 170, 1, 160, false}, {1, 1030, 9, 2, 3, false},
                  {1, 9, 11, 1, 300, false},  {1, 2950, 2950, 1, 4, true}, {1, 2000, 700, 1, 512, false}};
    size_t count = sizeof blocks / sizeof *blocks;
    if (!mw_device_caps(c)->cpu)
        count -= 2; // the last, whose parts are large, take a minute with the GPU's kernels on a CPU
    for (size_t n = 0; n < count; n++) {
        int64_t B = blocks[n].B, T = blocks[n].T, S = blocks[n].S, H = blocks[n].H, width = H * blocks[n].D;
        double scale = 1 / sqrt((double)blocks[n].D);
        sample in[3];
        mw_tensor *x[3], *grads[3], *wanted[3], *mask = NULL;
        for (int i = 0; i < 3; i++) {
            in[i] = random_sample(MW_F32, false, -1, 1, MW_SHAPE(B, i ? S : T, width));
            x[i] = in[i].t;
        }
        if (blocks[n].masked) {
            int32_t ones[2950];
            for (int i = 0; i < 2950; i++)
                ones[i] = 1;
            mask = mw_tensor_from_i32(c, MW_SHAPE(B, S), ones);
        }
        for (int whole = 0; whole < 2; whole++) {
            assert_int_equal(mw_tape_begin(c, false), MW_OK);
            for (int i = 0; i < 3; i++)
                mw_watch(c, x[i]);
            mw_tensor *y = whole ? plain_attention(x, H, scale)
                                 : mw_attention(c, x[0], x[1], x[2], (int)H, scale, false, mask);
            mw_tensor *seed = mw_activate(c, x[0], MW_ACT_SILU);
            mw_backward(c, 1, &y, &seed, 3, x, whole ? wanted : grads);
            mw_tape_end(c);
        }
        for (int i = 0; i < 3; i++) {
            float *a = malloc(4 * (size_t)in[i].n), *b = malloc(4 * (size_t)in[i].n);
            assert_int_equal(mw_tensor_read_f32(c, grads[i], a), MW_OK);
            assert_int_equal(mw_tensor_read_f32(c, wanted[i], b), MW_OK);
            assert_blocks_agree(a, b, in[i].n, "qkv"[i]);
            free(a);
            free(b);
            free(in[i].v);
        }
    }
}

// [P,groups,width] as [groups,P,width], or back.
static mw_tensor *swapped(mw_tensor *x) { return mw_contiguous(c, mw_permute(c, x, (int[]){1, 0, 2})); }

// The same group norm of x[P,groups*width] as a layer norm of each group in one row.
static mw_tensor *norm_by_rows(mw_tensor *x, mw_tensor *gamma, mw_tensor *beta, int64_t groups)
{
    int64_t P = x->shape[0], C = x->shape[1];
    mw_tensor *one = mw_full(c, MW_F32, MW_SHAPE(P * C / groups), 1);
    mw_tensor *rows = mw_reshape(c, swapped(mw_reshape(c, x, MW_SHAPE(P, groups, C / groups))),
                                 MW_SHAPE(groups, P * C / groups));
    rows = mw_layer_norm(c, rows, one, mw_affine(c, one, 0, 0), 1e-5);
    mw_tensor *u = swapped(mw_reshape(c, rows, MW_SHAPE(groups, P, C / groups)));
    return mw_add(c, mw_mul(c, mw_reshape(c, u, MW_SHAPE(P, C)), gamma), beta);
}

// Pictures that a group norm's gradient takes in one launch, and in several.
static void group_norm_of_small_and_large_pictures(void **state)
{
    (void)state;
    static const int64_t sizes[][3] = {
        {64, 48, 3}, {256, 64, 16}, {4200, 6, 2}, {1050, 130, 5}}; // P, C, groups
    for (size_t n = 0; n < sizeof sizes / sizeof *sizes; n++) {
        int64_t P = sizes[n][0], C = sizes[n][1], groups = sizes[n][2];
        sample x = random_sample(MW_F32, false, 3, 5, MW_SHAPE(P, C)),
               gamma = random_sample(MW_F32, false, -2, 2, MW_SHAPE(C)),
               beta = random_sample(MW_F32, false, -1, 1, MW_SHAPE(C));
        float *v[2];
        for (int rows = 0; rows < 2; rows++) {
            mw_tensor *grad;
            assert_int_equal(mw_tape_begin(c, false), MW_OK);
            mw_watch(c, x.t);
            mw_tensor *z = rows ? x.t : mw_reshape(c, x.t, MW_SHAPE(1, P, C));
            mw_tensor *y = rows ? mw_activate(c, norm_by_rows(z, gamma.t, beta.t, groups), MW_ACT_SILU)
                                : mw_group_norm(c, z, gamma.t, beta.t, (int)groups, 1e-5, MW_ACT_SILU);
            y = mw_mul(c, y, z); // so that there is a gradient to add to
            mw_tensor *seed = mw_reshape(c, mw_activate(c, x.t, MW_ACT_SILU), y->ndim, y->shape);
            mw_backward(c, 1, &y, &seed, 1, &x.t, &grad);
            v[rows] = malloc(sizeof(float) * (size_t)x.n);
            assert_int_equal(mw_tensor_read_f32(c, grad, v[rows]), MW_OK);
            mw_tape_end(c);
        }
        assert_blocks_agree(v[0], v[1], x.n, 'x');
        for (int i = 0; i < 2; i++)
            free(v[i]);
        free(x.v);
        free(gamma.v);
        free(beta.v);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(gradients_agree_in_f32),
        TEST(gradients_agree_in_f16),
        TEST(selected_elements_take_the_gradient),
        TEST(attention_in_blocks),
        TEST(group_norm_of_small_and_large_pictures),
    };
#define SHARED                                                                                               \
    "elementwise:binary elementwise:glu elementwise:lincomb elementwise:unary grad:embedding_grad "          \
    "grad:glu_grad grad:group_grad_apply grad:group_grad_sums grad:group_moments grad:layer_norm_grad "      \
    "grad:max_grad grad:resize_nearest_grad grad:softmax_grad grad:topk_grad grad:unary_grad move:concat "   \
    "move:embedding move:resize_bilinear move:resize_nearest norm:group_apply norm:group_stats "             \
    "norm:layer_norm norm:softmax pack:pack pack:pack_transposed reduce:reduce_columns reduce:reduce_rows "  \
    "elementwise:rope "
    static const char cpu[] =
        SHARED "attention:attention attention:attention_grad attention:attention_pack "
               "attention:attention_probs attention_few:attention_few gemm:gemm grad:group_grad_whole "
               "norm:group_whole "
               "reduce:topk_heap";
    static const char gpu[] = SHARED "attention_few:attention_few attention_gpu:attention "
                                     "attention_gpu:attention_probs gemm_gpu:gemm reduce:topk_rank";
    return RUN_FAMILIES(cpu, gpu, tests);
}
