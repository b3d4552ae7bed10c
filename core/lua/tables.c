// tables.c: table.insert and table.sort, whose loops in C have no other bound.
#include "core/lua/lua_internal.h"

// Upvalue 1 is the library's own function. Places below the first would be moved one by one, be there
// anything or not.
static int insert(lua_State *L)
{
    int n = lua_gettop(L);
    if (n == 3 && luaL_checknumber(L, 2) < 1)
        return luaL_argerror(L, 2, "position out of bounds");
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, n, 0);
    return 0;
}

static int less(lua_State *L)
{
    lua_pushboolean(L, lua_lessthan(L, 1, 2));
    return 1;
}

// Also the comparison that goes without saying is a function's: where one is called, it is seen that a script
// must stop.
static int sort(lua_State *L)
{
    lua_settop(L, 2);
    if (lua_isnil(L, 2)) {
        lua_pushcfunction(L, less);
        lua_replace(L, 2);
    }
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, 2, 0);
    return 0;
}

// The field of the table on top of the stack, wrapped.
static void wrap(lua_State *L, const char *name, lua_CFunction f)
{
    lua_getfield(L, -1, name);
    lua_pushcclosure(L, f, 1);
    lua_setfield(L, -2, name);
}

void mw_lua_bound_tables(lua_State *L)
{
    lua_getglobal(L, "table");
    wrap(L, "insert", insert);
    wrap(L, "sort", sort);
    lua_pop(L, 1);
}
