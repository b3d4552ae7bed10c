// energy_internal.h: what the files of the energies share.
#ifndef MW_ENERGY_INTERNAL_H
#define MW_ENERGY_INTERNAL_H

#include "nodes/nets/guidance/energy.h"

// A row of an energy: one token against one region. Pictures with fewer rows than another repeat their first,
// with no weight.
typedef struct mw_energy_row {
    int token, phrase;
    int box; // of all the picture's boxes in order; -1: all of the phrase's
    double weight;
} mw_energy_row;

// What depends on a map's size alone. Tensors of the targets' scope; those that the form does not need are
// NULL.
typedef struct mw_energy_grid {
    int h, w;
    mw_tensor *inside; // [pictures, 1, rows, h*w] 1 or 0
    mw_tensor *region; // [pictures, 1, 2, rows, h*w] inside, and 1 less that
    int k;             // most cells that any row counts
    mw_tensor *weigh;  // [pictures, 1, 2, rows, k]: weight / count of the cells that count, 0 beyond
    mw_tensor *box;    // [pictures, 1, transfer rows, h*w] the region of each box
    // BoxDiff: [pictures, rows, h] and [pictures, rows, w]: the box seen from the side, and how much each
    // place counts
    mw_tensor *side_y, *side_x, *weigh_y, *weigh_x;
    mw_tensor *smooth_y, *smooth_x; // [h,h], [w,w]
    mw_tensor *counted;             // [pictures] rows of which any cell inside counts
} mw_energy_grid;

struct mw_energy_targets {
    mw_energy_options o;
    const mw_energy_picture *picture; // borrowed while the targets are made
    int npictures, nlayers;
    int nrows, ntransfers, nboxes; // of the picture that has most
    int64_t length;
    mw_energy_row *row, *transfer;     // of all pictures
    mw_tensor *pick, *pick_transfer;   // [pictures, length, rows]: 1 where a row's token is
    mw_tensor *weigh, *weigh_transfer; // [pictures, 1, rows]
    mw_energy_grid *grid;              // nlayers, the first ngrids in use
    int ngrids, *grid_of;              // of each layer
    mw_tensor **reference;             // of each layer: [pictures, heads, transfers, h*w], masked, normalised
};

// ---- regions.c
// The cells [x0,x1) x [y0,y1) of a box on h x w cells: corners and extents rounded apart, halves to even,
// then cut at the canvas. Empty where x1 <= x0.
typedef struct mw_cells {
    int x0, y0, x1, y1;
} mw_cells;
mw_cells mw_cells_of(const double box[4], int h, int w, bool wrapped);
// out[h*w] = 1 in the boxes, else 0; returns how many cells are.
int mw_cells_mask(const double (*box)[4], int nboxes, int h, int w, bool wrapped, float *out);
// k of `cells` for a share: the product in f32, cut down.
int mw_energy_count(int cells, double share);

// ---- for each form
// Regions and their weights; of each row at least `least` cells count.
mw_status mw_energy_grid_topk(mw_ctx *c, const mw_energy_targets *p, mw_energy_grid *g, int least);
// omega B - fg_weight F of columns [B,heads,rows,cells], weighed and summed over each picture: [B]; NULL
// where no cell counts (BoxDiff's with few cells).
mw_tensor *mw_energy_largest(mw_ctx *c, const mw_energy_grid *g, mw_tensor *columns);
mw_status mw_energy_grid_boxdiff(mw_ctx *c, const mw_energy_targets *p, mw_energy_grid *g);
mw_tensor *mw_energy_boxdiff(mw_ctx *c, const mw_energy_targets *p, mw_tensor *const *maps);
mw_status mw_energy_targets_transfer(mw_ctx *c, mw_energy_targets *p, const mw_energy_layer *layer);
mw_tensor *mw_energy_transfer(mw_ctx *c, const mw_energy_targets *p, int layer, mw_tensor *map);

// Rows' tokens out of a map [B,heads,cells,length]: [B,heads,cells,rows].
mw_tensor *mw_energy_columns(mw_ctx *c, mw_tensor *map, mw_tensor *pick);
// 1 where row i of a picture reads token t: [pictures, length, n] of n rows for each.
mw_tensor *mw_energy_pick(mw_ctx *c, const mw_energy_row *row, int pictures, int n, int64_t length,
                          int first);
// Their weights: [pictures, 1, n].
mw_tensor *mw_energy_weights(mw_ctx *c, const mw_energy_row *row, int pictures, int n);
// The sum of each picture's elements of x[B,..], [B], added to total (may be NULL).
mw_tensor *mw_energy_total(mw_ctx *c, mw_tensor *x, mw_tensor *total);

#endif
