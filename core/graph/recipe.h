// recipe.h: what the bits of results follow from besides the graph.
#ifndef MW_RECIPE_H
#define MW_RECIPE_H

#include "core/base/ctx.h"

// Lines "name: value\n" in a fixed order: the program's build and the files it reads of its share, and, with
// `device` (which the context must have), all that decides how its ops are done: device, driver, platform and
// their versions, family of kernels, lanes, compute units, local memory, largest group, memory limit, dtype,
// kernels, tuned ways. Two runs of one graph with equal recipes give equal bits. free() it; NULL with an
// error pending.
//
// It is part of the key of every node, stands in every picture, and tells training whether a state may be
// continued to the same bits.
char *mw_recipe_text(mw_ctx *c, bool device);

// What differs between two recipes, for people: "driver 1.8 (here 3.1), lanes 8 (here 16)"; "" when nothing
// does. free() it.
char *mw_recipe_difference(mw_ctx *c, const char *other, const char *here);

#endif
