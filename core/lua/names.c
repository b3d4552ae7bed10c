// names.c: what the engine and the libraries give a script goes by its name in hashes of functions.
#include "core/lua/names.h"

#include "core/lua/lua_internal.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_KEYS = 1 << 18 };

const char mw_names_key[] = "moonweave.names";

void mw_lua_give_name(lua_State *L, int idx, const char *table, const char *key)
{
    int type = lua_type(L, idx);
    lua_getfield(L, LUA_REGISTRYINDEX, mw_names_key);
    lua_pushvalue(L, idx > 0 ? idx : idx - 1);
    lua_rawget(L, -2);
    bool fresh = lua_isnil(L, -1) && (type == LUA_TFUNCTION || type == LUA_TTABLE);
    lua_pop(L, 1);
    if (fresh) {
        lua_pushvalue(L, idx > 0 ? idx : idx - 1);
        lua_pushfstring(L, "%s.%s", table, key);
        lua_rawset(L, -3);
    }
    lua_pop(L, 1);
}

static int in_order(const void *a, const void *b)
{
    const mw_table_key *x = a, *y = b;
    if (x->type != y->type)
        return x->type - y->type;
    if (x->type != LUA_TSTRING)
        return (x->number > y->number) - (x->number < y->number);
    int d = memcmp(x->text, y->text, x->length < y->length ? x->length : y->length);
    return d ? d : (x->length > y->length) - (x->length < y->length);
}

void mw_push_key(lua_State *L, const mw_table_key *k)
{
    if (k->type == LUA_TSTRING)
        lua_pushlstring(L, k->text, k->length);
    else if (k->type == LUA_TNUMBER)
        lua_pushnumber(L, k->number);
    else
        lua_pushboolean(L, k->number != 0);
}

long mw_sorted_keys(lua_State *L, int idx, size_t most, mw_table_key **keys)
{
    size_t n = 0, i = 0;
    for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1)) {
        int type = lua_type(L, -2);
        if ((type != LUA_TSTRING && type != LUA_TNUMBER && type != LUA_TBOOLEAN) || ++n > most) {
            lua_settop(L, -3);
            return -1;
        }
    }
    *keys = lua_newuserdata(L, (n + 1) * sizeof **keys);
    for (lua_pushnil(L); i < n && lua_next(L, idx); lua_pop(L, 1), i++) {
        mw_table_key *k = &(*keys)[i];
        *k = (mw_table_key){.type = lua_type(L, -2)};
        if (k->type == LUA_TSTRING)
            k->text = lua_tolstring(L, -2, &k->length);
        else
            k->number = k->type == LUA_TNUMBER ? lua_tonumber(L, -2) : lua_toboolean(L, -2);
    }
    qsort(*keys, n, sizeof **keys, in_order);
    return (long)n;
}

// Names the functions of the table at idx and of those in it.
static void name_table(lua_State *L, int idx, const char *name, int depth)
{
    mw_table_key *keys;
    int top = lua_gettop(L);
    luaL_checkstack(L, 12, NULL);
    long n = mw_sorted_keys(L, idx, MOST_KEYS, &keys);
    for (long i = 0; i < n; i++) {
        if (keys[i].type != LUA_TSTRING)
            continue;
        mw_push_key(L, &keys[i]);
        lua_rawget(L, idx);
        mw_lua_give_name(L, -1, name, keys[i].text);
        if (lua_istable(L, -1) && depth)
            name_table(L, lua_gettop(L), keys[i].text, depth - 1);
        lua_pop(L, 1);
    }
    lua_settop(L, top);
    if (!lua_getmetatable(L, idx))
        return;
    mw_lua_give_name(L, -1, name, "metatable");
    if (depth)
        name_table(L, lua_gettop(L), "metatable", 0);
    lua_settop(L, top);
}

void mw_lua_name_globals(lua_State *L)
{
    lua_newtable(L);
    lua_setfield(L, LUA_REGISTRYINDEX, mw_names_key);
    lua_pushvalue(L, LUA_GLOBALSINDEX);
    mw_lua_give_name(L, -1, "", "_G");
    name_table(L, lua_gettop(L), "_G", 1);
    lua_getfield(L, LUA_REGISTRYINDEX, "moonweave.loaded");
    lua_getfield(L, -1, "moonweave");
    mw_lua_give_name(L, -1, "", "mw");
    name_table(L, lua_gettop(L), "mw", 1);
    lua_pop(L, 3);
}
