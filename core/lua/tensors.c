// tensors.c: tensors in Lua: made from tables, read back, with the arithmetic of core/ops.h.
#include "core/lua/lua_internal.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_ELEMENTS = 1 << 26 };

// Lua's collector sees a few bytes where the device holds megabytes: it is run after so many of them.

static uint64_t bytes_of(const mw_tensor *t) { return (uint64_t)mw_numel(t) * mw_dtype_size(t->dtype); }

uint64_t mw_script_collect(mw_script *s)
{
    uint64_t before = s->tensor_bytes;
    if (s->collecting || !pthread_equal(pthread_self(), s->thread))
        return 0;
    s->collecting = true;
    lua_gc(s->L, LUA_GCCOLLECT, 0);
    s->collecting = false;
    s->fresh_bytes = 0;
    return before - s->tensor_bytes;
}

// ---- userdata

mw_held *mw_lua_push_held(lua_State *L)
{
    mw_held *h = lua_newuserdata(L, sizeof *h);
    *h = (mw_held){0};
    luaL_getmetatable(L, "moonweave.tensor");
    lua_setmetatable(L, -2);
    return h;
}

void mw_lua_hold(lua_State *L, mw_held *h, mw_tensor *t)
{
    mw_script *s = mw_lua_script(L);
    h->t = mw_retain(t);
    s->tensor_bytes += bytes_of(t);
    s->fresh_bytes += bytes_of(t);
    if (s->fresh_bytes > MW_LUA_COLLECT_AFTER)
        mw_script_collect(s);
}

void mw_lua_push_tensor(lua_State *L, mw_tensor *t)
{
    mw_held *h = mw_lua_push_held(L);
    mw_lua_hold(L, h, t);
}

mw_held *mw_lua_held(lua_State *L, int idx)
{
    mw_held *h = lua_touserdata(L, idx);
    if (!h || lua_type(L, idx) != LUA_TUSERDATA || !lua_getmetatable(L, idx))
        return NULL;
    luaL_getmetatable(L, "moonweave.tensor");
    bool same = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return same ? h : NULL;
}

mw_tensor *mw_lua_tensor(lua_State *L, int idx)
{
    mw_held *h = mw_lua_held(L, idx);
    return h ? h->t : NULL;
}

static int tensor_gc(lua_State *L)
{
    mw_held *h = lua_touserdata(L, 1);
    mw_script *s = mw_lua_script(L);
    if (h->t)
        s->tensor_bytes -= bytes_of(h->t);
    mw_release(h->t);
    *h = (mw_held){0};
    return 0;
}

void mw_lua_need_device(lua_State *L, mw_script *s)
{
    if (!s->c->stream && s->o.open_device)
        s->o.open_device(s->c, s->o.user);
    if (mw_err(s->c))
        mw_lua_raise(L, s);
}

// ---- from tables

// The sizes of the nested table at the top, by its first entries.
static int table_shape(lua_State *L, int64_t *shape)
{
    int ndim = 0, top = lua_gettop(L);
    while (lua_istable(L, -1)) {
        if (ndim == MW_MAXDIM)
            mw_lua_wrong(L, "tensor: more than %d dimensions", MW_MAXDIM);
        shape[ndim++] = (int64_t)lua_objlen(L, -1);
        lua_rawgeti(L, -1, 1);
    }
    lua_settop(L, top);
    return ndim;
}

static float *fill(lua_State *L, float *next, int dim, int ndim, const int64_t *shape)
{
    if (dim == ndim) {
        if (lua_type(L, -1) != LUA_TNUMBER)
            mw_lua_wrong(L, "tensor: expected a number, got %s", mw_lua_a_type(L, -1));
        *next = (float)lua_tonumber(L, -1);
        return next + 1;
    }
    if (!lua_istable(L, -1) || (int64_t)lua_objlen(L, -1) != shape[dim])
        mw_lua_wrong(L, "tensor: the tables of a dimension must all have %d entries", (int)shape[dim]);
    for (int64_t i = 1; i <= shape[dim]; i++) {
        lua_rawgeti(L, -1, (int)i);
        next = fill(L, next, dim + 1, ndim, shape);
        lua_pop(L, 1);
    }
    return next;
}

// mw.tensor(number or nested table)
static int tensor_new(lua_State *L)
{
    mw_script *s = mw_lua_script(L);
    int64_t shape[MW_MAXDIM], n = 1;
    lua_settop(L, 1);
    int ndim = table_shape(L, shape);
    for (int i = 0; i < ndim; i++) {
        if (shape[i] > MOST_ELEMENTS / (n ? n : 1))
            return mw_lua_wrong(L, "tensor: more than %d numbers", MOST_ELEMENTS);
        n *= shape[i];
    }
    mw_lua_need_device(L, s);
    float *data = lua_newuserdata(L, (size_t)(n ? n : 1) * sizeof *data);
    lua_pushvalue(L, 1);
    fill(L, data, 0, ndim, shape);
    mw_held *h = mw_lua_push_held(L);
    mw_scope_begin(s->c);
    mw_tensor *t = mw_tensor_from_f32(s->c, MW_F32, ndim, shape, data);
    if (t)
        mw_lua_hold(L, h, t);
    mw_scope_end(s->c, NULL);
    return mw_err(s->c) ? mw_lua_raise(L, s) : 1;
}

// ---- to Lua

static const float *push_table(lua_State *L, const float *next, int dim, const mw_tensor *t)
{
    if (dim == t->ndim) {
        lua_pushnumber(L, (lua_Number)*next);
        return next + 1;
    }
    lua_createtable(L, (int)t->shape[dim], 0);
    for (int64_t i = 1; i <= t->shape[dim]; i++) {
        next = push_table(L, next, dim + 1, t);
        lua_rawseti(L, -2, (int)i);
    }
    return next;
}

// The tensor's numbers in memory that goes with the Lua stack.
static const float *read_all(lua_State *L, mw_tensor *t)
{
    mw_script *s = mw_lua_script(L);
    size_t n = (size_t)mw_numel(t);
    float *data = lua_newuserdata(L, (n ? n : 1) * sizeof *data);
    if (mw_tensor_read_f32(s->c, t, data))
        mw_lua_raise(L, s);
    return data;
}

static int tensor_totable(lua_State *L)
{
    mw_tensor *t = mw_lua_need_tensor(L, 1);
    push_table(L, read_all(L, t), 0, t);
    return 1;
}

static int tensor_item(lua_State *L)
{
    mw_tensor *t = mw_lua_need_tensor(L, 1);
    if (mw_numel(t) != 1)
        return mw_lua_wrong(L, "item: the tensor has %d elements, not one", (int)mw_numel(t));
    lua_pushnumber(L, (lua_Number)*read_all(L, t));
    return 1;
}

static int tensor_tostring(lua_State *L)
{
    char shape[128];
    lua_pushfstring(L, "tensor %s", mw_shape_text(mw_lua_need_tensor(L, 1), shape, sizeof shape));
    return 1;
}

static int shape_field(lua_State *L)
{
    const mw_tensor *t = mw_lua_need_tensor(L, 1);
    lua_createtable(L, t->ndim, 0);
    for (int i = 0; i < t->ndim; i++) {
        lua_pushnumber(L, (lua_Number)t->shape[i]);
        lua_rawseti(L, -2, i + 1);
    }
    return 1;
}

static int dtype_field(lua_State *L)
{
    lua_pushstring(L, mw_dtype_name(mw_lua_need_tensor(L, 1)->dtype));
    return 1;
}

static int tensor_size(lua_State *L)
{
    lua_pushnumber(L, (lua_Number)mw_numel(mw_lua_need_tensor(L, 1)));
    return 1;
}

// t.field, t:method(), t[i]
static int tensor_index(lua_State *L)
{
    mw_tensor *t = mw_lua_need_tensor(L, 1);
    const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : NULL;
    if (!name)
        return mw_lua_tensor_slice(L, t);
    const mw_lua_entry *e =
        strncmp(name, "__", 2) ? mw_lua_entry_find(&mw_lua_subjects[MW_LUA_TENSOR], name) : NULL;
    if (e && e->field)
        return e->run(L);
    if (!e) {
        mw_nearest near = {.wrong = name};
        char hint[128];
        mw_lua_offer(&near, MW_LUA_TENSOR);
        return mw_lua_wrong(L, "a tensor has no '%s'%s", name, mw_nearest_hint(&near, hint, sizeof hint));
    }
    lua_pushcfunction(L, e->run);
    return 1;
}

void mw_lua_open_tensors(lua_State *L)
{
    static const luaL_Reg meta[] = {
        {"__gc", tensor_gc}, {"__tostring", tensor_tostring}, {"__newindex", mw_lua_set_grad}, {NULL, NULL}};
    luaL_newmetatable(L, "moonweave.tensor");
    luaL_register(L, NULL, meta);
    mw_lua_register(L, MW_LUA_TENSOR, MW_LUA_OPERATORS);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}

const mw_lua_entry mw_lua_tensors[] = {
    {.name = "tensor",
     .run = tensor_new,
     .usage = "mw.tensor(number or nested table)",
     .type = "fun(numbers: number|table): mw.tensor",
     .doc = "A tensor of these numbers."},
    {.name = NULL},
};

const mw_lua_entry mw_lua_tensor_basics[] = {
    {.name = "shape",
     .run = shape_field,
     .field = true,
     .usage = "t.shape",
     .type = "integer[]",
     .doc = "Its sizes, a list."},
    {.name = "size",
     .run = tensor_size,
     .usage = "t:size()",
     .type = "fun(self: mw.tensor): integer",
     .doc = "How many elements it has."},
    {.name = "dtype",
     .run = dtype_field,
     .field = true,
     .usage = "t.dtype",
     .type = "string",
     .doc = "How its elements are stored: \"f32\", \"f16\", \"i32\" or \"u8\"."},
    {.name = "__index",
     .run = tensor_index,
     .usage = "t[i], t[{ {first, last}, {}, i }]",
     .type = "[integer|table] mw.tensor",
     .doc = "A part: an index takes a dimension away, { first, last } keeps it with both ends included, {} "
            "takes all of it."},
    {.name = "item",
     .run = tensor_item,
     .usage = "t:item()",
     .type = "fun(self: mw.tensor): number",
     .doc = "The number of a tensor that has one element."},
    {.name = "totable",
     .run = tensor_totable,
     .usage = "t:totable()",
     .type = "fun(self: mw.tensor): any",
     .doc = "All its numbers, in nested tables."},
    {.name = NULL},
};
