// linear_many.c: linear layers of one input, with what comes before them: the norm, or the gate.
//
// Where x has few rows and the weights are in blocks, all is one launch; else each step is the op that it is.
#include "core/ops/few_internal.h"
#include "core/ops/ops_internal.h"
#include "core/tensor/tape.h"

typedef struct attrs {
    double eps;
    mw_activation act;
} attrs;

enum { X, GAMMA, UP, W, RESIDUAL = W + MW_FEW_WEIGHTS, INPUTS };

static mw_status infer(mw_ctx *c, mw_call *k)
{
    const mw_tensor *x = k->in[X], *up = k->in[UP], *gamma = k->in[GAMMA];
    int64_t shape[MW_MAXDIM], depth = mw_dim(x, -1);
    if (x->ndim < 1 || x->dtype > MW_F16 || (up && (!mw_same_shape(x, up) || up->dtype != x->dtype)) ||
        (gamma && (gamma->ndim != 1 || gamma->shape[0] != depth)))
        return mw_op_fail(c, k, "x, gamma or up is of another shape or type");
    for (int i = 0; i < MW_FEW_WEIGHTS && k->in[W + i]; i++) {
        const mw_tensor *w = k->in[W + i];
        if (w->shape[1] != depth)
            return mw_op_fail(c, k, "x has %lld columns, a weight %lld", (long long)depth,
                              (long long)w->shape[1]);
        for (int d = 0; d < x->ndim; d++)
            shape[d] = d < x->ndim - 1 ? x->shape[d] : w->shape[0];
        k->out[i] = mw_tensor_new(c, x->dtype, x->ndim, shape);
        if (!k->out[i] || mw_gemm_check_extra(c, k, NULL, k->in[RESIDUAL], k->out[i], w->shape[0]))
            return mw_err(c);
    }
    return mw_err(c);
}

static mw_status forward(mw_ctx *c, const mw_call *k)
{
    const attrs *a = k->attrs;
    mw_scope_begin(c);
    mw_few f = {.x = mw_contiguous(c, k->in[X]),
                .up = mw_contiguous(c, k->in[UP]),
                .gamma = mw_op_dense(c, k->in[GAMMA], MW_F32),
                .eps = a->eps,
                .act = a->act,
                .residual = mw_op_dense(c, k->in[RESIDUAL], k->in[X]->dtype)};
    for (; f.n < MW_FEW_WEIGHTS && k->in[W + f.n]; f.n++) {
        f.w[f.n] = k->in[W + f.n];
        f.y[f.n] = k->out[f.n];
    }
    mw_few_run(c, &f);
    mw_scope_end(c, NULL);
    return mw_err(c);
}

// Only calls that nothing watches come here.
static const mw_op op = {
    .name = "linear_many",
    .sig = "x[..,K], gamma[K]?, up[..,K]?, w[N,K], w[N,K]?, w[N,K]?, residual[..,N]? -> y[..,N] of each w",
    .doc = "x' w^T + residual, x' the RMS norm of x with gamma, or act(x) * up.",
    .nin = INPUTS,
    .nreq = 1,
    .infer = infer,
    .forward = forward,
    .attrs_size = sizeof(attrs),
    .prepared = MW_READS_IN(W) | MW_READS_IN(W + 1) | MW_READS_IN(W + 2),
};

static bool in_one_launch(const mw_ctx *c, const mw_tensor *x, int n, mw_tensor *const *w)
{
    int64_t columns = mw_dim(x, -1);
    bool may = x && columns > 0 && mw_numel(x) > 0 && !mw_watched(c, x) &&
        mw_few_fits(c, mw_numel(x) / columns, columns);
    for (int i = 0; i < n && may; i++)
        may = w[i] && mw_is_blocks(w[i]) && !mw_watched(c, w[i]);
    return may;
}

mw_status mw_linear_many(mw_ctx *c, mw_tensor *x, mw_tensor *gamma, double eps, int n, mw_tensor *const *w,
                         mw_tensor **y)
{
    for (int i = 0; i < n; i++)
        y[i] = NULL;
    if (mw_err(c) == MW_OK && in_one_launch(c, x, n, w) && !mw_watched(c, gamma)) {
        mw_tensor *in[INPUTS] = {[X] = x, [GAMMA] = gamma};
        for (int i = 0; i < n; i++)
            in[W + i] = w[i];
        return mw_apply_many(c, &op, in, INPUTS, &(attrs){.eps = eps}, y, n);
    }
    x = gamma ? mw_rms_norm(c, x, gamma, eps) : x;
    for (int i = 0; i < n; i++)
        y[i] = mw_linear(c, x, w[i], NULL, MW_ACT_NONE, NULL);
    return mw_err(c);
}

mw_tensor *mw_linear_gated(mw_ctx *c, mw_tensor *gate, mw_tensor *up, mw_activation act, mw_tensor *w,
                           mw_tensor *residual)
{
    if (mw_err(c) || !gate || !up || !w)
        return NULL;
    if (!in_one_launch(c, gate, 1, &w) || mw_watched(c, up) || mw_watched(c, residual))
        return mw_linear(c, mw_glu(c, gate, up, act), w, NULL, MW_ACT_NONE, residual);
    mw_tensor *in[INPUTS] = {[X] = gate, [UP] = up, [W] = w, [RESIDUAL] = residual};
    return mw_apply(c, &op, in, INPUTS, &(attrs){.act = act});
}
