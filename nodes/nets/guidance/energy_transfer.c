// energy_transfer.c: attention transfer: an object's attention in the whole picture against the one it had
// alone.
#include "nodes/nets/guidance/energy_internal.h"
#include "core/ops.h"

#include <stdlib.h>

static const double eps = 1e-5; // keeps an empty box from dividing by zero; the published code's

// How many tokens of a phrase are compared, and which.
static int tokens_of(const mw_energy_targets *p, const mw_energy_phrase *f)
{
    return p->o.transfer == MW_TRANSFER_ALL ? f->ntokens : 1;
}

static int token_of(const mw_energy_targets *p, const mw_energy_phrase *f, int t)
{
    if (p->o.transfer == MW_TRANSFER_WORD)
        return f->word;
    return p->o.transfer == MW_TRANSFER_LAST ? f->token[f->ntokens - 1] : f->token[t];
}

static mw_status make_rows(mw_ctx *c, mw_energy_targets *p)
{
    int n = 0, box = 0;
    for (int i = 0; i < p->nphrases; i++)
        p->ntransfers += p->phrase[i].nboxes * tokens_of(p, &p->phrase[i]);
    p->transfer = mw_alloc(c, (size_t)p->ntransfers * sizeof *p->transfer);
    float *weigh = mw_alloc(c, (size_t)p->ntransfers * sizeof *weigh);
    for (int i = 0; p->transfer && weigh && i < p->nphrases; i++) {
        const mw_energy_phrase *f = &p->phrase[i];
        int tokens = tokens_of(p, f);
        double w = p->o.lambda / f->nboxes / tokens / p->nphrases / p->nlayers;
        for (int b = 0; b < f->nboxes; b++, box++)
            for (int t = 0; t < tokens; t++, n++) {
                p->transfer[n] = (mw_energy_row){token_of(p, f, t), i, box, w};
                weigh[n] = (float)w;
            }
    }
    if (p->transfer && weigh) {
        p->pick_transfer = mw_energy_pick(c, p->transfer, p->ntransfers, p->length, 0);
        p->weigh_transfer = mw_tensor_from_f32(c, MW_F32, MW_SHAPE(p->ntransfers), weigh);
    }
    free(weigh);
    return mw_err(c);
}

static void make_boxes(mw_ctx *c, const mw_energy_targets *p, mw_energy_grid *g)
{
    int cells = g->h * g->w, n = 0;
    float *v = mw_alloc(c, (size_t)p->ntransfers * (size_t)cells * sizeof *v);
    for (int i = 0; v && i < p->nphrases; i++) {
        const mw_energy_phrase *f = &p->phrase[i];
        for (int b = 0; b < f->nboxes; b++)
            for (int t = 0; t < tokens_of(p, f); t++, n++)
                mw_cells_mask(f->box + b, 1, g->h, g->w, p->o.wrapped_boxes, v + (int64_t)n * cells);
    }
    if (v)
        g->box = mw_tensor_from_f32(c, MW_F32, MW_SHAPE(p->ntransfers, cells), v);
    free(v);
}

// The shares of each cell in what lies in the box: [heads,rows,cells].
static mw_tensor *shares(mw_ctx *c, const mw_energy_grid *g, mw_tensor *columns)
{
    mw_tensor *in = mw_mul(c, columns, g->box);
    return mw_div(c, in, mw_affine(c, mw_sum(c, in, -1, true), 1, eps));
}

// [boxes] -> [rows]: a box's reference serves all its tokens.
static mw_tensor *spread(mw_ctx *c, const mw_energy_targets *p, mw_tensor *reference)
{
    if (p->ntransfers == p->nboxes)
        return reference;
    mw_energy_row *row = mw_alloc(c, (size_t)p->ntransfers * sizeof *row);
    for (int i = 0; row && i < p->ntransfers; i++)
        row[i].token = p->transfer[i].box;
    mw_tensor *pick = row ? mw_energy_pick(c, row, p->ntransfers, p->nboxes, 0) : NULL;
    free(row);
    return mw_matmul(c, mw_transpose(c, pick, 0, 1), reference, 1);
}

mw_status mw_energy_targets_transfer(mw_ctx *c, mw_energy_targets *p, const mw_energy_layer *layer)
{
    p->reference = mw_alloc(c, (size_t)p->nlayers * sizeof *p->reference);
    if (!p->reference || make_rows(c, p) != MW_OK)
        return mw_err(c);
    for (int i = 0; i < p->ngrids; i++)
        make_boxes(c, p, &p->grid[i]);
    for (int i = 0; i < p->nlayers; i++)
        p->reference[i] = shares(c, &p->grid[p->grid_of[i]], spread(c, p, layer[i].reference));
    return mw_err(c);
}

mw_tensor *mw_energy_transfer(mw_ctx *c, const mw_energy_targets *p, int layer, mw_tensor *map)
{
    const mw_energy_grid *g = &p->grid[p->grid_of[layer]];
    mw_tensor *own = shares(c, g, mw_energy_columns(c, map, p->pick_transfer));
    mw_tensor *apart = mw_sum(c, mw_abs(c, mw_sub(c, own, p->reference[layer])), -1, false);
    mw_tensor *mean = mw_affine(c, mw_mul(c, apart, p->weigh_transfer), 1.0 / (double)mw_dim(map, 0), 0);
    return mw_energy_total(c, mean, NULL);
}
