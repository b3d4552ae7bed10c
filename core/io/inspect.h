// inspect.h: says what a model folder, a file of weights, a config or a picture is, or why it can't be read.
//
// Declared here for the command line; defined where the formats are known (nodes/nets/inspect), as the table
// of nodes is (core/graph/node.h).
#ifndef MW_INSPECT_H
#define MW_INSPECT_H

#include "core/base/ctx.h"

#include <stdio.h>

// Describes what lies at path to `out`. Configs are validated, pictures decoded, and of a pipeline's folder
// every weight that its networks need is looked for, so that what is described can be used. MW_E_FILE, naming
// the file, when it is damaged or of a kind that is not supported; nothing is written then. Needs no device.
mw_status mw_inspect(mw_ctx *c, const char *path, FILE *out);

#endif
