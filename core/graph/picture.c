// picture.c: pictures on wires: [H,W,3] f32 in 0..1, several of one size as [B,H,W,3].
#include "core/graph/picture.h"

#include <math.h>
#include <stdlib.h>

mw_tensor *mw_picture_tensor(mw_ctx *c, const mw_image *image)
{
    if (mw_err(c) != MW_OK || !image)
        return NULL;
    size_t n = (size_t)image->width * (size_t)image->height * 3;
    float *v = mw_alloc(c, n * sizeof *v);
    for (size_t i = 0; v && i < n; i++)
        v[i] = (float)image->rgb[i] / 255.0f;
    mw_tensor *t = v ? mw_tensor_from_f32(c, MW_F32, MW_SHAPE(image->height, image->width, 3), v) : NULL;
    free(v);
    return t;
}

static uint8_t byte_of(float x) { return (uint8_t)lrintf(255 * (x < 0 ? 0 : x > 1 ? 1 : x)); }

mw_status mw_picture_bytes(mw_ctx *c, const mw_tensor *t, mw_image *out)
{
    *out = (mw_image){0};
    if (mw_err(c) != MW_OK || !t)
        return mw_err(c);
    size_t n = (size_t)mw_numel(t);
    float *v = mw_alloc(c, n * sizeof *v);
    uint8_t *rgb = mw_alloc(c, n);
    if (v && rgb)
        mw_tensor_read_f32(c, t, v);
    for (size_t i = 0; i < n && mw_err(c) == MW_OK; i++)
        if (isnan(v[i]))
            mw_fail(c, MW_E_NUMBER, "the picture holds NaN (not a number); with f16 storage, f32 may help");
        else
            rgb[i] = byte_of(v[i]);
    free(v);
    if (mw_err(c) == MW_OK)
        *out = (mw_image){(int)mw_dim(t, 1), (int)mw_dim(t, 0), rgb};
    else
        free(rgb);
    return mw_err(c);
}

mw_tensor *mw_picture_squeeze(mw_ctx *c, mw_tensor *t)
{
    if (!t || t->ndim != 4 || mw_dim(t, 0) != 1)
        return t;
    return mw_reshape(c, t, MW_SHAPE(mw_dim(t, 1), mw_dim(t, 2), mw_dim(t, 3)));
}

mw_tensor *mw_picture_batch(mw_ctx *c, const char *port, mw_tensor *t)
{
    char got[64];
    if (mw_err(c) != MW_OK)
        return NULL;
    if (!t || (t->ndim != 3 && t->ndim != 4) || mw_dim(t, -1) != 3 || mw_numel(t) == 0) {
        mw_fail(c, MW_E_SHAPE, "'%s' must be a picture [H,W,3] or several [B,H,W,3], got %s", port,
                mw_shape_text(t, got, sizeof got));
        return NULL;
    }
    return t->ndim == 4 ? t : mw_reshape(c, t, MW_SHAPE(1, mw_dim(t, 0), mw_dim(t, 1), 3));
}

size_t mw_picture_list(mw_ctx *c, const char *port, const mw_value *v, mw_tensor **out, size_t max)
{
    size_t n = 0;
    if (mw_value_kind(v) == MW_LIST || mw_value_kind(v) == MW_MAP) {
        for (size_t i = 0; i < mw_value_count(v) && mw_err(c) == MW_OK; i++)
            n += mw_picture_list(c, port, mw_value_at(v, i), n < max ? out + n : NULL, n < max ? max - n : 0);
        return n;
    }
    mw_tensor *t = mw_picture_batch(c, port, mw_value_as_tensor(v));
    for (int64_t b = 0; b < mw_dim(t, 0); b++, n++)
        if (n < max)
            out[n] = mw_picture_squeeze(c, mw_slice(c, t, 0, b, 1));
    return n;
}
