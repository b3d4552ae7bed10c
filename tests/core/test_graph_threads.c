// test_graph_threads.c: the graph grows, and results are let go, by a node's own work while other nodes run:
// what a Lua function of a script does. The races are for ThreadSanitizer (make tsan); the rest shows in any
// build.
#include "core/graph/exec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { GROWN = 20000, BESIDE = 4000 };

static mw_ctx *c;
static mw_graph *g;
static mw_exec *x;
static int kept = MW_BROKEN; // a node whose result somebody holds until the script lets go of it

static const mw_port in[] = {
    {.name = "number", .type = "number", .def = "0", .doc = "added to"},
    {.name = "after", .type = "any", .def = "null", .doc = "what it waits for"},
    {.name = NULL},
};
static const mw_out out[] = {
    {.name = "number", .type = "number", .doc = "one more"},
    {.name = NULL},
};

static mw_status next_run(mw_ctx *k, mw_value *const *i, mw_value **o)
{
    o[0] = mw_value_number(k, mw_value_as_number(i[0]) + 1);
    return mw_err(k);
}
static const mw_node_type next = {
    .name = "next",
    .version = 1,
    .flags = MW_NODE_HOST | MW_NODE_IMPURE,
    .doc = "Adds one.",
    .in = in,
    .out = out,
    .run = next_run,
};

static int add(mw_ctx *k, const mw_node_type *t, mw_value *number, mw_value *after)
{
    mw_wiring w = {.where = "test.lua:7"};
    mw_value *args = mw_value_map(k);
    mw_value_set(k, args, "number", number);
    if (after)
        mw_value_set(k, args, "after", after);
    int id = mw_graph_add(k, g, t, args, &w);
    mw_value_release(args);
    return id;
}

static mw_value *whole(int id) { return mw_link_value(c, id, MW_WHOLE); }

static mw_status grow_run(mw_ctx *k, mw_value *const *i, mw_value **o)
{
    for (int n = 0; n < GROWN && !mw_err(k); n++)
        add(k, &next, mw_value_number(k, n), NULL);
    return next_run(k, i, o);
}
static const mw_node_type grow = {
    .name = "grow",
    .version = 1,
    .flags = MW_NODE_HOST | MW_NODE_IMPURE | MW_NODE_MAIN,
    .doc = "Adds nodes.",
    .in = in,
    .out = out,
    .run = grow_run,
};

static mw_status forget_run(mw_ctx *k, mw_value *const *i, mw_value **o)
{
    mw_exec_let_go(x, kept);
    return next_run(k, i, o);
}
static const mw_node_type forget = {
    .name = "forget",
    .version = 1,
    .flags = MW_NODE_HOST | MW_NODE_IMPURE | MW_NODE_MAIN,
    .doc = "Lets go.",
    .in = in,
    .out = out,
    .run = forget_run,
};

static int set_up(void **s)
{
    (void)s;
    c = mw_ctx_new();
    g = mw_graph_new(c);
    x = mw_exec_new(c, g, NULL, &(mw_exec_options){.threads = 3});
    return x ? 0 : -1;
}

static int tear_down(void **s)
{
    (void)s;
    mw_exec_free(x);
    mw_graph_free(g);
    mw_ctx_free(c);
    return 0;
}

static double value_of(int id)
{
    if (mw_exec_run(c, x, &id, 1))
        fail_msg("%s", mw_errmsg(c));
    double v = mw_value_as_number(mw_exec_result(x, id, 0));
    mw_exec_let_go(x, id);
    return v;
}

// Nodes are found where they were while others are added: ids, results and counts are all right afterwards.
static void a_graph_grows_while_it_runs(void **s)
{
    (void)s;
    mw_value *list = mw_value_list(c);
    for (int i = 0; i < BESIDE; i++)
        mw_value_push(c, list, whole(add(c, &next, whole(add(c, &next, mw_value_number(c, i), NULL)), NULL)));
    mw_value_push(c, list, whole(add(c, &grow, mw_value_number(c, 0), NULL)));
    int last = add(c, &next, mw_value_number(c, 1), list);
    const mw_gnode *first = mw_graph_node(g, 0);
    assert_true(value_of(last) == 2);
    assert_int_equal(mw_graph_count(g), 2 * BESIDE + 2 + GROWN);
    assert_ptr_equal(mw_graph_node(g, 0), first);
    assert_null(mw_graph_node(g, mw_graph_count(g)));
    assert_null(mw_graph_node(g, -1));
    for (int i = 0; i < GROWN; i += 997)
        assert_true(value_of(2 * BESIDE + 2 + i) == i + 1);
}

// What is let go of while a node still needs it stays until that has run.
static void what_a_run_needs_stays(void **s)
{
    (void)s;
    for (int n = 0; n < 50; n++) {
        kept = add(c, &next, mw_value_number(c, 41), NULL);
        assert_int_equal(mw_exec_run(c, x, &kept, 1), MW_OK);
        int lost = add(c, &forget, mw_value_number(c, 0), NULL);
        mw_value *list = mw_value_list(c);
        for (int i = 0; i < 20; i++)
            mw_value_push(c, list, whole(add(c, &next, whole(kept), i % 2 ? whole(lost) : NULL)));
        assert_true(value_of(add(c, &next, whole(kept), list)) == 43);
        assert_null(mw_exec_result(x, kept, 0)); // and goes then
    }
}

// A target that its own run lets go of is still the run's result.
static void a_target_stays(void **s)
{
    (void)s;
    kept = add(c, &next, mw_value_number(c, 1), NULL);
    assert_int_equal(mw_exec_run(c, x, &kept, 1), MW_OK);
    int targets[] = {add(c, &forget, mw_value_number(c, 0), NULL), kept};
    assert_int_equal(mw_exec_run(c, x, targets, 2), MW_OK);
    assert_true(mw_value_as_number(mw_exec_result(x, kept, 0)) == 2);
    mw_exec_let_go(x, kept);
    assert_null(mw_exec_result(x, kept, 0));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_graph_grows_while_it_runs),
        T(what_a_run_needs_stays),
        T(a_target_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
