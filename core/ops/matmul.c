// matmul.c: y = alpha a b for each of the leading dimensions, which broadcast.
#include "core/ops/gemm_internal.h"
#include "core/ops/ops_internal.h"

typedef struct attrs {
    double alpha;
} attrs;

static mw_status infer(mw_ctx *c, mw_call *k)
{
    const mw_tensor *a = k->in[0], *b = k->in[1];
    char have[96], other[96];
    int ndim = a->ndim > b->ndim ? a->ndim : b->ndim;
    bool fits = a->ndim >= 2 && b->ndim >= 2 && mw_dim(a, -1) == mw_dim(b, -2);
    int64_t shape[MW_MAXDIM];
    for (int i = 3; fits && i <= ndim; i++) {
        int64_t m = i <= a->ndim ? mw_dim(a, -i) : 1, n = i <= b->ndim ? mw_dim(b, -i) : 1;
        fits = m == n || m == 1 || n == 1;
        shape[ndim - i] = m == 1 ? n : m;
    }
    if (!fits)
        return mw_op_fail(c, k, "a is %s, b is %s", mw_shape_text(a, have, sizeof have),
                          mw_shape_text(b, other, sizeof other));
    shape[ndim - 2] = mw_dim(a, -2);
    shape[ndim - 1] = mw_dim(b, -1);
    if (mw_gemm_check(c, k, shape[ndim - 2], shape[ndim - 1], mw_dim(a, -1)))
        return mw_err(c);
    k->out[0] = mw_tensor_new(c, a->dtype, ndim, shape);
    return mw_err(c);
}

// The leading dimensions of t as one, at a uniform distance; false when there is none.
static bool batch_stride(const mw_tensor *t, int64_t *stride)
{
    int64_t have = 1;
    *stride = 0;
    for (int i = t->ndim - 3; i >= 0; i--) {
        if (t->shape[i] == 1)
            continue;
        if (have == 1)
            *stride = t->stride[i];
        else if (t->stride[i] != *stride * have)
            return false;
        have *= t->shape[i];
    }
    return true;
}

// t with y's leading dimensions, as a view where that has a uniform distance.
static mw_tensor *spread(mw_ctx *c, mw_tensor *t, const mw_tensor *y, int64_t *stride)
{
    int64_t shape[MW_MAXDIM];
    for (int i = 0; i < y->ndim; i++)
        shape[i] = i < y->ndim - 2 ? y->shape[i] : mw_dim(t, i - y->ndim);
    t = mw_expand(c, t, y->ndim, shape);
    if (t && !batch_stride(t, stride)) {
        t = mw_contiguous(c, t);
        if (t)
            batch_stride(t, stride);
    }
    return t;
}

static mw_status forward(mw_ctx *c, const mw_call *k)
{
    const attrs *at = k->attrs;
    mw_tensor *y = k->out[0];
    int64_t m = mw_dim(y, -2), n = mw_dim(y, -1), depth = mw_dim(k->in[0], -1);
    if (mw_numel(y) == 0)
        return MW_OK;
    int64_t batch = mw_numel(y) / (m * n), a_stride = 0, b_stride = 0;
    mw_scope_begin(c);
    mw_tensor *a = k->in[0];
    if (depth > 1 && a->stride[a->ndim - 1] != 1)
        a = mw_contiguous(c, a);
    a = spread(c, a, y, &a_stride);
    mw_tensor *b = spread(c, k->in[1], y, &b_stride);
    bool shared = b_stride == 0; // one b for all products
    mw_tensor *w = b ? mw_gemm_pack(c, b,
                                    &(mw_gemm_weight){.batch = shared ? 1 : batch,
                                                      .n = n,
                                                      .channels = depth,
                                                      .taps_h = 1,
                                                      .taps_w = 1,
                                                      .batch_stride = b_stride,
                                                      .n_stride = b->stride[b->ndim - 1],
                                                      .channel_stride = b->stride[b->ndim - 2]})
                     : NULL;
    if (a && w) {
        bool one = shared && batch * m <= INT32_MAX - 1024; // then the batch is more rows
        mw_gemm g = {.x = a,
                     .w = w,
                     .y = y,
                     .rows = one ? batch * m : m,
                     .n = n,
                     .k = depth,
                     .channels = depth,
                     .taps_w = 1,
                     .in_h = 1,
                     .in_w = m,
                     .out_h = 1,
                     .out_w = m,
                     .image_stride = a_stride,
                     .pixel_stride = a->stride[a->ndim - 2],
                     .stride = 1,
                     .batch = one ? 1 : batch,
                     .x_batch = a_stride,
                     .w_batch = shared ? 0 : mw_numel(w) / batch,
                     .alpha = at->alpha,
                     .act = MW_ACT_NONE};
        mw_gemm_run(c, &g);
    }
    mw_scope_end(c, NULL);
    return mw_err(c);
}

static mw_status vjp(mw_ctx *c, const mw_call *k, mw_tensor *const *gout, mw_tensor **gin, const bool *want)
{
    double alpha = ((const attrs *)k->attrs)->alpha;
    mw_tensor *a = k->in[0], *b = k->in[1], *g = gout[0];
    if (want[0])
        gin[0] = mw_op_unbroadcast(c, mw_matmul(c, g, mw_transpose(c, b, -2, -1), alpha), a);
    if (want[1])
        gin[1] =
            mw_op_unbroadcast(c, mw_matmul(c, mw_transpose(c, mw_cast(c, a, MW_F32), -2, -1), g, alpha), b);
    return mw_err(c);
}

static const mw_op op = {
    "matmul",
    "a[..,M,K], b[..,K,N] -> y[..,M,N]",
    "y = alpha a b; leading dimensions broadcast.",
    2,
    2,
    infer,
    forward,
    vjp,
    sizeof(attrs),
    mw_reads_inputs,
};

mw_tensor *mw_matmul(mw_ctx *c, mw_tensor *a, mw_tensor *b, double alpha)
{
    return mw_apply(c, &op, (mw_tensor *[]){a, b}, 2, &(attrs){alpha});
}
