// layout_filter.h: boxes of a language model made fit to be drawn.
#ifndef MW_LAYOUT_FILTER_H
#define MW_LAYOUT_FILTER_H

#include "nodes/nets/layout/layout.h"

typedef struct {
    mw_layout_mode mode;
    bool scale; // stretch the boxes over the canvas, at most threefold, even where all lie inside it
} mw_filter_options;

// Boxes as a completion has them, each (name, [x, y, w, h]) or {name, bounding_box}, added to `out` in their
// order; null is an empty list. out->canvas says where they lie.
//
// Dropped are boxes without coordinates, without area, as large as the canvas (they are its background), and
// those that begin beyond its right or lower edge. When one of the others sticks out, or with `scale`, all
// are scaled by s = min(W/width, H/height, 3) of what holds them all; the leftmost then starts at 0, and they
// move vertically only as far as they must. Coordinates are rounded, halves to even.
//
// Faithful keeps two slips: boxes that leave at the top and the bottom at once are moved down twice, and what
// still leaves at the top grows instead of being cut. Strict moves once, after which all lie inside, and
// warns of what it dropped and scaled.
mw_status mw_layout_filter(mw_ctx *c, const mw_layout_source *from, const json_t *boxes,
                           const mw_filter_options *o, mw_layout *out);

#endif
