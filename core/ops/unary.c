// unary.c: functions of one element: activations, scale and shift, clamp, powers, exp, log, sqrt, abs.
#include "core/ops/ops_internal.h"
#include "core/tensor/tape.h"

// As in kernels/elementwise.cl; the numbers below AFFINE are mw_activation's.
enum { AFFINE = 5, CLAMP, POW, EXP, LOG, SQRT, ABS, SQUARE };

typedef struct attrs {
    int function;
    double a, b;
} attrs;

static mw_status infer(mw_ctx *c, mw_call *k)
{
    if (!mw_op_floats(c, k))
        return mw_err(c);
    return mw_op_like(c, k, k->in[0]);
}

static mw_status forward(mw_ctx *c, const mw_call *k)
{
    const attrs *a = k->attrs;
    mw_tensor *y = k->out[0];
    int64_t n = mw_numel(y);
    if (!n)
        return MW_OK;
    mw_scope_begin(c);
    mw_tensor *x = mw_contiguous(c, k->in[0]);
    int chunk;
    mw_launch l = mw_op_flat(c, "elementwise", "unary", n, &chunk);
    l.t = y->dtype;
    MW_RUN(c, &l, MW_T(x), MW_T(y), MW_L(n), MW_I(chunk), MW_I(a->function), MW_F(a->a), MW_F(a->b));
    mw_scope_end(c, NULL);
    return mw_err(c);
}

static mw_tensor *grad(mw_ctx *c, mw_tensor *x, mw_tensor *gy, const attrs *a)
{
    mw_tensor *gx = mw_op_grad_like(c, x);
    int64_t n = mw_numel(x);
    int chunk;
    mw_launch l = mw_op_flat(c, "grad", "unary_grad", n, &chunk);
    if (gx && n)
        MW_RUN(c, &l, MW_T(x), MW_T(gy), MW_T(gx), MW_L(n), MW_I(chunk), MW_I(a->function), MW_F(a->a),
               MW_F(a->b));
    return gx;
}

mw_tensor *mw_op_activation_grad(mw_ctx *c, mw_tensor *x, mw_tensor *gy, mw_activation act)
{
    return grad(c, x, gy, &(attrs){act, 0, 0});
}

// gx in ops that a tape outside can follow; NULL where there are none: the kernel then says that it cannot be
// differentiated again.
static mw_tensor *followed(mw_ctx *c, mw_tensor *x, mw_tensor *gy, const attrs *a)
{
    switch (a->function) {
    case AFFINE: return mw_affine(c, gy, a->a, 0);
    case SQUARE: return mw_mul(c, gy, mw_affine(c, x, 2, 0));
    case POW: return mw_mul(c, gy, mw_affine(c, mw_pow(c, x, a->a - 1), a->a, 0));
    case SQRT: return mw_div(c, gy, mw_affine(c, mw_sqrt(c, x), 2, 0));
    case EXP: return mw_mul(c, gy, mw_exp(c, x));
    case LOG: return mw_div(c, gy, x);
    default: return NULL;
    }
}

static mw_status vjp(mw_ctx *c, const mw_call *k, mw_tensor *const *gout, mw_tensor **gin, const bool *want)
{
    (void)want;
    mw_tensor *x = mw_op_dense(c, k->in[0], MW_F32);
    if (mw_watched(c, x) || mw_watched(c, gout[0]))
        gin[0] = followed(c, x, gout[0], k->attrs);
    if (!gin[0])
        gin[0] = grad(c, x, gout[0], k->attrs);
    return mw_err(c);
}

#define UNARY(id, formula)                                                                                   \
    static const mw_op id = {#id, "x[..] -> y[..]", formula,        1, 1, infer, forward,                    \
                             vjp, sizeof(attrs),    mw_reads_inputs}

UNARY(affine, "scale * x + shift.");
UNARY(clamp, "min(max(x, low), high); NaN stays.");
UNARY(pow_, "x to the power of an exponent.");
UNARY(exp_, "e^x.");
UNARY(log_e, "Natural logarithm.");
UNARY(sqrt_, "Square root.");
UNARY(abs_, "Absolute value.");
UNARY(activate,
      "SiLU x / (1 + e^-x); GELU x (1 + erf(x / sqrt 2)) / 2, its tanh form, or x / (1 + e^(-1.702 x)).");

static mw_tensor *apply(mw_ctx *c, const mw_op *op, mw_tensor *x, int function, double a, double b)
{
    return mw_apply(c, op, &x, 1, &(attrs){function, a, b});
}

mw_tensor *mw_affine(mw_ctx *c, mw_tensor *x, double scale, double shift)
{
    return apply(c, &affine, x, AFFINE, scale, shift);
}

mw_tensor *mw_clamp(mw_ctx *c, mw_tensor *x, double low, double high)
{
    return apply(c, &clamp, x, CLAMP, low, high);
}

mw_tensor *mw_pow(mw_ctx *c, mw_tensor *x, double exponent)
{
    int function = exponent == 2.0 ? SQUARE : exponent == 0.5 ? SQRT : POW;
    return apply(c, &pow_, x, function, exponent, 0);
}

mw_tensor *mw_exp(mw_ctx *c, mw_tensor *x) { return apply(c, &exp_, x, EXP, 0, 0); }
mw_tensor *mw_log_e(mw_ctx *c, mw_tensor *x) { return apply(c, &log_e, x, LOG, 0, 0); }
mw_tensor *mw_sqrt(mw_ctx *c, mw_tensor *x) { return apply(c, &sqrt_, x, SQRT, 0, 0); }
mw_tensor *mw_abs(mw_ctx *c, mw_tensor *x) { return apply(c, &abs_, x, ABS, 0, 0); }

mw_tensor *mw_activate(mw_ctx *c, mw_tensor *x, mw_activation act)
{
    return apply(c, &activate, x, act, 0, 0);
}
