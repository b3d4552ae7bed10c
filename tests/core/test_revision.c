// test_revision.c: results of what was changed in place since are not taken for results of now.
#include "core/graph/exec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static mw_ctx *c;
static mw_graph *g;
static mw_cache *cache;
static mw_exec *x;

// A model with one weight, which somebody may change.
typedef struct model {
    mw_object base;
    double weight;
    unsigned long revision;
} model;

static model *opened; // the last
static int openings, uses;

static void model_free(mw_object *o) { free(o); }
static unsigned long model_revision(const mw_object *o) { return ((const model *)o)->revision; }
static const mw_object_type model_type = {.name = "thing", .free = model_free, .revision = model_revision};

static mw_status open_run(mw_ctx *k, mw_value *const *i, mw_value **o)
{
    (void)i;
    opened = mw_alloc(k, sizeof *opened);
    opened->base.type = &model_type;
    atomic_init(&opened->base.refs, 1);
    opened->weight = 1;
    openings++;
    o[0] = mw_value_object(k, &opened->base);
    return mw_err(k);
}

static void set(model *m, double weight)
{
    m->weight = weight;
    m->revision = mw_revision_next();
}

static mw_status use_run(mw_ctx *k, mw_value *const *i, mw_value **o)
{
    const mw_value *given = mw_value_kind(i[0]) == MW_LIST ? mw_value_at(i[0], 0) : i[0];
    uses++;
    o[0] = mw_value_number(k, ((model *)mw_value_as_object(given))->weight);
    return mw_err(k);
}

// Trains what it is given.
static mw_status train_run(mw_ctx *k, mw_value *const *i, mw_value **o)
{
    set((model *)mw_value_as_object(i[0]), mw_value_as_number(i[1]));
    o[0] = mw_value_number(k, 0);
    return mw_err(k);
}

static const mw_port none[] = {{.name = NULL}};
static const mw_port in[] = {
    {.name = "model", .type = "thing", .doc = "a model"},
    {.name = "x", .type = "number", .def = "0", .doc = "a number"},
    {.name = NULL},
};
static const mw_out thing[] = {{.name = "model", .type = "thing", .doc = "it"}, {.name = NULL}};
static const mw_out number[] = {{.name = "y", .type = "number", .doc = "a number"}, {.name = NULL}};
#define NODE(what, inputs, outputs, more)                                                                    \
    {                                                                                                        \
        .name = #what, .version = 1, .flags = MW_NODE_HOST | (more), .doc = "Tests.", .in = inputs,          \
        .out = outputs, .run = what##_run                                                                    \
    }
static const mw_node_type open_type = NODE(open, none, thing, 0);
static const mw_node_type use_type = NODE(use, in, number, 0);
static const mw_node_type train_type = NODE(train, in, number, MW_NODE_IMPURE);

static int begin(void **state)
{
    (void)state;
    c = mw_ctx_new();
    g = mw_graph_new(c);
    cache = mw_cache_new(c, 1 << 20);
    x = mw_exec_new(c, g, cache, NULL);
    openings = uses = 0;
    return x ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    mw_exec_free(x);
    mw_graph_free(g);
    mw_cache_free(cache);
    mw_ctx_free(c);
    return 0;
}

static int add(const mw_node_type *t, mw_value *model_value, mw_value *number_value)
{
    mw_wiring w = {.where = "test.lua:7"};
    mw_value *args = mw_value_map(c);
    if (model_value)
        mw_value_set(c, args, "model", model_value);
    if (number_value)
        mw_value_set(c, args, "x", number_value);
    int id = mw_graph_add(c, g, t, args, &w);
    mw_value_release(args);
    return id;
}

static mw_value *out_of(int id) { return mw_link_value(c, id, 0); }

static double value_of(int id)
{
    if (mw_exec_run(c, x, &id, 1))
        fail_msg("%s", mw_errmsg(c));
    double v = mw_value_as_number(mw_exec_result(x, id, 0));
    mw_exec_let_go(x, id);
    return v;
}

static void a_changed_model_serves_no_earlier_result(void **state)
{
    (void)state;
    int use = add(&use_type, out_of(add(&open_type, NULL, NULL)), NULL);
    assert_true(value_of(use) == 1 && value_of(use) == 1);
    assert_int_equal(uses, 1);
    for (int i = 2; i < 4; i++) { // only the cache has the model now
        set(opened, i);
        assert_true(value_of(use) == i && value_of(use) == i);
        assert_int_equal(uses, i);
    }
    assert_int_equal(openings, 1);
}

// What was read again is as it was before; so are its results.
static void a_model_that_is_read_again_is_not_changed(void **state)
{
    (void)state;
    int use = add(&use_type, out_of(add(&open_type, NULL, NULL)), NULL);
    assert_true(value_of(use) == 1);
    set(opened, 2);
    assert_true(value_of(use) == 2);
    mw_exec_free(x);
    mw_cache_free(cache);
    cache = mw_cache_new(c, 1 << 20);
    x = mw_exec_new(c, g, cache, NULL);
    assert_true(value_of(use) == 1);
    assert_int_equal(openings, 2);
}

static void other_models_keep_their_results(void **state)
{
    (void)state;
    int first = add(&open_type, NULL, NULL);
    int use = add(&use_type, out_of(first), NULL);
    assert_true(value_of(use) == 1);
    model apart = {.base = {.type = &model_type}};
    set(&apart, 5);
    assert_true(value_of(use) == 1);
    assert_int_equal(uses, 1);
}

// A node changes the model, and the next of the same run is known by what it was before.
static void a_change_within_a_run_is_cached_as_nothing(void **state)
{
    (void)state;
    mw_exec_free(x);
    x = mw_exec_new(c, g, cache, &(mw_exec_options){.threads = 1});
    int first = add(&open_type, NULL, NULL), train = add(&train_type, out_of(first), mw_value_number(c, 7));
    int use = add(&use_type, out_of(first), NULL);
    int both[] = {train, use};
    assert_int_equal(mw_exec_run(c, x, both, 2), MW_OK);
    assert_true(mw_value_as_number(mw_exec_result(x, use, 0)) == 7);
    mw_exec_let_go(x, train);
    mw_exec_let_go(x, use);
    mw_cache_drop(cache, mw_graph_node(g, first)->key);
    assert_true(value_of(use) == 1); // of a model that was read again
    assert_int_equal(openings, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_changed_model_serves_no_earlier_result, begin, end),
        cmocka_unit_test_setup_teardown(a_model_that_is_read_again_is_not_changed, begin, end),
        cmocka_unit_test_setup_teardown(other_models_keep_their_results, begin, end),
        cmocka_unit_test_setup_teardown(a_change_within_a_run_is_cached_as_nothing, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
