// resize.c: resampling of 8-bit pictures on the host, as Pillow does it.
#include "core/io/resize.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BITS = 22 }; // binary places of a weight

// Which inputs one output is made of.
typedef struct {
    int first, n;
    int32_t *weight;
} taps;

static double box(double x) { return x > -0.5 && x <= 0.5; }

static double triangle(double x) { return fabs(x) < 1 ? 1 - fabs(x) : 0; }

// Keys' cubic convolution with a = -1/2.
static double cubic(double x)
{
    const double a = -0.5;
    x = fabs(x);
    if (x < 1)
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

static double sinc(double x)
{
    const double pi = 3.14159265358979323846;
    return x == 0 ? 1 : sin(x * pi) / (x * pi);
}

static double lanczos(double x) { return x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0; }

static const struct {
    double (*weight)(double x);
    double reach;
} filters[] = {
    [MW_RESIZE_BOX] = {box, 0.5},
    [MW_RESIZE_BILINEAR] = {triangle, 1},
    [MW_RESIZE_BICUBIC] = {cubic, 2},
    [MW_RESIZE_LANCZOS] = {lanczos, 3},
};

static int32_t fixed(double w) { return (int32_t)(w * (1 << BITS) + (w < 0 ? -0.5 : 0.5)); }

// Taps of all `to` outputs along an axis of `from` inputs: one allocation, free() the result.
static taps *make_taps(mw_ctx *c, int from, int to, mw_resize_filter filter)
{
    double scale = (double)from / to, wide = scale > 1 ? scale : 1, reach = filters[filter].reach * wide;
    size_t most = 2 * (size_t)ceil(reach) + 1;
    double *raw = mw_alloc(c, most * sizeof *raw);
    taps *t = raw ? mw_alloc(c, (size_t)to * (sizeof *t + most * sizeof(int32_t))) : NULL;
    int32_t *weights = t ? (int32_t *)(t + to) : NULL;
    for (int i = 0; t && i < to; i++) {
        double center = (i + 0.5) * scale, sum = 0;
        int first = (int)fmax(0, center - reach + 0.5), end = (int)fmin(from, center + reach + 0.5);
        t[i] = (taps){first, end - first, weights + (size_t)i * most};
        for (int k = 0; k < t[i].n; k++)
            sum += raw[k] = filters[filter].weight((first + k - center + 0.5) * (1 / wide));
        for (int k = 0; k < t[i].n; k++)
            t[i].weight[k] = fixed(sum != 0 ? raw[k] / sum : raw[k]);
    }
    free(raw);
    return t;
}

static uint8_t rounded(int64_t sum)
{
    int64_t v = (sum + (1 << (BITS - 1))) >> BITS;
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

// in[h][from] -> out[h][to], 3 channels.
static void across(const uint8_t *in, size_t h, size_t from, const taps *t, size_t to, uint8_t *out)
{
    for (size_t y = 0; y < h; y++, in += from * 3)
        for (size_t x = 0; x < to; x++, out += 3) {
            const uint8_t *p = in + (size_t)t[x].first * 3;
            int64_t sum[3] = {0};
            for (int k = 0; k < t[x].n; k++, p += 3)
                for (int ch = 0; ch < 3; ch++)
                    sum[ch] += (int64_t)t[x].weight[k] * p[ch];
            for (int ch = 0; ch < 3; ch++)
                out[ch] = rounded(sum[ch]);
        }
}

// in[..][row] -> out[to][row]: whole rows are weighted; sum is room for one.
static void down(const uint8_t *in, size_t row, const taps *t, size_t to, int64_t *sum, uint8_t *out)
{
    for (size_t y = 0; y < to; y++, out += row) {
        memset(sum, 0, row * sizeof *sum);
        for (int k = 0; k < t[y].n; k++) {
            const uint8_t *p = in + (size_t)(t[y].first + k) * row;
            for (size_t i = 0; i < row; i++)
                sum[i] += (int64_t)t[y].weight[k] * p[i];
        }
        for (size_t i = 0; i < row; i++)
            out[i] = rounded(sum[i]);
    }
}

// One pass along an axis (0: columns, 1: rows); replaces what is in *p.
static void pass(mw_ctx *c, mw_image *p, int axis, int to, mw_resize_filter filter)
{
    int from = axis ? p->height : p->width;
    if (from == to || mw_err(c) != MW_OK)
        return;
    int width = axis ? p->width : to, height = axis ? to : p->height;
    size_t row = (size_t)width * 3;
    taps *t = make_taps(c, from, to, filter);
    uint8_t *rgb = mw_alloc(c, row * (size_t)height);
    int64_t *sum = axis ? mw_alloc(c, row * sizeof *sum) : NULL;
    if (mw_err(c) == MW_OK && axis)
        down(p->rgb, row, t, (size_t)to, sum, rgb);
    else if (mw_err(c) == MW_OK)
        across(p->rgb, (size_t)height, (size_t)from, t, (size_t)to, rgb);
    free(sum);
    free(t);
    free(p->rgb);
    *p = (mw_image){width, height, rgb};
}

mw_status mw_image_resize(mw_ctx *c, const mw_image *in, int width, int height, mw_resize_filter filter,
                          mw_image *out)
{
    *out = (mw_image){0};
    if (mw_err(c) != MW_OK)
        return mw_err(c);
    if (width < 1 || height < 1 || (int64_t)width * height > MW_IMAGE_MAX_PIXELS)
        return mw_fail(c, MW_E_ARG, "a picture cannot be resized to %d x %d", width, height);
    size_t bytes = (size_t)in->width * (size_t)in->height * 3;
    mw_image p = {in->width, in->height, mw_alloc(c, bytes)};
    if (p.rgb)
        memcpy(p.rgb, in->rgb, bytes);
    int64_t less_h = (int64_t)in->height - height, less_w = (int64_t)in->width - width;
    int first = less_h > 0 && less_h > 2 * less_w;
    pass(c, &p, first, first ? height : width, filter);
    pass(c, &p, !first, first ? width : height, filter);
    if (mw_err(c) != MW_OK)
        mw_image_free(&p);
    *out = p;
    return mw_err(c);
}
