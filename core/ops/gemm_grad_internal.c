// gemm_grad_internal.c: the gradients of linear layers and convolutions.
//
// The gradient for x is itself a linear layer or convolution, with the weight's two channel dimensions
// exchanged and its taps reversed; that form of a prepared weight is made once and kept beside it.
#include "core/ops/gemm_internal.h"
#include "core/ops/ops_internal.h"

#include "core/cl/device.h"
#include "core/tensor/tape.h"

#include <pthread.h>

static pthread_mutex_t twin_lock = PTHREAD_MUTEX_INITIALIZER;

static void fill_twin(mw_ctx *c, const mw_tensor *w, mw_tensor *t)
{
    enum { CPU_ROWS = 256, GPU_ROWS = 4 };
    int64_t outs = w->shape[0], ins = w->shape[1], taps = w->ndim == 4 ? w->shape[2] * w->shape[3] : 1;
    int64_t columns = mw_gemm_columns(c, ins), panels = (ins + columns - 1) / columns, depth = taps * outs;
    bool cpu = mw_device_caps(c)->cpu;
    int64_t rows = cpu ? CPU_ROWS : GPU_ROWS;
    mw_launch l = {.file = "pack",
                   .entry = "pack_transposed",
                   .t = w->dtype,
                   .w = w->dtype,
                   .dims = 3,
                   .global = {cpu ? 1 : (size_t)columns, (size_t)((depth + rows - 1) / rows), (size_t)panels},
                   .local = {mw_gemm_group(c), 1, 1}};
    MW_RUN(c, &l, MW_T(w), MW_T(t), MW_I(outs), MW_I(ins), MW_I(taps), MW_I(columns),
           MW_I(mw_gemm_columns(c, outs)), MW_I(rows));
    mw_made_from(t, w);
}

static mw_tensor *make_twin(mw_ctx *c, mw_tensor *w)
{
    int64_t outs = w->shape[0], ins = w->shape[1], taps = w->ndim == 4 ? w->shape[2] * w->shape[3] : 1;
    int64_t columns = mw_gemm_columns(c, ins), panels = (ins + columns - 1) / columns;
    mw_tensor *t = mw_tensor_new(c, w->dtype, MW_SHAPE(panels * columns * taps * outs));
    if (!t)
        return NULL;
    fill_twin(c, w, t);
    mw_gemm_shape_weight(t, w);
    t->shape[0] = ins;
    t->shape[1] = outs;
    return mw_err(c) ? NULL : t;
}

// The transposed form of a prepared weight. Kept unless memory is short: then it is made anew each time. When
// w has changed it is made anew in place.
static mw_tensor *twin_of(mw_ctx *c, mw_tensor *w)
{
    pthread_mutex_lock(&twin_lock);
    mw_tensor *t = w->twin ? mw_scope_adopt(c, mw_retain(w->twin)) : NULL;
    if (t && mw_stale(t) && mw_change(c, t))
        fill_twin(c, w, t);
    if (!t && (t = make_twin(c, w))) {
        mw_memory_use use = mw_device_memory(c);
        if (!c->dry && use.used < use.limit / 4 * 3)
            w->twin = mw_retain(t);
    }
    pthread_mutex_unlock(&twin_lock);
    return mw_err(c) ? NULL : t;
}

void mw_forget_twin(mw_tensor *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&twin_lock);
    mw_release(w->twin);
    w->twin = NULL;
    pthread_mutex_unlock(&twin_lock);
}

mw_tensor *mw_gemm_twin(mw_ctx *c, mw_tensor *w)
{
    if (mw_watched(c, w))
        mw_fail(c, MW_E_ARG,
                "%s is watched by a tape outside, and what it is packed into cannot be differentiated again",
                w->label ? w->label : "a weight");
    w = mw_gemm_prepare(c, w);
    return w ? twin_of(c, w) : NULL;
}

static mw_tensor *zeros(mw_ctx *c, int ndim, const int64_t *shape)
{
    return mw_expand(c, mw_tensor_scalar(c, 0), ndim, shape);
}

// `step - 1` zeros behind each row and column of x[B,h,w,C], but not behind the last.
static mw_tensor *spread(mw_ctx *c, mw_tensor *x, int64_t step)
{
    if (!x || step == 1)
        return x;
    int64_t b = x->shape[0], h = x->shape[1], w = x->shape[2], n = x->shape[3];
    mw_tensor *y = mw_reshape(c, x, MW_SHAPE(b, h, 1, w, 1, n));
    if (mw_watched(c, x)) { // what a tape outside can follow
        y = mw_concat(c, 2, (mw_tensor *[]){y, zeros(c, MW_SHAPE(b, h, 1, w, step - 1, n))}, 4);
        y = mw_concat(c, 2, (mw_tensor *[]){y, zeros(c, MW_SHAPE(b, h, step - 1, w, step, n))}, 2);
    } else {
        mw_tensor *all = mw_full(c, x->dtype, MW_SHAPE(b, h, step, w, step, n), 0);
        mw_write(c, mw_slice(c, mw_slice(c, all, 2, 0, 1), 4, 0, 1), y);
        y = all;
    }
    y = mw_reshape(c, y, MW_SHAPE(b, h * step, w * step, n));
    return mw_slice(c, mw_slice(c, y, 1, 0, (h - 1) * step + 1), 2, 0, (w - 1) * step + 1);
}

// How far a picture is enlarged on its four sides; negative: cut.
typedef struct border {
    int64_t top, left, below, right;
} border;

static mw_tensor *enlarge(mw_ctx *c, mw_tensor *x, int dim, int64_t before, int64_t behind)
{
    if (!x)
        return NULL;
    int64_t from = before < 0 ? -before : 0, to = x->shape[dim] - (behind < 0 ? -behind : 0);
    x = mw_slice(c, x, dim, from, to - from);
    mw_tensor *parts[3];
    int n = 0;
    int64_t shape[4];
    for (int i = 0; x && i < 4; i++)
        shape[i] = x->shape[i];
    if (before > 0) {
        shape[dim] = before;
        parts[n++] = zeros(c, 4, shape);
    }
    parts[n++] = x;
    if (behind > 0) {
        shape[dim] = behind;
        parts[n++] = zeros(c, 4, shape);
    }
    return n == 1 ? x : mw_concat(c, n, parts, dim);
}

static mw_tensor *pad(mw_ctx *c, mw_tensor *x, border b)
{
    return enlarge(c, enlarge(c, x, 1, b.top, b.below), 2, b.left, b.right);
}

mw_tensor *mw_conv2d_grad_x(mw_ctx *c, mw_tensor *w, const mw_tensor *x, mw_tensor *g, int stride,
                            int pad_begin, mw_tensor *plus)
{
    int64_t kh = w->shape[2], kw = w->shape[3];
    mw_tensor *twin = mw_gemm_twin(c, w);
    g = spread(c, g, stride);
    if (!g)
        return NULL;
    border b = {.top = kh - 1 - pad_begin, .left = kw - 1 - pad_begin};
    b.below = x->shape[1] + kh - 1 - g->shape[1] - b.top;
    b.right = x->shape[2] + kw - 1 - g->shape[2] - b.left;
    if (b.top == b.left && b.below == b.right && b.top >= 0 && b.below >= 0)
        return mw_conv2d(c, g, twin, NULL, 1, (int)b.top, (int)b.below, plus);
    return mw_conv2d(c, pad(c, g, b), twin, NULL, 1, 0, 0, plus);
}

mw_tensor *mw_conv2d_grad_w(mw_ctx *c, const mw_tensor *w, mw_tensor *x, mw_tensor *g, int stride,
                            int pad_begin)
{
    int64_t outs = w->shape[0], ins = w->shape[1], kh = w->shape[2], kw = w->shape[3];
    g = spread(c, g, stride);
    if (!g || !x)
        return NULL;
    int64_t h = g->shape[1], v = g->shape[2];
    border b = {.top = pad_begin, .left = pad_begin};
    b.below = h + kh - 1 - x->shape[1] - b.top;
    b.right = v + kw - 1 - x->shape[2] - b.left;
    x = pad(c, x, b);
    mw_tensor *columns = mw_transpose(c, mw_reshape(c, g, MW_SHAPE(-1, outs)), 0, 1), *all = NULL;
    for (int64_t u = 0; u < kh; u++) {
        mw_tensor *row = NULL;
        for (int64_t t = 0; t < kw; t++) {
            mw_tensor *under = mw_slice(c, mw_slice(c, x, 1, u, h), 2, t, v);
            mw_tensor *tap = mw_matmul(c, columns, mw_reshape(c, under, MW_SHAPE(-1, ins)), 1);
            tap = mw_reshape(c, tap, MW_SHAPE(outs, ins, 1, 1));
            row = row ? mw_concat(c, 2, (mw_tensor *[]){row, tap}, 3) : tap;
        }
        all = all ? mw_concat(c, 2, (mw_tensor *[]){all, row}, 2) : row;
    }
    return all;
}

void mw_gemm_extra_grads(mw_ctx *c, mw_tensor *g, int64_t n, mw_tensor **gin, const bool *want)
{
    if (want[2])
        gin[2] = mw_sum(c, mw_reshape(c, g, MW_SHAPE(-1, n)), 0, false);
    if (want[3])
        gin[3] = g;
}
