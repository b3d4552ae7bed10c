// boxes.h: boxes, points and masks as nodes take and give them.
#ifndef MW_BOXES_H
#define MW_BOXES_H

#include "core/graph/value.h"
#include "nodes/nets/layout/layout.h"

// { x, y, w, h } in pixels -> x0, y0, x1, y1. False when the value is nil. MW_E_ARG naming `port` for
// anything else that is not four numbers of at most 1e9, or where w or h is negative.
bool mw_box_read(mw_ctx *c, const char *port, const mw_value *v, double box[4]);
// { x, y, w, h } and { width, height } of the canvas, both in pixels -> x0, y0, x1, y1 in 0..1 of it.
// MW_E_ARG for anything else, nil included.
mw_status mw_box_on_canvas(mw_ctx *c, const mw_value *box, const mw_value *canvas, double out[4]);
// MW_E_ARG for such a box that has no area on the canvas.
mw_status mw_box_check_area(mw_ctx *c, const double box[4]);
// Such a box as a mask [h,w]; free() it; NULL on failure. Strict: it covers at least one cell, the one its
// middle is in, and a box of no size or wholly off the canvas is MW_E_ARG; faithful: none, or, of a box left
// of or above the canvas, those up to that distance from the far side.
uint8_t *mw_box_mask_read(mw_ctx *c, const mw_value *box, const mw_value *canvas, int h, int w,
                          mw_layout_mode mode);

// { dx, dy } in shares of the canvas -> cells of an h x w map. False when the value is nil. MW_E_ARG naming
// `port` for anything else that is not two finite numbers.
bool mw_shift_read(mw_ctx *c, const char *port, const mw_value *v, int h, int w, int *dx, int *dy);
// n numbers as a list.
mw_value *mw_numbers_value(mw_ctx *c, const double *v, int n);

// The mask of a port, [h,w] or a picture's first channel [h,w,3]: 1 where it is over one half; free() it.
// NULL (no error) when the value is nil; MW_E_SHAPE naming `port` for another shape, MW_E_NUMBER for NaN.
uint8_t *mw_mask_read(mw_ctx *c, const char *port, const mw_value *v, int *h, int *w);
// A mask on a wire: [h,w] f32 of 0 and 1.
mw_value *mw_mask_value(mw_ctx *c, const uint8_t *mask, int h, int w);

#endif
