// env.h: what the program around a graph settles for everything in it: where files go, which may be read, the
// dtype.
//
// One is shared by a context and its forks; it is not owned by them and outlives them.
#ifndef MW_ENV_H
#define MW_ENV_H

#include "core/base/ctx.h"

typedef struct mw_env {
    const char *dtype;   // what "auto" means for a model's weights: "f32", "f16"; NULL: what suits the device
    const char *out_dir; // folder that nodes may write into (mw_output_path); NULL: the working folder
    bool (*may_read)(void *user,
                     const char *path); // asked by mw_find_path of what it found; NULL: all may be read
    // A graph script's folder, where its own relative paths begin; NULL: outside of scripts, or a script
    // without a file.
    const char *beside;
    bool (*typed)(void *user,
                  const char *name); // whether a path is the user's, typed in the working folder; with beside
    // Asked of the address of a server, and of the name of a variable that holds a key, before they are used;
    // NULL: all may be.
    bool (*may_contact)(void *user, const char *name);
    void *user; // of may_read, typed and may_contact
} mw_env;

// The context's, or the defaults.
mw_env mw_env_of(const mw_ctx *c);

#endif
