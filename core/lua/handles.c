// handles.c: what a constructor returns: indexed by outputs, asked for its value; and bundles of handles.
#include "core/lua/lua_internal.h"

#include <stdlib.h>
#include <string.h>

// A handle; a bundle (what a composite returns) has its parts in a table, its environment.
typedef struct handle {
    int node, out;
    bool bundle;
    bool held; // the executor keeps the node's results for this handle
} handle;

static handle *to_handle(lua_State *L, int idx)
{
    handle *h = lua_touserdata(L, idx);
    if (!h || lua_type(L, idx) != LUA_TUSERDATA || !lua_getmetatable(L, idx))
        return NULL;
    luaL_getmetatable(L, "moonweave.handle");
    bool same = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return same ? h : NULL;
}

bool mw_lua_handle(lua_State *L, int idx, mw_link *out)
{
    handle *h = to_handle(L, idx);
    if (!h)
        return false;
    out->node = h->node;
    out->out = h->out;
    return true;
}

static handle *push(lua_State *L, int node, int out)
{
    handle *h = lua_newuserdata(L, sizeof *h);
    *h = (handle){node, out, false, false};
    mw_graph_retain(mw_lua_script(L)->g, node);
    luaL_getmetatable(L, "moonweave.handle");
    lua_setmetatable(L, -2);
    return h;
}

void mw_lua_sweep(lua_State *L, mw_script *s)
{
    if (!mw_exec_crowded(s->x))
        return;
    lua_gc(L, LUA_GCCOLLECT, 0); // a handle weighs little to the collector, and its node does not count
    mw_exec_sweep(s->c, s->x);
}

void mw_lua_push_handle(lua_State *L, int node, int out) { push(L, node, out); }

static int handle_gc(lua_State *L)
{
    handle *h = lua_touserdata(L, 1);
    mw_script *s = mw_lua_script(L);
    if (h->held)
        mw_exec_let_go(s->x, h->node);
    h->held = false;
    mw_graph_release(s->g, h->node);
    h->node = MW_BROKEN;
    return 0;
}

// ---- handle:value()

// Results that handles keep alive are the collector's to find, like tensors.
static void count_results(mw_script *s, const mw_gnode *n)
{
    for (int i = 0; n->out && i < n->schema->nout; i++)
        s->fresh_bytes += mw_value_bytes(n->out[i]);
    if (s->fresh_bytes > MW_LUA_COLLECT_AFTER)
        mw_script_collect(s);
}

// In check a value is known when it follows from literals; true: it is not, and the script said what to
// assume. Else the script cannot be followed further.
static bool look_only(lua_State *L, mw_script *s, const handle *h)
{
    if (h->node != MW_BROKEN && mw_exec_is_literal(s->c, s->x, h->node))
        return false;
    if (!lua_isnoneornil(L, 2)) {
        s->assumed = true;
        return true;
    }
    s->blind = true;
    mw_lua_where(L);
    lua_pushfstring(L, "%s: check cannot see beyond this line: value() asks for what only a run computes",
                    lua_tostring(L, -1));
    if (h->node != MW_BROKEN || !s->errors)
        s->o.report(s->o.user, lua_tostring(L, -1), false);
    lua_error(L);
    return false;
}

static int handle_value(lua_State *L)
{
    handle *h = to_handle(L, 1);
    if (!h)
        return mw_lua_wrong(L, "value() is called on a handle: handle:value()");
    mw_script *s = mw_lua_script(L);
    if (mw_script_check_usage(s))
        return mw_lua_raise(L, s);
    if (s->o.check && look_only(L, s, h)) {
        lua_pushvalue(L, 2);
        return 1;
    }
    if (h->held && !mw_exec_holds(s->c, s->x, h->node)) {
        mw_exec_let_go(s->x, h->node);
        h->held = false;
    }
    if (!h->held) {
        lua_State *outer = s->L;
        double began = mw_lua_clock();
        if (mw_exec_needs_device(s->x, &h->node, 1))
            mw_lua_need_device(L, s);
        s->L = L;
        mw_status e = mw_exec_run(s->c, s->x, &h->node, 1);
        s->L = outer;
        s->lua_began += mw_lua_clock() - began;
        if (e)
            return mw_lua_raise(L, s);
        h->held = true;
        count_results(s, mw_graph_node(s->g, h->node));
    }
    mw_lua_push_value(L, s, mw_exec_result(s->x, h->node, h->out == MW_WHOLE ? 0 : h->out));
    return 1;
}

// ---- indexing

static int unknown_output(lua_State *L, const mw_schema *schema, const char *name)
{
    mw_nearest near = {.wrong = name};
    char hint[128];
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    for (int i = 0; i < schema->nout; i++) {
        luaL_addstring(&b, i ? ", " : "");
        luaL_addstring(&b, schema->type->out[i].name);
        mw_nearest_offer(&near, schema->type->out[i].name);
    }
    luaL_pushresult(&b);
    mw_lua_mistake(L, "%s: has no output '%s'%s; its outputs: %s", schema->type->name, name,
                   mw_nearest_hint(&near, hint, sizeof hint), lua_tostring(L, -1));
    push(L, MW_BROKEN, MW_WHOLE);
    return 1;
}

static int bundle_index(lua_State *L)
{
    lua_getfenv(L, 1);
    lua_pushvalue(L, 2);
    lua_rawget(L, -2);
    if (!lua_isnil(L, -1))
        return 1;
    const char *name = lua_tostring(L, 2);
    mw_nearest near = {.wrong = name ? name : ""};
    char hint[128];
    lua_pop(L, 1);
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1))
        if (lua_type(L, -2) == LUA_TSTRING)
            mw_nearest_offer(&near, lua_tostring(L, -2));
    mw_lua_mistake(L, "this handle has no part '%s'%s", near.wrong,
                   mw_nearest_hint(&near, hint, sizeof hint));
    push(L, MW_BROKEN, MW_WHOLE);
    return 1;
}

static int handle_index(lua_State *L)
{
    handle *h = to_handle(L, 1);
    const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : NULL;
    if (!h || !name)
        return mw_lua_wrong(L, "a handle is indexed by the names of its outputs, got %s",
                            mw_lua_a_type(L, 2));
    const mw_lua_entry *method = mw_lua_entry_find(&mw_lua_subjects[MW_LUA_HANDLE], name);
    if (method) {
        lua_pushcfunction(L, method->run);
        return 1;
    }
    if (h->bundle)
        return bundle_index(L);
    mw_script *s = mw_lua_script(L);
    const mw_gnode *n = mw_graph_node(s->g, h->node);
    if (!n) {
        push(L, MW_BROKEN, MW_WHOLE);
        return 1;
    }
    if (h->out != MW_WHOLE)
        return mw_lua_wrong(L, "output '%s' of %s has no parts, so no '%s'",
                            n->schema->type->out[h->out].name, n->schema->type->name, name);
    int out = mw_schema_output(n->schema, name);
    if (out >= 0) {
        push(L, h->node, out);
        return 1;
    }
    return unknown_output(L, n->schema, name);
}

static int handle_newindex(lua_State *L) { return mw_lua_wrong(L, "a handle cannot be changed"); }

static int handle_tostring(lua_State *L)
{
    handle *h = to_handle(L, 1);
    const mw_gnode *n = mw_graph_node(mw_lua_script(L)->g, h->node);
    if (!n)
        lua_pushliteral(L, "broken handle");
    else if (h->out == MW_WHOLE)
        lua_pushfstring(L, "%s (%s)", n->schema->type->name, n->where);
    else
        lua_pushfstring(L, "%s.%s (%s)", n->schema->type->name, n->schema->type->out[h->out].name, n->where);
    return 1;
}

static int handle_arithmetic(lua_State *L)
{
    return mw_lua_wrong(
        L, "a handle is not a value yet: use handle:value(), or a node (mw.node) that computes with it");
}

// mw.bundle { first, name = handle, ... }: what a composite returns.
static int bundle(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_rawgeti(L, 1, 1);
    handle *first = to_handle(L, -1);
    if (!first)
        return mw_lua_wrong(L, "bundle: its first entry must be a handle, got %s", mw_lua_a_type(L, -1));
    handle *h = push(L, first->node, first->out);
    h->bundle = true;
    lua_newtable(L);
    for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1))
        if (lua_type(L, -2) == LUA_TSTRING) {
            lua_pushvalue(L, -2);
            lua_pushvalue(L, -2);
            lua_rawset(L, -5);
        }
    lua_setfenv(L, -2);
    return 1;
}

void mw_lua_open_handles(lua_State *L)
{
    static const luaL_Reg meta[] = {
        {"__gc", handle_gc},
        {"__index", handle_index},
        {"__newindex", handle_newindex},
        {"__tostring", handle_tostring},
        {"__add", handle_arithmetic},
        {"__sub", handle_arithmetic},
        {"__mul", handle_arithmetic},
        {"__div", handle_arithmetic},
        {"__unm", handle_arithmetic},
        {"__lt", handle_arithmetic},
        {"__le", handle_arithmetic},
        {"__concat", handle_arithmetic},
        {"__len", handle_arithmetic},
        {"__call", handle_arithmetic},
        {NULL, NULL},
    };
    luaL_newmetatable(L, "moonweave.handle");
    luaL_register(L, NULL, meta);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}

const mw_lua_entry mw_lua_bundles[] = {
    {.name = "bundle",
     .run = bundle,
     .usage = "mw.bundle { first, name = handle, ... }",
     .type = "fun(handles: table): mw.handle",
     .doc =
         "What a composite returns: passed whole it is the first handle; the others are its parts by name."},
    {.name = NULL},
};

const mw_lua_entry mw_lua_handles[] = {
    {.name = "value",
     .run = handle_value,
     .usage = "handle:value(assumed)",
     .type = "fun(self: mw.handle, assumed?: any): any",
     .doc = "Runs what the handle needs, now, and returns its value: a number, string, table or tensor. It "
            "costs nothing the second time. `assumed`, where it is given, is what `check` and `graph`, which "
            "compute nothing, go on with."},
    {.name = NULL},
};
