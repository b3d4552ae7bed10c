// test_llm_network.c: a language model gives the same logits however a text is fed to it.
#include "tests/nodes/node_test.h"

#include "core/ops.h"
#include "nodes/nets/llm/llm_network.h"

enum { LENGTH = 40, MOST = 400 };

static mw_llm_network net;
static int32_t ids[MOST];

static void open_network(const char *path)
{
    assert_int_equal(mw_llm_network_open(c, path, MW_F32, &net), MW_OK);
    for (int i = 0; i < MOST; i++)
        ids[i] = (i * 37 + i * i) % net.config.vocab;
}

static float *logits_of(mw_llm_pass *p)
{
    assert_int_equal(mw_llm_forward(c, &net, p), MW_OK);
    float *v = malloc(sizeof *v * (size_t)mw_numel(p->logits));
    assert_int_equal(mw_tensor_read_f32(c, p->logits, v), MW_OK);
    return v;
}

// All rows' logits, `piece` tokens at a time through a cache; 0: at once, without one.
static float *in_pieces(int n, int piece)
{
    int64_t vocab = net.config.vocab;
    float *all = malloc(sizeof *all * (size_t)(n * vocab));
    mw_kv_cache *cache = piece ? mw_llm_cache(c, &net, 1, n) : NULL;
    for (int at = 0, count; at < n; at += count) {
        count = piece && piece < n - at ? piece : n - at;
        mw_scope_begin(c);
        mw_llm_pass p = {
            .batch = 1, .tokens = count, .ids = ids + at, .cache = cache, .blocks = -1, .want_logits = true};
        float *v = logits_of(&p);
        memcpy(all + at * vocab, v, sizeof *v * (size_t)(count * vocab));
        free(v);
        mw_scope_end(c, NULL);
    }
    mw_kv_cache_free(cache);
    return all;
}

static void assert_same(const float *a, const float *b, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (!(fabs((double)a[i] - (double)b[i]) <= 2e-4))
            fail_msg("value %lld: %g and %g", (long long)i, (double)a[i], (double)b[i]);
}

static void same_logits_in_pieces_of_any_size(void **state)
{
    (void)state;
    static const char *const models[] = {"tests/golden/llama/mistral_window/model",
                                         "tests/golden/llama/llama_tied/model",
                                         "tests/golden/gguf/llama_q4_k_mix/model.gguf"};
    for (size_t m = 0; m < sizeof models / sizeof *models; m++) {
        open_network(models[m]);
        float *whole = in_pieces(LENGTH, 0);
        static const int pieces[] = {1, 7, 12, LENGTH};
        for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
            float *v = in_pieces(LENGTH, pieces[i]);
            assert_same(v, whole, (int64_t)LENGTH * net.config.vocab);
            free(v);
        }
        free(whole);
        mw_llm_network_close(&net);
    }
}

// Past the first room that a cache takes, with windows and without.
static void a_cache_that_grows(void **state)
{
    (void)state;
    open_network("tests/golden/llama/mistral_window/model");
    float *whole = in_pieces(MOST, 0), *v = in_pieces(MOST, 90);
    assert_same(v, whole, (int64_t)MOST * net.config.vocab);
    free(whole);
    free(v);
    mw_llm_network_close(&net);
}

// Sequences of unequal lengths side by side, and the rows that are asked for.
static void a_padded_batch(void **state)
{
    (void)state;
    static const int lengths[] = {LENGTH, 3, 17};
    int32_t batch[3 * LENGTH] = {0}, rows[3];
    open_network("tests/golden/llama/llama3_gqa/model");
    for (int b = 0; b < 3; b++) {
        memcpy(batch + b * LENGTH, ids + b, sizeof *ids * (size_t)lengths[b]);
        rows[b] = b * LENGTH + lengths[b] - 1;
    }
    mw_llm_pass p = {.batch = 3,
                     .tokens = LENGTH,
                     .ids = batch,
                     .blocks = -1,
                     .rows = rows,
                     .n_rows = 3,
                     .want_logits = true};
    float *together = logits_of(&p);
    assert_int_equal(mw_dim(p.logits, 0), 3);
    for (int b = 0; b < 3; b++) {
        const int32_t last = lengths[b] - 1;
        mw_llm_pass one = {.batch = 1,
                           .tokens = lengths[b],
                           .ids = ids + b,
                           .blocks = -1,
                           .rows = &last,
                           .n_rows = 1,
                           .want_logits = true};
        float *alone = logits_of(&one);
        assert_same(together + b * net.config.vocab, alone, net.config.vocab);
        free(alone);
    }
    free(together);
    mw_llm_network_close(&net);
}

// The same positions again behind a part of them that is kept: the same bits.
static void a_prefix_is_used_again(void **state)
{
    (void)state;
    open_network("tests/golden/llama/llama3_gqa/model");
    mw_kv_cache *cache = mw_llm_cache(c, &net, 1, MOST);
    const int32_t last = 19;
    float *first = NULL;
    for (int again = 0; again < 2; again++) {
        mw_llm_pass p = {.batch = 1, .tokens = 20, .ids = ids, .cache = cache, .blocks = -1};
        if (!again)
            assert_int_equal(mw_llm_forward(c, &net, &p), MW_OK);
        mw_kv_cache_cut(cache, 20);
        p.ids = ids + 20;
        p.rows = &last;
        p.n_rows = 1;
        p.want_logits = true;
        float *v = logits_of(&p);
        assert_int_equal(mw_kv_cache_length(cache), 40);
        if (again)
            assert_memory_equal(v, first, sizeof *v * (size_t)net.config.vocab);
        free(first);
        first = v;
    }
    free(first);
    mw_kv_cache_free(cache);
    mw_llm_network_close(&net);
}

static void what_cannot_be_fed(void **state)
{
    (void)state;
    open_network("tests/golden/llama/llama3_gqa/model");
    int32_t wrong[2] = {1, net.config.vocab};
    mw_llm_pass p = {.batch = 1, .tokens = 2, .ids = wrong, .blocks = -1};
    assert_int_equal(mw_llm_forward(c, &net, &p), MW_E_ARG);
    assert_non_null(strstr(mw_errmsg(c), "token 320 at position 1 is not in 0..319"));
    mw_err_clear(c);
    mw_kv_cache *cache = mw_llm_cache(c, &net, 1, 1);
    p.ids = ids;
    p.cache = cache;
    assert_int_equal(mw_llm_forward(c, &net, &p), MW_E_ARG);
    assert_non_null(strstr(mw_errmsg(c), "2 positions are more than the 1 of the context"));
    mw_err_clear(c);
    mw_kv_cache_free(cache);
    mw_llm_network_close(&net);
}

static int start(void **state)
{
    (void)state;
    return open_device(0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(same_logits_in_pieces_of_any_size), TEST(a_cache_that_grows),
                                       TEST(a_padded_batch), TEST(a_prefix_is_used_again),
                                       TEST(what_cannot_be_fed)};
    return cmocka_run_group_tests(tests, start, close_device);
}
