// ops_internal.c: what the ops share: checks of inputs, and how work is cut.
#include "core/ops/ops_internal.h"

bool mw_op_floats(mw_ctx *c, const mw_call *k)
{
    for (int i = 0; i < k->nin; i++)
        if (k->in[i] && k->in[i]->dtype > MW_F16) {
            mw_op_fail(c, k, "input %d must be f32 or f16, got %s", i + 1, mw_dtype_name(k->in[i]->dtype));
            return false;
        }
    return true;
}

bool mw_op_dim(mw_ctx *c, const mw_call *k, const mw_tensor *x, int *dim)
{
    char text[MW_SHAPE_TEXT];
    int d = *dim < 0 ? *dim + x->ndim : *dim;
    if (d < 0 || d >= x->ndim) {
        mw_op_fail(c, k, "there is no dimension %d in %s", *dim, mw_shape_text(x, text, sizeof text));
        return false;
    }
    *dim = d;
    return true;
}

bool mw_op_vector(mw_ctx *c, const mw_call *k, const mw_tensor *t, const char *name, int64_t n)
{
    char text[MW_SHAPE_TEXT];
    if (t && (t->ndim != 1 || t->shape[0] != n)) {
        mw_op_fail(c, k, "%s must be [%lld], got %s", name, (long long)n,
                   mw_shape_text(t, text, sizeof text));
        return false;
    }
    return true;
}

mw_status mw_op_like(mw_ctx *c, mw_call *k, const mw_tensor *x)
{
    k->out[0] = mw_tensor_new(c, x->dtype, x->ndim, x->shape);
    return mw_err(c);
}

int mw_op_lanes(const mw_ctx *c)
{
    const mw_caps *caps = mw_device_caps(c);
    return !caps->cpu ? 4 : caps->vector_width >= 16 ? 16 : 8;
}

int mw_op_group(const mw_ctx *c)
{
    const mw_caps *caps = mw_device_caps(c);
    return !caps->cpu && caps->max_group >= 64 ? 64 : 1;
}

mw_variant mw_op_variant(const mw_ctx *c)
{
    int lanes = mw_op_lanes(c);
    if (lanes == 4)
        return mw_op_group(c) == 1 ? MW_VARIANT_GROUP_1 : MW_VARIANT_GROUP_64;
    return lanes == 8 ? MW_VARIANT_LANES_8 : MW_VARIANT_LANES_16;
}

// Items enough to keep every compute unit busy, but not so many that starting them costs more than their
// work.
enum { CPU_CHUNK = 8192, GPU_CHUNK = 4 };

mw_launch mw_op_flat(const mw_ctx *c, const char *file, const char *entry, int64_t n, int *chunk)
{
    *chunk = mw_device_caps(c)->cpu ? CPU_CHUNK : GPU_CHUNK;
    size_t group = (size_t)mw_op_group(c), items = (size_t)((n + *chunk - 1) / *chunk);
    return (mw_launch){
        .file = file,
        .entry = entry,
        .variant = mw_op_variant(c),
        .dims = 1,
        .global = {(items + group - 1) / group * group},
        .local = {group},
    };
}

mw_launch mw_op_rows(const mw_ctx *c, const char *file, const char *entry, int64_t rows, int64_t n, int *each)
{
    *each = mw_device_caps(c)->cpu && n < CPU_CHUNK ? (int)(CPU_CHUNK / (n > 0 ? n : 1)) : 1;
    size_t group = (size_t)mw_op_group(c);
    return (mw_launch){
        .file = file,
        .entry = entry,
        .variant = mw_op_variant(c),
        .dims = 1,
        .global = {(size_t)((rows + *each - 1) / *each) * group},
        .local = {group},
    };
}

int64_t mw_op_count(const mw_tensor *x, int begin, int end)
{
    int64_t n = 1;
    for (int i = begin; i < end; i++)
        n *= x->shape[i];
    return n;
}

mw_tensor *mw_op_dense(mw_ctx *c, mw_tensor *x, mw_dtype dtype)
{
    return mw_contiguous(c, mw_cast(c, x, dtype));
}

mw_tensor *mw_op_grad_like(mw_ctx *c, const mw_tensor *x)
{
    return x ? mw_tensor_new(c, MW_F32, x->ndim, x->shape) : NULL;
}
