// modules.c: require: the table of the engine, the installation's modules, those beside the graph.
#include "core/base/file.h"
#include "core/base/paths.h"
#include "core/base/text.h"
#include "core/lua/lua_internal.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LONGEST_MODULE = 16 << 20 };

// "a.b" -> "a/b"; a name that could lead elsewhere is refused.
static const char *module_file(lua_State *L, const char *name)
{
    for (const char *p = name; *p; p++)
        if (!strchr("_.-", *p) && !(*p >= '0' && *p <= '9') && !((*p | 32) >= 'a' && (*p | 32) <= 'z'))
            mw_lua_wrong(L, "require: '%s' is not a module's name", name);
    if (!*name || *name == '.' || strstr(name, ".."))
        mw_lua_wrong(L, "require: '%s' is not a module's name", name);
    return luaL_gsub(L, name, ".", "/");
}

void mw_lua_load_file(lua_State *L, const char *text, size_t n, const char *chunk)
{
    size_t good = *text == LUA_SIGNATURE[0] ? n : mw_utf8_length(text, n);
    if (good < n) {
        int line = 1;
        for (size_t i = 0; i < good; i++)
            line += text[i] == '\n';
        luaL_error(L, "%s:%d: the file is not UTF-8 (byte 0x%02X); save it as UTF-8", chunk + 1, line,
                   (unsigned char)text[good]);
    }
    if (!mw_lua_load_text(L, text, n, chunk))
        lua_error(L);
}

// Run the chunk of `text` with the module's name and push its value.
static void run_module(lua_State *L, const char *name, const char *text, size_t n, const char *chunk)
{
    mw_lua_load_file(L, text, n, chunk);
    lua_pushstring(L, name);
    lua_call(L, 1, 1);
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        lua_pushboolean(L, 1);
    }
}

// The text of the file, pushed as a Lua string.
static const char *push_file(lua_State *L, mw_script *s, const char *path, size_t *n)
{
    mw_value **box = mw_lua_box(L);
    char *text = mw_file_read(s->c, path, LONGEST_MODULE, n);
    *box = text ? mw_value_text(s->c, text, *n) : NULL;
    free(text);
    if (mw_err(s->c))
        mw_lua_raise(L, s);
    lua_pushlstring(L, mw_value_as_text(*box), *n);
    lua_remove(L, -2);
    return lua_tostring(L, -1);
}

static void remember(lua_State *L, mw_script *s, const char *name, const char *text, size_t n)
{
    mw_script_text *more = realloc(s->texts, ((size_t)s->ntexts + 1) * sizeof *more);
    if (more)
        s->texts = more;
    char *copy = more ? malloc(n + 1) : NULL, *own_name = copy ? strdup(name) : NULL;
    if (!own_name) {
        free(copy);
        mw_lua_no_memory(L);
    }
    memcpy(copy, text, n + 1);
    s->texts[s->ntexts++] = (mw_script_text){own_name, copy, n};
}

// From the record of a picture, beside the graph, or the installation. False: nothing pushed.
static bool find_module(lua_State *L, mw_script *s, const char *name)
{
    size_t n;
    const mw_value *kept = mw_value_get(s->o.modules, name);
    if (kept) {
        const char *text = mw_value_as_text(kept);
        remember(L, s, name, text, mw_value_text_length(kept));
        run_module(L, name, text, mw_value_text_length(kept), lua_pushfstring(L, "@%s", name));
        return true;
    }
    const char *file = module_file(L, name);
    const char *path = lua_pushfstring(L, "%s/%s.lua", s->folder, file);
    bool there = *s->folder && access(path, F_OK) == 0; // a picture's script has no folder
    if (there && !s->o.trust && !mw_lua_may_read(s, path))
        mw_lua_wrong(L, "require: %s lies outside the graph's folder", path);
    if (there) {
        const char *text = push_file(L, s, path, &n);
        remember(L, s, name, text, n);
        run_module(L, name, text, n, lua_pushfstring(L, "@%s", path));
        return true;
    }
    path = lua_pushfstring(L, "%s/scripts/%s.lua", mw_share_dir(), file);
    if (access(path, F_OK))
        return false;
    const char *text = push_file(L, s, path, &n);
    run_module(L, name, text, n, lua_pushfstring(L, "=%s.lua", file));
    return true;
}

static char loading; // stands for a module while it is being loaded

// One of Lua's own libraries: open to scripts that are trusted. False: nothing pushed.
static bool find_library(lua_State *L, const mw_script *s, const char *name)
{
    static const char *const libraries[] = {"ffi", "jit",    "debug", "package", "os",
                                            "io",  "string", "table", "math",    "bit"};
    bool known = !strncmp(name, "jit.", 4);
    for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++)
        known = known || !strcmp(libraries[i], name);
    if (known && !s->o.trust)
        mw_lua_wrong(L, "require: '%s': the sandbox forbids it; --trust allows it", name);
    if (!known)
        return false;
    lua_getfield(L, LUA_REGISTRYINDEX, "moonweave.require");
    lua_pushstring(L, name);
    lua_call(L, 1, 1);
    return true;
}

static int load_module(lua_State *L)
{
    const char *name = lua_tostring(L, 1);
    mw_script *s = mw_lua_script(L);
    if (!find_module(L, s, name) && !find_library(L, s, name))
        return mw_lua_wrong(L, "require: there is no module '%s' beside the graph or in scripts/", name);
    return 1;
}

// The list at `chain` holds the names of the modules that are being loaded: "a -> b -> a" from `name` on.
static int refuse_circle(lua_State *L, int chain, const char *name)
{
    luaL_Buffer b;
    bool within = false;
    luaL_buffinit(L, &b);
    for (int i = 1; i <= (int)lua_objlen(L, chain); i++) {
        lua_rawgeti(L, chain, i);
        const char *each = lua_tostring(L, -1);
        lua_pop(L, 1); // the list keeps it
        within = within || !strcmp(each, name);
        if (within) {
            luaL_addstring(&b, each);
            luaL_addstring(&b, " -> ");
        }
    }
    luaL_addstring(&b, name);
    luaL_pushresult(&b);
    return mw_lua_wrong(L, "require: modules need each other in a circle: %s", lua_tostring(L, -1));
}

int mw_lua_require(lua_State *L)
{
    enum { NAME = 1, LOADED, CHAIN };
    const char *name = luaL_checkstring(L, NAME);
    if (strncmp(name, "moonweave", strlen("moonweave")) != 0)
        mw_exec_unrepeatable(); // within a node: its text is in no key
    lua_settop(L, NAME);
    lua_getfield(L, LUA_REGISTRYINDEX, "moonweave.loaded");
    lua_getfield(L, LUA_REGISTRYINDEX, "moonweave.loading");
    lua_getfield(L, LOADED, name);
    if (lua_touserdata(L, -1) == &loading)
        return refuse_circle(L, CHAIN, name);
    if (!lua_isnil(L, -1))
        return 1;
    int depth = (int)lua_objlen(L, CHAIN) + 1;
    lua_pushlightuserdata(L, &loading);
    lua_setfield(L, LOADED, name);
    lua_pushvalue(L, NAME);
    lua_rawseti(L, CHAIN, depth);
    lua_pushcfunction(L, load_module);
    lua_pushvalue(L, NAME);
    int failed = lua_pcall(L, 1, 1, 0);
    lua_pushnil(L);
    lua_rawseti(L, CHAIN, depth);
    if (failed)
        lua_pushnil(L);
    else
        lua_pushvalue(L, -1);
    lua_setfield(L, LOADED, name);
    return failed ? lua_error(L) : 1;
}

// ---- all of the installation's

mw_value *mw_lua_module_names(mw_ctx *c)
{
    char *folder = mw_format(c, "%s/scripts/moonweave", mw_share_dir());
    DIR *d = folder ? opendir(folder) : NULL;
    free(folder);
    mw_value *names = mw_value_list(c);
    for (struct dirent *e; d && (e = readdir(d));) {
        size_t n = strlen(e->d_name);
        if (n > 4 && !strcmp(e->d_name + n - 4, ".lua"))
            mw_value_push(c, names, mw_value_text(c, e->d_name, n - 4));
    }
    if (d)
        closedir(d);
    return names;
}

void mw_lua_require_composites(lua_State *L, mw_script *s)
{
    mw_value **names = mw_lua_box(L);
    *names = mw_lua_module_names(s->c);
    for (size_t i = 0; i < mw_value_count(*names); i++) {
        lua_pushcfunction(L, mw_lua_require);
        lua_pushfstring(L, "moonweave.%s", mw_value_as_text(mw_value_at(*names, i)));
        lua_call(L, 1, 0);
    }
}

// ---- the table `mw`

// All that mw has a name for.
static void offer_names(lua_State *L, mw_nearest *near)
{
    for (const mw_node_type *const *t = mw_node_types; *t; t++)
        mw_nearest_offer(near, (*t)->name);
    mw_lua_offer(near, MW_LUA_MW);
    mw_value **modules = mw_lua_box(L);
    *modules = mw_lua_module_names(mw_lua_script(L)->c);
    for (size_t i = 0; i < mw_value_count(*modules); i++)
        mw_nearest_offer(near, mw_value_as_text(mw_value_at(*modules, i)));
}

// mw.name: a node's constructor, else the module scripts/moonweave/name.lua; both kept once found.
static int mw_index(lua_State *L)
{
    const char *name = luaL_checkstring(L, 2);
    const mw_node_type *t = mw_node_find(name);
    if (t) {
        mw_lua_push_constructor(L, t);
    } else {
        lua_pushfstring(L, "moonweave.%s", name);
        const char *module = lua_tostring(L, -1);
        bool plain = name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")] == 0 && *name;
        const char *path = lua_pushfstring(L, "%s/scripts/moonweave/%s.lua", mw_share_dir(), name);
        if (!plain || access(path, F_OK)) {
            mw_nearest near = {.wrong = name};
            char hint[128];
            offer_names(L, &near);
            mw_lua_mistake(L, "mw.%s: there is no such node or function%s", name,
                           mw_nearest_hint(&near, hint, sizeof hint));
            mw_lua_push_broken_constructor(L);
            return 1;
        }
        lua_pushcfunction(L, mw_lua_require);
        lua_pushstring(L, module);
        lua_call(L, 1, 1);
    }
    mw_lua_give_name(L, -1, "mw", name);
    lua_pushvalue(L, 2);
    lua_pushvalue(L, -2);
    lua_rawset(L, 1);
    return 1;
}

void mw_lua_open_modules(lua_State *L)
{
    lua_getglobal(L, "require"); // Lua's own, of a trusted script
    lua_setfield(L, LUA_REGISTRYINDEX, "moonweave.require");
    lua_pushcfunction(L, mw_lua_require);
    lua_setglobal(L, "require");
    mw_lua_open_params(L);
    mw_lua_open_handles(L);
    mw_lua_open_tensors(L);
    lua_newtable(L);
    lua_newtable(L);
    mw_lua_register(L, MW_LUA_MW, MW_LUA_METHODS);
    lua_newtable(L);
    lua_pushcfunction(L, mw_index);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
    lua_setfield(L, -2, "moonweave");
    lua_setfield(L, LUA_REGISTRYINDEX, "moonweave.loaded");
    mw_lua_name_globals(L);
    lua_newtable(L);
    lua_setfield(L, LUA_REGISTRYINDEX, "moonweave.loading");
}
