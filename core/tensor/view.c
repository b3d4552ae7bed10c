// view.c: facts about shapes, and views that share storage.
#include "core/ops.h"
#include "core/tensor/tensor_internal.h"

#include <stdio.h>
#include <string.h>

int64_t mw_numel(const mw_tensor *t)
{
    if (!t)
        return 0;
    int64_t n = 1;
    for (int i = 0; i < t->ndim; i++)
        n *= t->shape[i];
    return n;
}

bool mw_is_contiguous(const mw_tensor *t)
{
    if (!t)
        return true;
    int64_t s = 1;
    for (int i = t->ndim - 1; i >= 0; i--) {
        if (t->shape[i] != 1 && t->stride[i] != s)
            return false;
        s *= t->shape[i];
    }
    return true;
}

int64_t mw_dim(const mw_tensor *t, int i)
{
    if (!t)
        return 0;
    i = i < 0 ? i + t->ndim : i;
    return i < 0 || i >= t->ndim ? 0 : t->shape[i];
}

bool mw_same_shape(const mw_tensor *a, const mw_tensor *b)
{
    if (!a || !b || a->ndim != b->ndim)
        return false;
    for (int i = 0; i < a->ndim; i++)
        if (a->shape[i] != b->shape[i])
            return false;
    return true;
}

static const char *sizes_text(int ndim, const int64_t *shape, char *buf, size_t size)
{
    size_t n = (size_t)snprintf(buf, size, "[");
    for (int i = 0; i < ndim && n < size; i++)
        n += (size_t)snprintf(buf + n, size - n, "%s%lld", i ? "," : "", (long long)shape[i]);
    if (n < size)
        snprintf(buf + n, size - n, "]");
    return buf;
}

const char *mw_shape_text(const mw_tensor *t, char *buf, size_t size)
{
    if (!t) {
        snprintf(buf, size, "nothing");
        return buf;
    }
    size_t n = strlen(sizes_text(t->ndim, t->shape, buf, size));
    snprintf(buf + n, size - n, " %s", mw_dtype_name(t->dtype));
    return buf;
}

static bool valid_dim(mw_ctx *c, const mw_tensor *t, int *dim, const char *what)
{
    char text[96];
    int d = *dim < 0 ? *dim + t->ndim : *dim;
    if (d < 0 || d >= t->ndim) {
        mw_fail(c, MW_E_SHAPE, "%s: no dimension %d in %s", what, *dim, mw_shape_text(t, text, sizeof text));
        return false;
    }
    *dim = d;
    return true;
}

// Strides of `shape` over t's elements, or false when they would not be uniform.
static bool view_strides(const mw_tensor *t, int ndim, const int64_t *shape, int64_t *stride)
{
    if (mw_is_contiguous(t) || mw_numel(t) == 0) {
        mw_strides_of(ndim, shape, stride);
        return true;
    }
    // Walk both shapes from the right; each run of t's dimensions that is one uniform run may be cut anew.
    int i = t->ndim - 1, j = ndim - 1;
    while (j >= 0 || i >= 0) {
        if (i < 0) {
            stride[j--] = 1; // only sizes of 1 are left
            continue;
        }
        int64_t base = t->stride[i], have = t->shape[i], want = 1;
        while (i > 0 && (t->shape[i - 1] == 1 || have == 1 || t->stride[i - 1] == have * base)) {
            if (have == 1)
                base = t->stride[i - 1];
            have *= t->shape[--i];
        }
        while (j >= 0 && want < have) {
            stride[j] = base * want;
            want *= shape[j--];
        }
        for (; j >= 0 && shape[j] == 1; j--)
            stride[j] = base * want;
        if (want != have)
            return false;
        i--;
    }
    return true;
}

// The wanted sizes with the one that may be left open (-1) filled in; false when t's elements do not make
// them up.
static bool full_shape(const mw_tensor *t, int ndim, const int64_t *shape, int64_t *full)
{
    int open = -1;
    for (int i = 0; i < ndim && i < MW_MAXDIM; i++) {
        bool left = shape[i] == -1 && open < 0;
        open = left ? i : open;
        full[i] = left ? 1 : shape[i];
    }
    int64_t known = mw_count(ndim, full), total = mw_numel(t);
    if (open >= 0 && known >= 0) {
        full[open] = known ? total / known : 0;
        known *= full[open];
    }
    return known == total;
}

mw_tensor *mw_reshape(mw_ctx *c, mw_tensor *t, int ndim, const int64_t *shape)
{
    if (mw_err(c) || !t)
        return NULL;
    char text[96], wanted[160];
    int64_t full[MW_MAXDIM];
    if (!full_shape(t, ndim, shape, full)) {
        mw_fail(c, MW_E_SHAPE, "reshape: %s does not have as many elements as the wanted shape %s",
                mw_shape_text(t, text, sizeof text), sizes_text(ndim, shape, wanted, sizeof wanted));
        return NULL;
    }
    int64_t stride[MW_MAXDIM];
    if (!view_strides(t, ndim, full, stride)) {
        t = mw_contiguous(c, t);
        if (!t)
            return NULL;
        mw_strides_of(ndim, full, stride);
    }
    return mw_view_recorded(c, &mw_view_reshape, t, mw_tensor_view(c, t, ndim, full, stride, t->offset),
                            NULL);
}

mw_tensor *mw_slice(mw_ctx *c, mw_tensor *t, int dim, int64_t begin, int64_t length)
{
    if (mw_err(c) || !t || !valid_dim(c, t, &dim, "slice"))
        return NULL;
    char text[96];
    if (begin < 0 || length < 0 || begin > t->shape[dim] || length > t->shape[dim] - begin) {
        mw_fail(c, MW_E_SHAPE, "slice: %lld elements from %lld on do not lie in dimension %d of %s",
                (long long)length, (long long)begin, dim, mw_shape_text(t, text, sizeof text));
        return NULL;
    }
    mw_tensor *v = mw_tensor_view(c, t, t->ndim, t->shape, t->stride, t->offset + begin * t->stride[dim]);
    if (v)
        v->shape[dim] = length;
    return mw_view_recorded(c, &mw_view_slice, t, v, &(mw_view_attrs){.dim = dim, .begin = begin});
}

mw_tensor *mw_permute(mw_ctx *c, mw_tensor *t, const int *order)
{
    if (mw_err(c) || !t)
        return NULL;
    int64_t shape[MW_MAXDIM], stride[MW_MAXDIM];
    unsigned seen = 0;
    mw_view_attrs attrs = {0};
    for (int i = 0; i < t->ndim; i++) {
        int from = order[i];
        if (!valid_dim(c, t, &from, "permute"))
            return NULL;
        attrs.order[i] = from;
        seen |= 1u << from;
        shape[i] = t->shape[from];
        stride[i] = t->stride[from];
    }
    if (seen != (1u << t->ndim) - 1) {
        mw_fail(c, MW_E_SHAPE, "permute: each dimension must be named once");
        return NULL;
    }
    return mw_view_recorded(c, &mw_view_permute, t, mw_tensor_view(c, t, t->ndim, shape, stride, t->offset),
                            &attrs);
}

mw_tensor *mw_transpose(mw_ctx *c, mw_tensor *t, int a, int b)
{
    if (mw_err(c) || !t || !valid_dim(c, t, &a, "transpose") || !valid_dim(c, t, &b, "transpose"))
        return NULL;
    int order[MW_MAXDIM];
    for (int i = 0; i < t->ndim; i++)
        order[i] = i == a ? b : i == b ? a : i;
    return mw_permute(c, t, order);
}

mw_tensor *mw_expand(mw_ctx *c, mw_tensor *t, int ndim, const int64_t *shape)
{
    if (mw_err(c) || !t)
        return NULL;
    char text[96];
    int64_t stride[MW_MAXDIM];
    int shift = ndim - t->ndim;
    for (int i = 0; i < ndim && shift >= 0 && ndim <= MW_MAXDIM; i++) {
        bool own = i >= shift && t->shape[i - shift] == shape[i];
        stride[i] = own ? t->stride[i - shift] : 0;
        if (i >= shift && !own && t->shape[i - shift] != 1)
            shift = -1;
    }
    if (shift < 0 || ndim > MW_MAXDIM) {
        mw_fail(c, MW_E_SHAPE, "expand: %s cannot be broadcast to the wanted shape",
                mw_shape_text(t, text, sizeof text));
        return NULL;
    }
    return mw_view_recorded(c, &mw_view_expand, t, mw_tensor_view(c, t, ndim, shape, stride, t->offset),
                            NULL);
}

mw_tensor *mw_alias(mw_ctx *c, mw_tensor *t)
{
    return t && !mw_err(c) ? mw_tensor_view(c, t, t->ndim, t->shape, t->stride, t->offset) : NULL;
}
