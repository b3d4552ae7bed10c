// parts.c: launches that go in parts, as those that take long do, leave the bits that they leave whole.
#include "tests/ops/harness.h"

#include "core/cl/device_internal.h"
#include "core/tensor/tape.h"

enum { MOST = 4, KERNELS = 64 };

typedef struct part_case {
    const char *name;
    mw_tensor *(*f)(mw_tensor *const *x);
    struct {
        int ndim;
        int64_t shape[4];
    } in[MOST];
} part_case;

static mw_tensor *linear(mw_tensor *const *x) { return mw_linear(c, x[0], x[1], x[2], MW_ACT_SILU, NULL); }
static mw_tensor *conv2d(mw_tensor *const *x) { return mw_conv2d(c, x[0], x[1], x[2], 1, 1, 1, NULL); }
static mw_tensor *attention(mw_tensor *const *x)
{
    return mw_attention(c, x[0], x[1], x[2], 1, 0.2, false, NULL);
}
static mw_tensor *probs(mw_tensor *const *x)
{
    return mw_attention_probs(c, x[0], x[1], 1, 0.2, false, NULL);
}
static mw_tensor *few_queries(mw_tensor *const *x)
{
    return mw_grouped_attention(c, x[0], x[1], x[2], 4, 1, 0.2, 0);
}
static mw_tensor *rope(mw_tensor *const *x) { return mw_rope(c, x[0], x[1], 5); }
static mw_tensor *swiglu(mw_tensor *const *x) { return mw_glu(c, x[0], x[1], MW_ACT_SILU); }
static mw_tensor *group_norm(mw_tensor *const *x)
{
    return mw_group_norm(c, x[0], x[1], x[2], 8, 1e-5, MW_ACT_SILU);
}
static mw_tensor *layer_norm(mw_tensor *const *x) { return mw_layer_norm(c, x[0], x[1], x[2], 1e-5); }
static mw_tensor *softmax(mw_tensor *const *x) { return mw_softmax(c, x[0]); }
static mw_tensor *silu(mw_tensor *const *x) { return mw_activate(c, x[0], MW_ACT_SILU); }
static mw_tensor *sum_rows(mw_tensor *const *x) { return mw_sum(c, x[0], 1, false); }
static mw_tensor *copied(mw_tensor *const *x) { return mw_contiguous(c, mw_transpose(c, x[0], 0, 1)); }

static const part_case cases[] = {
    {"linear", linear, {{2, {700, 70}}, {2, {300, 70}}, {1, {300}}}},
    {"conv2d", conv2d, {{4, {1, 60, 40, 64}}, {4, {96, 64, 3, 3}}, {1, {96}}}},
    {"attention", attention, {{3, {1, 400, 40}}, {3, {1, 1500, 40}}, {3, {1, 1500, 40}}}},
    {"attention_probs", probs, {{3, {1, 400, 40}}, {3, {1, 77, 40}}}},
    {"attention, few queries", few_queries, {{3, {1, 2, 64}}, {3, {1, 5000, 16}}, {3, {1, 5000, 16}}}},
    {"rope", rope, {{3, {1, 700, 200}}, {2, {700, 40}}}},
    {"swiglu", swiglu, {{2, {700, 200}}, {2, {700, 200}}}},
    {"group_norm", group_norm, {{4, {1, 90, 80, 64}}, {1, {64}}, {1, {64}}}},
    {"group_norm, small", group_norm, {{4, {1, 8, 8, 64}}, {1, {64}}, {1, {64}}}},
    {"layer_norm", layer_norm, {{2, {700, 200}}, {1, {200}}, {1, {200}}}},
    {"softmax", softmax, {{2, {700, 200}}}},
    {"silu", silu, {{2, {700, 200}}}},
    {"sum of rows", sum_rows, {{2, {700, 200}}}},
    {"copy", copied, {{2, {700, 200}}}},
    // The last for CPUs alone: elsewhere Winograd's products are those of gemm_gpu.
    {"conv2d, Winograd", conv2d, {{4, {1, 32, 32, 320}}, {4, {384, 320, 3, 3}}, {1, {384}}}},
};

typedef struct results {
    float *v[1 + MOST]; // y, the gradients
    size_t bytes[1 + MOST];
} results;

static void keep(results *r, int i, const mw_tensor *t)
{
    r->bytes[i] = (size_t)mw_numel(t) * sizeof(float);
    r->v[i] = malloc(r->bytes[i] + 1);
    assert_int_equal(mw_tensor_read_f32(c, t, r->v[i]), MW_OK);
}

static results compute(const part_case *k)
{
    results r = {0};
    mw_tensor *x[MOST] = {0}, *grads[MOST];
    int n = 0;
    random_state = 88172645463325252u;
    mw_scope_begin(c);
    for (; n < MOST && k->in[n].ndim; n++) {
        sample s = random_sample(MW_F32, false, -1, 1, k->in[n].ndim, k->in[n].shape);
        free(s.v);
        x[n] = s.t;
    }
    bool differentiable = k->f != probs && k->f != few_queries && k->f != rope;
    if (differentiable)
        mw_tape_begin(c, false);
    for (int i = 0; i < n && differentiable; i++)
        mw_watch(c, x[i]);
    mw_tensor *y = k->f(x);
    assert_string_equal(mw_errmsg(c), "");
    keep(&r, 0, y);
    if (differentiable) {
        mw_backward(c, 1, &y, NULL, n, x, grads);
        assert_string_equal(mw_errmsg(c), "");
        mw_tape_end(c);
        for (int i = 0; i < n; i++)
            keep(&r, 1 + i, grads[i]);
    }
    mw_scope_end(c, NULL);
    return r;
}

static void free_results(results *r)
{
    for (int i = 0; i <= MOST; i++)
        free(r->v[i]);
}

// How often each kernel was launched since the device was opened.
static uint64_t launches_of(const char *kernel)
{
    static mw_kernel_time all[KERNELS];
    mw_device_finish(c);
    int n = mw_device_profile(c, all, KERNELS);
    for (int i = 0; i < n && i < KERNELS; i++)
        if (!strcmp(all[i].name, kernel))
            return all[i].launches;
    return 0;
}

#define CUT                                                                                                  \
    "attention_few:attention_few attention_few:attention_join elementwise:glu elementwise:rope "             \
    "grad:glu_grad "                                                                                         \
    "elementwise:unary grad:group_grad_apply grad:group_grad_sums grad:layer_norm_grad grad:softmax_grad "   \
    "grad:unary_grad norm:group_apply norm:group_stats norm:layer_norm norm:softmax reduce:reduce_rows "     \
    "copy:copy_any "
#define CPU_CUT                                                                                              \
    "attention:attention attention:attention_grad attention:attention_pack attention:attention_probs "       \
    "gemm:gemm grad:group_grad_whole norm:group_whole winograd:fused "
#define GPU_CUT "attention_gpu:attention attention_gpu:attention_probs gemm_gpu:gemm "
static const char cpu_cut[] = CUT CPU_CUT, gpu_cut[] = CUT GPU_CUT;

static void in_parts_they_leave_the_same_bits(void **state)
{
    (void)state;
    mw_scope_end(c, NULL);
    mw_device_close(c);
    assert_int_equal(mw_device_open(c, NULL, (uint64_t)1 << 30, true), MW_OK);
    mw_scope_begin(c);
    results whole[COUNT(cases)];
    bool cpu = !strcmp(launched.family, "cpu");
    int count = cpu ? COUNT(cases) : COUNT(cases) - 1;
    for (int i = 0; i < count; i++)
        whole[i] = compute(&cases[i]);
    const char *cut = cpu ? cpu_cut : gpu_cut;
    char words[2048], *rest = NULL;
    uint64_t before[KERNELS];
    int n = 0;
    snprintf(words, sizeof words, "%s", cut);
    for (char *w = strtok_r(words, " ", &rest); w; w = strtok_r(NULL, " ", &rest))
        before[n++] = launches_of(w);
    mw_pace_set_longest(c->stream->pace, 1e-12);
    for (int i = 0; i < count; i++) {
        results parts = compute(&cases[i]);
        for (int j = 0; j <= MOST; j++)
            if (parts.bytes[j] != whole[i].bytes[j] ||
                (parts.bytes[j] && memcmp(parts.v[j], whole[i].v[j], parts.bytes[j]) != 0))
                print_error("%s: other bits in %s %d\n", cases[i].name, j ? "gradient" : "result", j),
                    launched.wrong++;
        free_results(&parts);
        free_results(&whole[i]);
    }
    n = 0;
    snprintf(words, sizeof words, "%s", cut);
    for (char *w = strtok_r(words, " ", &rest); w; w = strtok_r(NULL, " ", &rest), n++)
        if (launches_of(w) <= 2 * before[n])
            wrong_launch(w, "did not go in parts");
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(in_parts_they_leave_the_same_bits)};
#define SHARED                                                                                               \
    CUT "elementwise:binary grad:group_moments pack:pack pack:pack_transposed reduce:reduce_columns "
    static const char cpu[] = SHARED CPU_CUT "move:concat winograd:input winograd:output winograd:weights";
    static const char gpu[] = SHARED GPU_CUT "move:concat";
    return RUN_FAMILIES(cpu, gpu, tests);
}
