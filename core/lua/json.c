// json.c: mw.json: a file of JSON as Lua has it.
#include "core/base/file.h"
#include "core/base/paths.h"
#include "core/graph/value_json.h"
#include "core/io/json.h"
#include "core/lua/lua_internal.h"

#include <stdlib.h>
#include <string.h>

// The path that was found, pushed; raises where the script may not read it.
static const char *push_found(lua_State *L, mw_script *s, const char *name)
{
    char *path = mw_find_path(s->c, name);
    lua_pushstring(L, path);
    free(path);
    mw_lua_raise_here(L, s);
    mw_lua_guard(L, lua_tostring(L, -1));
    return lua_tostring(L, -1);
}

// mw.json(path): lists and objects as tables, null as nil.
static int json(lua_State *L)
{
    mw_script *s = mw_lua_script(L);
    if (lua_type(L, 1) != LUA_TSTRING)
        return mw_lua_wrong(L, "json: expected mw.json(path), got %s", mw_lua_a_type(L, 1));
    if (strlen(lua_tostring(L, 1)) != lua_objlen(L, 1))
        return mw_lua_wrong(L, "json: a path cannot hold a zero byte");
    const char *path = push_found(L, s, lua_tostring(L, 1));
    mw_value **box = mw_lua_box(L);
    size_t size;
    char *text = mw_file_read(s->c, path, MW_JSON_MAX_BYTES, &size);
    *box = text ? mw_value_from_json(s->c, path, text, size) : NULL;
    free(text);
    mw_lua_raise_here(L, s);
    mw_lua_push_value(L, s, *box);
    return 1;
}

const mw_lua_entry mw_lua_jsons[] = {
    {.name = "json",
     .run = json,
     .usage = "mw.json(path)",
     .type = "fun(path: string): any",
     .doc = "Reads a file of JSON: lists and objects as tables, null as nil."},
    {.name = NULL},
};
