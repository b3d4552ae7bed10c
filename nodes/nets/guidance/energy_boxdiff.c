// energy_boxdiff.c: the energy of BoxDiff (arXiv 2307.10816) as the re-implementation in LMD's code has it.
#include "nodes/nets/guidance/energy_internal.h"
#include "core/ops.h"

#include <math.h>
#include <stdlib.h>

static const double sharpen = 100; // of the attention, before it is made a probability again

// The 3-tap smoothing of n places with a mirrored border, as a matrix [n,n]: row i sums the neighbours of i.
static mw_tensor *smoothing(mw_ctx *c, int n, double sigma)
{
    float *v = mw_alloc(c, (size_t)n * (size_t)n * sizeof *v);
    double side = exp(-1 / (4 * sigma * sigma)), all = 1 + 2 * side;
    for (int i = 0; v && i < n; i++)
        for (int d = -1; d <= 1; d++) {
            int j = i + d < 0 ? 1 : i + d >= n ? n - 2 : i + d;
            j = j < 0 || j >= n ? 0 : j; // of a single place, itself
            v[i * n + j] += (float)((d ? side : 1) / all);
        }
    mw_tensor *t = v ? mw_tensor_from_f32(c, MW_F32, MW_SHAPE(n, n), v) : NULL;
    free(v);
    return t;
}

static void mark(float *v, int n, int edge, int reach, float weight)
{
    for (int i = edge - reach < 0 ? 0 : edge - reach; i < n && i <= edge + reach; i++)
        v[i] = weight;
}

// A phrase's boxes seen from one side of n places, and where their edges are: each counts 1/n.
static void seen(const mw_energy_targets *p, const mw_energy_phrase *f, const mw_energy_grid *g,
                 bool vertical, float *side, float *weigh)
{
    int n = vertical ? g->h : g->w;
    for (int b = 0; b < f->nboxes; b++) {
        mw_cells r = mw_cells_of(f->box[b], g->h, g->w, p->o.wrapped_boxes);
        int begin = vertical ? r.y0 : r.x0, end = vertical ? r.y1 : r.x1;
        bool any = r.y1 > r.y0 && r.x1 > r.x0;
        for (int i = begin; any && i < end; i++)
            side[i] = 1;
        mark(weigh, n, begin, p->o.corner, 1.0F / (float)n);
        mark(weigh, n, end, p->o.corner, 1.0F / (float)n);
    }
}

static void make_side(mw_ctx *c, const mw_energy_targets *p, const mw_energy_grid *g, bool vertical,
                      mw_tensor **side, mw_tensor **weigh)
{
    int n = vertical ? g->h : g->w, rows = p->npictures * p->nrows;
    float *s = mw_alloc(c, (size_t)rows * (size_t)n * sizeof *s);
    float *w = mw_alloc(c, (size_t)rows * (size_t)n * sizeof *w);
    for (int i = 0; s && w && i < rows; i++)
        if (p->row[i].weight > 0)
            seen(p, &p->picture[i / p->nrows].phrase[p->row[i].phrase], g, vertical, s + (int64_t)i * n,
                 w + (int64_t)i * n);
    if (s && w) {
        *side = mw_tensor_from_f32(c, MW_F32, MW_SHAPE(p->npictures, p->nrows, n), s);
        *weigh = mw_tensor_from_f32(c, MW_F32, MW_SHAPE(p->npictures, p->nrows, n), w);
    }
    free(s);
    free(w);
}

mw_status mw_energy_grid_boxdiff(mw_ctx *c, const mw_energy_targets *p, mw_energy_grid *g)
{
    make_side(c, p, g, true, &g->side_y, &g->weigh_y);
    make_side(c, p, g, false, &g->side_x, &g->weigh_x);
    if (p->o.sigma > 0) {
        g->smooth_y = smoothing(c, g->h, p->o.sigma);
        g->smooth_x = mw_transpose(c, smoothing(c, g->w, p->o.sigma), 0, 1);
    }
    return mw_err(c);
}

// The mean over heads and maps: [B,1,cells,length].
static mw_tensor *average(mw_ctx *c, const mw_energy_targets *p, mw_tensor *const *maps)
{
    mw_tensor *sum = NULL;
    for (int i = 0; i < p->nlayers; i++) {
        mw_tensor *mean = mw_mean(c, maps[i], 1, true);
        sum = sum ? mw_add(c, sum, mean) : mean;
    }
    return mw_affine(c, sum, 1.0 / p->nlayers, 0);
}

// Images [B,rows,h,w] of the tokens: probabilities without the text's first and last token, smoothed.
static mw_tensor *images(mw_ctx *c, const mw_energy_targets *p, const mw_energy_grid *g,
                         mw_tensor *const *maps)
{
    mw_tensor *inner = mw_slice(c, average(c, p, maps), -1, 1, p->length - 2);
    mw_tensor *sharp = mw_softmax(c, mw_affine(c, inner, sharpen, 0));
    mw_tensor *pick = mw_energy_pick(c, p->row, p->npictures, p->nrows, p->length - 2, 1);
    mw_tensor *x = mw_transpose(c, mw_energy_columns(c, sharp, pick), -2, -1);
    x = mw_reshape(c, x, MW_SHAPE(mw_dim(x, 0), p->nrows, g->h, g->w));
    return g->smooth_y ? mw_matmul(c, g->smooth_y, mw_matmul(c, x, g->smooth_x, 1), 1) : x;
}

// |the image seen from a side - its boxes seen from there|, near their edges.
static mw_tensor *edges(mw_ctx *c, mw_tensor *image, int from, mw_tensor *side, mw_tensor *weigh,
                        mw_tensor *total)
{
    mw_tensor *off = mw_abs(c, mw_sub(c, mw_max(c, image, from, false), side));
    return mw_energy_total(c, mw_mul(c, off, weigh), total);
}

mw_tensor *mw_energy_boxdiff(mw_ctx *c, const mw_energy_targets *p, mw_tensor *const *maps)
{
    const mw_energy_grid *g = p->grid;
    mw_tensor *x = images(c, p, g, maps);
    mw_tensor *total = edges(c, x, 2, g->side_x, g->weigh_x, NULL);
    total = edges(c, x, 3, g->side_y, g->weigh_y, total);
    // sum of 1 - F + B over the rows
    mw_tensor *flat = mw_reshape(c, x, MW_SHAPE(mw_dim(x, 0), 1, p->nrows, g->h * g->w));
    mw_tensor *shares = mw_energy_largest(c, g, flat);
    return shares ? mw_add(c, total, mw_add(c, shares, g->counted)) : total;
}
