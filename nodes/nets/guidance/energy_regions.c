// energy_regions.c: boxes as cells of a map, and how many cells a share of them is.
#include "nodes/nets/guidance/energy_internal.h"

#include "nodes/nets/pictures/mask_ops.h"

mw_cells mw_cells_of(const double box[4], int h, int w, bool wrapped)
{
    int at[4];
    mw_box_cells(box, h, w, at);
    if (wrapped && at[2] < 0)
        at[2] += w;
    if (wrapped && at[3] < 0)
        at[3] += h;
    return (mw_cells){at[0], at[1], at[2], at[3]};
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
