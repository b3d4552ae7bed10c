// energy.c: energies of a layout: what does not depend on the maps, and the sum over them.
#include "nodes/nets/guidance/energy_internal.h"
#include "core/ops.h"
#include "core/tensor/tape.h"

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

mw_tensor *mw_energy_pick(mw_ctx *c, const mw_energy_row *row, int pictures, int n, int64_t length, int first)
{
    float *v = mw_alloc(c, (size_t)pictures * (size_t)length * (size_t)n * sizeof *v);
    for (int i = 0; v && i < pictures * n; i++)
        v[(i / n * length + row[i].token - first) * n + i % n] = 1;
    mw_tensor *t = v ? mw_tensor_from_f32(c, MW_F32, MW_SHAPE(pictures, length, n), v) : NULL;
    free(v);
    return t;
}

mw_tensor *mw_energy_columns(mw_ctx *c, mw_tensor *map, mw_tensor *pick)
{
    int64_t B = mw_dim(map, 0), heads = mw_dim(map, 1), cells = mw_dim(map, 2);
    mw_tensor *flat = mw_reshape(c, map, MW_SHAPE(B, heads * cells, mw_dim(map, 3)));
    return mw_reshape(c, mw_matmul(c, flat, pick, 1), MW_SHAPE(B, heads, cells, mw_dim(pick, 2)));
}

mw_tensor *mw_energy_total(mw_ctx *c, mw_tensor *x, mw_tensor *total)
{
    mw_tensor *sum = mw_sum(c, mw_reshape(c, x, MW_SHAPE(mw_dim(x, 0), -1)), 1, false);
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

static mw_status check_phrase(mw_ctx *c, const mw_energy_targets *p, const mw_energy_phrase *f, int i)
{
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
    if (!(l->reference->ndim == 4 && mw_dim(l->reference, 0) == p->npictures) &&
        !(l->reference->ndim == 3 && p->npictures == 1))
        return mw_fail(c, MW_E_SHAPE, "the reference of map %d must be of %d pictures, got %s", i + 1,
                       p->npictures, mw_shape_text(l->reference, got, sizeof got));
    if (mw_dim(l->reference, -2) != p->nboxes || mw_dim(l->reference, -1) != (int64_t)l->h * l->w)
        return mw_fail(c, MW_E_SHAPE, "the reference of map %d must be [heads,%d boxes,%d cells], got %s",
                       i + 1, p->nboxes, l->h * l->w, mw_shape_text(l->reference, got, sizeof got));
    return MW_OK;
}

// ---- the targets

static void count(mw_energy_targets *p)
{
    for (int b = 0; b < p->npictures; b++) {
        int rows = 0, boxes = 0;
        for (int i = 0; i < p->picture[b].nphrases; i++) {
            rows += p->picture[b].phrase[i].ntokens;
            boxes += p->picture[b].phrase[i].nboxes;
        }
        p->nrows = rows > p->nrows ? rows : p->nrows;
        p->nboxes = boxes > p->nboxes ? boxes : p->nboxes;
    }
}

static double row_weight(const mw_energy_targets *p, const mw_energy_picture *x, const mw_energy_phrase *f)
{
    if (p->o.form == MW_ENERGY_BOXDIFF)
        return 1;
    if (p->o.form == MW_ENERGY_PAPER)
        return 1.0 / p->nlayers;
    return 1.0 / f->ntokens / x->nphrases / p->nlayers;
}

static void fill_rows(const mw_energy_targets *p, const mw_energy_picture *x, mw_energy_row *row)
{
    int n = 0;
    for (int i = 0; i < x->nphrases; i++)
        for (int t = 0; t < x->phrase[i].ntokens; t++)
            row[n++] = (mw_energy_row){x->phrase[i].token[t], i, -1, row_weight(p, x, &x->phrase[i])};
    for (; n < p->nrows; n++)
        row[n] = (mw_energy_row){row[0].token, row[0].phrase, -1, 0};
}

mw_tensor *mw_energy_weights(mw_ctx *c, const mw_energy_row *row, int pictures, int n)
{
    float *weigh = mw_alloc(c, (size_t)pictures * (size_t)n * sizeof *weigh);
    for (int i = 0; weigh && i < pictures * n; i++)
        weigh[i] = (float)row[i].weight;
    mw_tensor *t = weigh ? mw_tensor_from_f32(c, MW_F32, MW_SHAPE(pictures, 1, n), weigh) : NULL;
    free(weigh);
    return t;
}

static mw_status make_rows(mw_ctx *c, mw_energy_targets *p)
{
    p->row = mw_alloc(c, (size_t)p->npictures * (size_t)p->nrows * sizeof *p->row);
    for (int b = 0; p->row && b < p->npictures; b++)
        fill_rows(p, &p->picture[b], p->row + b * p->nrows);
    if (p->row) {
        p->pick = mw_energy_pick(c, p->row, p->npictures, p->nrows, p->length, 0);
        p->weigh = mw_energy_weights(c, p->row, p->npictures, p->nrows);
    }
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
    if (p->nlayers < 1)
        return mw_fail(c, MW_E_ARG, "an energy needs a layer");
    check_shares(c, &p->o);
    for (int b = 0; b < p->npictures && mw_err(c) == MW_OK; b++) {
        const mw_energy_picture *x = &p->picture[b];
        if (x->nphrases < 1)
            mw_fail(c, MW_E_ARG, "an energy needs a phrase");
        for (int i = 0; i < x->nphrases && mw_err(c) == MW_OK; i++)
            check_phrase(c, p, &x->phrase[i], i);
        if (mw_err(c) != MW_OK && p->npictures > 1)
            mw_fail_context(c, "picture %d", b + 1);
    }
    for (int i = 0; i < p->nlayers && mw_err(c) == MW_OK; i++)
        check_layer(c, p, layer, i);
    return mw_err(c);
}

mw_energy_targets *mw_energy_targets_new(mw_ctx *c, const mw_energy_options *o,
                                         const mw_energy_picture *picture, int npictures, int64_t length,
                                         const mw_energy_layer *layer, int nlayers)
{
    mw_energy_targets *p = mw_err(c) == MW_OK ? mw_alloc(c, sizeof *p) : NULL;
    if (!p)
        return NULL;
    *p = (mw_energy_targets){
        .o = *o, .picture = picture, .npictures = npictures, .nlayers = nlayers, .length = length};
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

// The ratio energy of maps' columns [B,heads,rows,cells].
static mw_tensor *ratio(mw_ctx *c, const mw_energy_targets *p, const mw_energy_grid *g, mw_tensor *columns)
{
    mw_tensor *in = mw_sum(c, mw_mul(c, columns, g->inside), -1, false), *all = mw_sum(c, columns, -1, false);
    mw_tensor *missed = mw_affine(c, mw_div(c, in, all), -1, 1);
    return mw_energy_total(c, mw_mul(c, mw_mul(c, missed, missed), p->weigh), NULL);
}

// The maps from `first` on that one product of columns serves: of one size and as many heads. Marked in
// `done`; *heads: of all of them.
static mw_tensor *group(mw_ctx *c, const mw_energy_targets *p, mw_tensor *const *map, int first, bool *done,
                        double *heads)
{
    mw_tensor *part[MW_MAXIN];
    int n = 0;
    for (int i = first; i < p->nlayers && n < MW_MAXIN; i++) {
        if (done[i] || p->grid_of[i] != p->grid_of[first] || mw_dim(map[i], 1) != mw_dim(map[first], 1))
            continue;
        done[i] = true;
        part[n++] = mw_energy_columns(c, map[i], p->pick);
    }
    mw_tensor *all = n > 1 ? mw_concat(c, n, part, 1) : part[0];
    *heads = (double)mw_dim(all, 1);
    return mw_transpose(c, all, -2, -1);
}

// The energies [B] of all forms but BoxDiff's.
static mw_tensor *of_columns(mw_ctx *c, const mw_energy_targets *p, mw_tensor *const *map)
{
    bool code = p->o.form == MW_ENERGY_CODE;
    double ones = 0;
    mw_tensor *total = NULL;
    bool *done = mw_alloc(c, (size_t)p->nlayers * sizeof *done);
    for (int i = 0; done && i < p->nlayers && mw_err(c) == MW_OK; i++) {
        if (done[i])
            continue;
        const mw_energy_grid *g = &p->grid[p->grid_of[i]];
        double heads, one = (double)mw_dim(map[i], 1);
        mw_tensor *columns = group(c, p, map, i, done, &heads);
        mw_tensor *e =
            p->o.form == MW_ENERGY_RATIO ? ratio(c, p, g, columns) : mw_energy_largest(c, g, columns);
        if (!code)
            e = mw_affine(c, e, 1 / one, 0);
        ones += heads;
        total = total ? mw_add(c, total, e) : e;
    }
    free(done);
    // fg_weight (1 - F): the weights of the ones add up to 1 over phrases, tokens and maps
    return code ? mw_affine(c, total, 1, p->o.fg_weight * ones / p->nlayers) : total;
}

static bool fits(mw_ctx *c, const mw_energy_targets *p, int i, const mw_tensor *map)
{
    const mw_energy_grid *g = &p->grid[p->grid_of[i]];
    char got[64];
    if (map && map->ndim == 4 && (p->npictures == 1 || mw_dim(map, 0) == p->npictures) &&
        mw_dim(map, 2) == (int64_t)g->h * g->w && mw_dim(map, 3) == p->length)
        return true;
    mw_fail(c, MW_E_SHAPE, "map %d must be [%d,heads,%d,%lld], got %s", i + 1, p->npictures, g->h * g->w,
            (long long)p->length, mw_shape_text(map, got, sizeof got));
    return false;
}

mw_tensor *mw_energy(mw_ctx *c, const mw_energy_targets *p, mw_tensor *const *maps)
{
    if (!p || mw_err(c) != MW_OK)
        return NULL;
    for (int i = 0; i < p->nlayers; i++)
        if (!fits(c, p, i, maps[i]))
            return NULL;
    mw_scope_begin(c);
    mw_tensor *total =
        p->o.form == MW_ENERGY_BOXDIFF ? mw_energy_boxdiff(c, p, maps) : of_columns(c, p, maps);
    for (int i = 0; p->ntransfers && i < p->nlayers; i++)
        total = mw_add(c, total, mw_energy_transfer(c, p, i, maps[i]));
    return mw_scope_end(c, total);
}
