// energy_internal.h: what the files of the energies share.
#ifndef MW_ENERGY_INTERNAL_H
#define MW_ENERGY_INTERNAL_H

#include "nodes/nets/guidance/energy.h"

// A row of an energy: one token against one region.
typedef struct mw_energy_row {
    int token, phrase;
    int box; // of all boxes in order; -1: all of the phrase's
    double weight;
} mw_energy_row;

// What depends on a map's size alone. Tensors of the targets' scope; those that the form does not need are
// NULL.
typedef struct mw_energy_grid {
    int h, w;
    mw_tensor *inside, *outside;             // [rows, h*w] 1 or 0
    int k_inside, k_outside;                 // most cells that any row counts
    int counted;                             // rows of which any cell inside counts
    mw_tensor *weigh_inside, *weigh_outside; // [rows, k]: weight / k of the cells that count, 0 beyond
    mw_tensor *box;                          // [transfer rows, h*w] the region of each box
    // BoxDiff: [rows, h] and [rows, w]: the box seen from the side, and how much each place counts
    mw_tensor *side_y, *side_x, *weigh_y, *weigh_x;
    mw_tensor *smooth_y, *smooth_x; // [h,h], [w,w]
} mw_energy_grid;

struct mw_energy_targets {
    mw_energy_options o;
    const mw_energy_phrase *phrase; // borrowed while the targets are made
    int nphrases, nlayers, nrows, ntransfers, nboxes;
    int64_t length;
    mw_energy_row *row, *transfer;
    mw_tensor *pick, *pick_transfer;   // [length, rows]: 1 where a row's token is
    mw_tensor *weigh, *weigh_transfer; // [rows]
    mw_energy_grid *grid;              // nlayers, the first ngrids in use
    int ngrids, *grid_of;              // of each layer
    mw_tensor **reference;             // of each layer: [heads, transfers, h*w], masked and normalised
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
// omega B - fg_weight F of columns [..,rows,cells], weighed and summed over all: [1]; NULL where no cell
// counts (BoxDiff's with few cells).
mw_tensor *mw_energy_largest(mw_ctx *c, const mw_energy_grid *g, mw_tensor *columns);
mw_status mw_energy_grid_boxdiff(mw_ctx *c, const mw_energy_targets *p, mw_energy_grid *g);
mw_tensor *mw_energy_boxdiff(mw_ctx *c, const mw_energy_targets *p, mw_tensor *const *maps);
mw_status mw_energy_targets_transfer(mw_ctx *c, mw_energy_targets *p, const mw_energy_layer *layer);
mw_tensor *mw_energy_transfer(mw_ctx *c, const mw_energy_targets *p, int layer, mw_tensor *map);

// Rows' tokens out of a map [..,cells,length]: [..,rows,cells].
mw_tensor *mw_energy_columns(mw_ctx *c, mw_tensor *map, mw_tensor *pick);
// 1 where row i reads token t: [length, rows].
mw_tensor *mw_energy_pick(mw_ctx *c, const mw_energy_row *row, int n, int64_t length, int first);
// The sum of all elements, [1], added to total (may be NULL).
mw_tensor *mw_energy_total(mw_ctx *c, mw_tensor *x, mw_tensor *total);

#endif
