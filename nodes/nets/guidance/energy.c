// energy.c: energies of a layout: what does not depend on the maps, and the sum over them.
#include "nodes/nets/guidance/energy_internal.h"
#include "core/ops.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

mw_energy_options mw_energy_defaults(mw_energy_form form)
{
    return (mw_energy_options){.form = form,
                               .fg_top_p = 0.2,
                               .bg_top_p = 0.2,
                               .fg_weight = 1,
                               .omega = 4,
                               .lambda = 0,
                               .transfer = MW_TRANSFER_WORD,
                               .sigma = 0.5,
                               .corner = 1};
}

// ---- pieces

mw_tensor *mw_energy_pick(mw_ctx *c, const mw_energy_row *row, int n, int64_t length, int first)
{
    float *v = mw_alloc(c, (size_t)length * (size_t)n * sizeof *v);
    for (int i = 0; v && i < n; i++)
        v[(int64_t)(row[i].token - first) * n + i] = 1;
    mw_tensor *t = v ? mw_tensor_from_f32(c, MW_F32, MW_SHAPE(length, n), v) : NULL;
    free(v);
    return t;
}

mw_tensor *mw_energy_columns(mw_ctx *c, mw_tensor *map, mw_tensor *pick)
{
    return mw_transpose(c, mw_matmul(c, map, pick, 1), -2, -1);
}

mw_tensor *mw_energy_total(mw_ctx *c, mw_tensor *x, mw_tensor *total)
{
    mw_tensor *sum = mw_sum(c, mw_reshape(c, x, MW_SHAPE(-1)), 0, true);
    return total ? mw_add(c, total, sum) : sum;
}

// ---- checks

static mw_status check_shares(mw_ctx *c, const mw_energy_options *o)
{
    const double share[2] = {o->fg_top_p, o->bg_top_p};
    for (int i = 0; i < 2; i++)
        if (!(share[i] >= 0 && share[i] <= 1))
            return mw_fail(c, MW_E_ARG, "the share of cells that counts (%s) must lie in 0..1, got %g",
                           i ? "bg_top_p" : "fg_top_p", share[i]);
    const double weight[5] = {o->fg_weight, o->omega, o->lambda, o->sigma, o->corner};
    const char *const name[5] = {"fg_weight", "omega", "lambda", "sigma", "corner"};
    for (int i = 0; i < 5; i++)
        if (!isfinite(weight[i]) || (i > 2 && weight[i] < 0))
            return mw_fail(c, MW_E_ARG, "%s must be a finite number%s, got %g", name[i],
                           i > 2 ? ", not below 0" : "", weight[i]);
    return MW_OK;
}

static mw_status check_phrase(mw_ctx *c, const mw_energy_targets *p, int i)
{
    const mw_energy_phrase *f = &p->phrase[i];
    bool word = p->o.lambda != 0 && p->o.transfer == MW_TRANSFER_WORD;
    if (f->ntokens < 1 || f->nboxes < 1)
        return mw_fail(c, MW_E_ARG, "phrase %d has no %s", i + 1, f->ntokens < 1 ? "tokens" : "boxes");
    int edge = p->o.form == MW_ENERGY_BOXDIFF; // it does not see the text's first and last token
    for (int t = 0; t < f->ntokens + word; t++) {
        int token = t < f->ntokens ? f->token[t] : f->word;
        if (token < edge || token >= p->length - edge)
            return mw_fail(c, MW_E_ARG, "phrase %d: token %d is not among tokens %d to %lld", i + 1, token,
                           edge, (long long)p->length - 1 - edge);
    }
    for (int b = 0; b < f->nboxes; b++)
        for (int k = 0; k < 4; k++)
            if (!isfinite(f->box[b][k]))
                return mw_fail(c, MW_E_ARG, "phrase %d: a coordinate of box %d is not a finite number", i + 1,
                               b + 1);
    return MW_OK;
}

static mw_status check_layer(mw_ctx *c, const mw_energy_targets *p, const mw_energy_layer *layer, int i)
{
    char got[64];
    const mw_energy_layer *l = &layer[i];
    if (l->h < 1 || l->w < 1 || (int64_t)l->h * l->w > 1 << 24)
        return mw_fail(c, MW_E_ARG, "map %d has %d x %d cells", i + 1, l->h, l->w);
    if (p->o.form == MW_ENERGY_BOXDIFF && (l->h != layer->h || l->w != layer->w))
        return mw_fail(c, MW_E_ARG,
                       "boxdiff takes the mean of its maps, so they must be of one size: map 1 has %d x %d "
                       "cells, map %d has %d x %d",
                       layer->h, layer->w, i + 1, l->h, l->w);
    if (p->o.lambda == 0 || p->o.form == MW_ENERGY_BOXDIFF)
        return MW_OK;
    if (!l->reference)
        return mw_fail(c, MW_E_ARG, "lambda is %g, but map %d has no reference", p->o.lambda, i + 1);
    if (l->reference->ndim != 3 || mw_dim(l->reference, 1) != p->nboxes ||
        mw_dim(l->reference, 2) != (int64_t)l->h * l->w)
        return mw_fail(c, MW_E_SHAPE, "the reference of map %d must be [heads,%d boxes,%d cells], got %s",
                       i + 1, p->nboxes, l->h * l->w, mw_shape_text(l->reference, got, sizeof got));
    return MW_OK;
}

// ---- the targets

static void count(mw_energy_targets *p)
{
    for (int i = 0; i < p->nphrases; i++) {
        p->nrows += p->phrase[i].ntokens;
        p->nboxes += p->phrase[i].nboxes;
    }
}

static double row_weight(const mw_energy_targets *p, const mw_energy_phrase *f)
{
    if (p->o.form == MW_ENERGY_BOXDIFF)
        return 1;
    if (p->o.form == MW_ENERGY_PAPER)
        return 1.0 / p->nlayers;
    return 1.0 / f->ntokens / p->nphrases / p->nlayers;
}

static mw_status make_rows(mw_ctx *c, mw_energy_targets *p)
{
    p->row = mw_alloc(c, (size_t)p->nrows * sizeof *p->row);
    float *weigh = mw_alloc(c, (size_t)p->nrows * sizeof *weigh);
    int n = 0;
    for (int i = 0; p->row && weigh && i < p->nphrases; i++)
        for (int t = 0; t < p->phrase[i].ntokens; t++, n++) {
            p->row[n] = (mw_energy_row){p->phrase[i].token[t], i, -1, row_weight(p, &p->phrase[i])};
            weigh[n] = (float)p->row[n].weight;
        }
    if (p->row && weigh) {
        p->pick = mw_energy_pick(c, p->row, p->nrows, p->length, 0);
        p->weigh = mw_tensor_from_f32(c, MW_F32, MW_SHAPE(p->nrows), weigh);
    }
    free(weigh);
    return mw_err(c);
}

// Regions and weights for maps of g->h x g->w cells.
static mw_status make_grid(mw_ctx *c, const mw_energy_targets *p, mw_energy_grid *g)
{
    if (p->o.form == MW_ENERGY_BOXDIFF) {
        mw_energy_grid_topk(c, p, g, 0);
        return mw_energy_grid_boxdiff(c, p, g);
    }
    return mw_energy_grid_topk(c, p, g, 1);
}

static mw_status make_grids(mw_ctx *c, mw_energy_targets *p, const mw_energy_layer *layer)
{
    p->grid = mw_alloc(c, (size_t)p->nlayers * sizeof *p->grid);
    p->grid_of = mw_alloc(c, (size_t)p->nlayers * sizeof *p->grid_of);
    for (int i = 0; p->grid && p->grid_of && i < p->nlayers; i++) {
        int g = 0;
        while (g < p->ngrids && (p->grid[g].h != layer[i].h || p->grid[g].w != layer[i].w))
            g++;
        p->grid_of[i] = g;
        if (g < p->ngrids)
            continue;
        p->ngrids++;
        p->grid[g].h = layer[i].h;
        p->grid[g].w = layer[i].w;
        if (make_grid(c, p, &p->grid[g]) != MW_OK)
            break;
    }
    return mw_err(c);
}

static mw_status check(mw_ctx *c, const mw_energy_targets *p, const mw_energy_layer *layer)
{
    if (p->nphrases < 1 || p->nlayers < 1)
        return mw_fail(c, MW_E_ARG, "an energy needs a %s", p->nphrases < 1 ? "phrase" : "layer");
    check_shares(c, &p->o);
    for (int i = 0; i < p->nphrases && mw_err(c) == MW_OK; i++)
        check_phrase(c, p, i);
    for (int i = 0; i < p->nlayers && mw_err(c) == MW_OK; i++)
        check_layer(c, p, layer, i);
    return mw_err(c);
}

mw_energy_targets *mw_energy_targets_new(mw_ctx *c, const mw_energy_options *o,
                                         const mw_energy_phrase *phrase, int nphrases, int64_t length,
                                         const mw_energy_layer *layer, int nlayers)
{
    mw_energy_targets *p = mw_err(c) == MW_OK ? mw_alloc(c, sizeof *p) : NULL;
    if (!p)
        return NULL;
    *p = (mw_energy_targets){
        .o = *o, .phrase = phrase, .nphrases = nphrases, .nlayers = nlayers, .length = length};
    count(p);
    if (check(c, p, layer) == MW_OK && make_rows(c, p) == MW_OK && make_grids(c, p, layer) == MW_OK &&
        o->lambda != 0 && o->form != MW_ENERGY_BOXDIFF)
        mw_energy_targets_transfer(c, p, layer);
    if (mw_err(c) == MW_OK)
        return p;
    mw_energy_targets_free(p);
    return NULL;
}

void mw_energy_targets_free(mw_energy_targets *p)
{
    if (!p)
        return;
    free(p->row);
    free(p->transfer);
    free(p->grid);
    free(p->grid_of);
    free(p->reference);
    free(p);
}

// ---- the energy

// The ratio energy of one map's columns [heads,rows,cells].
static mw_tensor *ratio(mw_ctx *c, const mw_energy_targets *p, const mw_energy_grid *g, mw_tensor *columns)
{
    mw_tensor *in = mw_sum(c, mw_mul(c, columns, g->inside), -1, false), *all = mw_sum(c, columns, -1, false);
    mw_tensor *missed = mw_affine(c, mw_div(c, in, all), -1, 1);
    mw_tensor *square = mw_mul(c, mw_mul(c, missed, missed), p->weigh);
    return mw_energy_total(c, mw_affine(c, square, 1.0 / (double)mw_dim(columns, 0), 0), NULL);
}

// The code's or the paper's energy of one map's columns.
static mw_tensor *topk(mw_ctx *c, const mw_energy_targets *p, const mw_energy_grid *g, mw_tensor *columns)
{
    double heads = (double)mw_dim(columns, 0);
    mw_tensor *sum = mw_energy_largest(c, g, columns);
    if (p->o.form == MW_ENERGY_PAPER)
        return mw_affine(c, sum, 1 / heads, 0);
    // fg_weight (1 - F): the weights of the ones add up to 1 over phrases, tokens and maps
    return mw_affine(c, sum, 1, p->o.fg_weight * heads / p->nlayers);
}

static mw_tensor *one_map(mw_ctx *c, const mw_energy_targets *p, int i, mw_tensor *map)
{
    const mw_energy_grid *g = &p->grid[p->grid_of[i]];
    mw_tensor *columns = mw_energy_columns(c, map, p->pick);
    mw_tensor *e = p->o.form == MW_ENERGY_RATIO ? ratio(c, p, g, columns) : topk(c, p, g, columns);
    return p->ntransfers ? mw_add(c, e, mw_energy_transfer(c, p, i, map)) : e;
}

// [1,heads,cells,length] -> [heads,cells,length]
static mw_tensor *plain(mw_ctx *c, const mw_energy_targets *p, int i, mw_tensor *map)
{
    const mw_energy_grid *g = &p->grid[p->grid_of[i]];
    char got[64];
    if (mw_err(c) != MW_OK)
        return NULL;
    if (!map || map->ndim != 4 || mw_dim(map, 0) != 1 || mw_dim(map, 2) != (int64_t)g->h * g->w ||
        mw_dim(map, 3) != p->length) {
        mw_fail(c, MW_E_SHAPE, "map %d must be [1,heads,%d,%lld], got %s", i + 1, g->h * g->w,
                (long long)p->length, mw_shape_text(map, got, sizeof got));
        return NULL;
    }
    return mw_reshape(c, map, MW_SHAPE(mw_dim(map, 1), mw_dim(map, 2), mw_dim(map, 3)));
}

mw_tensor *mw_energy(mw_ctx *c, const mw_energy_targets *p, mw_tensor *const *maps)
{
    if (!p || mw_err(c) != MW_OK)
        return NULL;
    mw_tensor **map = mw_alloc(c, (size_t)p->nlayers * sizeof *map), *total = NULL;
    mw_scope_begin(c);
    for (int i = 0; map && i < p->nlayers; i++)
        map[i] = plain(c, p, i, maps[i]);
    if (map && p->o.form == MW_ENERGY_BOXDIFF)
        total = mw_energy_boxdiff(c, p, map);
    else
        for (int i = 0; map && i < p->nlayers; i++)
            total = total ? mw_add(c, total, one_map(c, p, i, map[i])) : one_map(c, p, i, map[i]);
    free(map);
    return mw_scope_end(c, total);
}
