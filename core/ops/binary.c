// binary.c: sum, difference, product and quotient of two tensors, broadcast as in NumPy.
#include "core/ops/ops_internal.h"

typedef struct attrs {
    int function;
} attrs;

static mw_status infer(mw_ctx *c, mw_call *k)
{
    const mw_tensor *a = k->in[0], *b = k->in[1];
    char ta[MW_SHAPE_TEXT], tb[MW_SHAPE_TEXT];
    if (!mw_op_floats(c, k))
        return mw_err(c);
    int ndim = a->ndim > b->ndim ? a->ndim : b->ndim;
    int64_t shape[MW_MAXDIM];
    for (int i = 1; i <= ndim; i++) {
        int64_t na = i > a->ndim ? 1 : a->shape[a->ndim - i], nb = i > b->ndim ? 1 : b->shape[b->ndim - i];
        if (na != nb && na != 1 && nb != 1)
            return mw_op_fail(c, k, "%s and %s cannot be broadcast together", mw_shape_text(a, ta, sizeof ta),
                              mw_shape_text(b, tb, sizeof tb));
        shape[ndim - i] = na == 1 ? nb : na;
    }
    k->out[0] = mw_tensor_new(c, a->dtype, ndim, shape);
    return mw_err(c);
}

enum { DIMS = 4 }; // of the kernel

typedef struct walk {
    int ndim;
    int64_t n[MW_MAXDIM], a[MW_MAXDIM], b[MW_MAXDIM];
} walk;

// The result's dimensions, innermost first, with neighbours joined that both inputs walk in one go.
static walk walk_of(const mw_tensor *y, const mw_tensor *a, const mw_tensor *b)
{
    walk w = {0, {0}, {0}, {0}};
    for (int i = y->ndim - 1; i >= 0; i--) {
        int64_t n = y->shape[i], sa = a->stride[i], sb = b->stride[i];
        int last = w.ndim - 1;
        if (n == 1)
            continue;
        if (w.ndim && sa == w.a[last] * w.n[last] && sb == w.b[last] * w.n[last]) {
            w.n[last] *= n;
            continue;
        }
        w.n[w.ndim] = n;
        w.a[w.ndim] = sa;
        w.b[w.ndim++] = sb;
    }
    for (int i = w.ndim; i < DIMS; i++)
        w.n[i] = 1;
    return w;
}

static mw_status forward(mw_ctx *c, const mw_call *k)
{
    mw_tensor *y = k->out[0];
    int64_t n = mw_numel(y);
    if (!n)
        return MW_OK;
    mw_scope_begin(c);
    mw_tensor *a = mw_expand(c, k->in[0], y->ndim, y->shape), *b = mw_expand(c, k->in[1], y->ndim, y->shape);
    if (a && b) {
        walk w = walk_of(y, a, b);
        if (w.ndim > DIMS) {
            a = mw_contiguous(c, a);
            b = mw_contiguous(c, b);
            if (a && b)
                w = walk_of(y, a, b);
        }
        int chunk;
        mw_launch l = mw_op_flat(c, "elementwise", "binary", n, &chunk);
        l.t = y->dtype;
        l.w = k->in[1]->dtype;
        MW_RUN(c, &l, MW_T(a), MW_T(b), MW_T(y), MW_L(n), MW_I(chunk),
               MW_I(((const attrs *)k->attrs)->function), MW_L(w.n[2]), MW_L(w.n[1]), MW_L(w.n[0]),
               MW_L(w.a[3]), MW_L(w.a[2]), MW_L(w.a[1]), MW_L(w.a[0]), MW_L(w.b[3]), MW_L(w.b[2]),
               MW_L(w.b[1]), MW_L(w.b[0]));
    }
    mw_scope_end(c, NULL);
    return mw_err(c);
}

mw_tensor *mw_op_unbroadcast(mw_ctx *c, mw_tensor *g, const mw_tensor *x)
{
    int extra = g ? g->ndim - x->ndim : 0;
    for (int i = 0; g && i < extra + x->ndim; i++)
        if (g->shape[i] != 1 && (i < extra || x->shape[i - extra] == 1))
            g = mw_sum(c, g, i, true);
    return mw_reshape(c, g, x->ndim, x->shape);
}

// d(a+b) = 1, 1; d(a-b) = 1, -1; d(ab) = b, a; d(a/b) = 1/b, -a/b^2.
static mw_status vjp(mw_ctx *c, const mw_call *k, mw_tensor *const *gout, mw_tensor **gin, const bool *want)
{
    int function = ((const attrs *)k->attrs)->function;
    mw_tensor *g = gout[0], *ga = g, *gb = g;
    if (function >= 2) {
        mw_tensor *a = mw_cast(c, k->in[0], MW_F32), *b = mw_cast(c, k->in[1], MW_F32);
        if (function == 2) {
            ga = want[0] ? mw_mul(c, g, b) : NULL;
            gb = want[1] ? mw_mul(c, g, a) : NULL;
        } else {
            ga = mw_div(c, g, b);
            gb = want[1] ? mw_affine(c, mw_div(c, mw_mul(c, ga, a), b), -1, 0) : NULL;
        }
    } else if (function == 1 && want[1]) {
        gb = mw_affine(c, g, -1, 0);
    }
    if (want[0])
        gin[0] = mw_op_unbroadcast(c, ga, k->in[0]);
    if (want[1])
        gin[1] = mw_op_unbroadcast(c, gb, k->in[1]);
    return mw_err(c);
}

static unsigned reads(const mw_call *k, const bool *want)
{
    return ((const attrs *)k->attrs)->function >= 2 ? mw_reads_inputs(k, want) : 0;
}

#define BINARY(id, formula)                                                                                  \
    static const mw_op id = {#id, "a[..], b[..] -> y[..]", formula, 2, 2, infer, forward,                    \
                             vjp, sizeof(attrs),           reads}

BINARY(add, "a + b.");
BINARY(sub, "a - b.");
BINARY(mul, "a * b.");
BINARY(divide, "a / b.");

static mw_tensor *apply(mw_ctx *c, const mw_op *op, mw_tensor *a, mw_tensor *b, int function)
{
    return mw_apply(c, op, (mw_tensor *[]){a, b}, 2, &(attrs){function});
}

// The numbers are those of kernels/elementwise.cl.
mw_tensor *mw_add(mw_ctx *c, mw_tensor *a, mw_tensor *b) { return apply(c, &add, a, b, 0); }
mw_tensor *mw_sub(mw_ctx *c, mw_tensor *a, mw_tensor *b) { return apply(c, &sub, a, b, 1); }
mw_tensor *mw_mul(mw_ctx *c, mw_tensor *a, mw_tensor *b) { return apply(c, &mul, a, b, 2); }
mw_tensor *mw_div(mw_ctx *c, mw_tensor *a, mw_tensor *b) { return apply(c, &divide, a, b, 3); }
