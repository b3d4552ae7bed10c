// pathname.c: paths as texts, and what lies there.
#include "core/base/pathname.h"

#include <string.h>
#include <strings.h>
#include <sys/stat.h>

char *mw_path_join(mw_ctx *c, const char *dir, const char *name)
{
    size_t n = strlen(dir);
    if (!n || !strcmp(dir, "."))
        return mw_strdup(c, name);
    return mw_format(c, "%s%s%s", dir, dir[n - 1] == '/' ? "" : "/", name);
}

char *mw_path_folder(mw_ctx *c, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return mw_strdup(c, ".");
    return mw_format(c, "%.*s", slash == path ? 1 : (int)(slash - path), path);
}

const char *mw_path_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

bool mw_path_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

bool mw_path_is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool mw_path_has_suffix(const char *path, const char *suffix)
{
    size_t n = strlen(path), m = strlen(suffix);
    return n >= m && !strcasecmp(path + n - m, suffix);
}

bool mw_path_stays_inside(const char *relative)
{
    if (!*relative || *relative == '/' || strchr(relative, '\\'))
        return false;
    for (const char *p = relative; *p;) {
        size_t n = strcspn(p, "/");
        if (n == 2 && p[0] == '.' && p[1] == '.')
            return false;
        p += n + (p[n] == '/');
    }
    return true;
}
