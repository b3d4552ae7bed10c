// layout_filter.h: boxes of a language model made fit to be drawn.
#ifndef MW_LAYOUT_FILTER_H
#define MW_LAYOUT_FILTER_H

#include "nodes/nets/layout/layout.h"

#include <jansson.h>

typedef struct {
    mw_layout_mode mode;
    bool scale; // stretch the boxes over the canvas, at most threefold, even where all lie inside it
    const char *background; // the completion's; strict compares names with it
} mw_filter_options;

// Boxes as a completion has them (layout_entries.h says in what shapes), added to `out` in their order.
// out->canvas says where they lie. Coordinates are rounded, halves to even.
//
// Strict leaves out boxes without coordinates, without area, and those that are as large as the canvas and
// bear the background's name (compared without case and article), each with a warning; it cuts what sticks
// out, with a warning, and refuses a box wholly off the canvas and a name without letters.
//
// Faithful leaves out every box as large as the canvas, and those that begin beyond its right or lower edge.
// When one of the others sticks out, all are scaled as with `scale`: by s = min(W/width, H/height, 3) of what
// holds them all; the leftmost then starts at 0, and they move vertically only as far as they must. Two slips
// are kept: boxes that leave at the top and the bottom at once are moved down twice, and what still leaves at
// the top grows instead of being cut.
mw_status mw_layout_filter(mw_ctx *c, const mw_layout_source *from, json_t *boxes, const mw_filter_options *o,
                           mw_layout *out);

#endif
