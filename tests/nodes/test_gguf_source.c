// test_gguf_source.c: weights of GGUF files under transformers' names, against the same model in its own
// format.
#include "tests/core/manifest.h"

#include "core/io/gguf_write.h"
#include "core/io/safetensors.h"
#include "nodes/nets/llm/gguf_source.h"

#include <math.h>

#define MODEL "models/miniature/llm/"

static mw_ctx *c;

static int set_up(void **state)
{
    (void)state;
    c = mw_ctx_new();
    c->log_level = MW_LOG_ERROR;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mw_ctx_free(c);
    return 0;
}

static mw_weight_source open_source(const char *path)
{
    mw_weight_source s = {0};
    mw_gguf *g = mw_gguf_open(c, path);
    if (!g || mw_gguf_source(c, g, &s) != MW_OK)
        fail_msg("%s", mw_errmsg(c));
    return s;
}

// How far the source's values are from those of the entry, which must have its shape.
static float distance(const mw_weight_source *s, const mw_st_entry *e)
{
    int ndim;
    int64_t shape[4];
    if (!s->find(s->user, e->name, &ndim, shape))
        fail_msg("%s is missing", e->name);
    assert_int_equal(ndim, e->ndim);
    for (int i = 0; i < ndim; i++)
        assert_int_equal(shape[i], e->shape[i]);
    float *want = malloc(4 * (size_t)e->count), *got = malloc(4 * (size_t)e->count), most = 0;
    assert_int_equal(mw_st_read_f32(c, e, want), MW_OK);
    assert_int_equal(s->read_f32(c, s->user, e->name, got), MW_OK);
    for (int64_t i = 0; i < e->count; i++)
        most = fmaxf(most, fabsf(want[i] - got[i]));
    // Where they lie they are the same.
    mw_block_rows b;
    assert_int_equal(s->blocks(s->user, e->name, &b), ndim == 2);
    for (int64_t r = 0; ndim == 2 && r < shape[0]; r++) {
        assert_int_equal(b.columns, shape[1]);
        mw_ggml_decode(b.type, mw_block_row(&b, r), want, b.columns);
        assert_memory_equal(want, got + r * b.columns, 4 * (size_t)b.columns);
    }
    free(want);
    free(got);
    return most;
}

// Norms are f32 in the one and f16 in the other; matrices may be `matrices` away.
static void same_weights(const char *path, float matrices)
{
    mw_st *st = mw_st_open(c, MODEL "model.safetensors");
    mw_weight_source s = open_source(path);
    const mw_st_entry *e;
    size_t n = 0;
    for (; (e = mw_st_at(st, n)); n++) {
        float away = distance(&s, e), allowed = e->ndim == 1 ? 0x1p-10f : matrices;
        if (away > allowed)
            fail_msg("%s: %s is %g away", path, e->name, (double)away);
    }
    assert_int_equal(n, 39);
    for (size_t i = 0; i < n; i++)
        assert_non_null(mw_st_find(st, s.name_at(s.user, i)));
    assert_null(s.name_at(s.user, n));
    s.free(s.user);
    mw_st_close(st);
}

static void miniature(void **state)
{
    (void)state;
    same_weights(MODEL "miniature-f16.gguf", 0);
    same_weights(MODEL "miniature-q8_0.gguf", 0.01f);
}

static void values_as_they_lie(void **state)
{
    (void)state;
    mw_weight_source s = open_source(MODEL "miniature-f16.gguf");
    assert_non_null(s.stored(s.user, "model.layers.1.mlp.up_proj.weight", MW_F16));
    assert_null(s.stored(s.user, "model.layers.1.mlp.up_proj.weight", MW_F32));
    assert_null(s.stored(s.user, "model.layers.1.self_attn.q_proj.weight", MW_F16)); // its rows are reordered
    assert_non_null(s.stored(s.user, "model.norm.weight", MW_F32));
    bool coarse;
    assert_string_equal(s.stored_as(s.user, "model.layers.3.mlp.down_proj.weight", &coarse),
                        "blk.3.ffn_down.weight");
    assert_false(coarse);
    s.free(s.user);
}

// A file of one architecture with tensors of one number each; heads: of q and k.
static char *write_model(const char *folder, const char *architecture, const char *const *names, size_t n)
{
    static const float one[4] = {1, 2, 3, 4};
    char key[80], *path = mw_path_join(c, folder, "a.gguf");
    mw_gguf_out_tensor tensors[24] = {{0}};
    snprintf(key, sizeof key, "%s.attention.head_count", architecture);
    mw_gguf_out_value values[] = {{"general.architecture", MW_GGUF_TEXT, false, 1, &architecture},
                                  {MW_GGUF_ONE(key, MW_GGUF_U32, uint32_t, 1)}};
    for (size_t i = 0; i < n; i++)
        tensors[i] = (mw_gguf_out_tensor){names[i], MW_GGML_F32, 2, {4, 1}, one};
    assert_int_equal(mw_gguf_write(c, path, &(mw_gguf_out){values, 2, tensors, n}), MW_OK);
    return path;
}

// Stored names and what they are asked for, in turn.
static void names_are(const char *architecture, const char *const *pairs, size_t n)
{
    const char *stored[24];
    char *folder = scratch_make();
    for (size_t i = 0; i < n; i++)
        stored[i] = pairs[2 * i];
    char *path = write_model(folder, architecture, stored, n);
    mw_weight_source s = open_source(path);
    for (size_t i = 0; i < n; i++) {
        int ndim;
        int64_t shape[4];
        bool coarse;
        float v[4];
        if (!s.find(s.user, pairs[2 * i + 1], &ndim, shape))
            fail_msg("%s: %s is not known as %s", architecture, stored[i], pairs[2 * i + 1]);
        assert_string_equal(s.stored_as(s.user, pairs[2 * i + 1], &coarse), stored[i]);
        assert_int_equal(s.read_f32(c, s.user, pairs[2 * i + 1], v), MW_OK);
        const char *rest = strstr(pairs[2 * i + 1], ".layers.0.");
        if (rest) { // the same of a layer that is not there
            char *lacking = mw_format(c, "model.layers.7.%s", rest + strlen(".layers.0."));
            char *called = mw_format(c, "blk.7.%s", stored[i] + strlen("blk.0."));
            assert_string_equal(s.stored_as(s.user, lacking, &coarse), called);
            free(lacking);
            free(called);
        }
        bool turned =
            !strcmp(architecture, "llama") && (strstr(stored[i], "attn_q.") || strstr(stored[i], "attn_k."));
        assert_true(v[0] == 1 && v[1] == (turned ? 3 : 2) && v[3] == 4);
    }
    s.free(s.user);
    free(path);
    scratch_remove(folder);
}

#define NAMES(architecture, ...)                                                                             \
    do {                                                                                                     \
        const char *pairs[] = {__VA_ARGS__};                                                                 \
        names_are(architecture, pairs, sizeof pairs / sizeof *pairs / 2);                                    \
    } while (0)

static void names_of_each_family(void **state)
{
    (void)state;
    NAMES("llama", "token_embd.weight", "model.embed_tokens.weight", "output.weight", "lm_head.weight",
          "output_norm.weight", "model.norm.weight", "rope_freqs.weight", "rope_freqs.weight", //
          "blk.11.attn_q.weight", "model.layers.11.self_attn.q_proj.weight", "blk.0.attn_k.bias",
          "model.layers.0.self_attn.k_proj.bias", "blk.0.attn_v.bias", "model.layers.0.self_attn.v_proj.bias",
          "blk.0.attn_output.bias", "model.layers.0.self_attn.o_proj.bias", "blk.0.ffn_norm.weight",
          "model.layers.0.post_attention_layernorm.weight", "blk.0.attn_norm.weight",
          "model.layers.0.input_layernorm.weight", "blk.0.ffn_gate.weight",
          "model.layers.0.mlp.gate_proj.weight", "something.else", "something.else", "blk.0.odd.weight",
          "blk.0.odd.weight");
    NAMES("qwen3", "blk.2.attn_q.weight", "model.layers.2.self_attn.q_proj.weight",
          "blk.2.attn_q_norm.weight", "model.layers.2.self_attn.q_norm.weight", "blk.2.attn_k_norm.weight",
          "model.layers.2.self_attn.k_norm.weight", "blk.2.ffn_norm.weight",
          "model.layers.2.post_attention_layernorm.weight");
    NAMES("qwen2", "blk.2.attn_k.weight", "model.layers.2.self_attn.k_proj.weight", "blk.2.ffn_down.weight",
          "model.layers.2.mlp.down_proj.weight");
    NAMES("gemma3", "blk.0.ffn_norm.weight", "model.layers.0.pre_feedforward_layernorm.weight",
          "blk.0.post_attention_norm.weight", "model.layers.0.post_attention_layernorm.weight",
          "blk.0.post_ffw_norm.weight", "model.layers.0.post_feedforward_layernorm.weight",
          "blk.0.attn_q.weight", "model.layers.0.self_attn.q_proj.weight");
}

static void refuses(const char *architecture, const char *name, mw_ggml_type type, int64_t rows,
                    const char *words)
{
    static const uint8_t bytes[4096];
    char *folder = scratch_make(), *path = mw_path_join(c, folder, "a.gguf");
    mw_gguf_out_tensor t = {name, type, 2, {rows, 256}, bytes};
    mw_gguf_out_value values[] = {{"general.architecture", MW_GGUF_TEXT, false, 1, &architecture},
                                  {MW_GGUF_ONE("llama.attention.head_count", MW_GGUF_U32, uint32_t, 2)}};
    assert_int_equal(mw_gguf_write(c, path, &(mw_gguf_out){values, 2, &t, 1}), MW_OK);
    mw_weight_source s;
    assert_int_equal(mw_gguf_source(c, mw_gguf_open(c, path), &s), MW_E_FILE);
    if (!strstr(mw_errmsg(c), words) || !strstr(mw_errmsg(c), path))
        fail_msg("'%s' is not in: %s", words, mw_errmsg(c));
    mw_err_clear(c);
    free(path);
    scratch_remove(folder);
}

static void refused_by_name(void **state)
{
    (void)state;
    refuses("rwkv7", "a", MW_GGML_Q8_0, 1, "'general.architecture': \"rwkv7\" is not supported");
    refuses("llama", "blk.0.ffn_up.weight", (mw_ggml_type)19, 1,
            "tensor 'blk.0.ffn_up.weight': weights of the type IQ1_S are not supported");
    refuses("llama", "blk.0.attn_q.weight", MW_GGML_Q8_0, 6,
            "its 6 rows are no pairs of rows for each of 2 heads");
    refuses("llama", "blk.0.attn_q.weight", MW_GGML_Q8_0, 3, "its 3 rows are no pairs of rows");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(miniature),
        cmocka_unit_test(values_as_they_lie),
        cmocka_unit_test(names_of_each_family),
        cmocka_unit_test(refused_by_name),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
