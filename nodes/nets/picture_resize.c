// picture_resize.c: resampling of pictures on the host.
#include "nodes/nets/picture.h"

#include <math.h>
#include <stdlib.h>

#define LOBES 3.0

// Which inputs one output pixel is made of.
typedef struct {
    int first, n;
    float *weight;
} taps;

static double lanczos(double x)
{
    if (x == 0)
        return 1;
    if (fabs(x) >= LOBES)
        return 0;
    double a = acos(-1.0) * x;
    return LOBES * sin(a) * sin(a / LOBES) / (a * a);
}

// Taps of all `to` outputs along an axis of `from` inputs: one allocation, free() the result.
static taps *make_taps(mw_ctx *c, int from, int to)
{
    double scale = (double)from / to, wide = scale > 1 ? scale : 1, reach = LOBES * wide;
    size_t most = (size_t)(2 * ceil(reach)) + 2;
    taps *t = mw_alloc(c, (size_t)to * (sizeof *t + most * sizeof(float)));
    float *weights = t ? (float *)(t + to) : NULL;
    for (int i = 0; t && i < to; i++) {
        double center = (i + 0.5) * scale, sum = 0;
        int first = (int)fmax(0, floor(center - reach + 0.5)),
            end = (int)fmin(from, floor(center + reach + 0.5));
        t[i] = (taps){first, end - first, weights + (size_t)i * most};
        for (int k = 0; k < t[i].n; k++)
            sum += lanczos((first + k - center + 0.5) / wide);
        for (int k = 0; k < t[i].n; k++)
            t[i].weight[k] = (float)(lanczos((first + k - center + 0.5) / wide) / sum);
    }
    return t;
}

static uint8_t rounded(float x) { return (uint8_t)(x < 0 ? 0 : x > 255 ? 255 : lrintf(x)); }

// One pass along the rows: in[lines][from] -> out[to][lines] (transposed, so that two passes make the whole).
static void pass(const uint8_t *in, int lines, int from, const taps *t, int to, uint8_t *out)
{
    for (int y = 0; y < lines; y++)
        for (int x = 0; x < to; x++) {
            float sum[3] = {0};
            for (int k = 0; k < t[x].n; k++)
                for (int ch = 0; ch < 3; ch++)
                    sum[ch] += t[x].weight[k] *
                        in[((size_t)y * (size_t)from + (size_t)(t[x].first + k)) * 3 + (size_t)ch];
            for (int ch = 0; ch < 3; ch++)
                out[((size_t)x * (size_t)lines + (size_t)y) * 3 + (size_t)ch] = rounded(sum[ch]);
        }
}

mw_status mw_picture_resize(mw_ctx *c, const mw_image *in, int width, int height, mw_image *out)
{
    *out = (mw_image){0};
    if (mw_err(c) != MW_OK)
        return mw_err(c);
    taps *across = make_taps(c, in->width, width), *down = make_taps(c, in->height, height);
    uint8_t *middle = mw_alloc(c, (size_t)width * (size_t)in->height * 3);
    uint8_t *rgb = mw_alloc(c, (size_t)width * (size_t)height * 3);
    if (mw_err(c) == MW_OK) {
        pass(in->rgb, in->height, in->width, across, width, middle);
        pass(middle, width, in->height, down, height, rgb);
        *out = (mw_image){width, height, rgb};
    } else {
        free(rgb);
    }
    free(middle);
    free(across);
    free(down);
    return mw_err(c);
}
