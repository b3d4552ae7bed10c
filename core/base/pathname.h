// pathname.h: paths as texts. What a relative model path means and where the program keeps things: paths.h.
#ifndef MW_PATHNAME_H
#define MW_PATHNAME_H

#include "core/base/ctx.h"

// dir/name; name alone when dir is "" or "."; free() it.
char *mw_path_join(mw_ctx *c, const char *dir, const char *name);
// The folder part of a path, "." when it has none; free() it.
char *mw_path_folder(mw_ctx *c, const char *path);
// What follows the last slash; points into path.
const char *mw_path_base(const char *path);
bool mw_path_exists(const char *path);
bool mw_path_is_folder(const char *path);
// "checkpoint.safetensors" ends with ".safetensors"; letters are compared without case.
bool mw_path_has_suffix(const char *path, const char *suffix);
// True when a relative path stays below its folder by its text alone: not empty, not absolute, no "..", no
// backslash.
bool mw_path_stays_inside(const char *relative);
#endif
