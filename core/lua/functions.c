// functions.c: functions of a script as values that nodes call, and functions of nodes as values in Lua.
#include "core/lua/lua_internal.h"

#include <stdlib.h>
#include <string.h>

// ---- of the script, for nodes

typedef struct script_function {
    mw_function f;
    mw_script *s;
    int ref; // in Lua's registry, where the function stays as long as the script
} script_function;

typedef struct call {
    const script_function *f;
    const mw_value *args;
    mw_value *result;
} call;

static int call_lua(lua_State *L)
{
    call *k = lua_touserdata(L, 1);
    int n = (int)mw_value_count(k->args);
    luaL_checkstack(L, n + 4, "too many arguments");
    lua_rawgeti(L, LUA_REGISTRYINDEX, k->f->ref);
    for (int i = 0; i < n; i++)
        mw_lua_push_value(L, k->f->s, mw_value_at(k->args, (size_t)i));
    lua_call(L, n, 1);
    mw_lua_to_value(L, k->f->s, -1, &k->result);
    return 0;
}

static mw_value *call_script(mw_ctx *c, mw_function *f, const mw_value *args)
{
    call k = {(const script_function *)f, args, NULL};
    if (!pthread_equal(pthread_self(), k.f->s->thread)) {
        mw_fail(c, MW_E_SCRIPT,
                "a function of the script reached this node through another one; hand it to "
                "the node that calls it");
        return NULL;
    }
    mw_lua_protected(c, k.f->s, call_lua, &k);
    return k.result;
}

typedef struct hashed {
    int ref;
    bool known;
    uint64_t hash;
} hashed;

static int hash_function(lua_State *L)
{
    hashed *h = lua_touserdata(L, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, h->ref);
    h->known = mw_lua_function_hash(L, lua_gettop(L), &h->hash);
    return 0;
}

bool mw_lua_recipe(mw_ctx *c, mw_script *s, int ref, uint64_t *hash)
{
    hashed h = {.ref = ref};
    mw_lua_protected(c, s, hash_function, &h);
    *hash = h.hash;
    return h.known;
}

static bool recipe(mw_ctx *c, const mw_function *f, uint64_t *hash)
{
    const script_function *own = (const script_function *)f;
    return mw_lua_recipe(c, own->s, own->ref, hash);
}

static void free_script_function(mw_object *o) { free(o); }

static const mw_object_type script_function_type = {.name = "function", .free = free_script_function};

// The function's place in the registry, the same each time it is handed over.
static int reference(lua_State *L, int idx)
{
    lua_getfield(L, LUA_REGISTRYINDEX, "moonweave.functions");
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        lua_newtable(L);
        lua_pushvalue(L, -1);
        lua_setfield(L, LUA_REGISTRYINDEX, "moonweave.functions");
    }
    lua_pushvalue(L, idx);
    lua_rawget(L, -2);
    int ref = (int)lua_tonumber(L, -1);
    lua_pop(L, 1);
    if (!ref) {
        lua_pushvalue(L, idx);
        ref = luaL_ref(L, LUA_REGISTRYINDEX);
        lua_pushvalue(L, idx);
        lua_pushnumber(L, ref);
        lua_rawset(L, -3);
    }
    lua_pop(L, 1);
    return ref;
}

mw_value *mw_lua_function_value(lua_State *L, mw_script *s, int idx)
{
    luaL_checkstack(L, 8, "too many values");
    int ref = reference(L, idx);
    script_function *f = mw_alloc(s->c, sizeof *f);
    if (!f)
        return NULL;
    *f = (script_function){.f = {.call = call_script, .recipe = recipe}, .s = s, .ref = ref};
    f->f.object.type = &script_function_type;
    atomic_init(&f->f.object.refs, 1);
    return mw_value_object(s->c, &f->f.object);
}

mw_status mw_lua_protected(mw_ctx *c, mw_script *s, lua_CFunction f, void *data)
{
    mw_ctx *outer = s->c;
    double began = s->lua_began;
    size_t kept = s->kept_bytes;
    int top = lua_gettop(s->L);
    s->c = c; // the executor's context of this thread, with the node's scope open
    s->lua_began = mw_lua_clock();
    int code = lua_cpcall(s->L, f, data);
    s->c = outer;
    s->lua_began = began;
    s->kept_bytes = kept;
    if (code && !mw_err(c)) {
        const char *text = lua_tostring(s->L, -1);
        bool cancelled = atomic_load(c->cancel);
        if (cancelled)
            mw_fail(c, MW_E_CANCEL, "%s", text && s->stopped ? text : "interrupted");
        else if (s->host_out)
            mw_fail(c, MW_E_MEMORY, "out of host memory");
        else if (s->raised_text && text && !strcmp(text, s->raised_text))
            mw_fail(c, s->raised, "%s", text);
        else
            mw_lua_fail(c, code == LUA_ERRMEM ? MW_E_MEMORY : MW_E_SCRIPT,
                        text ? text : "an error without a text");
    }
    lua_settop(s->L, top);
    return mw_err(c);
}

// ---- of nodes, for the script

static const char callable[] = "moonweave.function";

mw_value *mw_lua_callable(lua_State *L, int idx)
{
    mw_value **held = lua_touserdata(L, idx);
    if (!held || lua_type(L, idx) != LUA_TUSERDATA || !lua_getmetatable(L, idx))
        return NULL;
    luaL_getmetatable(L, callable);
    bool same = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return same ? *held : NULL;
}

static int let_go(lua_State *L)
{
    mw_value **held = lua_touserdata(L, 1);
    mw_value_release(*held);
    *held = NULL;
    return 0;
}

static int call_value(lua_State *L)
{
    mw_script *s = mw_lua_script(L);
    mw_function *f = mw_value_as_function(mw_lua_callable(L, 1));
    int n = lua_gettop(L);
    mw_value **args = mw_lua_box(L), **result = mw_lua_box(L);
    *args = mw_value_list(s->c);
    for (int i = 2; i <= n && !mw_err(s->c); i++) {
        mw_value *item = NULL;
        if (mw_lua_to_value(L, s, i, &item))
            mw_value_push(s->c, *args, item);
    }
    mw_scope_begin(s->c);
    *result = mw_function_call(s->c, f, *args);
    mw_scope_end(s->c, NULL);
    mw_lua_raise_here(L, s);
    mw_lua_push_value(L, s, *result);
    return 1;
}

void mw_lua_push_function(lua_State *L, const mw_value *v)
{
    static const luaL_Reg meta[] = {{"__gc", let_go}, {"__call", call_value}, {NULL, NULL}};
    mw_value **held = lua_newuserdata(L, sizeof *held);
    *held = NULL;
    if (luaL_newmetatable(L, callable)) {
        luaL_register(L, NULL, meta);
        lua_pushboolean(L, 0);
        lua_setfield(L, -2, "__metatable");
    }
    lua_setmetatable(L, -2);
    *held = mw_value_retain((mw_value *)v);
}
