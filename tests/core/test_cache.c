// test_cache.c: what the cache of results gives up when a device's memory is short.
#include "core/graph/cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static mw_ctx *c;
static int models;

static void model_free(mw_object *o)
{
    models--;
    free(o);
}

static size_t model_bytes(const mw_object *o, const struct mw_stream *s)
{
    (void)o;
    (void)s;
    return 1000;
}

static const mw_object_type model_type = {.name = "model", .free = model_free, .bytes = model_bytes};
static const mw_object_type plain_type = {.name = "plain", .free = model_free};

static void put(mw_cache *k, uint64_t key, mw_value *v)
{
    mw_cache_put(k, (mw_hash){.lo = key}, &v, 1);
    mw_value_release(v);
}

static mw_value *object(const mw_object_type *type)
{
    mw_object *o = calloc(1, sizeof *o);
    o->type = type;
    atomic_init(&o->refs, 1);
    models++;
    return mw_value_object(c, o);
}

static bool has(mw_cache *k, uint64_t key)
{
    mw_value *v = NULL;
    bool there = mw_cache_get(k, (mw_hash){.lo = key}, &v, 1);
    mw_value_release(v);
    return there;
}

static void tensors_go_before_models(void **state)
{
    (void)state;
    static const char text[10000];
    mw_cache *k = mw_cache_new(c, 1 << 20);
    mw_value *list = mw_value_list(c);
    mw_value_push(c, list, object(&model_type));
    mw_value_push(c, list, object(&model_type));
    put(k, 1, mw_value_text(c, text, sizeof text));
    put(k, 2, mw_value_number(c, 3));
    put(k, 3, object(&model_type));
    put(k, 4, list);
    put(k, 5, object(&plain_type));
    assert_true(mw_cache_trim(k, 1) >= sizeof text);
    assert_false(has(k, 1));
    assert_int_equal(models, 4);
    assert_int_equal(mw_cache_trim(k, 1), 3000);
    assert_int_equal(models, 1);
    assert_true(!has(k, 3) && !has(k, 4));
    assert_int_equal(mw_cache_trim(k, 1), 0);
    assert_true(has(k, 2) && has(k, 5));
    mw_cache_free(k);
    assert_int_equal(models, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(tensors_go_before_models)};
    c = mw_ctx_new();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    mw_ctx_free(c);
    return failed;
}
