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

static int count_rows(const mw_energy_targets *p, const mw_energy_picture *x)
{
    int n = 0;
    for (int i = 0; i < x->nphrases; i++)
        n += x->phrase[i].nboxes * tokens_of(p, &x->phrase[i]);
    return n;
}

static void fill_rows(const mw_energy_targets *p, const mw_energy_picture *x, mw_energy_row *row)
{
    int n = 0, box = 0;
    for (int i = 0; i < x->nphrases; i++) {
        const mw_energy_phrase *f = &x->phrase[i];
        int tokens = tokens_of(p, f);
        double w = p->o.lambda / f->nboxes / tokens / x->nphrases / p->nlayers;
        for (int b = 0; b < f->nboxes; b++, box++)
            for (int t = 0; t < tokens; t++)
                row[n++] = (mw_energy_row){token_of(p, f, t), i, box, w};
    }
    for (; n < p->ntransfers; n++)
        row[n] = (mw_energy_row){row[0].token, row[0].phrase, row[0].box, 0};
}

static mw_status make_rows(mw_ctx *c, mw_energy_targets *p)
{
    for (int b = 0; b < p->npictures; b++) {
        int n = count_rows(p, &p->picture[b]);
        p->ntransfers = n > p->ntransfers ? n : p->ntransfers;
    }
    p->transfer = mw_alloc(c, (size_t)p->npictures * (size_t)p->ntransfers * sizeof *p->transfer);
    for (int b = 0; p->transfer && b < p->npictures; b++)
        fill_rows(p, &p->picture[b], p->transfer + b * p->ntransfers);
    if (p->transfer) {
        p->pick_transfer = mw_energy_pick(c, p->transfer, p->npictures, p->ntransfers, p->length, 0);
        p->weigh_transfer = mw_energy_weights(c, p->transfer, p->npictures, p->ntransfers);
    }
    return mw_err(c);
}

// The box of a row among its phrase's.
static const double (*box_of(const mw_energy_picture *x, const mw_energy_row *row))[4]
{
    int box = row->box;
    for (int i = 0; i < row->phrase; i++)
        box -= x->phrase[i].nboxes;
    return x->phrase[row->phrase].box + box;
}

static void make_boxes(mw_ctx *c, const mw_energy_targets *p, mw_energy_grid *g)
{
    int cells = g->h * g->w, rows = p->npictures * p->ntransfers;
    float *v = mw_alloc(c, (size_t)rows * (size_t)cells * sizeof *v);
    for (int i = 0; v && i < rows; i++)
        mw_cells_mask(box_of(&p->picture[i / p->ntransfers], &p->transfer[i]), 1, g->h, g->w,
                      p->o.wrapped_boxes, v + (int64_t)i * cells);
    if (v)
        g->box = mw_tensor_from_f32(c, MW_F32, MW_SHAPE(p->npictures, 1, p->ntransfers, cells), v);
    free(v);
}

// The shares of each cell in what lies in the box: [B,heads,rows,cells].
static mw_tensor *shares(mw_ctx *c, const mw_energy_grid *g, mw_tensor *columns)
{
    mw_tensor *in = mw_mul(c, columns, g->box);
    return mw_div(c, in, mw_affine(c, mw_sum(c, in, -1, true), 1, eps));
}

// [..,boxes,cells] -> [pictures,heads,rows,cells]: a box's reference serves all its tokens.
static mw_tensor *spread(mw_ctx *c, const mw_energy_targets *p, mw_tensor *reference)
{
    int64_t heads = mw_dim(reference, -3), cells = mw_dim(reference, -1);
    int rows = p->npictures * p->ntransfers;
    reference = mw_reshape(c, reference, MW_SHAPE(p->npictures, heads, p->nboxes, cells));
    mw_energy_row *row = mw_alloc(c, (size_t)rows * sizeof *row);
    for (int i = 0; row && i < rows; i++)
        row[i].token = p->transfer[i].box;
    mw_tensor *pick = row ? mw_energy_pick(c, row, p->npictures, p->ntransfers, p->nboxes, 0) : NULL;
    free(row);
    pick = mw_reshape(c, pick, MW_SHAPE(p->npictures, 1, p->nboxes, p->ntransfers));
    return mw_matmul(c, mw_transpose(c, pick, -2, -1), reference, 1);
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
    mw_tensor *columns = mw_transpose(c, mw_energy_columns(c, map, p->pick_transfer), -2, -1);
    mw_tensor *own = shares(c, g, columns);
    mw_tensor *apart = mw_sum(c, mw_abs(c, mw_sub(c, own, p->reference[layer])), -1, false);
    mw_tensor *mean = mw_affine(c, mw_mul(c, apart, p->weigh_transfer), 1.0 / (double)mw_dim(map, 1), 0);
    return mw_energy_total(c, mean, NULL);
}
