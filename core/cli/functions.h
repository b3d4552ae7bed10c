// functions.h: what `moonweave nodes` prints of what scripts call besides nodes.
#ifndef MW_FUNCTIONS_H
#define MW_FUNCTIONS_H

#include "core/base/nearest.h"
#include "core/cli/verb.h"

// All of it, in the form that was asked for: a line each, JSON, Markdown, annotations.
void mw_functions_list(const mw_cli *k);
// The page of what has this name ("params", "tensor", "handle", "sum", "mw.params"). False where nothing has;
// the names that there are are offered to near.
bool mw_functions_describe(const mw_cli *k, const char *name, mw_nearest *near);

#endif
