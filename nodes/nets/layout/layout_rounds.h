// layout_rounds.h: a layout after an instruction: what of it is as before.
#ifndef MW_LAYOUT_ROUNDS_H
#define MW_LAYOUT_ROUNDS_H

#include "nodes/nets/layout/layout.h"

// Objects of `now` that were in `before` (the same name without case and article, in their order) keep their
// seeds, and their boxes too:
// - told, that is the model saw `before`: unless the instruction names them or it moved them by more than
// half
//   (what is left is how models copy numbers);
// - not told, that is it laid out a new caption: unless that names a direction ("left", "above") and they lie
// in
//   other ones from the other objects that stay, in `now` than in `before`.
// A new name in the box of an object that is gone keeps its seed. Where all of `before` have seeds, what is
// new gets the next free ones. Both are on the same canvas.
mw_status mw_layout_follow(mw_ctx *c, const mw_layout *before, const char *instruction, bool told,
                           mw_layout *now);

#endif
