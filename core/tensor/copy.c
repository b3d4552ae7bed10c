// copy.c: contiguous copies and changes of dtype, by one strided kernel.
#include "core/ops.h"
#include "core/tensor/launch.h"
#include "core/tensor/op.h"

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

// i32 moves as f32 bits: LOAD and STORE of f32 change none.
static mw_status forward(mw_ctx *c, const mw_call *k)
{
    const mw_tensor *x = k->in[0];
    int64_t n[MW_MAXDIM], s[MW_MAXDIM], total = mw_numel(x);
    for (int i = 0; i < MW_MAXDIM; i++) {
        int from = i - (MW_MAXDIM - x->ndim);
        n[i] = from < 0 ? 1 : x->shape[from];
        s[i] = from < 0 ? 0 : x->stride[from];
    }
    if (mw_is_contiguous(x)) { // one long row
        for (int i = 0; i < MW_MAXDIM - 1; i++)
            n[i] = 1;
        n[MW_MAXDIM - 1] = total;
        s[MW_MAXDIM - 1] = 1;
    }
    int chunk = mw_device_caps(c)->cpu ? 16384 : 16;
    size_t items = (size_t)((total + chunk - 1) / chunk);
    mw_launch l = {.file = "copy",
                   .entry = "copy_any",
                   .t = x->dtype,
                   .w = k->out[0]->dtype,
                   .dims = 1,
                   .global = {items}};
    if (mw_device_caps(c)->cpu)
        l.local[0] = 1;
    return MW_RUN(c, &l, MW_T(x), MW_T(k->out[0]), MW_L(total), MW_I(chunk), MW_L(n[1]), MW_L(n[2]),
                  MW_L(n[3]), MW_L(n[4]), MW_L(n[5]), MW_L(s[0]), MW_L(s[1]), MW_L(s[2]), MW_L(s[3]),
                  MW_L(s[4]), MW_L(s[5]));
}

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
