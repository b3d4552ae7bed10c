// inspect.c: moonweave inspect: what a model folder, a file of weights, a config or a picture holds.
#include "core/base/paths.h"
#include "core/cli/verb.h"
#include "core/io/inspect.h"

#include <stdio.h>
#include <stdlib.h>

static mw_status inspect(mw_cli *k)
{
    char *path = mw_find_path(k->c, k->args[0]);
    if (path)
        mw_inspect(k->c, path, stdout);
    free(path);
    return mw_err(k->c);
}

const mw_verb mw_verb_inspect = {
    "inspect", "PATH", 1, 1, 0, "say what a model, weights, a config or a picture is, or why it is refused",
    inspect,
};
