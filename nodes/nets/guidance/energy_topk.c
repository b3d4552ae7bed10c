// energy_topk.c: the largest shares of attention inside and outside the boxes.
#include "nodes/nets/guidance/energy_internal.h"
#include "core/ops.h"

#include <stdlib.h>

// Host side of a grid: one row for each token of each phrase.
typedef struct {
    float *inside, *outside; // [rows, cells]
    int *k_in, *k_out;       // [rows]
    int most_in, most_out, counted;
} regions;

static int larger(int a, int b) { return a > b ? a : b; }

static void fill(const mw_energy_targets *p, const mw_energy_grid *g, int least, regions *r)
{
    int cells = g->h * g->w, row = 0;
    for (int i = 0; i < p->nphrases; i++) {
        const mw_energy_phrase *f = &p->phrase[i];
        float *mask = r->inside + (int64_t)row * cells;
        int n = mw_cells_mask(f->box, f->nboxes, g->h, g->w, p->o.wrapped_boxes, mask);
        int k_in = larger(least, mw_energy_count(n, p->o.fg_top_p));
        int k_out = larger(least, mw_energy_count(cells - n, p->o.bg_top_p));
        for (int t = 0; t < f->ntokens; t++, row++) {
            for (int u = 0; u < cells; u++) {
                r->inside[(int64_t)row * cells + u] = mask[u];
                r->outside[(int64_t)row * cells + u] = 1 - mask[u];
            }
            r->k_in[row] = k_in;
            r->k_out[row] = k_out;
            r->counted += k_in > 0;
        }
        r->most_in = larger(r->most_in, k_in);
        r->most_out = larger(r->most_out, k_out);
    }
}

// [rows, most]: scale * weight / k for the first k of each row. A row of k = 0 has no mean, and counts
// nothing.
static mw_tensor *weights(mw_ctx *c, const mw_energy_targets *p, const int *k, int most, double scale)
{
    float *v = mw_alloc(c, (size_t)p->nrows * (size_t)larger(most, 1) * sizeof *v);
    for (int i = 0; v && i < p->nrows; i++)
        for (int j = 0; j < k[i]; j++)
            v[(int64_t)i * most + j] = (float)(scale * p->row[i].weight / k[i]);
    mw_tensor *t = v ? mw_tensor_from_f32(c, MW_F32, MW_SHAPE(p->nrows, most), v) : NULL;
    free(v);
    return t;
}

mw_status mw_energy_grid_topk(mw_ctx *c, const mw_energy_targets *p, mw_energy_grid *g, int least)
{
    size_t rows = (size_t)p->nrows, cells = (size_t)g->h * (size_t)g->w;
    regions r = {mw_alloc(c, rows * cells * sizeof(float)),
                 mw_alloc(c, rows * cells * sizeof(float)),
                 mw_alloc(c, rows * sizeof(int)),
                 mw_alloc(c, rows * sizeof(int)),
                 0,
                 0,
                 0};
    if (r.inside && r.outside && r.k_in && r.k_out) {
        bool weighed = p->o.form != MW_ENERGY_BOXDIFF;
        fill(p, g, least, &r);
        g->inside = mw_tensor_from_f32(c, MW_F32, MW_SHAPE(p->nrows, g->h * g->w), r.inside);
        g->outside = mw_tensor_from_f32(c, MW_F32, MW_SHAPE(p->nrows, g->h * g->w), r.outside);
        g->counted = r.counted;
        g->k_inside = r.most_in;
        g->k_outside = r.most_out;
        g->weigh_inside = weights(c, p, r.k_in, r.most_in, weighed ? -p->o.fg_weight : -1);
        g->weigh_outside = weights(c, p, r.k_out, r.most_out, weighed ? p->o.omega : 1);
    }
    free(r.inside);
    free(r.outside);
    free(r.k_in);
    free(r.k_out);
    return mw_err(c);
}

// The sum over rows of weights times largest values in the region.
static mw_tensor *largest(mw_ctx *c, mw_tensor *columns, mw_tensor *region, int k, mw_tensor *weigh,
                          mw_tensor *total)
{
    if (k == 0)
        return total;
    mw_tensor *top = mw_topk(c, mw_mul(c, columns, region), k, NULL);
    return mw_energy_total(c, mw_mul(c, top, weigh), total);
}

mw_tensor *mw_energy_largest(mw_ctx *c, const mw_energy_grid *g, mw_tensor *columns)
{
    mw_tensor *sum = largest(c, columns, g->inside, g->k_inside, g->weigh_inside, NULL);
    return largest(c, columns, g->outside, g->k_outside, g->weigh_outside, sum);
}
