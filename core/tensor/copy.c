// copy.c: contiguous copies and changes of dtype, and what moves elements: one strided kernel.
#include "core/ops.h"
#include "core/tensor/launch.h"
#include "core/tensor/op.h"
#include "core/tensor/tensor_internal.h"

typedef struct attrs {
    mw_dtype dtype;
} attrs;

static mw_status infer(mw_ctx *c, mw_call *k)
{
    const mw_tensor *x = k->in[0];
    const attrs *a = k->attrs;
    if (x->dtype != a->dtype && (x->dtype > MW_F16 || a->dtype > MW_F16))
        return mw_op_fail(c, k, "only f32 and f16 change into each other, not %s into %s",
                          mw_dtype_name(x->dtype), mw_dtype_name(a->dtype));
    if (x->dtype == MW_U8)
        return mw_op_fail(c, k, "a u8 view cannot be copied");
    k->out[0] = mw_tensor_new(c, a->dtype, x->ndim, x->shape);
    return mw_err(c);
}

// The sizes of y, innermost last, with neighbours joined that both walk in one go; strides of x and y.
typedef struct walk {
    int64_t n[MW_MAXDIM], from[MW_MAXDIM], to[MW_MAXDIM];
} walk;

static walk walk_of(const mw_tensor *x, const mw_tensor *y)
{
    walk w = {.n = {1, 1, 1, 1, 1, 1}, .from = {0}, .to = {0}};
    int at = MW_MAXDIM;
    for (int i = y->ndim - 1; i >= 0; i--) {
        int64_t n = y->shape[i], from = x->stride[i], to = y->stride[i];
        if (n == 1)
            continue;
        if (at < MW_MAXDIM && from == w.from[at] * w.n[at] && to == w.to[at] * w.n[at]) {
            w.n[at] *= n;
            continue;
        }
        at--;
        w.n[at] = n;
        w.from[at] = from;
        w.to[at] = to;
    }
    return w;
}

static mw_launch launch_over(const mw_ctx *c, const char *entry, int64_t total, int *chunk)
{
    bool cpu = mw_device_caps(c)->cpu;
    *chunk = cpu ? 16384 : 16;
    return (mw_launch){.file = "copy",
                       .entry = entry,
                       .dims = 1,
                       .global = {(size_t)((total + *chunk - 1) / *chunk)},
                       .local = {cpu ? 1 : 0}};
}

#define SIZES(n) MW_L((n)[1]), MW_L((n)[2]), MW_L((n)[3]), MW_L((n)[4]), MW_L((n)[5])
#define STRIDES(s) MW_L((s)[0]), SIZES(s)

// i32 moves as f32 bits: LOAD and STORE of f32 change none.
mw_status mw_copy_elements(mw_ctx *c, const mw_tensor *x, const mw_tensor *y)
{
    int chunk;
    int64_t total = mw_numel(y);
    walk w = walk_of(x, y);
    mw_launch l = launch_over(c, "copy_any", total, &chunk);
    l.t = x->dtype;
    l.w = y->dtype;
    return MW_RUN(c, &l, MW_T(x), MW_T(y), MW_L(total), MW_I(chunk), SIZES(w.n), STRIDES(w.from),
                  STRIDES(w.to));
}

mw_status mw_fill_elements(mw_ctx *c, const mw_tensor *y, float value)
{
    int chunk;
    int64_t total = mw_numel(y);
    walk w = walk_of(y, y);
    mw_launch l = launch_over(c, "fill_any", total, &chunk);
    l.t = y->dtype;
    return MW_RUN(c, &l, MW_T(y), MW_F(value), MW_L(total), MW_I(chunk), SIZES(w.n), STRIDES(w.to));
}

static mw_status forward(mw_ctx *c, const mw_call *k) { return mw_copy_elements(c, k->in[0], k->out[0]); }

static mw_status vjp(mw_ctx *c, const mw_call *k, mw_tensor *const *gout, mw_tensor **gin, const bool *want)
{
    (void)k;
    (void)want;
    gin[0] = gout[0];
    return mw_err(c);
}

static const mw_op op = {
    "copy",
    "x[..] -> y[..]",
    "The same elements, contiguous, in another dtype.",
    1,
    1,
    infer,
    forward,
    vjp,
    sizeof(attrs),
    mw_reads_nothing,
};

mw_tensor *mw_contiguous(mw_ctx *c, mw_tensor *x)
{
    if (!x || mw_is_contiguous(x))
        return mw_err(c) ? NULL : x;
    return mw_apply(c, &op, &x, 1, &(attrs){x->dtype});
}

mw_tensor *mw_cast(mw_ctx *c, mw_tensor *x, mw_dtype dtype)
{
    if (!x || x->dtype == dtype)
        return mw_err(c) ? NULL : x;
    return mw_apply(c, &op, &x, 1, &(attrs){dtype});
}
