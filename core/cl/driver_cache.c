// driver_cache.c: a place for the driver's own cache of compiled kernels.
//
// PoCL finds no device at all when it cannot write its cache folder (a home that is read-only or not there, a
// folder in /tmp that another user made first). Then it is lent a private one, so that a CPU still computes.
#include "core/cl/device_internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// Where PoCL would put it: its documentation, "Environment variables", POCL_CACHE_DIR.
static char *usual_place(mw_ctx *c)
{
    const char *own = getenv("POCL_CACHE_DIR"), *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (own && *own)
        return mw_strdup(c, own);
    if (cache && *cache)
        return mw_format(c, "%s/pocl/kcache", cache);
    return home && *home ? mw_format(c, "%s/.cache/pocl/kcache", home) : mw_strdup(c, "/tmp/pocl/kcache");
}

// Whether the folder is there and may be written, or could be made in the nearest parent that is there.
static bool can_be_used(mw_ctx *c, const char *folder)
{
    char *at = mw_strdup(c, folder);
    struct stat s = {0};
    for (char *slash; at && stat(at, &s) != 0 && (slash = strrchr(at, '/'));)
        slash[slash == at] = 0;
    bool good = at && S_ISDIR(s.st_mode) && access(at, W_OK | X_OK) == 0;
    free(at);
    return good;
}

// Kernels are code: a folder that somebody else may write to is not taken.
static bool is_private(const char *folder)
{
    struct stat s;
    mkdir(folder, 0700);
    return lstat(folder, &s) == 0 && S_ISDIR(s.st_mode) && s.st_uid == geteuid() && !(s.st_mode & 077);
}

void mw_lend_driver_cache(mw_ctx *c)
{
    const char *temporary = getenv("TMPDIR");
    char *usual = usual_place(c);
    char *lent =
        mw_format(c, "%s/moonweave-%ld", temporary && *temporary ? temporary : "/tmp", (long)geteuid());
    if (usual && lent && !can_be_used(c, usual) && is_private(lent))
        setenv("POCL_CACHE_DIR", lent, 1);
    free(usual);
    free(lent);
}
