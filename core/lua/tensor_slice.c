// tensor_slice.c: t[i] and t[{ {a, b}, {}, i }] in Lua: both ends included.
#include "core/lua/lua_internal.h"
#include "core/ops.h"

#include <math.h>

static int64_t index_at(lua_State *L, int idx, int64_t size)
{
    double i = lua_type(L, idx) == LUA_TNUMBER ? lua_tonumber(L, idx) : 0;
    if (i != floor(i) || i == 0 || fabs(i) > (double)size)
        mw_lua_wrong(L, "an index must be from 1 to %d or from -%d to -1, got %s", (int)size, (int)size,
                     lua_tostring(L, idx) ? lua_tostring(L, idx) : luaL_typename(L, idx));
    return (int64_t)(i > 0 ? i - 1 : (double)size + i);
}

typedef struct range {
    int64_t from, length;
    bool drop; // a single index: the dimension goes
} range;

// The entry on top of the stack as a range of a dimension of this size.
static range range_of(lua_State *L, int64_t size)
{
    int top = lua_gettop(L);
    if (!lua_istable(L, top))
        return (range){index_at(L, top, size), 1, true};
    size_t n = lua_objlen(L, top);
    if (n == 0)
        return (range){0, size, false};
    if (n != 2)
        mw_lua_wrong(L, "a slice is {} or { first, last }");
    lua_rawgeti(L, top, 1);
    lua_rawgeti(L, top, 2);
    int64_t a = index_at(L, top + 1, size), b = index_at(L, top + 2, size);
    lua_settop(L, top);
    if (b < a)
        mw_lua_wrong(L, "a slice's last index lies before its first");
    return (range){a, b - a + 1, false};
}

int mw_lua_tensor_slice(lua_State *L, mw_tensor *t)
{
    range r[MW_MAXDIM];
    int n = lua_istable(L, 2) ? (int)lua_objlen(L, 2) : 1;
    if (n > t->ndim || !n)
        return mw_lua_wrong(L, "%d indices for a tensor of %d dimensions", n, t->ndim);
    for (int i = 0; i < n; i++) {
        if (lua_istable(L, 2))
            lua_rawgeti(L, 2, i + 1);
        else
            lua_pushvalue(L, 2);
        r[i] = range_of(L, t->shape[i]);
        lua_pop(L, 1);
    }
    mw_script *s = mw_lua_op_begin(L);
    int64_t shape[MW_MAXDIM];
    int ndim = 0;
    mw_tensor *y = t;
    for (int i = 0; i < t->ndim; i++) {
        if (i < n)
            y = mw_slice(s->c, y, i, r[i].from, r[i].length);
        if (i >= n || !r[i].drop)
            shape[ndim++] = i < n ? r[i].length : t->shape[i];
    }
    return mw_lua_op_end(L, s, mw_reshape(s->c, y, ndim, shape));
}
