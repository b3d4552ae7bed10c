// layout_geometry.c: centred boxes, centres of masks, shifts in eighths of a map.
#include "nodes/nets/layout/layout_geometry.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { GRID = 8 };

void mw_box_centered(const double box[4], mw_centering how, double pad, double out[4])
{
    double w = box[2] - box[0], h = box[3] - box[1];
    memcpy(out, box, 4 * sizeof *out);
    if (how == MW_CENTER_NONE)
        return;
    out[0] = 0.5 - w / 2;
    out[2] = 0.5 + w / 2;
    if (how == MW_CENTER_BOTH) {
        out[1] = 0.5 - h / 2;
        out[3] = 0.5 + h / 2;
    } else if (how == MW_CENTER_FLOOR) {
        out[3] = 1 - pad;
        out[1] = out[3] - h;
    }
}

bool mw_mask_center(const uint8_t *mask, int h, int w, mw_layout_mode mode, double center[2])
{
    int64_t n = 0, columns = 0, rows = 0;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++)
            if (mask[(size_t)y * (size_t)w + (size_t)x]) {
                n++;
                columns += x;
                rows += y;
            }
    if (!n)
        return false;
    if (mode == MW_FAITHFUL) {
        center[0] = (double)((float)columns / (float)n) / w;
        center[1] = (double)((float)rows / (float)n) / h;
    } else {
        center[0] = ((double)columns / (double)n + 0.5) / w;
        center[1] = ((double)rows / (double)n + 0.5) / h;
    }
    return true;
}

bool mw_mask_offset(const uint8_t *mask, int h, int w, const double box[4], bool horizontal_only,
                    mw_layout_mode mode, double offset[2])
{
    double center[2];
    if (!mw_mask_center(mask, h, w, mode, center))
        return false;
    offset[0] = (box[0] + box[2]) / 2 - center[0];
    offset[1] = horizontal_only ? 0 : (box[1] + box[3]) / 2 - center[1];
    return true;
}

int mw_shift_cells(double offset, int side)
{
    double eighths = nearbyint(fmin(fmax(offset, -GRID), GRID) * GRID);
    return side % GRID == 0 ? (int)eighths * (side / GRID) : (int)nearbyint(eighths * side / GRID);
}

void mw_shift_planes(const void *in, size_t planes, int h, int w, size_t size, int dx, int dy, void *out)
{
    size_t row = (size_t)w * size;
    memset(out, 0, planes * (size_t)h * row);
    int from = dx < 0 ? -dx : 0, n = w - (dx < 0 ? -dx : dx);
    if (n <= 0)
        return;
    for (size_t p = 0; p < planes; p++)
        for (int y = 0; y < h; y++) {
            if (y - dy < 0 || y - dy >= h)
                continue;
            const char *source = (const char *)in + (p * (size_t)h + (size_t)(y - dy)) * row;
            char *target = (char *)out + (p * (size_t)h + (size_t)y) * row;
            memcpy(target + (size_t)(from + dx) * size, source + (size_t)from * size, (size_t)n * size);
        }
}

// Along one dimension of x: of its places those that stay inside.
static mw_tensor *staying(mw_ctx *c, mw_tensor *x, int dim, int by)
{
    int64_t n = mw_dim(x, dim), inside = n - (by < 0 ? -by : by);
    return mw_slice(c, x, dim, by < 0 ? -by : 0, inside);
}

mw_tensor *mw_shift_maps(mw_ctx *c, mw_tensor *x, int dx, int dy)
{
    mw_tensor *y = x ? mw_full(c, MW_F32, x->ndim, x->shape, 0) : NULL;
    if (y && abs(dx) < mw_dim(x, -1) && abs(dy) < mw_dim(x, -2))
        mw_write(c, staying(c, staying(c, y, -1, -dx), -2, -dy), staying(c, staying(c, x, -1, dx), -2, dy));
    return mw_err(c) == MW_OK ? y : NULL;
}
