// energy_topk.c: the largest shares of attention inside and outside the boxes.
#include "nodes/nets/guidance/energy_internal.h"
#include "core/ops.h"

#include <stdlib.h>

// Host side of a grid: rows of all pictures, one for each token of each phrase.
typedef struct {
    float *region;  // [pictures, 2, rows, cells]: inside, outside
    int *k;         // [pictures, 2, rows]
    float *counted; // [pictures]
    int most;
} regions;

static int larger(int a, int b) { return a > b ? a : b; }

// One row: its masks, and how many of their cells count; never more than `least` of them for no weight.
static void fill_row(const mw_energy_targets *p, const mw_energy_grid *g, int least, int picture, int row,
                     regions *r)
{
    int cells = g->h * g->w, at = picture * 2 * p->nrows + row;
    const mw_energy_row *w = &p->row[picture * p->nrows + row];
    const mw_energy_phrase *f = &p->picture[picture].phrase[w->phrase];
    float *in = r->region + (int64_t)at * cells, *out = in + (int64_t)p->nrows * cells;
    int n = mw_cells_mask(f->box, f->nboxes, g->h, g->w, p->o.wrapped_boxes, in);
    for (int u = 0; u < cells; u++)
        out[u] = 1 - in[u];
    r->k[at] = larger(least, mw_energy_count(n, p->o.fg_top_p));
    r->k[at + p->nrows] = larger(least, mw_energy_count(cells - n, p->o.bg_top_p));
    r->counted[picture] += w->weight > 0 && r->k[at] > 0;
    r->most = larger(r->most, larger(r->k[at], r->k[at + p->nrows]));
}

// [pictures, 1, 2, rows, most]: scale * weight / k for the first k of each row. A row of k = 0 has no mean,
// and counts nothing.
static mw_tensor *weights(mw_ctx *c, const mw_energy_targets *p, const regions *r, double inside,
                          double outside)
{
    int most = larger(r->most, 1), rows = p->nrows;
    float *v = mw_alloc(c, (size_t)p->npictures * 2 * (size_t)rows * (size_t)most * sizeof *v);
    for (int i = 0; v && i < p->npictures * 2 * rows; i++) {
        double scale = i / rows % 2 ? outside : inside, w = p->row[i / rows / 2 * rows + i % rows].weight;
        for (int j = 0; j < r->k[i]; j++)
            v[(int64_t)i * most + j] = (float)(scale * w / r->k[i]);
    }
    mw_tensor *t = v ? mw_tensor_from_f32(c, MW_F32, MW_SHAPE(p->npictures, 1, 2, rows, most), v) : NULL;
    free(v);
    return t;
}

mw_status mw_energy_grid_topk(mw_ctx *c, const mw_energy_targets *p, mw_energy_grid *g, int least)
{
    size_t rows = 2 * (size_t)p->npictures * (size_t)p->nrows, cells = (size_t)g->h * (size_t)g->w;
    regions r = {mw_alloc(c, rows * cells * sizeof(float)), mw_alloc(c, rows * sizeof(int)),
                 mw_alloc(c, (size_t)p->npictures * sizeof(float)), 0};
    if (r.region && r.k && r.counted) {
        bool weighed = p->o.form != MW_ENERGY_BOXDIFF;
        for (int b = 0; b < p->npictures; b++)
            for (int i = 0; i < p->nrows; i++)
                fill_row(p, g, least, b, i, &r);
        g->k = r.most;
        g->region =
            mw_tensor_from_f32(c, MW_F32, MW_SHAPE(p->npictures, 1, 2, p->nrows, g->h * g->w), r.region);
        g->inside =
            mw_reshape(c, mw_slice(c, g->region, 2, 0, 1), MW_SHAPE(p->npictures, 1, p->nrows, g->h * g->w));
        g->counted = mw_tensor_from_f32(c, MW_F32, MW_SHAPE(p->npictures), r.counted);
        g->weigh = weights(c, p, &r, weighed ? -p->o.fg_weight : -1, weighed ? p->o.omega : 1);
    }
    free(r.region);
    free(r.k);
    free(r.counted);
    return mw_err(c);
}

mw_tensor *mw_energy_largest(mw_ctx *c, const mw_energy_grid *g, mw_tensor *columns)
{
    if (g->k == 0)
        return NULL;
    if (mw_dim(g->region, 0) > 1)
        columns = mw_contiguous(c, columns); // so that the product walks few dimensions
    mw_tensor *both = mw_reshape(
        c, columns,
        MW_SHAPE(mw_dim(columns, 0), mw_dim(columns, 1), 1, mw_dim(columns, 2), mw_dim(columns, 3)));
    mw_tensor *top = mw_topk(c, mw_mul(c, both, g->region), g->k, NULL);
    return mw_energy_total(c, mw_mul(c, top, g->weigh), NULL);
}
