// linear.c: y = act(x w^T + bias) + residual.
#include "core/ops/blocks_internal.h"
#include "core/tensor/tape.h"

typedef struct attrs {
    mw_activation act;
} attrs;

static mw_status infer(mw_ctx *c, mw_call *k)
{
    const mw_tensor *x = k->in[0], *w = k->in[1];
    char have[96], other[96];
    if (x->ndim < 1 || w->ndim != 2 || mw_dim(x, -1) != w->shape[1] || mw_numel(w) == 0)
        return mw_op_fail(c, k, "x is %s, w is %s%s%s", mw_shape_text(x, have, sizeof have),
                          mw_shape_text(w, other, sizeof other), w->label ? ": " : "",
                          w->label ? w->label : "");
    int64_t shape[MW_MAXDIM], depth = w->shape[1];
    for (int i = 0; i < x->ndim; i++)
        shape[i] = i < x->ndim - 1 ? x->shape[i] : w->shape[0];
    if (mw_gemm_check(c, k, mw_numel(x) / (depth > 0 ? depth : 1), w->shape[0], depth))
        return mw_err(c);
    k->out[0] = mw_tensor_new(c, x->dtype, x->ndim, shape);
    if (!k->out[0])
        return mw_err(c);
    return mw_gemm_check_extra(c, k, k->in[2], k->in[3], k->out[0], w->shape[0]);
}

// x as a picture of rows: up to three leading dimensions keep their strides, everything else is copied.
static mw_tensor *as_picture(mw_ctx *c, mw_tensor *x)
{
    if (mw_dim(x, -1) > 1 && x->stride[x->ndim - 1] != 1)
        x = mw_contiguous(c, x);
    if (!x || x->ndim == 4)
        return x;
    int64_t shape[4] = {1, 1, 1, mw_dim(x, -1)};
    if (x->ndim > 4) {
        shape[2] = -1;
    } else {
        for (int i = 0; i < x->ndim; i++)
            shape[4 - x->ndim + i] = x->shape[i];
    }
    return mw_reshape(c, x, 4, shape);
}

static mw_status forward(mw_ctx *c, const mw_call *k)
{
    const attrs *a = k->attrs;
    mw_tensor *y = k->out[0];
    mw_scope_begin(c);
    if (mw_is_blocks(k->in[1])) {
        if (mw_numel(y))
            mw_blocks_linear(c, k->in[0], k->in[1], k->in[2], a->act, k->in[3], y);
        mw_scope_end(c, NULL);
        return mw_err(c);
    }
    mw_tensor *w = mw_gemm_prepare(c, k->in[1]), *x = mw_numel(y) ? as_picture(c, k->in[0]) : NULL;
    if (x && w) {
        mw_gemm g = {.x = x,
                     .w = w,
                     .bias = k->in[2],
                     .residual = k->in[3],
                     .y = y,
                     .rows = mw_numel(y) / w->shape[0],
                     .n = w->shape[0],
                     .k = w->shape[1],
                     .channels = w->shape[1],
                     .taps_w = 1,
                     .in_h = x->shape[1],
                     .in_w = x->shape[2],
                     .out_h = x->shape[1],
                     .out_w = x->shape[2],
                     .image_stride = x->stride[0],
                     .row_stride = x->stride[1],
                     .pixel_stride = x->stride[2],
                     .stride = 1,
                     .batch = 1,
                     .alpha = 1,
                     .act = a->act};
        mw_gemm_run(c, &g);
    }
    mw_scope_end(c, NULL);
    return mw_err(c);
}

// The activation is none here: a watched layer with one is two ops (mw_linear).
static mw_status vjp(mw_ctx *c, const mw_call *k, mw_tensor *const *gout, mw_tensor **gin, const bool *want)
{
    mw_tensor *x = k->in[0], *w = k->in[1], *g = gout[0];
    int64_t n = w->shape[0], depth = w->shape[1];
    bool followed = mw_watched(c, w) && !w->packing; // by a tape outside
    if (want[0] && (followed || mw_is_blocks(w))) {
        mw_tensor *gx = mw_matmul(c, g, followed ? mw_cast(c, w, MW_F32) : mw_blocks_widen(c, w), 1);
        gin[0] = gin[0] ? mw_add(c, gin[0], gx) : gx;
    } else if (want[0]) {
        gin[0] = mw_linear(c, g, mw_gemm_twin(c, w), NULL, MW_ACT_NONE, gin[0]);
    }
    if (want[1]) {
        mw_tensor *columns = mw_transpose(c, mw_reshape(c, g, MW_SHAPE(-1, n)), 0, 1);
        gin[1] = mw_matmul(c, columns, mw_reshape(c, mw_cast(c, x, MW_F32), MW_SHAPE(-1, depth)), 1);
    }
    mw_gemm_extra_grads(c, g, n, gin, want);
    return mw_err(c);
}

static const mw_op op = {
    "linear",
    "x[..,K], w[N,K], bias[N]?, residual[..,N]? -> y[..,N]",
    "y = act(x w^T + bias) + residual.",
    4,
    2,
    infer,
    forward,
    vjp,
    sizeof(attrs),
    mw_reads_weight,
    MW_READS_IN(1),
    MW_READS_IN(0),
};

mw_tensor *mw_prepare_linear(mw_ctx *c, mw_tensor *w)
{
    if (w && mw_is_blocks(w))
        return mw_err(c) ? NULL : w;
    if (w && !mw_err(c) && (w->ndim != 2 || w->dtype > MW_F16)) {
        char have[96];
        mw_fail(c, MW_E_SHAPE, "%s: the weight of a linear layer is [N,K], not %s",
                w->label ? w->label : "linear", mw_shape_text(w, have, sizeof have));
    }
    return mw_gemm_prepare(c, w);
}

mw_tensor *mw_linear(mw_ctx *c, mw_tensor *x, mw_tensor *w, mw_tensor *bias, mw_activation act,
                     mw_tensor *residual)
{
    bool watched = mw_watched(c, x) || mw_watched(c, w) || mw_watched(c, bias);
    if (act != MW_ACT_NONE && watched) { // the gradient needs what goes into the activation
        mw_tensor *y = mw_activate(c, mw_linear(c, x, w, bias, MW_ACT_NONE, NULL), act);
        return residual ? mw_add(c, y, residual) : y;
    }
    return mw_apply(c, &op, (mw_tensor *[]){x, w, bias, residual}, 4, &(attrs){act});
}
