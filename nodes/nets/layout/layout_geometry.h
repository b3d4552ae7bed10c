// layout_geometry.h: boxes and masks of objects moved: where an object is drawn alone, and how it gets back.
//
// Boxes are x0, y0, x1, y1 in 0..1 of the canvas; cells, masks and their bounds are those of mask_ops.h.
#ifndef MW_LAYOUT_GEOMETRY_H
#define MW_LAYOUT_GEOMETRY_H

#include "core/tensor/tensor.h"
#include "nodes/nets/layout/layout.h"

// Where the box of an object goes while the object is drawn alone; its size stays.
typedef enum {
    MW_CENTER_NONE,
    MW_CENTER_HORIZONTAL, // the middle of the canvas from left to right
    MW_CENTER_BOTH,       // the middle of the canvas
    MW_CENTER_FLOOR,      // the middle from left to right, its lower edge `pad` above the lower edge
} mw_centering;

void mw_box_centered(const double box[4], mw_centering how, double pad, double out[4]);

// Mean column and row of the cells that are in, as shares of the width and the height. Faithful counts a cell
// by its index and divides in f32; strict by its middle, in doubles. False when the mask is empty.
bool mw_mask_center(const uint8_t *mask, int h, int w, mw_layout_mode mode, double center[2]);

// How far a mask must move so that its centre is that of the box, as shares of the canvas. False when the
// mask is empty.
bool mw_mask_offset(const uint8_t *mask, int h, int w, const double box[4], bool horizontal_only,
                    mw_layout_mode mode, double offset[2]);

// Cells of a map of `side` cells that an offset along it stands for: the offset goes to the nearest eighth of
// the map, halves to even, so that maps of all sizes move together. Sides that are no multiple of 8 go to the
// nearest cell of it. Offsets are -8..8, farther ones count as that.
int mw_shift_cells(double offset, int side);

// Planes of h x w elements of `size` bytes moved by dx to the right and dy down; what comes in is zero. `out`
// is not `in`.
void mw_shift_planes(const void *in, size_t planes, int h, int w, size_t size, int dx, int dy, void *out);
// The same on the device: x[..,h,w] f32.
mw_tensor *mw_shift_maps(mw_ctx *c, mw_tensor *x, int dx, int dy);

#endif
