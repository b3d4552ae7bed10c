// mask_ops.c: masks and attention maps on the host: smoothing, thresholds, morphology, sizes, overlaps.
#include "nodes/nets/pictures/mask_ops.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// ---- smoothing

// Index i of a line of n that is reflected at both ends without end.
static int reflected(long i, int n)
{
    long period = 2L * n;
    i %= period;
    if (i < 0)
        i += period;
    return (int)(i < n ? i : period - 1 - i);
}

// Along one line of n entries that are `step` apart. kernel[0]: the middle.
static void smooth_line(const double *in, int n, int step, const double *kernel, int reach, double *out)
{
    for (int i = 0; i < n; i++) {
        double sum = in[i * step] * kernel[0];
        for (int k = reach; k > 0; k--)
            sum += (in[reflected((long)i - k, n) * step] + in[reflected((long)i + k, n) * step]) * kernel[k];
        out[i * step] = sum;
    }
}

mw_status mw_map_smooth(mw_ctx *c, const double *in, int h, int w, double sigma, double *out)
{
    enum { MOST = 1 << 16 };
    if (!(sigma >= 0 && sigma < MOST / 8))
        return mw_fail(c, MW_E_ARG, "a smoothing width of %g is not from 0 to %d", sigma, MOST / 8);
    int reach = (int)(4 * sigma + 0.5);
    double *kernel = mw_alloc(c, ((size_t)reach + 1) * sizeof *kernel), sum = 0;
    double *middle = mw_alloc(c, (size_t)h * (size_t)w * sizeof *middle);
    for (int k = -reach; kernel && k <= reach; k++)
        sum += kernel[abs(k)] = reach ? exp(-0.5 / (sigma * sigma) * k * k) : 1;
    for (int k = 0; kernel && k <= reach; k++)
        kernel[k] /= sum;
    if (kernel && middle) {
        for (int x = 0; x < w; x++)
            smooth_line(in + x, h, w, kernel, reach, middle + x);
        for (int y = 0; y < h; y++)
            smooth_line(middle + y * w, w, 1, kernel, reach, out + y * w);
    }
    free(kernel);
    free(middle);
    return mw_err(c);
}

// ---- maps to masks

int mw_map_peak(const double *v, int n)
{
    int at = 0;
    for (int i = 1; i < n; i++)
        if (v[i] > v[at])
            at = i;
    return at;
}

void mw_map_threshold(const double *v, int n, double threshold, uint8_t *mask)
{
    double low = n > 0 ? v[0] : 0, high = low;
    for (int i = 1; i < n; i++) {
        low = v[i] < low ? v[i] : low;
        high = v[i] > high ? v[i] : high;
    }
    for (int i = 0; i < n; i++)
        mask[i] = high > low && (v[i] - low) / (high - low) > threshold;
}

// ---- morphology

static bool inside(const uint8_t *m, int h, int w, int y, int x)
{
    return y >= 0 && y < h && x >= 0 && x < w && m[y * w + x];
}

// Cells with at least `wanted` of the five of their cross.
static mw_status cross(mw_ctx *c, uint8_t *mask, int h, int w, int n, int wanted)
{
    size_t size = (size_t)h * (size_t)w;
    uint8_t *old = mw_alloc(c, size + 1);
    for (; old && n > 0; n--) {
        memcpy(old, mask, size);
        for (int y = 0; y < h; y++)
            for (int x = 0; x < w; x++)
                mask[y * w + x] = inside(old, h, w, y, x) + inside(old, h, w, y - 1, x) +
                        inside(old, h, w, y + 1, x) + inside(old, h, w, y, x - 1) +
                        inside(old, h, w, y, x + 1) >=
                    wanted;
    }
    free(old);
    return mw_err(c);
}

mw_status mw_mask_erode(mw_ctx *c, uint8_t *mask, int h, int w, int n) { return cross(c, mask, h, w, n, 5); }
mw_status mw_mask_dilate(mw_ctx *c, uint8_t *mask, int h, int w, int n) { return cross(c, mask, h, w, n, 1); }

mw_status mw_map_mask(mw_ctx *c, const double *map, int h, int w, double sigma, double threshold, int n,
                      double *smooth, uint8_t *mask)
{
    if (mw_map_smooth(c, map, h, w, sigma, smooth) != MW_OK)
        return mw_err(c);
    mw_map_threshold(smooth, h * w, threshold, mask);
    mw_mask_erode(c, mask, h, w, n);
    return mw_mask_dilate(c, mask, h, w, n);
}

// ---- measures

int mw_mask_area(const uint8_t *mask, int n)
{
    int area = 0;
    for (int i = 0; i < n; i++)
        area += mask[i] != 0;
    return area;
}

static int between(int x, int low, int high) { return x < low ? low : x > high ? high : x; }

bool mw_mask_bounds(const uint8_t *mask, int h, int w, int grow, int box[4])
{
    int x0 = w, y0 = h, x1 = -1, y1 = -1;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++)
            if (mask[y * w + x]) {
                x0 = x < x0 ? x : x0;
                x1 = x > x1 ? x : x1;
                y0 = y < y0 ? y : y0;
                y1 = y;
            }
    box[0] = between(x0 - grow, 0, w);
    box[1] = between(y0 - grow, 0, h);
    box[2] = between(x1 + grow, 0, w);
    box[3] = between(y1 + grow, 0, h);
    return x1 >= 0;
}

double mw_mask_overlap(const uint8_t *a, const uint8_t *b, int n)
{
    int both = 0, either = 0;
    for (int i = 0; i < n; i++) {
        both += a[i] && b[i];
        either += a[i] || b[i];
    }
    return both / (either + 1e-6);
}

// ---- sizes

// Which two of n cells a sample at the centre of new cell i of m lies between, and whether the second counts.
static void neighbours(int i, int n, int m, int *first, int *second)
{
    double at = (i + 0.5) * ((double)n / m) - 0.5;
    at = at < 0 ? 0 : at;
    *first = (int)at < n - 1 ? (int)at : n - 1;
    *second = at > *first && *first < n - 1 ? *first + 1 : *first;
}

void mw_mask_resize(const uint8_t *in, int h, int w, uint8_t *out, int new_h, int new_w)
{
    for (int i = 0; i < new_h; i++)
        for (int j = 0; j < new_w; j++) {
            int y0, y1, x0, x1;
            neighbours(i, h, new_h, &y0, &y1);
            neighbours(j, w, new_w, &x0, &x1);
            out[i * new_w + j] = in[y0 * w + x0] || in[y0 * w + x1] || in[y1 * w + x0] || in[y1 * w + x1];
        }
}

void mw_mask_nearest(const uint8_t *in, int h, int w, uint8_t *out, int new_h, int new_w)
{
    for (int i = 0; i < new_h; i++)
        for (int j = 0; j < new_w; j++)
            out[i * new_w + j] = in[(int)((int64_t)i * h / new_h) * w + (int)((int64_t)j * w / new_w)];
}

bool mw_map_sides(int64_t n, int h, int w, int *map_h, int *map_w)
{
    while ((int64_t)h * w > n && (h > 1 || w > 1)) {
        h = (h + 1) / 2;
        w = (w + 1) / 2;
    }
    *map_h = h;
    *map_w = w;
    return (int64_t)h * w == n;
}

// ---- boxes

#define FAR 1e9 // cells; beyond every canvas

void mw_box_cells(const double box[4], int h, int w, int cells[4])
{
    int side[2] = {w, h};
    for (int i = 0; i < 2; i++) {
        double low = nearbyint(box[i] * side[i]), high = low + nearbyint((box[2 + i] - box[i]) * side[i]);
        cells[i] = (int)fmin(fmax(low, 0), FAR);
        cells[2 + i] = (int)fmax(fmin(high, side[i]), -FAR);
    }
}

void mw_box_mask(const int cells[4], int h, int w, uint8_t *mask)
{
    int x1 = cells[2] < 0 ? cells[2] + w : cells[2], y1 = cells[3] < 0 ? cells[3] + h : cells[3];
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++)
            mask[y * w + x] = y >= cells[1] && y < y1 && x >= cells[0] && x < x1;
}
