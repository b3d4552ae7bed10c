// test_llm_split.c: a model that the device has no room for: layers stay in host memory, the answer is the
// same.
#include "tests/nodes/node_test.h"

#include "nodes/nets/llm/local.h"

enum { VOCAB = 1021 };
static float whole[VOCAB];

// The logits behind a prompt on a device whose pool holds `bytes`, the graph of GPUs: they get copies of
// weights that CPUs read where they lie. What is said of the layers into `said`.
static void logits_of(uint64_t bytes, float *logits, char said[256])
{
    int32_t ids[40];
    for (int i = 0; i < 40; i++)
        ids[i] = 3 + i * i % 1000;
    setenv("MOONWEAVE_FAMILY", "gpu", 1);
    warnings[0] = 0;
    assert_int_equal(open_device(bytes), 0);
    mw_llm_local_options o = {
        .path = "models/miniature/llm/miniature-q8_0.gguf", .name = "the model", .context = 64};
    mw_llm_local *m = (mw_llm_local *)mw_llm_local_open(c, &o);
    assert_non_null(m);
    for (int pass = 0; pass < 2; pass++) // what was brought over once is brought over again
        assert_int_equal(mw_llm_local_read(c, m, ids, 40, logits), MW_OK);
    assert_true(mw_device_memory(c).peak <= bytes);
    snprintf(said, 256, "%s", warnings);
    mw_object_release(&m->base.object);
    assert_int_equal(close_device(NULL), 0);
}

static void layers_in_host_memory(void **state)
{
    (void)state;
    static float v[VOCAB];
    char said[256];
    logits_of((uint64_t)1 << 30, whole, said);
    assert_string_equal(said, "");
    static const struct {
        uint64_t bytes;
        const char *said;
    } cases[] = {{3 << 20, "1 of 4 layers on the device"}, {5 << 19, "0 of 4 layers on the device"}};
    for (size_t i = 0; i < 2; i++) {
        logits_of(cases[i].bytes, v, said);
        assert_non_null(strstr(said, cases[i].said));
        assert_non_null(strstr(said, "stay in host memory"));
        assert_memory_equal(v, whole, sizeof v);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(layers_in_host_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
