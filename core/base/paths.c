// paths.c: where things are: the installation's share, models by name, XDG folders, the output folder.
#include "core/base/paths.h"
#include "core/base/env.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char share[PATH_MAX];
static pthread_once_t share_once = PTHREAD_ONCE_INIT;

static bool exists(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0;
}

static bool is_share(const char *dir)
{
    char p[2 * PATH_MAX];
    snprintf(p, sizeof p, "%s/kernels/prelude.cl", dir);
    return exists(p);
}

// From the program's own place: <prefix>/bin -> <prefix>/share/moonweave, else the first parent that looks
// like the tree.
static void find_share(void)
{
    char dir[PATH_MAX], beside[PATH_MAX + 32];
    ssize_t n = readlink("/proc/self/exe", dir, sizeof dir - 1);
    dir[n > 0 ? n : 0] = 0;
    for (char *slash; (slash = strrchr(dir, '/')) && slash != dir;) {
        *slash = 0;
        snprintf(beside, sizeof beside, "%s/share/moonweave", dir);
        const char *found = is_share(dir) ? dir : is_share(beside) ? beside : NULL;
        if (found) {
            snprintf(share, sizeof share, "%.*s", (int)sizeof share - 1, found);
            return;
        }
    }
    strcpy(share, ".");
}

const char *mw_share_dir(void)
{
    pthread_once(&share_once, find_share);
    return share;
}

char *mw_share_path(mw_ctx *c, const char *relative)
{
    return mw_format(c, "%s/%s", mw_share_dir(), relative);
}

// The name itself under dir, or one of the forms a model may have in a tree of models.
static char *find_in_models(mw_ctx *c, const char *dir, int length, const char *name)
{
    static const char *const folders[] = {"",
                                          "checkpoints/",
                                          "vae/",
                                          "loras/",
                                          "embeddings/",
                                          "text_encoders/",
                                          "clip/",
                                          "unet/",
                                          "adapters/",
                                          "diffusion_models/",
                                          "diffusers/",
                                          "llm/"};
    static const char *const endings[] = {"", ".safetensors"};
    for (size_t f = 0; f < sizeof folders / sizeof *folders; f++)
        for (size_t e = 0; e < sizeof endings / sizeof *endings; e++) {
            char *p = mw_format(c, "%.*s/%s%s%s", length, dir, folders[f], name, endings[e]);
            if (!p || exists(p))
                return p;
            free(p);
        }
    return NULL;
}

static char *find(mw_ctx *c, const char *name)
{
    if (!*name) {
        mw_fail(c, MW_E_FILE, "the path is empty");
        return NULL;
    }
    mw_env env = mw_env_of(c);
    bool own = *name != '/' && env.beside && !env.typed(env.user, name);
    if (!own && exists(name))
        return mw_strdup(c, name);
    if (*name == '/') {
        mw_fail(c, MW_E_FILE, "%s: %s", name, strerror(errno));
        return NULL;
    }
    bool here = env.beside && !strcmp(env.beside, "."); // names stay as they were written
    char *beside = here ? mw_strdup(c, name) : env.beside ? mw_format(c, "%s/%s", env.beside, name) : NULL;
    if (beside && exists(beside))
        return beside;
    free(beside);
    const char *models = getenv("MOONWEAVE_MODELS");
    for (const char *d = models; d && *d;) {
        int n = (int)strcspn(d, ":");
        char *p = n ? find_in_models(c, d, n, name) : NULL;
        if (p || mw_err(c))
            return p;
        d += n + (d[n] == ':');
    }
    char *p = mw_share_path(c, name);
    if (p && exists(p))
        return p;
    free(p);
    mw_fail(c, MW_E_FILE, "%s: no such file or folder (looked in %s%s%s, %s and %s)", name,
            own ? "" : "the working folder", own || !env.beside ? "" : ", ", env.beside ? env.beside : "",
            models && *models ? models : "$MOONWEAVE_MODELS, which is not set,", mw_share_dir());
    return NULL;
}

char *mw_find_path(mw_ctx *c, const char *name)
{
    char *path = mw_err(c) ? NULL : find(c, name);
    mw_env env = mw_env_of(c);
    if (!path || !env.may_read || env.may_read(env.user, path))
        return path;
    mw_fail(c, MW_E_SCRIPT, "%s " MW_OUTSIDE, path);
    free(path);
    return NULL;
}

mw_status mw_make_dirs(mw_ctx *c, const char *path)
{
    char *p = mw_strdup(c, path);
    if (!p)
        return mw_err(c);
    for (char *s = p + 1;; s++) {
        bool end = !*s;
        if (!end && *s != '/')
            continue;
        *s = 0;
        if (mkdir(p, 0777) && errno != EEXIST)
            mw_fail(c, MW_E_RUN, "%s: cannot make this folder: %s", p, strerror(errno));
        if (end || mw_err(c))
            break;
        *s = '/';
    }
    struct stat st;
    if (!mw_err(c) && (stat(path, &st) || !S_ISDIR(st.st_mode)))
        mw_fail(c, MW_E_RUN, "%s: is not a folder", path);
    free(p);
    return mw_err(c);
}

static char *xdg_dir(mw_ctx *c, const char *variable, const char *fallback, const char *sub)
{
    const char *base = getenv(variable), *home = getenv("HOME");
    char *p = base && *base == '/'
        ? mw_format(c, "%s/moonweave/%s", base, sub)
        : mw_format(c, "%s/%s/moonweave/%s", home && *home ? home : "/tmp", fallback, sub);
    if (p && mw_make_dirs(c, p)) {
        free(p);
        return NULL;
    }
    return p;
}

char *mw_cache_dir(mw_ctx *c, const char *sub) { return xdg_dir(c, "XDG_CACHE_HOME", ".cache", sub); }

char *mw_state_dir(mw_ctx *c, const char *sub) { return xdg_dir(c, "XDG_STATE_HOME", ".local/state", sub); }

bool mw_path_inside(const char *path, const char *root)
{
    char a[PATH_MAX], b[PATH_MAX];
    if (!realpath(path, a) || !realpath(root, b))
        return false;
    size_t n = strlen(b);
    return !strncmp(a, b, n) && (!a[n] || a[n] == '/' || (n && b[n - 1] == '/'));
}

char *mw_output_path(mw_ctx *c, const char *name)
{
    const char *out_dir = mw_env_of(c).out_dir, *root = out_dir ? out_dir : ".";
    if (!*name || *name == '/' || !strcmp(name, "..") || !strncmp(name, "../", 3) || strstr(name, "/../") ||
        (strlen(name) > 2 && !strcmp(name + strlen(name) - 3, "/.."))) {
        mw_fail(c, MW_E_ARG, "'%s' must be the name of a file inside the output folder", name);
        return NULL;
    }
    char *path = mw_format(c, "%s/%s", root, name);
    char *dir = path ? mw_strdup(c, path) : NULL;
    if (dir)
        *strrchr(dir, '/') = 0;
    if (dir && !mw_make_dirs(c, dir) && !mw_path_inside(dir, root))
        mw_fail(c, MW_E_ARG, "'%s' leads outside the output folder", name);
    free(dir);
    if (!mw_err(c))
        return path;
    free(path);
    return NULL;
}
