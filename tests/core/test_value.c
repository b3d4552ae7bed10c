// test_value.c: values, their JSON, and the checks of literals against ports.
#include "core/graph/schema.h"
#include "core/graph/value_json.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static mw_ctx *c;

static int set_up(void **s)
{
    (void)s;
    c = mw_ctx_new();
    return c ? 0 : -1;
}

static int tear_down(void **s)
{
    (void)s;
    mw_ctx_free(c);
    return 0;
}

static mw_value *parse(const char *json) { return mw_value_from_json(c, "test", json, strlen(json)); }

static void json_round_trip(void **s)
{
    (void)s;
    const char *const texts[] = {
        "null",
        "true",
        "-12",
        "0.1",
        "\"\\u03c9 = \\\"4\\\"\"",
        "[]",
        "[1,[2,{}],null]",
        "{\"b\":1,\"a\":[false]}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        mw_value *v = parse(texts[i]);
        assert_non_null(v);
        char *again = mw_value_to_json(c, v, 0);
        mw_value *w = parse(again);
        char *third = mw_value_to_json(c, w, 0);
        assert_string_equal(again, third);
        if (!strchr(texts[i], '\\'))
            assert_string_equal(again, texts[i]);
        free(again);
        free(third);
        mw_value_release(v);
        mw_value_release(w);
    }
}

static void json_refuses(void **s)
{
    (void)s;
    const char *const texts[] = {"", "{", "[1,]", "{\"a\":1,\"a\":2}", "nan", "\"\xff\"", "1e999", "[1] 2"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_null(parse(texts[i]));
        assert_int_equal(mw_err(c), MW_E_FILE);
        assert_non_null(strstr(mw_errmsg(c), "test: line"));
        mw_err_clear(c);
    }
}

static void maps_keep_order_and_replace(void **s)
{
    (void)s;
    mw_value *m = mw_value_map(c);
    char key[16];
    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof key, "k%d", i);
        mw_value_set(c, m, key, mw_value_number(c, i));
    }
    mw_value_set(c, m, "k500", mw_value_text(c, "x", 1));
    assert_int_equal(mw_value_count(m), 1000);
    assert_string_equal(mw_value_as_text(mw_value_get(m, "k500")), "x");
    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof key, "k%d", i);
        assert_string_equal(mw_value_key_at(m, (size_t)i), key);
        assert_ptr_equal(mw_value_get(m, key), mw_value_at(m, (size_t)i));
    }
    assert_null(mw_value_get(m, "k1000"));
    mw_value_release(m);
}

static void accessors_are_total(void **s)
{
    (void)s;
    assert_int_equal(mw_value_kind(NULL), MW_NIL);
    mw_value *t = mw_value_text(c, "a\0b", 3);
    assert_int_equal(mw_value_text_length(t), 3);
    assert_true(mw_value_as_number(t) == 0);
    assert_null(mw_value_as_tensor(t));
    assert_null(mw_value_at(t, 0));
    assert_string_equal(mw_value_key_at(t, 0), "");
    assert_int_equal(mw_value_push(c, t, mw_value_nil(c)), MW_E_ARG);
    mw_err_clear(c);
    mw_value_release(t);
    mw_value_release(NULL);
}

static const mw_port steps = {.name = "steps", .type = "integer", .min = 1, .max = 1000, .doc = "DDIM steps"};
static const mw_port strength = {.name = "strength", .type = "number", .max = 1, .doc = "share"};
static const mw_port sampler = {.name = "sampler",
                                .type = "choice",
                                .choices = "ddim|euler_ancestral=euler_a=Euler a|uni_pc",
                                .doc = "which one"};
static const mw_port prompt = {.name = "prompt", .type = "texts", .doc = "what to draw"};
static const mw_port unet = {.name = "model", .type = "unet", .doc = "the network"};

static void accepted(const mw_port *p, const char *json, const char *normal)
{
    mw_value *v = parse(json), *w = mw_port_check(c, p, v, NULL);
    assert_non_null(w);
    char *text = mw_value_to_json(c, w, 0);
    assert_string_equal(text, normal);
    free(text);
    mw_value_release(v);
    mw_value_release(w);
}

static void refused(const mw_port *p, const char *json, const char *sentence)
{
    mw_value *v = parse(json);
    assert_null(mw_port_check(c, p, v, NULL));
    assert_int_equal(mw_err(c), MW_E_SCRIPT);
    assert_string_equal(mw_errmsg(c), sentence);
    mw_err_clear(c);
    mw_value_release(v);
}

static void ports_check_literals(void **s)
{
    (void)s;
    accepted(&steps, "20", "20");
    refused(&steps, "0", "'steps' must be a whole number from 1 to 1000, got 0 (DDIM steps)");
    refused(&steps, "2.5", "'steps' must be a whole number from 1 to 1000, got 2.5 (DDIM steps)");
    refused(&steps, "\"20\"", "'steps' must be a whole number from 1 to 1000, got \"20\" (DDIM steps)");
    accepted(&strength, "1", "1");
    refused(&strength, "1.01", "'strength' must be a number from 0 to 1, got 1.01 (share)");
    accepted(&sampler, "\"Euler A\"", "\"euler_ancestral\"");
    refused(&sampler, "\"dim\"",
            "'sampler' must be one of ddim, euler_ancestral, uni_pc, got \"dim\" (did you mean 'ddim'?)");
    refused(&sampler, "\"zzzzzz\"",
            "'sampler' must be one of ddim, euler_ancestral, uni_pc, got \"zzzzzz\" (which one)");
    accepted(&prompt, "[\"a\",\"b\"]", "[\"a\",\"b\"]");
    refused(&prompt, "[\"a\",1]",
            "'prompt' must be a string or a list of strings, got a list of 2 (what to draw)");
    refused(&unet, "\"sd15\"", "'model' must be a unet, got \"sd15\" (the network)");
    mw_value *nan_value = mw_value_number(c, NAN);
    assert_null(mw_port_check(c, &strength, nan_value, NULL));
    mw_err_clear(c);
    mw_value_release(nan_value);
}

static void types_fit(void **s)
{
    (void)s;
    assert_true(mw_types_fit("latents", "latents"));
    assert_true(mw_types_fit("latents", "tensor"));
    assert_true(mw_types_fit("integer", "number"));
    assert_true(mw_types_fit("text", "texts"));
    assert_false(mw_types_fit("image", "latents"));
    assert_false(mw_types_fit("text", "number"));
    assert_false(mw_types_fit("unet", "vae"));
}

static void every_declaration_is_sound(void **s)
{
    (void)s;
    for (const mw_node_type *const *t = mw_node_types; *t; t++) {
        mw_schema *schema = mw_schema_new(c, *t);
        if (!schema)
            fail_msg("%s", mw_errmsg(c));
        assert_true(schema->nout > 0);
        mw_schema_free(schema);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_round_trip),
        cmocka_unit_test(json_refuses),
        cmocka_unit_test(maps_keep_order_and_replace),
        cmocka_unit_test(accessors_are_total),
        cmocka_unit_test(ports_check_literals),
        cmocka_unit_test(types_fit),
        cmocka_unit_test(every_declaration_is_sound),
    };
    cmocka_set_message_output(CM_OUTPUT_STDOUT);
    return cmocka_run_group_tests_name("value", tests, set_up, tear_down);
}
