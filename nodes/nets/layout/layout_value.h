// layout_value.h: layouts as values on wires:
// {objects = {{phrase = "a star", box = {x, y, w, h}, seed = nil}, ...}, background, negative, canvas = {512,
// 512}}.
#ifndef MW_LAYOUT_VALUE_H
#define MW_LAYOUT_VALUE_H

#include "core/graph/value.h"
#include "nodes/nets/layout/layout.h"

// Checks and takes a layout; every key but `objects` may be absent. MW_STRICT: a box wholly off the canvas
// is refused, one that sticks out is cut at its edges with a warning. MW_FAITHFUL: boxes are taken as they
// are. Both refuse numbers that are not finite, boxes without area, phrases without a letter, unknown keys.
// Fails with the source's code, naming the object and what is wrong. Free `out` also after a failure.
mw_status mw_layout_from_value(mw_ctx *c, const mw_layout_source *from, const mw_value *v,
                               mw_layout_mode mode, mw_layout *out);

// What a port "mode" says: "strict" or "faithful".
mw_layout_mode mw_layout_mode_of(const mw_value *v);

// One share.
mw_value *mw_layout_value(mw_ctx *c, const mw_layout *l);

#endif
