// tape_test.h: what the tests of tapes share: a device, a tape around each test, leaves, a segment.
#ifndef MW_TAPE_TEST_H
#define MW_TAPE_TEST_H

#include "core/cl/device.h"
#include "core/ops.h"
#include "core/tensor/tape.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static mw_ctx *c;

static inline int open_device(void **state)
{
    (void)state;
    c = mw_ctx_new();
    return mw_device_open(c, NULL, (uint64_t)256 << 20, false) == MW_OK ? 0 : -1;
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
    mw_scope_begin(c);
    return mw_tape_begin(c, false) == MW_OK ? 0 : -1;
}

static inline int clean(void **state)
{
    (void)state;
    mw_tape_end(c);
    while (c->scope)
        mw_scope_end(c, NULL);
    mw_err_clear(c);
    return mw_device_memory(c).used == 0 && mw_live_tensors() == 0 ? 0 : -1;
}

static inline mw_tensor *leaf(int ndim, const int64_t *shape)
{
    float v[64];
    for (int i = 0; i < 64; i++)
        v[i] = (float)i;
    mw_tensor *t = mw_tensor_from_f32(c, MW_F32, ndim, shape, v);
    mw_watch(c, t);
    return t;
}

static inline void gradient(mw_tensor *of, mw_tensor *seed, mw_tensor *x, float *out)
{
    mw_tensor *g;
    assert_int_equal(mw_backward(c, 1, &of, &seed, 1, &x, &g), MW_OK);
    assert_true(mw_same_shape(g, x));
    assert_int_equal(mw_tensor_read_f32(c, g, out), MW_OK);
}

static inline void refused(mw_status status, const char *sentence)
{
    assert_int_equal(status, MW_E_ARG);
    assert_non_null(strstr(mw_errmsg(c), sentence));
}

// ctx, {weight, prepared weight of a layer, what came of the weight}: three ways to use what is not handed
// over.
static inline mw_tensor *weighed(mw_ctx *ctx, const void *user, mw_tensor *const *in)
{
    mw_tensor *const *w = user;
    mw_tensor *y = mw_linear(ctx, mw_mul(ctx, in[0], w[0]), w[1], NULL, MW_ACT_NONE, NULL);
    return mw_add(ctx, mw_mul(ctx, y, w[2]), mw_slice(ctx, w[0], 0, 1, 1));
}

#endif
