// attention.c: attention and its probabilities against double references.
#include "tests/ops/harness.h"

#include "core/tensor/launch.h"

typedef struct problem {
    int64_t B, T, S, D;
    int heads;
} problem;

// Head sizes from two width classes of the GPU family only: each class is compiled anew.
static const problem problems[] = {
    {1, 1, 1, 1, 1},   {2, 7, 77, 80, 3},    {1, 77, 77, 96, 2}, {2, 130, 300, 7, 2}, {1, 64, 121, 80, 1},
    {1, 3, 5, 270, 1}, {1, 70, 130, 160, 1}, {1, 33, 1, 129, 2}, {1, 5, 0, 8, 2},
};

enum { F16 = 1, STRIDED = 2, CAUSAL = 4, MASKED = 8, VARIANTS = 16 };

// Softmax of scale q k^T for one query and head; all zeros where nothing is seen.
static void probabilities(const problem *p, int variant, const double *q, const double *k,
                          const int32_t *mask, int64_t t, double scale, double *out)
{
    double top = -INFINITY, sum = 0;
    int64_t width = p->heads * p->D;
    for (int64_t s = 0; s < p->S; s++) {
        double x = 0;
        for (int64_t d = 0; d < p->D; d++)
            x += q[d] * k[s * width + d];
        bool seen = (!(variant & CAUSAL) || s <= t + p->S - p->T) && (!(variant & MASKED) || mask[s]);
        out[s] = seen ? x * scale : -INFINITY;
        top = fmax(top, out[s]);
    }
    for (int64_t s = 0; s < p->S; s++)
        sum += out[s] = top == -INFINITY ? 0 : exp(out[s] - top);
    for (int64_t s = 0; s < p->S && sum > 0; s++)
        out[s] /= sum;
}

static void check(const problem *p, int variant)
{
    int64_t width = p->heads * p->D;
    mw_dtype dtype = variant & F16 ? MW_F16 : MW_F32;
    sample q = random_sample(dtype, variant & STRIDED, -2, 2, MW_SHAPE(p->B, p->T, width));
    sample k = random_sample(dtype, variant & STRIDED, -2, 2, MW_SHAPE(p->B, p->S, width));
    sample v = random_sample(dtype, variant & STRIDED, -2, 2, MW_SHAPE(p->B, p->S, width));
    int32_t *mask = malloc(sizeof *mask * (size_t)(p->B * p->S + 1));
    for (int64_t i = 0; i < p->B * p->S; i++)
        mask[i] = uniform(0, 1) < 0.7;
    mw_tensor *m = variant & MASKED ? mw_tensor_from_i32(c, MW_SHAPE(p->B, p->S), mask) : NULL;
    double scale = 1 / sqrt((double)p->D);
    double *y = calloc((size_t)(q.n + 1), sizeof *y),
           *all = calloc((size_t)(p->B * p->heads * p->T * p->S + 1), sizeof *all);
    for (int64_t b = 0; b < p->B; b++)
        for (int64_t h = 0; h < p->heads; h++)
            for (int64_t t = 0; t < p->T; t++) {
                double *row = all + ((b * p->heads + h) * p->T + t) * p->S;
                int64_t at = (b * p->T + t) * width + h * p->D, keys = b * p->S * width + h * p->D;
                probabilities(p, variant, q.v + at, k.v + keys, mask + b * p->S, t, scale, row);
                for (int64_t s = 0; s < p->S; s++)
                    for (int64_t d = 0; d < p->D; d++)
                        y[at + d] += row[s] * v.v[keys + s * width + d];
            }
    bool causal = variant & CAUSAL;
    double rounding = 1e-9 * (double)p->D; // of logits, which are sums of D products
    assert_near(mw_attention(c, q.t, k.t, v.t, p->heads, scale, causal, m), MW_SHAPE(p->B, p->T, width), y,
                3e-6 + rounding);
    mw_tensor *probs = mw_attention_probs(c, q.t, k.t, p->heads, scale, causal, m);
    assert_near(probs, MW_SHAPE(p->B, p->heads, p->T, p->S), all, 2e-6 + rounding);
    free(q.v);
    free(k.v);
    free(v.v);
    free(mask);
    free(y);
    free(all);
}

static void attention_agrees(void **state)
{
    (void)state;
    for (int i = 0; i < COUNT(problems); i++)
        for (int variant = 0; variant < VARIANTS; variant++)
            check(&problems[i], variant);
}

// q, k and v as slices of one fused tensor: rows lie 3 * H * D apart.
static void fused_projections(void **state)
{
    (void)state;
    enum { T = 50, H = 2, D = 20, N = H * D };
    sample x = random_sample(MW_F32, false, -1, 1, MW_SHAPE(1, T, 3 * N));
    mw_tensor *part[3], *copy[3];
    for (int i = 0; i < 3; i++) {
        part[i] = mw_slice(c, x.t, 2, i * N, N);
        copy[i] = mw_contiguous(c, part[i]);
    }
    float a[T * N], b[T * N];
    mw_tensor_read_f32(c, mw_attention(c, part[0], part[1], part[2], H, 0.2, false, NULL), a);
    mw_tensor_read_f32(c, mw_attention(c, copy[0], copy[1], copy[2], H, 0.2, false, NULL), b);
    assert_string_equal(mw_errmsg(c), "");
    assert_memory_equal(a, b, sizeof a);
    free(x.v);
}

// Logits far apart: everything but the largest vanishes, nothing overflows.
static void large_logits(void **state)
{
    (void)state;
    mw_tensor *q = tensor_of(MW_SHAPE(1, 1, 1), (float[]){1000});
    mw_tensor *k = tensor_of(MW_SHAPE(1, 3, 1), (float[]){-1000, 1000, 999});
    mw_tensor *v = tensor_of(MW_SHAPE(1, 3, 1), (float[]){1, 2, 3});
    assert_near(mw_attention(c, q, k, v, 1, 1, false, NULL), MW_SHAPE(1, 1, 1), (double[]){2}, 1e-6);
    assert_near(mw_attention_probs(c, q, k, 1, 1, false, NULL), MW_SHAPE(1, 1, 1, 3), (double[]){0, 1, 0},
                1e-6);
}

// A head that the CPU family's local memory cannot hold.
static void very_wide_heads(void **state)
{
    (void)state;
    enum { LEAST_QUERIES = 24 }; // of an item: two rows of each lie in local memory
    int64_t wide = (int64_t)(mw_device_caps(c)->local_bytes / (2 * LEAST_QUERIES * sizeof(float))) + 1;
    check(&(problem){1, 3, 5, wide, 1}, MASKED);
}

static void wrong_shapes(void **state)
{
    (void)state;
    mw_tensor *q = tensor_of(MW_SHAPE(1, 2, 3), (float[]){1, 2, 3, 4, 5, 6}),
              *k = tensor_of(MW_SHAPE(1, 1, 2), (float[]){1, 2});
    assert_error(mw_attention(c, q, k, k, 1, 1, false, NULL),
                 "k must be [1,S,3] in f32 or f16, got [1,1,2] f32");
    assert_error(mw_attention(c, q, q, q, 2, 1, false, NULL), "3 columns cannot be cut into 2 heads");
    assert_error(mw_attention(c, q, q, q, 3, 1, false, k), "key_mask must be [1,2] i32");
    assert_error(mw_attention_probs(c, k, q, 1, 1, false, NULL), "k must be [1,S,2]");
    assert_error(mw_grouped_attention(c, q, k, k, 3, 2, 1, 0), "3 heads cannot share 2 of keys");
    assert_error(mw_grouped_attention(c, q, k, k, 3, 1, 1, 0), "k must be [1,S,1]");
}

// Heads that share keys, windows, and more keys than queries; few queries go another way.
static void grouped_attention_agrees(void **state)
{
    (void)state;
    static const struct {
        int64_t B, T, S, D;
        int heads, kv_heads, window;
    } cases[] = {
        {1, 1, 1, 8, 4, 2, 0},      {2, 1, 77, 24, 6, 2, 0},   {1, 1, 1500, 64, 3, 1, 0},
        {1, 1, 1500, 6, 4, 4, 700}, {2, 3, 200, 20, 4, 2, 5},  {1, 8, 130, 16, 4, 1, 0},
        {2, 70, 70, 24, 4, 2, 0},   {1, 65, 300, 16, 3, 1, 8}, {1, 140, 420, 16, 2, 1, 100},
        {1, 5, 5, 8, 2, 2, 1},      {1, 9, 9, 6, 4, 2, 3},
    };
    for (int n = 0; n < 2 * COUNT(cases); n++) {
        int64_t B = cases[n / 2].B, T = cases[n / 2].T, S = cases[n / 2].S, D = cases[n / 2].D;
        int H = cases[n / 2].heads, G = cases[n / 2].kv_heads, window = cases[n / 2].window;
        mw_dtype dtype = n % 2 ? MW_F16 : MW_F32;
        sample q = random_sample(MW_F32, n % 4 > 1, -2, 2, MW_SHAPE(B, T, H * D));
        sample k = random_sample(dtype, n % 4 > 1, -2, 2, MW_SHAPE(B, S, G * D));
        sample v = random_sample(dtype, false, -2, 2, MW_SHAPE(B, S, G * D));
        double *y = calloc((size_t)q.n, sizeof *y), *p = calloc((size_t)S, sizeof *p);
        for (int64_t b = 0; b < B; b++)
            for (int64_t h = 0; h < H; h++)
                for (int64_t t = 0; t < T; t++) {
                    int64_t at = ((b * T + t) * H + h) * D, own = t + S - T, g = h / (H / G);
                    double sum = 0;
                    for (int64_t s = 0; s < S; s++) {
                        double x = 0;
                        for (int64_t d = 0; d < D; d++)
                            x += q.v[at + d] * k.v[((b * S + s) * G + g) * D + d];
                        p[s] = s > own || (window && s <= own - window) ? 0 : exp(0.3 * x);
                        sum += p[s];
                    }
                    for (int64_t s = 0; s < S; s++)
                        for (int64_t d = 0; d < D; d++)
                            y[at + d] += p[s] / sum * v.v[((b * S + s) * G + g) * D + d];
                }
        assert_near(mw_grouped_attention(c, q.t, k.t, v.t, H, G, 0.3, window), MW_SHAPE(B, T, H * D), y,
                    4e-6);
        free(q.v);
        free(k.v);
        free(v.v);
        free(y);
        free(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(attention_agrees), TEST(grouped_attention_agrees), TEST(fused_projections), TEST(large_logits),
        TEST(wrong_shapes),
    };
    const struct CMUnitTest wide[] = {TEST(very_wide_heads)};
    static const char cpu[] = "attention:attention attention:attention_pack attention:attention_probs "
                              "attention_few:attention_few attention_few:attention_join";
    static const char gpu[] =
        "attention_gpu:attention attention_gpu:attention_probs attention_few:attention_few "
        "attention_few:attention_join";
    static const char gpu_wide[] = "attention_gpu:attention attention_gpu:attention_probs";
    int failed = RUN_FAMILIES(cpu, gpu, tests);
    return failed + RUN_FAMILIES(gpu_wide, gpu_wide, wide);
}
