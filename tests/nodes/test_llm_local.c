// test_llm_local.c: a language model that runs here: pieces of the answer, what is kept of a prompt, a stop.
#include "tests/nodes/node_test.h"

#include "nodes/nets/llm/local.h"

static mw_llm_local *model;

static int start(void **state)
{
    (void)state;
    mw_llm_local_options o = {.path = "models/miniature/llm", .name = "the miniature", .dtype = MW_F32};
    if (open_device(0))
        return -1;
    model = (mw_llm_local *)mw_llm_local_open(c, &o);
    return model ? 0 : -1;
}

static int stop(void **state)
{
    mw_object_release(&model->base.object);
    return close_device(state);
}

static const char caption[] = "Caption: two blue stars on a sandy beach\n";

static mw_llm_answer ask(const mw_llm_request *r)
{
    mw_llm_answer a = {0};
    assert_int_equal(mw_llm_complete(c, &model->base, r, &a), MW_OK);
    return a;
}

// ---- pieces

typedef struct {
    char text[4096];
    size_t length, pieces;
} heard;

static void hear(void *user, const char *utf8, size_t length)
{
    heard *h = user;
    memcpy(h->text + h->length, utf8, length);
    h->length += length;
    h->pieces++;
}

static void pieces_are_the_answer(void **state)
{
    (void)state;
    static const char *const stops[] = {"Background", "no such text"};
    for (size_t n = 0; n < 2; n++) {
        heard h = {.length = 0};
        mw_llm_request r = mw_llm_request_default();
        r.prompt = caption;
        r.stop = stops + 1 - n;
        r.n_stop = 1 + n;
        r.on_text = hear;
        r.user = &h;
        mw_llm_answer a = ask(&r);
        assert_int_equal(h.length, a.length);
        assert_memory_equal(h.text, a.text, a.length);
        assert_true(h.pieces > 10);
        assert_int_equal(a.reason, n ? MW_LLM_STOP : MW_LLM_END);
        assert_int_equal(strstr(a.text, "Background") == NULL, n);
        mw_llm_answer_free(&a);
    }
}

// ---- what is kept

enum { BLOCKS = 2, LONG = 600 }; // tokens of a prompt that is read in blocks of 256

static void logits_of(const int32_t *ids, float *logits)
{
    pthread_mutex_lock(&model->lock);
    assert_int_equal(mw_llm_local_read(c, model, ids, LONG, logits), MW_OK);
    pthread_mutex_unlock(&model->lock);
}

// The same prompt, and one that begins alike: nothing of the beginning is read again, and the bits are those
// of a model that never read anything.
static void a_beginning_is_read_once(void **state)
{
    (void)state;
    enum { VOCAB = 1021 };
    int32_t ids[LONG], other[LONG];
    static float first[VOCAB], again[VOCAB], alone[VOCAB];
    for (int i = 0; i < LONG; i++)
        other[i] = ids[i] = 3 + i * i % 1000;
    other[530] = 7;
    logits_of(ids, first);
    assert_int_equal(model->n_kept, BLOCKS * 256);
    assert_int_equal(mw_kv_cache_length(model->cache), LONG);
    double before = mw_device_products(c);
    logits_of(ids, again);
    double tail = mw_device_products(c) - before;
    assert_memory_equal(again, first, sizeof first);
    logits_of(other, again);
    assert_true(memcmp(again, first, sizeof first) != 0);
    mw_kv_cache_free(model->cache);
    model->cache = NULL;
    before = mw_device_products(c);
    logits_of(other, alone);
    assert_memory_equal(alone, again, sizeof alone);
    assert_true(mw_device_products(c) - before > 4 * tail);
}

// An answer in between changes nothing of a later one.
static void answers_do_not_follow_from_earlier_ones(void **state)
{
    (void)state;
    mw_llm_request r = mw_llm_request_default();
    r.prompt = caption;
    mw_llm_answer a = ask(&r);
    r.prompt = "Caption: a red ring\n";
    mw_llm_answer b = ask(&r);
    r.prompt = caption;
    mw_llm_answer again = ask(&r);
    assert_string_equal(again.text, a.text);
    assert_string_not_equal(b.text, a.text);
    mw_llm_answer_free(&a);
    mw_llm_answer_free(&b);
    mw_llm_answer_free(&again);
}

// ---- limits

static void stop_at_once(void *user, const char *utf8, size_t length)
{
    (void)utf8, (void)length;
    atomic_store(((mw_ctx *)user)->cancel, 1);
}

static void a_stop_is_heard_between_tokens(void **state)
{
    (void)state;
    mw_llm_request r = mw_llm_request_default();
    r.prompt = caption;
    r.on_text = stop_at_once;
    r.user = c;
    mw_llm_answer a = {0};
    assert_int_equal(mw_llm_complete(c, &model->base, &r, &a), MW_E_CANCEL);
    assert_in_range(a.n_ids, 1, 3);
    mw_llm_answer_free(&a);
    atomic_store(c->cancel, 0);
    mw_err_clear(c);
}

static void a_grammar_is_kept_to(void **state)
{
    (void)state;
    mw_grammar *layout = mw_grammar_layout(c, (const int[]){512, 512}, NULL, 0);
    mw_llm_request r = mw_llm_request_default();
    r.prompt = "to be or not";
    r.grammar = layout;
    r.temperature = 1.5;
    r.seeded = true;
    for (r.seed = 1; r.seed < 4; r.seed++) {
        mw_llm_answer a = ask(&r);
        mw_grammar_state s;
        mw_grammar_begin(&s);
        for (size_t i = 0; i < a.length; i++)
            assert_true(mw_grammar_step(layout, &s, (uint8_t)a.text[i]));
        assert_true(mw_grammar_may_end(&s));
        mw_llm_answer_free(&a);
    }
    mw_grammar_free(layout);
}

static void a_conversation_needs_a_template(void **state)
{
    (void)state;
    mw_llm_message m = {"user", "hello"};
    mw_llm_request r = mw_llm_request_default();
    mw_llm_answer a;
    r.messages = &m;
    r.n_messages = 1;
    assert_int_equal(mw_llm_complete(c, &model->base, &r, &a), MW_E_ARG);
    assert_non_null(strstr(mw_errmsg(c), "the miniature has no chat template"));
    mw_err_clear(c);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(pieces_are_the_answer),
                                       TEST(a_beginning_is_read_once),
                                       TEST(answers_do_not_follow_from_earlier_ones),
                                       TEST(a_stop_is_heard_between_tokens),
                                       TEST(a_grammar_is_kept_to),
                                       TEST(a_conversation_needs_a_template)};
    return cmocka_run_group_tests(tests, start, stop);
}
