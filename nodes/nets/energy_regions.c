// energy_regions.c: boxes as cells of a map, and how many cells a share of them is.
#include "nodes/nets/energy_internal.h"

#include <math.h>

// Far beyond any canvas, but where integers still hold it.
static int rounded(double cells)
{
    const double far = 1e6;
    return (int)nearbyint(fmax(-far, fmin(far, cells)));
}

static void along(double low, double high, int n, bool wrapped, int *begin, int *end)
{
    int first = rounded(low * n), last = first + rounded((high - low) * n);
    if (wrapped && last < 0)
        last += n;
    *begin = first < 0 ? 0 : first;
    *end = last > n ? n : last;
}

mw_cells mw_cells_of(const double box[4], int h, int w, bool wrapped)
{
    mw_cells r;
    along(box[0], box[2], w, wrapped, &r.x0, &r.x1);
    along(box[1], box[3], h, wrapped, &r.y0, &r.y1);
    return r;
}

int mw_cells_mask(const double (*box)[4], int nboxes, int h, int w, bool wrapped, float *out)
{
    int count = 0;
    for (int i = 0; i < h * w; i++)
        out[i] = 0;
    for (int b = 0; b < nboxes; b++) {
        mw_cells r = mw_cells_of(box[b], h, w, wrapped);
        for (int y = r.y0; y < r.y1; y++)
            for (int x = r.x0; x < r.x1; x++)
                out[y * w + x] = 1;
    }
    for (int i = 0; i < h * w; i++)
        count += out[i] > 0;
    return count;
}

int mw_energy_count(int cells, double share)
{
    float product = (float)cells * (float)share;
    return (int)product;
}
