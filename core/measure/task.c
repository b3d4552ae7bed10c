// task.c: the sizes at which ops are measured: those of Stable Diffusion 1.5 at 512 x 512.
#include "core/measure/task_internal.h"

#include "core/cl/device.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const mw_size mw_sizes[] = {
    // rows, inputs, outputs
    {"linear", {8192, 320, 320}},
    {"linear", {8192, 320, 2560}},
    {"linear", {8192, 1280, 320}},
    {"linear", {2048, 640, 640}},
    {"linear", {2048, 640, 5120}},
    {"linear", {2048, 2560, 640}},
    {"linear", {512, 1280, 1280}},
    {"linear", {512, 1280, 10240}},
    {"linear", {128, 1280, 1280}},
    {"linear", {154, 768, 640}},
    {"linear", {2, 1280, 1280}},
    // batch, rows, inner, columns
    {"matmul", {1, 2048, 2048, 2048}},
    {"matmul", {16, 1024, 80, 77}},
    // batch, side, inputs, outputs, taps of a side
    {"conv2d", {2, 64, 320, 320, 3}},
    {"conv2d", {2, 64, 640, 320, 3}},
    {"conv2d", {2, 64, 960, 320, 3}},
    {"conv2d", {2, 64, 4, 320, 3}},
    {"conv2d", {2, 32, 640, 640, 3}},
    {"conv2d", {2, 32, 1280, 640, 3}},
    {"conv2d", {2, 16, 1280, 1280, 3}},
    {"conv2d", {2, 16, 2560, 1280, 3}},
    {"conv2d", {2, 8, 1280, 1280, 3}},
    {"conv2d", {2, 8, 2560, 1280, 3}},
    {"conv2d", {1, 64, 320, 320, 3}},
    {"conv2d", {1, 32, 640, 640, 3}},
    {"conv2d", {1, 16, 1280, 1280, 3}},
    {"conv2d", {1, 64, 512, 512, 3}},
    {"conv2d", {1, 128, 512, 512, 3}},
    {"conv2d", {1, 256, 256, 256, 3}},
    {"conv2d", {1, 512, 128, 128, 3}},
    {"conv2d", {1, 512, 128, 3, 3}},
    // batch, queries, keys, heads, width of a head
    {"attention", {2, 4096, 4096, 8, 40}},
    {"attention", {2, 1024, 1024, 8, 80}},
    {"attention", {2, 4096, 77, 8, 40}},
    // batch, pixels, channels
    {"group_norm", {2, 4096, 320}},
    {"group_norm", {1, 262144, 128}},
    // rows, columns
    {"layer_norm", {8192, 320}},
    {"softmax", {8192, 77}},
    {"geglu", {8192, 2560}},
    {"add", {8192, 320}},
    {NULL, {0}},
};

static mw_tensor *noisy(mw_ctx *c, mw_dtype dtype, int ndim, const int64_t *shape)
{
    size_t n = 1;
    for (int i = 0; i < ndim; i++)
        n *= (size_t)shape[i];
    float *v = mw_alloc(c, n * sizeof *v);
    uint32_t s = 1;
    for (size_t i = 0; v && i < n; i++) {
        s = s * 1664525u + 1013904223u;
        v[i] = (float)(s >> 8) / (float)(1 << 23) - 1;
    }
    mw_tensor *t = v ? mw_tensor_from_f32(c, dtype, ndim, shape, v) : NULL;
    free(v);
    return t;
}

static void make_linear(mw_ctx *c, mw_task *t)
{
    const int64_t *n = t->n;
    t->in[0] = noisy(c, t->dtype, MW_SHAPE(n[0], n[1]));
    t->in[1] = mw_prepare_linear(c, noisy(c, t->dtype, MW_SHAPE(n[2], n[1])));
    t->in[2] = noisy(c, t->dtype, MW_SHAPE(n[2]));
    t->flop = 2.0 * (double)n[0] * (double)n[1] * (double)n[2];
}

static void make_matmul(mw_ctx *c, mw_task *t)
{
    const int64_t *n = t->n;
    t->in[0] = noisy(c, t->dtype, MW_SHAPE(n[0], n[1], n[2]));
    t->in[1] = noisy(c, t->dtype, MW_SHAPE(n[0], n[2], n[3]));
    t->flop = 2.0 * (double)n[0] * (double)n[1] * (double)n[2] * (double)n[3];
}

static void make_conv2d(mw_ctx *c, mw_task *t)
{
    const int64_t *n = t->n;
    t->in[0] = noisy(c, t->dtype, MW_SHAPE(n[0], n[1], n[1], n[2]));
    t->in[1] = mw_prepare_conv2d(c, noisy(c, t->dtype, MW_SHAPE(n[3], n[2], n[4], n[4])));
    t->in[2] = noisy(c, t->dtype, MW_SHAPE(n[3]));
    t->flop = 2.0 * (double)(n[0] * n[1] * n[1]) * (double)(n[2] * n[4] * n[4]) * (double)n[3];
}

static void make_attention(mw_ctx *c, mw_task *t)
{
    const int64_t *n = t->n;
    t->in[0] = noisy(c, t->dtype, MW_SHAPE(n[0], n[1], n[3] * n[4]));
    t->in[1] = noisy(c, t->dtype, MW_SHAPE(n[0], n[2], n[3] * n[4]));
    t->in[2] = noisy(c, t->dtype, MW_SHAPE(n[0], n[2], n[3] * n[4]));
    t->flop = 4.0 * (double)(n[0] * n[1] * n[2]) * (double)(n[3] * n[4]);
}

// Ops that move more than they compute: of x[..,last], for add of another like it, for norms of a vector
// [last]. Their first dimension is so many times as long as there are sets.
static void make_stream(mw_ctx *c, mw_task *t)
{
    int dims = t->n[2] ? 3 : 2;
    int64_t all[3] = {t->sets * t->n[0], t->n[1], t->n[2]};
    t->in[0] = noisy(c, t->dtype, dims, all);
    t->in[1] =
        strcmp(t->op, "add") == 0 ? noisy(c, t->dtype, dims, all) : noisy(c, t->dtype, 1, &t->n[dims - 1]);
}

static mw_tensor *run_linear(mw_ctx *c, const mw_task *t)
{
    return mw_linear(c, t->in[0], t->in[1], t->in[2], MW_ACT_NONE, NULL);
}

static mw_tensor *run_matmul(mw_ctx *c, const mw_task *t) { return mw_matmul(c, t->in[0], t->in[1], 1); }

static mw_tensor *run_conv2d(mw_ctx *c, const mw_task *t)
{
    int pad = (int)t->n[4] / 2;
    return mw_conv2d(c, t->in[0], t->in[1], t->in[2], 1, pad, pad, NULL);
}

static mw_tensor *run_attention(mw_ctx *c, const mw_task *t)
{
    return mw_attention(c, t->in[0], t->in[1], t->in[2], (int)t->n[3], 1 / sqrt((double)t->n[4]), false,
                        NULL);
}

static mw_tensor *run_group_norm(mw_ctx *c, const mw_task *t)
{
    return mw_group_norm(c, t->in[0], t->in[1], t->in[1], 32, 1e-5, MW_ACT_SILU);
}

static mw_tensor *run_layer_norm(mw_ctx *c, const mw_task *t)
{
    return mw_layer_norm(c, t->in[0], t->in[1], t->in[1], 1e-5);
}

static mw_tensor *run_softmax(mw_ctx *c, const mw_task *t) { return mw_softmax(c, t->in[0]); }
static mw_tensor *run_geglu(mw_ctx *c, const mw_task *t) { return mw_geglu(c, t->in[0]); }
static mw_tensor *run_add(mw_ctx *c, const mw_task *t) { return mw_add(c, t->in[0], t->in[1]); }

static const struct kind {
    const char *op;
    void (*make)(mw_ctx *c, mw_task *t);
    mw_tensor *(*run)(mw_ctx *c, const mw_task *t);
    double moved; // elements that must be read and written, for each of x; 0 where operations count
} kinds[] = {
    {"linear", make_linear, run_linear, 0},
    {"matmul", make_matmul, run_matmul, 0},
    {"conv2d", make_conv2d, run_conv2d, 0},
    {"attention", make_attention, run_attention, 0},
    {"group_norm", make_stream, run_group_norm, 2},
    {"layer_norm", make_stream, run_layer_norm, 2},
    {"softmax", make_stream, run_softmax, 2},
    {"geglu", make_stream, run_geglu, 1.5},
    {"add", make_stream, run_add, 3},
};

static const struct kind *kind_of(const char *op)
{
    const struct kind *k = kinds;
    while (strcmp(k->op, op) != 0) // each op of the list has one
        k++;
    return k;
}

mw_status mw_task_make(mw_ctx *c, const mw_size *size, mw_dtype dtype, int64_t moved, mw_task *t)
{
    const struct kind *k = kind_of(size->op);
    *t = (mw_task){.op = k->op, .dtype = dtype, .sets = 1};
    memcpy(t->n, size->n, sizeof t->n);
    size_t used = 0;
    for (int d = 0; d < 6 && t->n[d]; d++)
        used += (size_t)snprintf(t->shape + used, sizeof t->shape - used, "%s%lld", d ? "x" : "",
                                 (long long)t->n[d]);
    if (k->moved > 0) {
        t->bytes =
            k->moved * (double)(t->n[0] * t->n[1] * (t->n[2] ? t->n[2] : 1)) * (double)mw_dtype_size(dtype);
        t->sets = moved > t->bytes ? (int64_t)ceil((double)moved / t->bytes) : 1;
    }
    k->make(c, t);
    return mw_err(c);
}

bool mw_task_done(mw_ctx *c, const mw_task *t, FILE *out)
{
    if (mw_err(c) == MW_E_MEMORY) {
        fprintf(out, "%s %s %s: does not fit into memory\n", t->op, t->shape, mw_dtype_name(t->dtype));
        mw_err_clear(c);
        return false;
    }
    return !mw_err(c);
}

mw_tensor *mw_task_run(mw_ctx *c, const mw_task *t, int64_t set)
{
    mw_task one = *t;
    for (int i = 0; t->sets > 1 && i < 2; i++)
        if (t->in[i] && t->in[i]->ndim > 1)
            one.in[i] = mw_slice(c, t->in[i], 0, set * t->n[0], t->n[0]);
    return kind_of(t->op)->run(c, &one);
}

static mw_timing once(mw_ctx *c, const mw_task *t)
{
    double products = mw_device_products(c), start = mw_seconds();
    mw_scope_begin(c);
    for (int64_t set = 0; set < t->sets; set++)
        mw_task_run(c, t, set);
    mw_device_finish(c);
    double seconds = mw_seconds() - start;
    mw_scope_end(c, NULL);
    return (mw_timing){seconds / (double)t->sets, (mw_device_products(c) - products) / (double)t->sets};
}

mw_timing mw_task_time(mw_ctx *c, const mw_task *t, double budget)
{
    enum { LEAST = 3 };
    once(c, t);
    double start = mw_seconds();
    mw_timing best = once(c, t);
    for (int i = 1; !mw_err(c) && (i < LEAST || mw_seconds() - start < budget); i++) {
        mw_timing m = once(c, t);
        best = m.seconds < best.seconds ? m : best;
    }
    return best;
}
