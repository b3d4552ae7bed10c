// blocks.c: weights in the blocks of files, in linear layers and embeddings, against rows that the host
// widens.
#include "tests/ops/harness.h"

#include "core/base/ggml_blocks.h"

typedef struct matrix {
    mw_block_rows b;
    uint8_t *bytes; // free()
    float *wide;    // its rows in the matrix's order; free()
    int done;       // how often they were given back
} matrix;

static const mw_ggml_type types[] = {MW_GGML_F32,  MW_GGML_F16,    MW_GGML_BF16,  MW_GGML_Q8_0,
                                     MW_GGML_Q4_0, MW_GGML_Q4_1,   MW_GGML_Q5_0,  MW_GGML_Q5_1,
                                     MW_GGML_Q2_K, MW_GGML_Q3_K,   MW_GGML_Q4_K,  MW_GGML_Q5_K,
                                     MW_GGML_Q6_K, MW_GGML_IQ4_NL, MW_GGML_IQ4_XS};

static void is_done(void *user) { ++*(int *)user; }

// Where in a block of a type its halves lie.
static int halves_of(mw_ggml_type type, int at[2])
{
    switch (type) {
    case MW_GGML_Q2_K: return at[0] = 80, at[1] = 82, 2;
    case MW_GGML_Q3_K: return at[0] = 108, 1;
    case MW_GGML_Q6_K: return at[0] = 208, 1;
    case MW_GGML_Q4_1:
    case MW_GGML_Q5_1:
    case MW_GGML_Q4_K:
    case MW_GGML_Q5_K: return at[0] = 0, at[1] = 2, 2;
    default: return at[0] = 0, 1;
    }
}

// Random bytes, with scales between 2^-11 and 2^-7 of either sign, one in eight of them 0 or below the normal
// range.
static void random_block(mw_ggml_type type, uint8_t *to, int bytes)
{
    int at[2] = {0, 0};
    for (int i = 0; i < bytes; i++)
        to[i] = (uint8_t)uniform(0, 256);
    for (int i = halves_of(type, at) - 1; i >= 0; i--) {
        uint16_t h = (uint16_t)uniform(0x1000, 0x2000);
        if (to[at[i]] % 8 == 0)
            h = to[at[i]] % 16 == 0 ? 0 : 0x0155;
        h |= (uint16_t)(to[at[i] + 1] & 0x80) << 8;
        memcpy(to + at[i], &h, sizeof h);
    }
}

static matrix random_matrix(mw_ggml_type type, int64_t rows, int64_t columns, int64_t group)
{
    const mw_ggml_facts *f = mw_ggml_type_facts(type);
    matrix m = {.b = {.type = type, .rows = rows, .columns = columns, .group = group}};
    m.b.row_bytes = (size_t)(columns / f->block * f->bytes);
    m.bytes = malloc(m.b.row_bytes * (size_t)rows);
    m.wide = malloc((size_t)(rows * columns) * sizeof *m.wide);
    m.b.data = m.bytes;
    for (int64_t i = 0; i < rows * columns / f->block; i++) {
        float v = (float)uniform(-1, 1);
        if (f->block > 1)
            random_block(type, m.bytes + i * f->bytes, f->bytes);
        else
            mw_ggml_encode(type, &v, m.bytes + i * f->bytes, 1);
    }
    for (int64_t r = 0; r < rows; r++)
        mw_ggml_decode(type, mw_block_row(&m.b, r), m.wide + r * columns, columns);
    return m;
}

static mw_tensor *weight_of(matrix *m) { return mw_weight_blocks(c, &m->b, is_done, &m->done); }

// The memory is given back once, when the scope has closed and the device is through.
static void end(matrix *m)
{
    while (c->scope)
        mw_scope_end(c, NULL);
    assert_int_equal(mw_device_finish(c), MW_OK);
    assert_int_equal(m->done, 1);
    free(m->bytes);
    free(m->wide);
    mw_scope_begin(c);
}

// Within the rounding of sums in f32: a share of the sum of what is added, without signs; f16 adds its own.
static void check_linear(matrix *w, mw_dtype dtype, int64_t m, bool extras, mw_activation act)
{
    int64_t n = w->b.rows, k = w->b.columns;
    sample x = random_sample(dtype, extras, -1, 1, 2, (int64_t[]){m, k});
    sample bias = random_sample(MW_F32, false, -1, 1, 1, (int64_t[]){n});
    sample residual = random_sample(dtype, extras, -1, 1, 2, (int64_t[]){m, n});
    mw_tensor *y = mw_linear(c, x.t, weight_of(w), extras ? bias.t : NULL, act, extras ? residual.t : NULL);
    float *got = malloc(sizeof *got * (size_t)(m * n));
    assert_string_equal(mw_errmsg(c), "");
    assert_true(y->dtype == dtype && y->ndim == 2 && y->shape[0] == m && y->shape[1] == n);
    assert_int_equal(mw_tensor_read_f32(c, y, got), MW_OK);
    for (int64_t i = 0; i < m * n; i++) {
        double sum = extras ? bias.v[i % n] : 0, size = 1;
        for (int64_t j = 0; j < k; j++) {
            double part = x.v[i / n * k + j] * (double)w->wide[i % n * k + j];
            sum += part;
            size += fabs(part);
        }
        sum = act == MW_ACT_SILU ? sum / (1 + exp(-sum)) : sum;
        sum += extras ? residual.v[i] : 0;
        if (!(fabs(got[i] - sum) <= 2e-6 * size + (dtype == MW_F16 ? fabs(sum) / 1024 : 0)))
            fail_msg("%s, element %lld: got %g, want %g", mw_ggml_type_facts(w->b.type)->name, (long long)i,
                     got[i], sum);
    }
    free(x.v), free(bias.v), free(residual.v), free(got);
}

static mw_tensor *random_sample_of(int ndim, const int64_t *shape)
{
    sample s = random_sample(MW_F32, false, -1, 1, ndim, shape);
    free(s.v);
    return s.t;
}

static int64_t columns_of(mw_ggml_type type, int64_t blocks)
{
    int block = mw_ggml_type_facts(type)->block;
    return block > 1 ? blocks * block : blocks * 32 + 13;
}

static void every_type_in_a_product_with_one_row(void **state)
{
    (void)state;
    for (int i = 0; i < COUNT(types); i++) {
        matrix w = random_matrix(types[i], 77, columns_of(types[i], 3), 0);
        check_linear(&w, MW_F32, 1, i % 2, i % 3 ? MW_ACT_NONE : MW_ACT_SILU);
        end(&w);
    }
}

static void every_type_in_a_product_with_many_rows(void **state)
{
    (void)state;
    for (int i = 0; i < COUNT(types); i++) {
        matrix w = random_matrix(types[i], 141, columns_of(types[i], 2), 0);
        check_linear(&w, MW_F32, 39, i % 2, i % 3 ? MW_ACT_NONE : MW_ACT_SILU);
        end(&w);
    }
}

static void numbers_of_rows(void **state)
{
    (void)state;
    static const int64_t sizes[][3] = {{2, 1, 32},   {3, 64, 288}, {8, 33, 1152},
                                       {9, 200, 64}, {40, 5, 640}, {300, 70, 96}};
    for (int i = 0; i < COUNT(sizes); i++)
        for (mw_dtype dtype = MW_F32; dtype <= MW_F16; dtype++) {
            matrix w = random_matrix(i % 2 ? MW_GGML_Q4_1 : MW_GGML_Q8_0, sizes[i][1], sizes[i][2], 0);
            check_linear(&w, dtype, sizes[i][0], true, MW_ACT_NONE);
            end(&w);
        }
}

static void rows_of_heads_are_put_in_order(void **state)
{
    (void)state;
    for (int64_t m = 1; m < 40; m += 19) {
        matrix w = random_matrix(MW_GGML_Q4_0, 48, 96, 8);
        check_linear(&w, MW_F32, m, true, MW_ACT_NONE);
        end(&w);
    }
}

static void assert_close(mw_tensor *got, mw_tensor *want)
{
    int64_t n = mw_numel(want);
    float *a = malloc(sizeof *a * (size_t)n), *b = malloc(sizeof *b * (size_t)n);
    assert_string_equal(mw_errmsg(c), "");
    assert_true(mw_same_shape(got, want));
    assert_int_equal(mw_tensor_read_f32(c, got, a) | mw_tensor_read_f32(c, want, b), MW_OK);
    for (int64_t i = 0; i < n; i++)
        if (!(fabsf(a[i] - b[i]) <= 1e-5f * (1 + fabsf(b[i]))))
            fail_msg("element %lld: %g, want %g", (long long)i, a[i], b[i]);
    free(a), free(b);
}

// Several weights of different types and sizes at once, behind a norm, and one behind a gate: as step by
// step.
static void norm_gate_and_products_at_once(void **state)
{
    (void)state;
    for (int64_t rows = 1; rows <= 11; rows += 5) {
        matrix w[3] = {random_matrix(MW_GGML_Q4_1, 96, 256, 32), random_matrix(MW_GGML_Q6_K, 33, 256, 0),
                       random_matrix(MW_GGML_Q8_0, 7, 256, 0)};
        mw_tensor *x = random_sample_of(MW_SHAPE(rows, 256)), *up = random_sample_of(MW_SHAPE(rows, 256));
        mw_tensor *gamma = random_sample_of(MW_SHAPE(256)), *residual = random_sample_of(MW_SHAPE(rows, 96));
        mw_tensor *t[3] = {weight_of(&w[0]), weight_of(&w[1]), weight_of(&w[2])}, *y[3];
        assert_int_equal(mw_linear_many(c, x, gamma, 1e-5, 3, t, y), MW_OK);
        mw_tensor *normed = mw_rms_norm(c, x, gamma, 1e-5);
        for (int i = 0; i < 3; i++)
            assert_close(y[i], mw_linear(c, normed, t[i], NULL, MW_ACT_NONE, NULL));
        assert_close(mw_linear_gated(c, x, up, MW_ACT_GELU_TANH, t[0], residual),
                     mw_linear(c, mw_glu(c, x, up, MW_ACT_GELU_TANH), t[0], NULL, MW_ACT_NONE, residual));
        mw_tensor *wrong = random_sample_of(MW_SHAPE(rows, 255));
        assert_error(mw_linear_gated(c, wrong, wrong, MW_ACT_SILU, t[0], NULL), "255");
        for (int i = 0; i < 3; i++)
            end(&w[i]);
    }
}

static void every_type_in_an_embedding(void **state)
{
    (void)state;
    static const int32_t ids[] = {3, 0, 8, 5, -1, 9, 3};
    for (int i = 0; i < COUNT(types); i++) {
        int64_t d = columns_of(types[i], 2);
        matrix w = random_matrix(types[i], 9, d, 0);
        double *want = malloc(sizeof *want * (size_t)(COUNT(ids) * d));
        for (int64_t j = 0; j < COUNT(ids) * d; j++) {
            int32_t id = ids[j / d];
            want[j] = id < 0 || id > 8 ? NAN : w.wide[id * d + j % d];
        }
        mw_tensor *t = mw_tensor_from_i32(c, MW_SHAPE(COUNT(ids)), ids);
        assert_near(mw_embedding(c, weight_of(&w), t, MW_F32), 2, (int64_t[]){COUNT(ids), d}, want, 3e-7);
        free(want);
        end(&w);
    }
}

static void mistakes_are_told(void **state)
{
    (void)state;
    matrix w = random_matrix(MW_GGML_Q8_0, 4, 32, 0);
    mw_block_rows wrong = w.b;
    wrong.row_bytes = 33;
    assert_null(mw_weight_blocks(c, &wrong, is_done, &w.done));
    assert_int_equal(mw_err(c), MW_E_SHAPE);
    mw_err_clear(c);
    wrong = (mw_block_rows){.type = MW_GGML_I32, .rows = 4, .columns = 32, .row_bytes = 128, .data = w.bytes};
    assert_null(mw_weight_blocks(c, &wrong, is_done, &w.done));
    assert_int_equal(mw_err(c), MW_E_ARG);
    mw_err_clear(c);
    assert_int_equal(w.done, 2);
    w.done = 0;
    assert_non_null(mw_weight_blocks(c, &w.b, NULL, NULL)); // nobody to be told
    mw_tensor *t = weight_of(&w);
    assert_null(mw_add(c, t, t));
    assert_int_equal(mw_err(c), MW_E_ARG);
    mw_err_clear(c);
    sample x = random_sample(MW_F32, false, -1, 1, 2, (int64_t[]){3, 31});
    assert_error(mw_linear(c, x.t, t, NULL, MW_ACT_NONE, NULL), "x is [3,31] f32");
    assert_null(mw_conv2d(c, mw_reshape(c, x.t, MW_SHAPE(1, 3, 31, 1)), t, NULL, 1, 0, 0, NULL));
    assert_int_not_equal(mw_err(c), MW_OK);
    mw_err_clear(c);
    free(x.v);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_type_in_a_product_with_one_row),
        TEST(every_type_in_a_product_with_many_rows),
        TEST(numbers_of_rows),
        TEST(rows_of_heads_are_put_in_order),
        TEST(every_type_in_an_embedding),
        TEST(norm_gate_and_products_at_once),
        TEST(mistakes_are_told),
    };
    return RUN_FAMILIES("blocks:few blocks:widen norm:layer_norm elementwise:glu pack:pack gemm:gemm",
                        "blocks:few blocks:widen norm:layer_norm elementwise:glu pack:pack gemm_gpu:gemm",
                        tests);
}
