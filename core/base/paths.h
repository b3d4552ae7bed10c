// paths.h: where things are: the installation's share, models by name, XDG folders, the output folder.
#ifndef MW_PATHS_H
#define MW_PATHS_H

#include "core/base/ctx.h"

// The installation's share/moonweave; the repository's root when the program runs from build/. Never NULL; no
// slash at the end. Holds kernels/, scripts/, graphs/, models/.
const char *mw_share_dir(void);

// "<share>/<relative>"; free() it.
char *mw_share_path(mw_ctx *c, const char *relative);

// What is wrong with a path that may_read (env.h) refuses.
#define MW_OUTSIDE                                                                                           \
    "lies outside the graph's folder and was not typed as a parameter (-p); --trust lets a script read all"

// Find an existing file or folder. An absolute name is taken as it is; a relative one is looked for in the
// working folder (unless it is a script's own: see mw_env), then beside the script, then in each folder of
// $MOONWEAVE_MODELS (colons between them; there also in ComfyUI's folders: checkpoints, vae, loras, ..., and
// with .safetensors added), then in the share. free() the result; NULL with MW_E_FILE when there is none, and
// with MW_E_SCRIPT when may_read (env.h) refuses it, before anything of it was read.
char *mw_find_path(mw_ctx *c, const char *name);

// A folder of the program's own, made when it is not there: "$XDG_CACHE_HOME/moonweave/<sub>" and so on.
// free() it.
char *mw_cache_dir(mw_ctx *c, const char *sub);
char *mw_state_dir(mw_ctx *c, const char *sub);

// Where a node may write the file `name`: inside the out_dir of the context's env; folders
// on the way are made. A name that would lead outside is MW_E_ARG. free() the result.
char *mw_output_path(mw_ctx *c, const char *name);

// mkdir -p.
mw_status mw_make_dirs(mw_ctx *c, const char *path);

// True when `path` (which must exist) lies in `root` or is it, symbolic links followed.
bool mw_path_inside(const char *path, const char *root);

#endif
