// test_nn.c: layers that go about their work in more than one way.
#include "core/cl/device.h"
#include "core/ops.h"
#include "core/tensor/tape.h"
#include "nodes/nets/base/nn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { ROWS = 2 * 9001, WIDTH = 96 }; // 83 MB between the layers: done in parts

static mw_ctx *c;

static mw_status waves(mw_ctx *k, void *user, const char *name, float *out)
{
    (void)user;
    size_t inner = strstr(name, "net.0") ? 8 * WIDTH : 4 * WIDTH, all = inner * WIDTH;
    if (strstr(name, "bias"))
        all = strstr(name, "net.0") ? 8 * WIDTH : WIDTH;
    for (size_t i = 0; i < all; i++)
        out[i] = (float)(i * 7919 % 2003) / 10000 - 0.1f;
    return mw_err(k);
}

static mw_weights *weights;

static void walk(mw_ctx *k, void *model)
{
    (void)model;
    mw_nn_gated_mlp(&(mw_nn){k, weights}, "ff", mw_tensor_new(k, MW_F32, MW_SHAPE(1, 1, WIDTH)), NULL);
}

static float *values(const mw_tensor *t)
{
    float *v = malloc(sizeof *v * ROWS * WIDTH);
    assert_int_equal(mw_tensor_read_f32(c, t, v), MW_OK);
    return v;
}

// The parts of an MLP are as the whole, which a gradient needs.
static void an_mlp_in_parts(void **state)
{
    (void)state;
    float *v = malloc(sizeof *v * ROWS * WIDTH);
    for (int i = 0; i < ROWS * WIDTH; i++)
        v[i] = (float)(i * 31 % 1009) / 500 - 1;
    mw_scope_begin(c);
    mw_tensor *x = mw_tensor_from_f32(c, MW_F32, MW_SHAPE(2, ROWS / 2, WIDTH), v);
    mw_tensor *residual = mw_affine(c, x, 0.5, 1);
    const mw_nn nn = {c, weights};
    for (int with = 0; with < 2; with++) {
        mw_tensor *r = with ? residual : NULL, *parts = mw_nn_gated_mlp(&nn, "ff", x, r);
        assert_int_equal(mw_tape_begin(c, false), MW_OK);
        mw_watch(c, x);
        mw_tensor *whole = mw_nn_gated_mlp(&nn, "ff", x, r);
        mw_tape_end(c);
        assert_true(mw_same_shape(parts, x) && mw_same_shape(whole, x));
        float *a = values(parts), *b = values(whole);
        assert_memory_equal(a, b, sizeof *a * ROWS * WIDTH);
        free(a);
        free(b);
    }
    mw_scope_end(c, NULL);
    free(v);
}

static int start(void **state)
{
    (void)state;
    c = mw_ctx_new();
    if (mw_device_open(c, NULL, 0, false) != MW_OK)
        return -1;
    weights = mw_weights_new(c, (mw_weight_source){.read_f32 = waves}, "net", MW_F32);
    return mw_nn_load(c, weights, walk, NULL, NULL) == MW_OK ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    mw_weights_free(weights);
    mw_device_close(c);
    mw_ctx_free(c);
    return mw_live_tensors() == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(an_mlp_in_parts)};
    return cmocka_run_group_tests(tests, start, stop);
}
