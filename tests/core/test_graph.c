// test_graph.c: wiring, scheduling, caching, freeing, cancellation, side-by-side work.
// Long: wiring, running, keys and errors share its toy nodes.
#include "core/graph/exec.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static mw_ctx *c;
static mw_graph *g;
static mw_cache *cache;
static mw_exec *x;
static atomic_int runs, alive, most_alive;

// ---- nodes to test with

static const mw_port sum_in[] = {
    {.name = "a", .type = "number", .def = "0", .alias = "first|α", .doc = "first"},
    {.name = "b", .type = "number", .def = "0", .doc = "second"},
    {.name = "more", .type = "list", .def = "null", .doc = "further ones"},
    {.name = NULL},
};
static const mw_out sum_out[] = {
    {.name = "sum", .type = "number", .doc = "a + b"},
    {.name = "count", .type = "integer", .doc = "how many"},
    {.name = NULL},
};

static mw_status sum_run(mw_ctx *k, mw_value *const *i, mw_value **o)
{
    atomic_fetch_add(&runs, 1);
    double s = mw_value_as_number(i[0]) + mw_value_as_number(i[1]);
    size_t n = mw_value_count(i[2]);
    for (size_t j = 0; j < n; j++)
        s += mw_value_as_number(mw_value_at(i[2], j));
    o[0] = mw_value_number(k, s);
    o[1] = mw_value_number(k, 2 + (double)n);
    return mw_err(k);
}
static const mw_node_type sum = {
    .name = "sum",
    .version = 1,
    .flags = MW_NODE_HOST | MW_NODE_LITERAL,
    .doc = "Adds.",
    .in = sum_in,
    .out = sum_out,
    .run = sum_run,
};

static const mw_port nap_in[] = {
    {.name = "ms", .type = "integer", .def = "1", .max = 10000, .doc = "how long"},
    {.name = "after", .type = "any", .def = "null", .doc = "what it waits for"},
    {.name = NULL},
};
static const mw_out nap_out[] = {
    {.name = "done", .type = "number", .doc = "1"},
    {.name = NULL},
};

static mw_status nap_run(mw_ctx *k, mw_value *const *i, mw_value **o)
{
    int now = atomic_fetch_add(&alive, 1) + 1;
    if (now > atomic_load(&most_alive))
        atomic_store(&most_alive, now);
    int ms = (int)mw_value_as_number(i[0]);
    for (int t = 0; t < ms && mw_progress(k, t, ms); t++)
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    atomic_fetch_sub(&alive, 1);
    o[0] = mw_value_number(k, 1);
    return mw_err(k);
}
static const mw_node_type nap = {
    .name = "nap",
    .version = 1,
    .flags = MW_NODE_HOST | MW_NODE_IMPURE,
    .doc = "Sleeps.",
    .in = nap_in,
    .out = nap_out,
    .run = nap_run,
};

typedef struct thing {
    mw_object base;
} thing;
static atomic_int things;
static void thing_free(mw_object *o)
{
    atomic_fetch_sub(&things, 1);
    free(o);
}
static const mw_object_type thing_type = {.name = "thing", .free = thing_free};
static const mw_port thing_in[] = {
    {.name = "from", .type = "thing", .def = "null", .doc = "an earlier one"},
    {.name = "id", .type = "number", .def = "0", .doc = "to tell them apart"},
    {.name = NULL},
};
static const mw_out thing_out[] = {
    {.name = "thing", .type = "thing", .doc = "the thing"},
    {.name = NULL},
};
static mw_status thing_run(mw_ctx *k, mw_value *const *i, mw_value **o)
{
    (void)i;
    int now = atomic_fetch_add(&things, 1) + 1;
    if (now > atomic_load(&most_alive))
        atomic_store(&most_alive, now);
    thing *t = mw_alloc(k, sizeof *t);
    t->base.type = &thing_type;
    atomic_init(&t->base.refs, 1);
    o[0] = mw_value_object(k, &t->base);
    return mw_err(k);
}
static const mw_node_type make_thing = {
    .name = "make_thing",
    .version = 1,
    .flags = MW_NODE_HOST | MW_NODE_IMPURE,
    .doc = "Makes.",
    .in = thing_in,
    .out = thing_out,
    .run = thing_run,
};

// Needs all the memory there is: two at a time are one too many.
static mw_status hog_run(mw_ctx *k, mw_value *const *i, mw_value **o)
{
    (void)i;
    if (atomic_fetch_add(&alive, 1) > 0)
        mw_fail(k, MW_E_MEMORY, "two at a time");
    nanosleep(&(struct timespec){0, 5000000}, NULL);
    atomic_fetch_sub(&alive, 1);
    o[0] = mw_value_number(k, 1);
    atomic_fetch_add(&runs, mw_err(k) == MW_OK);
    return mw_err(k);
}
static const mw_node_type hog = {
    .name = "hog",
    .version = 1,
    .flags = MW_NODE_HOST | MW_NODE_IMPURE,
    .doc = "Takes all.",
    .in = nap_in,
    .out = nap_out,
    .run = hog_run,
};

static mw_status bad_run(mw_ctx *k, mw_value *const *i, mw_value **o)
{
    (void)i;
    o[0] = mw_value_number(k, 1);
    return mw_fail(k, MW_E_FILE, "no such luck");
}
static const mw_node_type bad = {
    .name = "bad",
    .version = 1,
    .flags = MW_NODE_HOST,
    .doc = "Fails.",
    .in = nap_in,
    .out = nap_out,
    .run = bad_run,
};

// ---- helpers

static int set_up(void **s)
{
    (void)s;
    c = mw_ctx_new();
    g = mw_graph_new(c);
    cache = mw_cache_new(c, 1 << 20);
    x = mw_exec_new(c, g, cache, NULL);
    runs = alive = most_alive = things = 0;
    return x ? 0 : -1;
}

static int tear_down(void **s)
{
    (void)s;
    mw_exec_free(x);
    mw_graph_free(g);
    mw_cache_free(cache);
    int left = atomic_load(&things);
    mw_ctx_free(c);
    return left;
}

static int add(const mw_node_type *t, mw_value *args)
{
    mw_wiring w = {.where = "test.lua:7"};
    int id = mw_graph_add(c, g, t, args, &w);
    mw_value_release(args);
    return id;
}

static mw_value *args1(const char *k, mw_value *v)
{
    mw_value *m = mw_value_map(c);
    mw_value_set(c, m, k, v);
    return m;
}

static mw_value *args2(const char *k, mw_value *v, const char *k2, mw_value *v2)
{
    mw_value *m = args1(k, v);
    mw_value_set(c, m, k2, v2);
    return m;
}

static mw_value *num(double v) { return mw_value_number(c, v); }
static mw_value *whole(int id) { return mw_link_value(c, id, MW_WHOLE); }

static double value_of(int id)
{
    if (mw_exec_run(c, x, &id, 1))
        fail_msg("%s", mw_errmsg(c));
    double v = mw_value_as_number(mw_exec_result(x, id, 0));
    mw_exec_let_go(x, id);
    return v;
}

// Of this process, whoever else wants the machine.
static double busy_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void refused(int id, const char *sentence)
{
    assert_int_equal(id, MW_BROKEN);
    assert_int_equal(mw_err(c), MW_E_SCRIPT);
    assert_string_equal(mw_errmsg(c), sentence);
    mw_err_clear(c);
}

// ---- tests

static void wiring_is_checked(void **s)
{
    (void)s;
    refused(add(&sum, args1("aa", num(1))), "test.lua:7: sum: has no parameter 'aa'");
    refused(add(&sum, args2("a", num(1), "α", num(2))), "test.lua:7: sum: 'a' is given twice (as 'α' too)");
    refused(add(&sum, args1("b", mw_value_text(c, "x", 1))),
            "test.lua:7: sum: 'b' must be a number, got \"x\" (second)");
    int t = add(&make_thing, mw_value_map(c));
    refused(
        add(&sum, args1("a", whole(t))),
        "test.lua:7: sum: 'a' must be a number, got output 'thing' of make_thing, which is a thing (first)");
    int n = add(&sum, args1("first", num(3)));
    assert_true(value_of(n) == 3);
}

static char *hint(void *user, const char *port)
{
    (void)user;
    char buf[64];
    snprintf(buf, sizeof buf, "did you mean p.%s?", port);
    return strdup(buf);
}

static void count_report(void *user, const char *sentence)
{
    (void)sentence;
    ++*(int *)user;
}

static void required_ports_and_reports(void **s)
{
    (void)s;
    static const mw_port need_in[] = {
        {.name = "prompt", .type = "text", .doc = "what"},
        {.name = "steps", .type = "integer", .min = 1, .max = 9, .doc = "steps"},
        {.name = NULL},
    };
    static const mw_node_type need = {
        .name = "need",
        .version = 1,
        .doc = "Needs.",
        .in = need_in,
        .out = sum_out,
        .run = sum_run,
    };
    mw_value *none = mw_value_map(c);
    mw_wiring w = {.where = "a.lua:19", .hint = hint};
    refused(mw_graph_add(c, g, &need, none, &w),
            "a.lua:19: need: 'prompt' must be a string, got nil (did you mean p.prompt?)");
    int reports = 0;
    mw_wiring all = {.where = "a.lua:19", .report = count_report, .user = &reports};
    assert_int_equal(mw_graph_add(c, g, &need, none, &all), MW_BROKEN);
    assert_int_equal(mw_err(c), MW_OK);
    assert_int_equal(reports, 2);
    // What a refused node feeds is refused without a word.
    mw_value *m = args1("a", whole(MW_BROKEN));
    assert_int_equal(mw_graph_add(c, g, &sum, m, &all), MW_BROKEN);
    assert_int_equal(reports, 2);
    mw_value_release(m);
    mw_value_release(none);
}

static void lists_of_handles(void **s)
{
    (void)s;
    int a = add(&sum, args1("a", num(1))), b = add(&sum, args1("a", num(10)));
    mw_value *list = mw_value_list(c);
    mw_value_push(c, list, whole(a));
    mw_value_push(c, list, num(100));
    mw_value_push(c, list, mw_link_value(c, b, 1));
    int n = add(&sum, args1("more", list));
    assert_true(value_of(n) == 103);
    assert_true(value_of(add(&sum, args1("more", whole(b)))) == 10);
}

static void only_what_is_needed_runs_once(void **s)
{
    (void)s;
    int a = add(&sum, args1("a", num(1)));
    add(&sum, args1("a", whole(a)));
    int d = add(&sum, args2("a", whole(a), "b", num(5)));
    assert_true(value_of(d) == 6);
    assert_int_equal(runs, 2);
    assert_true(value_of(d) == 6);
    assert_int_equal(runs, 2);
    // The same content under another id is the same result; -0.0 is 0.
    int same = add(&sum, args2("b", num(-0.0), "a", num(1)));
    assert_true(value_of(same) == 1);
    assert_int_equal(runs, 2);
    assert_int_equal(mw_graph_node(g, same)->key.lo, mw_graph_node(g, a)->key.lo);
    assert_true(value_of(add(&sum, args1("a", num(2)))) == 2);
    assert_int_equal(runs, 3);
}

static void cache_keeps_its_budget(void **s)
{
    (void)s;
    mw_cache *small = mw_cache_new(c, 2000);
    for (uint64_t i = 0; i < 100; i++) {
        mw_value *v = num((double)i);
        mw_cache_put(small, (mw_hash){i, i}, &v, 1);
        mw_value_release(v);
        assert_true(mw_cache_stats(small).bytes <= 2000);
        mw_value *first = NULL;
        assert_true(mw_cache_get(small, (mw_hash){0, 0}, &first, 1)); // used all the time: stays
        mw_value_release(first);
    }
    mw_value *v = NULL;
    assert_false(mw_cache_get(small, (mw_hash){1, 1}, &v, 1));
    assert_true(mw_cache_stats(small).entries > 3);
    mw_cache_free(small);
}

static void results_go_after_their_last_use(void **s)
{
    (void)s;
    int last = add(&make_thing, mw_value_map(c));
    for (int i = 1; i < 50; i++)
        last = add(&make_thing, args2("from", whole(last), "id", num(i)));
    assert_int_equal(mw_exec_run(c, x, &last, 1), MW_OK);
    assert_int_equal(things, 1);
    assert_true(most_alive <= 2);
    mw_exec_let_go(x, last);
    assert_int_equal(things, 0);
}

static void branches_run_side_by_side(void **s)
{
    (void)s;
    mw_value *list = mw_value_list(c);
    for (int i = 0; i < 4; i++)
        mw_value_push(c, list, whole(add(&nap, args1("ms", num(20)))));
    int end = add(&nap, args2("ms", num(0), "after", list));
    assert_int_equal(mw_exec_run(c, x, &end, 1), MW_OK);
    mw_exec_let_go(x, end);
    assert_int_equal(most_alive, 2);
}

static void one_by_one_when_memory_is_short(void **s)
{
    (void)s;
    mw_value *list = mw_value_list(c);
    for (int i = 0; i < 8; i++)
        mw_value_push(c, list, whole(add(&hog, args1("ms", num(i)))));
    int end = add(&nap, args2("ms", num(0), "after", list));
    assert_int_equal(mw_exec_run(c, x, &end, 1), MW_OK);
    mw_exec_let_go(x, end);
    assert_int_equal(runs, 8);
}

static void *press_ctrl_c(void *arg)
{
    (void)arg;
    nanosleep(&(struct timespec){0, 30000000}, NULL);
    atomic_store(c->cancel, 1);
    return NULL;
}

static void cancelled_at_once(void **s)
{
    (void)s;
    int thing_id = add(&make_thing, mw_value_map(c));
    int end = add(&nap, args2("ms", num(10000), "after", whole(thing_id)));
    pthread_t t;
    double began = seconds();
    pthread_create(&t, NULL, press_ctrl_c, NULL);
    assert_int_equal(mw_exec_run(c, x, &end, 1), MW_E_CANCEL);
    pthread_join(t, NULL);
    assert_true(seconds() - began < 1);
    assert_string_equal(mw_errmsg(c), "interrupted");
    assert_int_equal(things, 0);
    assert_null(mw_exec_result(x, end, 0));
    mw_err_clear(c);
    atomic_store(c->cancel, 0);
}

static void errors_say_where(void **s)
{
    (void)s;
    int b = add(&bad, mw_value_map(c));
    int end = add(&sum, args1("a", whole(b)));
    assert_int_equal(mw_exec_run(c, x, &end, 1), MW_E_FILE);
    assert_string_equal(mw_errmsg(c), "test.lua:7: bad: no such luck");
    mw_err_clear(c);
    assert_null(mw_exec_result(x, end, 0));
}

static void impure_results_are_not_cached(void **s)
{
    (void)s;
    int n = add(&nap, args1("ms", num(0)));
    int end = add(&sum, args1("a", whole(n)));
    assert_true(value_of(end) == 1);
    assert_true(value_of(end) == 1);
    assert_int_equal(runs, 2);
    assert_int_equal(mw_graph_key(c, g, end), MW_KEY_NONE);
    assert_false(mw_exec_is_literal(c, x, end));
    assert_true(mw_exec_is_literal(c, x, add(&sum, args1("a", num(77)))));
}

static void literal_chains_are_seen_once(void **s)
{
    (void)s;
    int last = add(&sum, args1("a", num(1)));
    for (int i = 0; i < 60; i++) // 2^60 ways down
        last = add(&sum, args2("a", whole(last), "b", whole(last)));
    assert_true(mw_exec_is_literal(c, x, last));
    assert_true(value_of(last) == 0x1p60);
    int woken = add(&nap, args1("ms", num(0)));
    assert_false(mw_exec_is_literal(c, x, add(&sum, args2("a", whole(last), "b", whole(woken)))));
}

static void many(int n, bool chain, double *plan, double *run)
{
    double t0 = busy_seconds();
    int last = add(&sum, args1("a", num(1)));
    mw_value *list = mw_value_list(c);
    for (int i = 1; i < n - 1; i++) {
        int id = add(&sum, args2("a", chain ? whole(last) : num(i), "b", num(1)));
        if (chain)
            last = id;
        else
            mw_value_push(c, list, whole(id));
    }
    last = add(&sum, args2("a", whole(last), "more", list));
    double t1 = busy_seconds();
    value_of(last);
    *plan = t1 - t0;
    *run = busy_seconds() - t1;
    assert_int_equal(mw_graph_count(g), n);
    assert_int_equal(runs, n);
}

// Under the sanitizers everything is slower; the bound is that of a plain build.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SLOWER 10
#else
#define SLOWER 1
#endif

static void ten_thousand(bool chain)
{
    double plan, run;
    many(10000, chain, &plan, &run);
    print_message("10000 nodes, %s: wired in %.1f ms, run in %.1f ms (%.2f us a node)\n",
                  chain ? "in a chain" : "side by side", plan * 1e3, run * 1e3, run * 1e2);
    assert_true(plan + run < 0.2 * SLOWER);
}

static void ten_thousand_in_a_chain(void **s)
{
    (void)s;
    ten_thousand(true);
}

static void ten_thousand_side_by_side(void **s)
{
    (void)s;
    ten_thousand(false);
}

static int nodes_there(void)
{
    int n = 0;
    for (const mw_gnode *node = mw_graph_first(g); node; node = node->newer)
        n++;
    return n;
}

// Each step's handle goes when the next step is there, as in: for i = 1, n do z = step(z); z:value() end
static void a_loop_keeps_few_nodes(void **s)
{
    (void)s;
    enum { STEPS = 20000 };
    int kept = add(&sum, args1("a", mw_value_number(c, 7))), z = kept, most = 0;
    assert_int_equal(mw_exec_run(c, x, &kept, 1), MW_OK);
    mw_graph_retain(g, z);
    mw_exec_run(c, x, &z, 1);
    for (int i = 0; i < STEPS; i++) {
        mw_exec_sweep(c, x);
        mw_value *in = args1("a", mw_link_value(c, z, MW_WHOLE));
        mw_value_set(c, in, "b", mw_value_number(c, 1));
        int next = add(&sum, in);
        assert_int_equal(mw_exec_run(c, x, &next, 1), MW_OK);
        mw_exec_let_go(x, z);
        mw_graph_release(g, z);
        z = next;
        most = nodes_there() > most && i % 512 == 0 ? nodes_there() : most;
    }
    assert_true(most < STEPS / 2);
    assert_int_equal(atomic_load(&runs), STEPS + 1);
    assert_float_equal(mw_value_as_number(mw_exec_result(x, z, 0)), 7 + STEPS, 0);
    // What is named stays, and a step of the loop that was not the last is there no more.
    assert_non_null(mw_graph_node(g, kept));
    assert_non_null(mw_graph_node(g, z));
    assert_null(mw_graph_node(g, kept + 1));
    // The key is that of the whole loop, although its nodes are gone: the last step's equal takes its result.
    int twin = add(&sum, args1("a", mw_link_value(c, z, MW_WHOLE)));
    int again = add(&sum, args1("a", mw_link_value(c, z, MW_WHOLE)));
    assert_int_equal(mw_exec_run(c, x, &twin, 1), MW_OK);
    assert_int_equal(mw_exec_run(c, x, &again, 1), MW_OK);
    assert_int_equal(atomic_load(&runs), STEPS + 2);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(wiring_is_checked),
        T(required_ports_and_reports),
        T(lists_of_handles),
        T(only_what_is_needed_runs_once),
        T(cache_keeps_its_budget),
        T(results_go_after_their_last_use),
        T(branches_run_side_by_side),
        T(one_by_one_when_memory_is_short),
        T(cancelled_at_once),
        T(errors_say_where),
        T(literal_chains_are_seen_once),
        T(impure_results_are_not_cached),
        T(ten_thousand_in_a_chain),
        T(ten_thousand_side_by_side),
        T(a_loop_keeps_few_nodes),
    };
    cmocka_set_message_output(CM_OUTPUT_STDOUT);
    return cmocka_run_group_tests_name("graph", tests, NULL, NULL);
}
