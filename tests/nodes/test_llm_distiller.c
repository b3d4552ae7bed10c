// test_llm_distiller.c: states of language models and what is pooled of them, against the goldens; the layer
// that resizes.
#include "tests/core/manifest.h"

#include "core/cl/device.h"
#include "core/io/safetensors.h"
#include "nodes/nets/llm/hidden.h"
#include "nodes/nets/llm/vector_resize.h"

#include <math.h>

#define GOLDEN "tests/golden/llama/mistral_window/"
enum { TEXTS = 3 };

static mw_ctx *c;
static mw_llm_local *m;
static mw_st *expected;
static mw_llm_ids ids[TEXTS];

static int set_up(void **state)
{
    (void)state;
    c = mw_ctx_new();
    c->log_level = MW_LOG_ERROR;
    if (mw_device_open(c, NULL, 0, false) != MW_OK)
        return -1;
    m = (mw_llm_local *)mw_llm_local_open(c, &(mw_llm_local_options){GOLDEN "model", "golden", 0, MW_F32});
    expected = mw_st_open(c, GOLDEN "expected.safetensors");
    json_t *k = mw_json_load(c, GOLDEN "case.json"), *params = json_object_get(k, "params");
    for (size_t i = 0; m && i < TEXTS; i++) {
        mw_llm_request r = mw_llm_request_default();
        r.prompt = json_string_value(json_array_get(json_object_get(params, "prompts"), i));
        mw_llm_local_encode(c, m, &r, &ids[i]);
    }
    json_decref(k);
    return mw_err(c) == MW_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    for (int i = 0; i < TEXTS; i++)
        mw_llm_ids_free(&ids[i]);
    mw_st_close(expected);
    mw_object_release(&m->base.object);
    mw_device_close(c);
    mw_ctx_free(c);
    return mw_live_tensors() == 0 ? 0 : -1;
}

// The expected values of a text's tensor; free() them.
static float *wanted(int text, const char *what, const mw_st_entry **e)
{
    char name[40];
    snprintf(name, sizeof name, "s%d.%s", text, what);
    *e = mw_st_find(expected, name);
    assert_non_null(*e);
    float *v = malloc((size_t)(*e)->count * sizeof *v);
    assert_int_equal(mw_st_read_f32(c, *e, v), MW_OK);
    return v;
}

static void near(const float *got, const float *want, int64_t n, float most)
{
    for (int64_t i = 0; i < n; i++)
        if (!(fabsf(got[i] - want[i]) <= most))
            fail_msg("value %lld is %g instead of %g", (long long)i, (double)got[i], (double)want[i]);
}

static float *states(int layer, mw_llm_pool pool, const mw_llm_ids *texts, size_t n, int64_t rows)
{
    float *v = malloc((size_t)(rows * m->network.config.width) * sizeof *v);
    mw_scope_begin(c);
    mw_tensor *t = mw_llm_hidden(c, m, layer, pool, texts, n);
    assert_non_null(t);
    assert_int_equal(t->shape[0], rows);
    assert_int_equal(mw_tensor_read_f32(c, t, v), MW_OK);
    mw_scope_end(c, NULL);
    return v;
}

static void states_of_each_layer(void **state)
{
    (void)state;
    const mw_st_entry *e;
    for (int s = 0; s < TEXTS; s++) {
        float *want = wanted(s, "layer_out", &e), *final = wanted(s, "final_norm", &e);
        int64_t rows = (int64_t)ids[s].n, width = m->network.config.width;
        for (int layer = 0; layer < m->network.config.layers; layer++) {
            float *got = states(layer, MW_POOL_NONE, &ids[s], 1, rows);
            near(got, want + layer * rows * width, rows * width, 5e-4f);
            free(got);
        }
        float *got = states(MW_HIDDEN_FINAL, MW_POOL_NONE, &ids[s], 1, rows);
        near(got, final, rows * width, 2e-4f);
        free(got);
        free(want);
        free(final);
    }
}

// Three texts of different lengths together: each is pooled over its own tokens.
static void pooled(void **state)
{
    (void)state;
    const mw_st_entry *e;
    const int layer = 1;
    int64_t width = m->network.config.width;
    assert_true(m->network.config.layers > layer);
    float *mean = states(layer, MW_POOL_MEAN, ids, TEXTS, TEXTS),
          *last = states(layer, MW_POOL_LAST, ids, TEXTS, TEXTS);
    float *final = states(MW_HIDDEN_FINAL, MW_POOL_LAST, ids, TEXTS, TEXTS);
    for (int s = 0; s < TEXTS; s++) {
        int64_t rows = (int64_t)ids[s].n;
        float *all = wanted(s, "layer_out", &e), *norm = wanted(s, "final_norm", &e);
        float *want = calloc((size_t)width, sizeof *want), *of_layer = all + layer * rows * width;
        for (int64_t t = 0; t < rows; t++)
            for (int64_t i = 0; i < width; i++)
                want[i] += of_layer[t * width + i] / (float)rows;
        near(mean + s * width, want, width, 5e-4f);
        near(last + s * width, of_layer + (rows - 1) * width, width, 5e-4f);
        near(final + s * width, norm + (rows - 1) * width, width, 2e-4f);
        free(want);
        free(all);
        free(norm);
    }
    free(mean);
    free(last);
    free(final);
}

// The rows of the embedding's table.
static void in_front_of_all_blocks(void **state)
{
    (void)state;
    mw_st *st = mw_st_open(c, GOLDEN "model/model.safetensors");
    const mw_st_entry *e = mw_st_find(st, "model.embed_tokens.weight");
    float *table = malloc((size_t)e->count * sizeof *table);
    int64_t width = m->network.config.width;
    assert_int_equal(mw_st_read_f32(c, e, table), MW_OK);
    float *got = states(MW_HIDDEN_EMBEDDING, MW_POOL_NONE, &ids[1], 1, (int64_t)ids[1].n);
    for (size_t t = 0; t < ids[1].n; t++)
        near(got + (int64_t)t * width, table + ids[1].id[t] * width, width, 0);
    free(got);
    free(table);
    mw_st_close(st);
}

// torch 2: manual_seed(7); l = nn.Linear(40, 24); l(arange(40) / 10 - 2)[:4]
static void resized_as_torch_draws(void **state)
{
    (void)state;
    const float want[4] = {0.4948389530181885f, -0.05755281448364258f, -0.2271701842546463f,
                           0.12767556309700012f};
    float x[40], got[24];
    for (int i = 0; i < 40; i++)
        x[i] = (float)i / 10 - 2;
    mw_scope_begin(c);
    mw_tensor *y = mw_vector_resize(c, mw_tensor_from_f32(c, MW_F32, MW_SHAPE(1, 40), x), 24, 7);
    assert_int_equal(mw_tensor_read_f32(c, y, got), MW_OK);
    mw_scope_end(c, NULL);
    near(got, want, 4, 1e-6f);
}

static void refused_resize(const char *path, int64_t from, int64_t to, const char *words)
{
    mw_scope_begin(c);
    assert_null(mw_vector_resize_by(c, mw_full(c, MW_F32, MW_SHAPE(1, from), 1), to, path));
    mw_scope_end(c, NULL);
    if (mw_err(c) != MW_E_FILE || !strstr(mw_errmsg(c), words))
        fail_msg("'%s' is not in: %s", words, mw_errmsg(c));
    mw_err_clear(c);
}

static void resized_by_a_file(void **state)
{
    (void)state;
    char *folder = scratch_make(), *path = mw_path_join(c, folder, "r.safetensors");
    const float weight[6] = {1, 0, 0, 0, 2, 1}, bias[2] = {10, -10}, x[3] = {1, 2, 3};
    float got[2];
    mw_st_out out[] = {{"llm_resize.fc.weight", MW_ST_F32, 2, (int64_t[]){2, 3}, weight},
                       {"llm_resize.fc.bias", MW_ST_F32, 1, (int64_t[]){2}, bias}};
    assert_int_equal(mw_st_write(c, path, out, 2, NULL), MW_OK);
    mw_scope_begin(c);
    mw_tensor *y = mw_vector_resize_by(c, mw_tensor_from_f32(c, MW_F32, MW_SHAPE(1, 3), x), 2, path);
    assert_int_equal(mw_tensor_read_f32(c, y, got), MW_OK);
    mw_scope_end(c, NULL);
    assert_true(got[0] == 11 && got[1] == -3);
    refused_resize(path, 4, 0, "takes vectors of 3, the language model's are of 4");
    refused_resize(path, 3, 5, "makes vectors of 2, not of 'width' 5");
    assert_int_equal(mw_st_write(c, path, out, 1, NULL), MW_OK);
    refused_resize(path, 3, 0, "'llm_resize.fc.bias' [to] are expected");
    free(path);
    scratch_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_of_each_layer),   cmocka_unit_test(pooled),
        cmocka_unit_test(in_front_of_all_blocks), cmocka_unit_test(resized_as_torch_draws),
        cmocka_unit_test(resized_by_a_file),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
