// test_emit.c: values that nodes hand out while they run: texts all arrive, previews make room, nobody waits.
#include "core/base/clock.h"
#include "core/cl/device.h"
#include "core/graph/exec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { MANY = 200, SIDE = 4 };
static mw_ctx *c;
static mw_graph *g;
static mw_cache *cache;
static atomic_int runs, asked;

// ---- a node that writes a text and draws a picture

static const mw_port in[] = {
    {.name = "count", .type = "integer", .def = "200", .doc = "how many of each"},
    {.name = "fail", .type = "bool", .def = "false", .doc = "at the end"},
    {.name = "stray", .type = "bool", .def = "false", .doc = "hand out what is not declared"},
    {.name = NULL},
};
static const mw_out out[] = {{.name = "seconds", .type = "number", .doc = "it took"}, {.name = NULL}};
static const mw_out emits[] = {
    {.name = "token", .type = "text", .doc = "a word"},
    {.name = "preview", .type = "image", .doc = "[4,4,3] grey"},
    {.name = NULL},
};

static mw_value *picture(mw_ctx *k, int i)
{
    float grey[SIDE * SIDE * 3];
    for (int j = 0; j < SIDE * SIDE * 3; j++)
        grey[j] = (float)i;
    return mw_value_tensor(k, mw_tensor_from_f32(k, MW_F32, 3, (int64_t[]){SIDE, SIDE, 3}, grey));
}

static mw_status run(mw_ctx *k, mw_value *const *i, mw_value **o)
{
    double began = mw_seconds();
    atomic_fetch_add(&runs, 1);
    for (int n = 0; n < (int)mw_value_as_number(i[0]); n++) {
        char word[16];
        snprintf(word, sizeof word, "w%d ", n);
        mw_emit(k, "token", mw_value_text(k, word, strlen(word)));
        if (mw_listened(k, "preview")) {
            atomic_fetch_add(&asked, 1);
            mw_emit(k, "preview", picture(k, n));
        }
    }
    o[0] = mw_value_number(k, mw_seconds() - began);
    if (mw_value_as_bool(i[2]))
        mw_emit(k, "stray", mw_value_nil(k));
    return mw_value_as_bool(i[1]) ? mw_fail(k, MW_E_RUN, "it broke") : mw_err(k);
}
static const mw_node_type writer = {
    .name = "writer",
    .version = 1,
    .doc = "Writes.",
    .in = in,
    .out = out,
    .emits = emits,
    .run = run,
};

// ---- a listener

typedef struct heard {
    int texts, pictures, last, nap, wrong;
    const char *only;
} heard;

static bool wants(void *user, const char *type)
{
    const heard *h = user;
    return !h->only || !strcmp(h->only, type);
}

static void hear(void *user, mw_ctx *k, const mw_emission *e)
{
    heard *h = user;
    char word[16];
    float grey[SIDE * SIDE * 3];
    nanosleep(&(struct timespec){0, h->nap * 1000000L}, NULL);
    h->wrong += strcmp(e->node, "writer") != 0 || strcmp(e->where, "test.lua:7") != 0;
    if (!strcmp(e->name, "token")) {
        snprintf(word, sizeof word, "w%d ", h->texts++);
        h->wrong += strcmp(e->type, "text") != 0 || strcmp(mw_value_as_text(e->value), word) != 0;
    } else {
        h->wrong += strcmp(e->type, "image") != 0 ||
            mw_tensor_read_f32(k, mw_value_as_tensor(e->value), grey) != MW_OK || (int)grey[0] <= h->last;
        h->last = (int)grey[0];
        h->pictures++;
    }
}

static int add(int count, const char *flag)
{
    mw_wiring w = {.where = "test.lua:7"};
    mw_value *args = mw_value_map(c);
    mw_value_set(c, args, "count", mw_value_number(c, count));
    if (flag)
        mw_value_set(c, args, flag, mw_value_bool(c, true));
    int id = mw_graph_add(c, g, &writer, args, &w);
    mw_value_release(args);
    return id;
}

// Runs one writer; what its run() took, in seconds; -1 when it failed.
static double go(heard *h, int count, const char *flag)
{
    mw_exec_options o = {.listener = {wants, hear, h}};
    mw_exec *x = mw_exec_new(c, g, cache, h ? &o : NULL);
    int id = add(count, flag);
    double took = mw_exec_run(c, x, &id, 1) ? -1 : mw_value_as_number(mw_exec_result(x, id, 0));
    mw_exec_let_go(x, id);
    mw_exec_free(x);
    return took;
}

// ---- tests

static void texts_arrive_and_previews_make_room(void **s)
{
    (void)s;
    heard h = {.last = -1, .nap = 2};
    double took = go(&h, MANY, NULL);
    assert_int_equal(h.texts, MANY);
    assert_int_equal(h.wrong, 0);
    assert_int_equal(h.last, MANY - 1); // the newest, with its own numbers
    assert_true(h.pictures > 0 && h.pictures < MANY / 2);
    assert_true(took > 0 && took < MANY * 2 * 1e-3 / 2); // the listener took twice that at least
}

static void what_listens_is_no_part_of_the_key(void **s)
{
    (void)s;
    heard h = {.last = -1};
    assert_true(go(NULL, MANY, NULL) > 0);
    assert_int_equal(atomic_load(&asked), 0); // nobody listened: nothing was made
    assert_true(go(&h, MANY, NULL) > 0);
    assert_int_equal(atomic_load(&runs), 1); // from the cache, so that there was nothing to hear
    assert_int_equal(h.texts + h.pictures, 0);
}

static void only_what_is_wanted_is_made(void **s)
{
    (void)s;
    heard h = {.last = -1, .only = "text"};
    assert_true(go(&h, MANY, NULL) > 0);
    assert_int_equal(atomic_load(&asked), 0);
    assert_int_equal(h.texts, MANY);
    assert_int_equal(h.pictures, 0);
}

static void a_failed_run_was_heard_too(void **s)
{
    (void)s;
    heard h = {.last = -1, .nap = 1};
    assert_true(go(&h, MANY, "fail") < 0);
    assert_string_equal(mw_errmsg(c), "test.lua:7: writer: it broke");
    mw_err_clear(c);
    assert_int_equal(h.texts, MANY);
    assert_int_equal(h.wrong, 0);
    assert_true(h.pictures < MANY / 2);
}

static void names_are_declared(void **s)
{
    (void)s;
    assert_true(go(NULL, 1, "stray") < 0);
    assert_string_equal(mw_errmsg(c),
                        "test.lua:7: writer: it hands out no 'stray': its declaration says what it emits");
    mw_err_clear(c);
}

static int set_up(void **s)
{
    (void)s;
    c = mw_ctx_new();
    g = mw_graph_new(c);
    cache = mw_cache_new(c, 1 << 20);
    atomic_store(&runs, 0);
    atomic_store(&asked, 0);
    return mw_device_open(c, NULL, 0, false);
}

static int tear_down(void **s)
{
    (void)s;
    int pending = mw_err(c);
    mw_cache_free(cache);
    mw_graph_free(g);
    int left = mw_live_tensors() != 0;
    mw_device_close(c);
    mw_ctx_free(c);
    return pending || left;
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(texts_arrive_and_previews_make_room),
        T(what_listens_is_no_part_of_the_key),
        T(only_what_is_wanted_is_made),
        T(a_failed_run_was_heard_too),
        T(names_are_declared),
    };
    cmocka_set_message_output(CM_OUTPUT_STDOUT);
    return cmocka_run_group_tests_name("emit", tests, NULL, NULL);
}
