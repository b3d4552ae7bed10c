// reading.c: what a script may read: symbolic links are followed before it is decided.
#include "core/base/paths.h"
#include "core/lua/lua_internal.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { DEEPEST = 4 }; // no node looks deeper into a folder

static bool inside_list(const char *path, const char *list)
{
    char dir[4096];
    for (const char *d = list; d && *d;) {
        size_t n = strcspn(d, ":");
        if (n && n < sizeof dir) {
            memcpy(dir, d, n);
            dir[n] = 0;
            if (mw_path_inside(path, dir))
                return true;
        }
        d += n + (d[n] == ':');
    }
    return false;
}

// A path inside the texts of what the user typed, which may be a list of them.
static bool inside_value(const char *path, const mw_value *v)
{
    if (mw_path_inside(path, mw_value_as_text(v)))
        return true;
    for (size_t i = 0; i < mw_value_count(v); i++)
        if (inside_value(path, mw_value_at(v, i)))
            return true;
    return false;
}

static bool holds(const mw_value *v, const char *text)
{
    bool same = mw_value_kind(v) == MW_TEXT && !strcmp(mw_value_as_text(v), text);
    for (size_t i = 0; i < mw_value_count(v) && !same; i++)
        same = holds(mw_value_at(v, i), text);
    return same;
}

bool mw_lua_typed(void *script, const char *name)
{
    const mw_script *s = script;
    bool typed = false;
    for (int i = 0; i < s->nparams && !typed; i++)
        typed = s->params[i].typed && holds(s->params[i].value, name);
    return typed;
}

bool mw_lua_may_contact(void *script, const char *name)
{
    mw_script *s = script;
    bool may = mw_lua_typed(script, name);
    for (const char *const *t = s->o.contacts; t && *t && !may; t++)
        may = !strcmp(*t, name);
    if (!may) {
        int i = atomic_fetch_add(&s->ncontacts, 1);
        if (i < (int)(sizeof s->contact / sizeof *s->contact))
            s->contact[i] = strdup(name);
        atomic_store(&s->refused, true);
    }
    return may;
}

bool mw_script_refused_contact(const mw_script *s, const char *name)
{
    bool refused = false;
    for (size_t i = 0; i < sizeof s->contact / sizeof *s->contact; i++)
        refused |= s->contact[i] && !strcmp(s->contact[i], name);
    return refused;
}

// The user's and the installation's: what lies below is theirs to link.
static bool is_trusted(const mw_script *s, const char *path)
{
    bool may = mw_path_inside(path, mw_share_dir()) || inside_list(path, getenv("MOONWEAVE_MODELS"));
    for (int i = 0; i < s->nparams && !may; i++)
        may = s->params[i].typed && inside_value(path, s->params[i].value);
    return may;
}

// No link in the folder leads out of what may be read: whoever wrote the graph may have made its folder too.
static bool links_stay_inside(const mw_script *s, const char *folder, int depth)
{
    struct dirent **names = NULL;
    int n = depth < DEEPEST ? scandir(folder, &names, NULL, NULL) : 0;
    bool stay = true;
    for (int i = 0; i < n; i++) {
        char path[4096];
        struct stat st;
        bool inner = strcmp(names[i]->d_name, ".") && strcmp(names[i]->d_name, "..") &&
            snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name) < (int)sizeof path;
        free(names[i]);
        if (!inner || !stay || lstat(path, &st))
            continue;
        if (S_ISDIR(st.st_mode))
            stay = links_stay_inside(s, path, depth + 1);
        else if (S_ISLNK(st.st_mode) && !stat(path, &st))
            stay = mw_path_inside(path, s->folder) || is_trusted(s, path);
    }
    free(names);
    return stay;
}

bool mw_lua_may_read(void *script, const char *path)
{
    mw_script *s = script;
    bool may = is_trusted(s, path) || (mw_path_inside(path, s->folder) && links_stay_inside(s, path, 0));
    if (!may)
        atomic_store(&s->refused, true);
    return may;
}

void mw_lua_guard(lua_State *L, const char *path)
{
    struct stat st;
    mw_script *s = mw_lua_script(L);
    if (s->o.trust || stat(path, &st))
        return;
    if (!mw_lua_may_read(s, path))
        mw_lua_wrong(L, "%s " MW_OUTSIDE, path);
    if (!S_ISREG(st.st_mode))
        mw_lua_wrong(L, "%s is not a file", path);
}
