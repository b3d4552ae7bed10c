// function_hash.c: a hash of everything that a Lua function's result can follow from besides its arguments.
#include "core/lua/lua_internal.h"

#include <xxhash.h>

enum { DEEPEST = 6 };

typedef struct hashing {
    lua_State *L;
    XXH64_hash_t sum;
    bool unknowable; // it closes over something that has no content to hash
} hashing;

static int hash_chunk(lua_State *L, const void *data, size_t n, void *user)
{
    (void)L;
    hashing *h = user;
    h->sum = XXH3_64bits_withSeed(data, n, h->sum);
    return 0;
}

static void hash_bytes(hashing *h, const void *data, size_t n)
{
    h->sum = XXH3_64bits_withSeed(data, n, h->sum);
}

static void hash_value(hashing *h, int idx, int depth);

static void hash_function(hashing *h, int idx, int depth)
{
    lua_State *L = h->L;
    if (lua_iscfunction(L, idx))
        return; // the engine's own
    lua_pushvalue(L, idx);
    lua_dump(L, hash_chunk, h);
    int f = lua_gettop(L);
    for (int i = 1; lua_getupvalue(L, f, i); i++) {
        hash_value(h, f + 1, depth + 1);
        lua_settop(L, f);
    }
    lua_settop(L, f - 1);
}

// Entries in whatever order Lua gives them: their hashes are added.
static void hash_table(hashing *h, int idx, int depth)
{
    lua_State *L = h->L;
    XXH64_hash_t before = h->sum, total = 0;
    for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1)) {
        h->sum = before;
        int top = lua_gettop(L);
        hash_value(h, top - 1, depth + 1);
        hash_value(h, top, depth + 1);
        total += h->sum;
    }
    h->sum = before;
    hash_bytes(h, &total, sizeof total);
}

static bool is_engine(lua_State *L, int idx)
{
    lua_getfield(L, LUA_REGISTRYINDEX, "moonweave.loaded");
    lua_getfield(L, -1, "moonweave");
    bool same = lua_rawequal(L, -1, idx) || lua_rawequal(L, LUA_GLOBALSINDEX, idx);
    lua_pop(L, 2);
    return same;
}

static void hash_value(hashing *h, int idx, int depth)
{
    lua_State *L = h->L;
    int type = lua_type(L, idx);
    size_t n;
    double x;
    hash_bytes(h, &type, sizeof type);
    luaL_checkstack(L, 8, "a function's variables are nested too deep");
    switch (type) {
    case LUA_TNIL: break;
    case LUA_TBOOLEAN: hash_bytes(h, lua_toboolean(L, idx) ? "t" : "f", 1); break;
    case LUA_TNUMBER:
        x = lua_tonumber(L, idx);
        hash_bytes(h, &x, sizeof x);
        break;
    case LUA_TSTRING: {
        const char *text = lua_tolstring(L, idx, &n);
        hash_bytes(h, text, n);
        break;
    }
    case LUA_TFUNCTION:
    case LUA_TTABLE:
        if (depth > DEEPEST)
            h->unknowable = true;
        else if (type == LUA_TFUNCTION)
            hash_function(h, idx, depth);
        else if (!is_engine(L, idx))
            hash_table(h, idx, depth);
        break;
    default: h->unknowable = true;
    }
}

bool mw_lua_function_hash(lua_State *L, int idx, uint64_t *hash)
{
    hashing h = {.L = L};
    hash_value(&h, idx, 0);
    *hash = h.sum;
    return !h.unknowable;
}
