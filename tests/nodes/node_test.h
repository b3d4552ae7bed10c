// node_test.h: what the tests of nodes share: a device, a graph made anew for each test, nodes by name and
// arguments.
#ifndef NODE_TEST_H
#define NODE_TEST_H

#include "core/cl/device.h"
#include "core/graph/exec.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static mw_ctx *c;
static mw_graph *g;
static mw_exec *executor;
static char warnings[4096]; // since the test began

static void keep_warning(void *user, mw_log_level level, const char *text)
{
    (void)user;
    size_t n = strlen(warnings);
    if (level <= MW_LOG_WARN)
        snprintf(warnings + n, sizeof warnings - n, "%s\n", text);
}

// A device whose pool holds at most `bytes` (0: what it has).
static inline int open_device(uint64_t bytes)
{
    c = mw_ctx_new();
    c->log = keep_warning;
    return mw_device_open(c, NULL, bytes, false) == MW_OK ? 0 : -1;
}

static inline int close_device(void **state)
{
    (void)state;
    mw_device_close(c);
    mw_ctx_free(c);
    return mw_live_tensors() == 0 ? 0 : -1;
}

static inline int begin(void **state)
{
    (void)state;
    warnings[0] = 0;
    mw_err_clear(c);
    mw_scope_begin(c);
    g = mw_graph_new(c);
    executor = mw_exec_new(c, g, NULL, NULL);
    return g && executor ? 0 : -1;
}

static inline int end(void **state)
{
    (void)state;
    mw_exec_free(executor);
    mw_graph_free(g);
    mw_err_clear(c);
    mw_scope_end(c, NULL);
    return 0;
}

// ---- arguments: a map from "name", value pairs

typedef struct {
    const char *name;
    mw_value *v;
} arg;

static inline mw_value *num(double v) { return mw_value_number(c, v); }
static inline mw_value *text(const char *s) { return mw_value_text(c, s, strlen(s)); }
static inline mw_value *out_of(int node, int out) { return mw_link_value(c, node, out); }
static inline mw_value *wrap(mw_tensor *t) { return mw_value_tensor(c, t); }

// A list of the values, which end in NULL.
static inline mw_value *list_of(mw_value *const *v)
{
    mw_value *list = mw_value_list(c);
    for (; *v; v++)
        mw_value_push(c, list, *v);
    return list;
}
#define LIST(...) list_of((mw_value *[]){__VA_ARGS__, NULL})

static inline mw_value *object(void *o)
{
    mw_object_retain(o);
    return mw_value_object(c, o);
}

static inline int add(const char *type, const arg *args)
{
    mw_value *map = mw_value_map(c);
    mw_wiring w = {.where = "here:1"};
    for (; args->name; args++)
        mw_value_set(c, map, args->name, args->v);
    int id = mw_graph_add(c, g, mw_node_find(type), map, &w);
    mw_value_release(map);
    return id;
}
#define ADD(type, ...) add(type, (arg[]){__VA_ARGS__, {0}})

// Runs a node; the status in force.
static inline mw_status run(int node)
{
    return mw_err(c) != MW_OK || node < 0 ? mw_err(c) : mw_exec_run(c, executor, &node, 1);
}

// Output `out` of a node, run if need be; borrowed.
static inline mw_value *result(int node, int out)
{
    run(node);
    assert_string_equal(mw_errmsg(c), "");
    return mw_exec_result(executor, node, out);
}

static inline mw_tensor *tensor_of(int node, int out)
{
    mw_tensor *t = mw_value_as_tensor(result(node, out));
    assert_non_null(t);
    return t;
}

// Its values; free() them.
static inline float *values_of(const mw_tensor *t)
{
    float *v = malloc((size_t)mw_numel(t) * sizeof *v + 1);
    assert_int_equal(mw_tensor_read_f32(c, t, v), MW_OK);
    return v;
}

static inline double difference(const mw_tensor *a, const mw_tensor *b)
{
    assert_true(mw_same_shape(a, b));
    float *p = values_of(a), *q = values_of(b);
    double most = 0;
    for (int64_t i = 0; i < mw_numel(a); i++)
        most = fmax(most, fabs((double)p[i] - (double)q[i]));
    free(p);
    free(q);
    return most;
}

static inline void assert_below(double got, double limit)
{
    if (!(got <= limit))
        fail_msg("%.9g is above %.9g", got, limit);
}

static inline void assert_above(double got, double limit)
{
    if (!(got > limit))
        fail_msg("%.9g is not above %.9g", got, limit);
}

static inline void assert_near(double got, double want, double tolerance)
{
    if (!(fabs(got - want) <= tolerance))
        fail_msg("got %.9g, expected %.9g", got, want);
}

static inline void assert_shape(const mw_tensor *t, const char *want)
{
    char got[64];
    assert_string_equal(mw_shape_text(t, got, sizeof got), want);
}

static inline void assert_fails(int node, mw_status status, const char *with)
{
    run(node);
    if (mw_err(c) != status || !strstr(mw_errmsg(c), with))
        fail_msg("expected error %d with '%s', got %d '%s'", (int)status, with, (int)mw_err(c), mw_errmsg(c));
    mw_err_clear(c);
}

#endif
