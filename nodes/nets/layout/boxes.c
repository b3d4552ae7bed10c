// boxes.c: boxes, points and masks as nodes take and give them.
#include "nodes/nets/layout/boxes.h"

#include "nodes/nets/layout/layout_geometry.h"
#include "nodes/nets/pictures/mask_ops.h"

#include <math.h>
#include <stdlib.h>

bool mw_box_read(mw_ctx *c, const char *port, const mw_value *v, double box[4])
{
    double n[4] = {0};
    bool ok = mw_value_count(v) == 4;
    if (mw_err(c) != MW_OK || mw_value_kind(v) == MW_NIL)
        return false;
    for (size_t i = 0; ok && i < 4; i++) {
        mw_value *e = mw_value_at(v, i);
        n[i] = mw_value_as_number(e);
        ok = mw_value_kind(e) == MW_NUMBER && fabs(n[i]) <= 1e9;
    }
    if (!ok || n[2] < 0 || n[3] < 0) {
        mw_fail(c, MW_E_ARG, "'%s' must be { x, y, width, height }, in pixels, with no negative size", port);
        return false;
    }
    box[0] = n[0];
    box[1] = n[1];
    box[2] = n[0] + n[2];
    box[3] = n[1] + n[3];
    return true;
}

mw_value *mw_numbers_value(mw_ctx *c, const double *v, int n)
{
    mw_value *list = mw_value_list(c);
    for (int i = 0; i < n; i++)
        mw_value_push(c, list, mw_value_number(c, v[i]));
    return list;
}

uint8_t *mw_mask_read(mw_ctx *c, const char *port, const mw_value *v, int *h, int *w)
{
    const mw_tensor *t = mw_value_as_tensor(v);
    char got[64];
    *h = *w = 0;
    if (mw_err(c) != MW_OK || mw_value_kind(v) == MW_NIL)
        return NULL;
    if (!t || t->ndim < 2 || t->ndim > 3 || (t->ndim == 3 && mw_dim(t, 2) != 3) || mw_numel(t) == 0 ||
        mw_numel(t) > INT32_MAX) {
        mw_fail(c, MW_E_SHAPE, "'%s' must be a mask [h,w], got %s", port, mw_shape_text(t, got, sizeof got));
        return NULL;
    }
    size_t n = (size_t)(mw_dim(t, 0) * mw_dim(t, 1)), step = t->ndim == 3 ? 3 : 1;
    float *values = mw_alloc(c, n * step * sizeof *values);
    uint8_t *mask = mw_alloc(c, n);
    if (values && mask && mw_tensor_read_f32(c, t, values) == MW_OK)
        for (size_t i = 0; i < n && mw_err(c) == MW_OK; i++) {
            mask[i] = values[i * step] > 0.5f;
            if (isnan(values[i * step]))
                mw_fail(c, MW_E_NUMBER, "'%s' holds NaN", port);
        }
    free(values);
    if (mw_err(c) != MW_OK) {
        free(mask);
        return NULL;
    }
    *h = (int)mw_dim(t, 0);
    *w = (int)mw_dim(t, 1);
    return mask;
}

mw_value *mw_mask_value(mw_ctx *c, const uint8_t *mask, int h, int w)
{
    size_t n = (size_t)h * (size_t)w;
    float *v = mw_alloc(c, n * sizeof *v);
    for (size_t i = 0; v && i < n; i++)
        v[i] = mask[i];
    mw_tensor *t = v ? mw_tensor_from_f32(c, MW_F32, MW_SHAPE(h, w), v) : NULL;
    mw_tensor_known(c, t, v);
    free(v);
    return t ? mw_value_tensor(c, t) : NULL;
}

bool mw_shift_read(mw_ctx *c, const char *port, const mw_value *v, int h, int w, int *dx, int *dy)
{
    if (mw_value_kind(v) == MW_NIL)
        return false;
    double shift[2];
    for (size_t i = 0; i < 2; i++) {
        mw_value *e = mw_value_at(v, i);
        shift[i] = mw_value_as_number(e);
        if (mw_value_count(v) != 2 || mw_value_kind(e) != MW_NUMBER || !isfinite(shift[i])) {
            mw_fail(c, MW_E_ARG, "'%s' must be a shift { dx, dy } in shares of the canvas", port);
            return false;
        }
    }
    *dx = mw_shift_cells(shift[0], w);
    *dy = mw_shift_cells(shift[1], h);
    return true;
}

mw_status mw_box_on_canvas(mw_ctx *c, const mw_value *box, const mw_value *canvas, double out[4])
{
    if (!mw_box_read(c, "box", box, out) && mw_err(c) == MW_OK)
        mw_fail(c, MW_E_ARG, "'box' must be { x, y, width, height }");
    for (size_t k = 0; k < 4 && mw_err(c) == MW_OK; k++) {
        double side = mw_value_as_number(mw_value_at(canvas, k % 2));
        if (mw_value_count(canvas) != 2 || !(side >= 1 && side <= 1e6))
            mw_fail(c, MW_E_ARG, "'canvas' must be { width, height }, in pixels");
        out[k] /= side;
    }
    return mw_err(c);
}

mw_status mw_box_check_area(mw_ctx *c, const double b[4])
{
    if (fmax(b[0], 0) < fmin(b[2], 1) && fmax(b[1], 0) < fmin(b[3], 1))
        return mw_err(c);
    return mw_fail(c, MW_E_ARG,
                   "'box' has no area on the canvas, of which it spans %g to %g across and %g to %g down",
                   b[0], b[2], b[1], b[3]);
}

// At least the cell of its middle along one side.
static void widen(double low, double high, int side, int *first, int *end)
{
    if (*first < *end)
        return;
    int middle = (int)((fmax(low, 0) + fmin(high, 1)) / 2 * side);
    *first = middle < side ? middle : side - 1;
    *end = *first + 1;
}

uint8_t *mw_box_mask_read(mw_ctx *c, const mw_value *box, const mw_value *canvas, int h, int w,
                          mw_layout_mode mode)
{
    double b[4];
    int cells[4];
    if (mw_box_on_canvas(c, box, canvas, b) != MW_OK)
        return NULL;
    if (mode == MW_STRICT && mw_box_check_area(c, b) != MW_OK)
        return NULL;
    uint8_t *mask = mw_alloc(c, (size_t)h * (size_t)w);
    if (!mask)
        return NULL;
    mw_box_cells(b, h, w, cells);
    if (mode == MW_STRICT) {
        widen(b[0], b[2], w, &cells[0], &cells[2]);
        widen(b[1], b[3], h, &cells[1], &cells[3]);
    }
    mw_box_mask(cells, h, w, mask);
    return mask;
}
