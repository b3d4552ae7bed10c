// test_ggml_blocks.c: blocks of weights to f32 and back, against ggml's own bits.
#include "tests/core/manifest.h"

#include "core/base/ggml_blocks.h"
#include "core/io/safetensors.h"

#define GOLDEN "tests/golden/gguf/"

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

static mw_ggml_type type_named(const char *name)
{
    for (uint32_t i = 0; i < 64; i++)
        if (mw_ggml_type_facts(i) && !strcasecmp(mw_ggml_type_facts(i)->name, name))
            return (mw_ggml_type)i;
    fail_msg("no type %s", name);
    return 0;
}

static void blocks_decode_to_the_same_bits(void **state)
{
    (void)state;
    mw_st *in = mw_st_open(c, GOLDEN "blocks/inputs.safetensors");
    mw_st *out = mw_st_open(c, GOLDEN "blocks/expected.safetensors");
    size_t n = 0;
    for (const mw_st_entry *e; (e = mw_st_at(in, n)); n++) {
        mw_ggml_type type = type_named(e->name);
        const mw_ggml_facts *f = mw_ggml_type_facts(type);
        const mw_st_entry *want = mw_st_find(out, e->name);
        assert_true(f->decodes);
        assert_int_equal(want->count / f->block * f->bytes, e->bytes);
        float *got = malloc(want->bytes);
        mw_ggml_decode(type, e->data, got, want->count);
        if (memcmp(got, want->data, want->bytes))
            fail_msg("%s: other bits", e->name);
        free(got);
    }
    assert_int_equal(n, 14);
    mw_st_close(in);
    mw_st_close(out);
}

static void f32_to_the_same_blocks(void **state)
{
    (void)state;
    mw_st *in = mw_st_open(c, GOLDEN "quantize/inputs.safetensors");
    mw_st *out = mw_st_open(c, GOLDEN "quantize/expected.safetensors");
    const mw_st_entry *x = mw_st_find(in, "x");
    size_t n = 0;
    for (const mw_st_entry *e; (e = mw_st_at(out, n)); n++) {
        mw_ggml_type type = type_named(e->name);
        float *from = malloc(x->bytes);
        uint8_t *got = malloc(e->bytes);
        memcpy(from, x->data, x->bytes);
        assert_true(mw_ggml_type_facts(type)->encodes);
        mw_ggml_encode(type, from, got, x->count);
        if (memcmp(got, e->data, e->bytes))
            fail_msg("%s: other bytes", e->name);
        free(from);
        free(got);
    }
    assert_int_equal(n, 7);
    mw_st_close(in);
    mw_st_close(out);
}

// Rows of a head: i of the first half lies at 2i, i of the second at 2i + 1.
static void rows_of_heads_are_found(void **state)
{
    (void)state;
    uint8_t data[8] = {0, 1, 2, 3, 4, 5, 6, 7};
    const uint8_t order[8] = {0, 2, 1, 3, 4, 6, 5, 7};
    mw_block_rows b = {MW_GGML_I8, 8, 1, 1, data, 4};
    for (int64_t i = 0; i < 8; i++)
        assert_int_equal(*mw_block_row(&b, i), order[i]);
    b.group = 0;
    for (int64_t i = 0; i < 8; i++)
        assert_int_equal(*mw_block_row(&b, i), i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_decode_to_the_same_bits),
        cmocka_unit_test(f32_to_the_same_blocks),
        cmocka_unit_test(rows_of_heads_are_found),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
