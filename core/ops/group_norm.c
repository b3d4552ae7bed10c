// group_norm.c: group norm of channels-last tensors, with SiLU behind it when asked.
// Paper: Wu, He: Group Normalization (2018).
#include "core/ops/ops_internal.h"

typedef struct attrs {
    int groups;
    double eps;
    mw_activation act;
} attrs;

static mw_status infer(mw_ctx *c, mw_call *k)
{
    const mw_tensor *x = k->in[0];
    const attrs *a = k->attrs;
    char text[MW_SHAPE_TEXT];
    if (!mw_op_floats(c, k))
        return mw_err(c);
    if (x->ndim < 2)
        return mw_op_fail(c, k, "x must have a batch and a channel dimension, got %s",
                          mw_shape_text(x, text, sizeof text));
    int64_t n = mw_dim(x, -1);
    if (a->groups < 1 || n % a->groups)
        return mw_op_fail(c, k, "%lld channels cannot be cut into %d groups", (long long)n, a->groups);
    if (n > INT32_MAX / 2)
        return mw_op_fail(c, k, "%lld channels are too many", (long long)n);
    if (a->act != MW_ACT_NONE && a->act != MW_ACT_SILU)
        return mw_op_fail(c, k, "the activation must be none or SiLU");
    if (!mw_op_vector(c, k, k->in[1], "gamma", n) || !mw_op_vector(c, k, k->in[2], "beta", n))
        return mw_err(c);
    return mw_op_like(c, k, x);
}

static int64_t at_least(int64_t x, int64_t low) { return x < low ? low : x; }

// How the positions are cut for the statistics: few spans, since every group of group_apply joins them all.
static void cut(mw_ctx *c, int64_t pictures, int64_t places, int64_t *span, int64_t *spans)
{
    const mw_caps *caps = mw_device_caps(c);
    int64_t wanted = at_least(caps->compute_units * (caps->cpu ? 4 : 2), 1);
    *span = at_least((places * pictures + wanted - 1) / wanted, 16);
    *spans = (places + *span - 1) / *span;
}

// Small pictures in one launch (group_whole, group_grad_whole): how many groups an item makes, enough to fill
// its vectors; 0 where the picture is too large, or the device no CPU.
static int64_t groups_at_once(mw_ctx *c, const attrs *a, int64_t channels, int64_t places)
{
    enum { MOST = 1 << 17, MOST_PLACES = 4096, ARRAYS = 4 };
    const mw_caps *caps = mw_device_caps(c);
    int64_t width = channels / a->groups, lanes = mw_op_lanes(c),
            n = width >= lanes ? 1 : (lanes + width - 1) / width;
    size_t bytes = ARRAYS * sizeof(float) * (size_t)(n * width + lanes);
    bool small = channels * places <= MOST && places <= MOST_PLACES && bytes <= caps->local_bytes;
    return caps->cpu && small ? n : 0;
}

// Arrays of floats in local memory for the channels of an item.
static size_t whole_bytes(mw_ctx *c, const attrs *a, int64_t channels, int64_t at_once, size_t arrays)
{
    int64_t lanes = mw_op_lanes(c), n = at_once * (channels / a->groups);
    return arrays * sizeof(float) * (size_t)((n + lanes - 1) / lanes * lanes);
}

static mw_launch whole_launch(mw_ctx *c, const attrs *a, int64_t pictures, int64_t at_once)
{
    return (mw_launch){.variant = mw_op_variant(c),
                       .dims = 2,
                       .global = {(size_t)((a->groups + at_once - 1) / at_once), (size_t)pictures},
                       .local = {1, 1}};
}

static mw_status forward_whole(mw_ctx *c, const mw_call *k, int64_t places, int64_t at_once)
{
    enum { ARRAYS = 3 };
    mw_tensor *y = k->out[0];
    const attrs *a = k->attrs;
    int64_t channels = mw_dim(y, -1);
    mw_scope_begin(c);
    mw_tensor *x = mw_contiguous(c, k->in[0]), *gamma = mw_contiguous(c, k->in[1]),
              *beta = mw_op_dense(c, k->in[2], k->in[1]->dtype);
    mw_launch l = whole_launch(c, a, y->shape[0], at_once);
    l.file = "norm";
    l.entry = "group_whole";
    l.t = y->dtype;
    l.w = k->in[1]->dtype;
    MW_RUN(c, &l, MW_T(x), MW_T(gamma), MW_T(beta), MW_T(y), MW_L(places), MW_I(channels), MW_I(a->groups),
           MW_I(at_once), MW_I(a->act), MW_F(a->eps), MW_LOCAL(whole_bytes(c, a, channels, at_once, ARRAYS)));
    mw_scope_end(c, NULL);
    return mw_err(c);
}

static mw_status forward(mw_ctx *c, const mw_call *k)
{
    mw_tensor *y = k->out[0];
    const attrs *a = k->attrs;
    const mw_caps *caps = mw_device_caps(c);
    if (!mw_numel(y))
        return MW_OK;
    int64_t channels = mw_dim(y, -1), pictures = y->shape[0], places = mw_op_count(y, 1, y->ndim - 1), span,
            spans;
    int64_t at_once = groups_at_once(c, a, channels, places);
    if (at_once)
        return forward_whole(c, k, places, at_once);
    cut(c, pictures, places, &span, &spans);
    int64_t rows = at_least(at_least(caps->cpu ? 65536 / channels : 16, spans), 16);
    size_t group = (size_t)mw_op_group(c), lanes = (size_t)mw_op_lanes(c);
    size_t bytes = 3 * sizeof(float) * (((size_t)channels + lanes - 1) / lanes * lanes);
    if (bytes > caps->local_bytes)
        return mw_op_fail(c, k, "%lld channels need more local memory than this device has",
                          (long long)channels);

    mw_scope_begin(c);
    mw_dtype w = k->in[1]->dtype;
    mw_tensor *x = mw_contiguous(c, k->in[0]), *gamma = mw_contiguous(c, k->in[1]),
              *beta = mw_op_dense(c, k->in[2], w);
    mw_tensor *partial = mw_tensor_new(c, MW_F32, MW_SHAPE(pictures, spans, a->groups, 2));
    mw_launch l = {
        .file = "norm",
        .entry = "group_stats",
        .variant = mw_op_variant(c),
        .t = y->dtype,
        .w = w,
        .dims = 2,
        .global = {(size_t)spans * group, (size_t)pictures},
        .local = {group, 1},
    };
    MW_RUN(c, &l, MW_T(x), MW_T(partial), MW_L(places), MW_I(channels), MW_I(a->groups), MW_L(span),
           MW_LOCAL(bytes));
    l.entry = "group_apply";
    l.global[0] = (size_t)((places + rows - 1) / rows) * group;
    MW_RUN(c, &l, MW_T(x), MW_T(gamma), MW_T(beta), MW_T(partial), MW_T(y), MW_L(places), MW_I(channels),
           MW_I(a->groups), MW_I(spans), MW_L(span), MW_L(rows), MW_I(a->act), MW_F(a->eps), MW_LOCAL(bytes));
    mw_scope_end(c, NULL);
    return mw_err(c);
}

// The gradient for x, with `before` added: moments of the groups, sums of the gradient over them, then each
// element.
static mw_tensor *grad_x(mw_ctx *c, const mw_call *k, mw_tensor *gy, mw_tensor *before)
{
    const attrs *a = k->attrs;
    mw_tensor *x = mw_op_dense(c, k->in[0], MW_F32), *gamma = mw_op_dense(c, k->in[1], MW_F32),
              *beta = mw_op_dense(c, k->in[2], MW_F32), *gx = mw_op_grad_like(c, k->in[0]);
    if (!gx || !beta || !mw_numel(x))
        return gx;
    int64_t channels = mw_dim(x, -1), pictures = x->shape[0], places = mw_op_count(x, 1, x->ndim - 1), span,
            spans;
    int64_t at_once = groups_at_once(c, a, channels, places);
    if (at_once) {
        enum { ARRAYS = 4 };
        mw_launch l = whole_launch(c, a, pictures, at_once);
        l.file = "grad";
        l.entry = "group_grad_whole";
        MW_RUN(c, &l, MW_T(x), MW_T(gamma), MW_T(beta), MW_T(gy), MW_T(before), MW_T(gx), MW_L(places),
               MW_I(channels), MW_I(a->groups), MW_I(at_once), MW_I(a->act), MW_I(before != NULL),
               MW_F(a->eps), MW_LOCAL(whole_bytes(c, a, channels, at_once, ARRAYS)));
        return gx;
    }
    cut(c, pictures, places, &span, &spans);
    size_t group = (size_t)mw_op_group(c), lanes = (size_t)mw_op_lanes(c);
    size_t padded = ((size_t)channels + lanes - 1) / lanes * lanes * sizeof(float);
    mw_tensor *partial = mw_tensor_new(c, MW_F32, MW_SHAPE(pictures, spans, a->groups, 2));
    mw_tensor *moments = mw_tensor_new(c, MW_F32, MW_SHAPE(pictures, a->groups, 2));
    if (!moments)
        return NULL;
    mw_launch l = {.file = "norm",
                   .entry = "group_stats",
                   .variant = mw_op_variant(c),
                   .dims = 2,
                   .global = {(size_t)spans * group, (size_t)pictures},
                   .local = {group, 1}};
    MW_RUN(c, &l, MW_T(x), MW_T(partial), MW_L(places), MW_I(channels), MW_I(a->groups), MW_L(span),
           MW_LOCAL(2 * padded));
    int64_t count = pictures * a->groups;
    mw_launch join = {.file = "grad",
                      .entry = "group_moments",
                      .variant = mw_op_variant(c),
                      .dims = 1,
                      .global = {((size_t)count + group - 1) / group * group},
                      .local = {group}};
    MW_RUN(c, &join, MW_T(partial), MW_T(moments), MW_L(places), MW_L(count), MW_I(a->groups),
           MW_I(channels / a->groups), MW_I(spans), MW_L(span), MW_F(a->eps));
    l.file = "grad";
    l.entry = "group_grad_sums";
    MW_RUN(c, &l, MW_T(x), MW_T(gamma), MW_T(beta), MW_T(gy), MW_T(moments), MW_T(partial), MW_L(places),
           MW_I(channels), MW_I(a->groups), MW_L(span), MW_I(a->act), MW_LOCAL(4 * padded));
    l.entry = "group_grad_apply";
    MW_RUN(c, &l, MW_T(x), MW_T(gamma), MW_T(beta), MW_T(gy), MW_T(moments), MW_T(partial), MW_T(before),
           MW_T(gx), MW_L(places), MW_I(channels), MW_I(a->groups), MW_I(spans), MW_L(span), MW_I(a->act),
           MW_I(before != NULL), MW_LOCAL(4 * padded));
    return gx;
}

static mw_status vjp(mw_ctx *c, const mw_call *k, mw_tensor *const *gout, mw_tensor **gin, const bool *want)
{
    const attrs *a = k->attrs;
    int64_t n = mw_dim(k->in[0], -1);
    if (want[0])
        gin[0] = grad_x(c, k, gout[0], gin[0]);
    if (!want[1] && !want[2])
        return mw_err(c);
    // u = the normalised x; the gradient behind the activation is that of act at u gamma + beta.
    mw_tensor *one = mw_full(c, MW_F32, MW_SHAPE(n), 1);
    mw_tensor *zero = mw_affine(c, one, 0, 0), *g = gout[0];
    mw_tensor *u = mw_group_norm(c, mw_cast(c, k->in[0], MW_F32), one, zero, a->groups, a->eps, MW_ACT_NONE);
    if (a->act != MW_ACT_NONE) {
        mw_tensor *pre = mw_add(c, mw_mul(c, u, mw_cast(c, k->in[1], MW_F32)), mw_cast(c, k->in[2], MW_F32));
        g = mw_op_activation_grad(c, pre, g, a->act);
    }
    if (want[1])
        gin[1] = mw_sum(c, mw_reshape(c, mw_mul(c, g, u), MW_SHAPE(-1, n)), 0, false);
    if (want[2])
        gin[2] = mw_sum(c, mw_reshape(c, g, MW_SHAPE(-1, n)), 0, false);
    return mw_err(c);
}

static const mw_op op = {
    .name = "group_norm",
    .sig = "x[B,..,C], gamma[C], beta[C] -> y[B,..,C]",
    .doc = "act((x - mean) / sqrt(var + eps) * gamma + beta), mean and var over a group of channels and all "
           "positions.",
    .nin = 3,
    .nreq = 3,
    .infer = infer,
    .forward = forward,
    .vjp = vjp,
    .attrs_size = sizeof(attrs),
    .reads = mw_reads_inputs,
    .adds = MW_READS_IN(0),
};

mw_tensor *mw_group_norm(mw_ctx *c, mw_tensor *x, mw_tensor *gamma, mw_tensor *beta, int groups, double eps,
                         mw_activation act)
{
    return mw_apply(c, &op, (mw_tensor *[]){x, gamma, beta}, 3, &(attrs){groups, eps, act});
}
