// handles.c: constructors of nodes, the handles they return, bundles, mw.output.
#include "core/base/nearest.h"
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
    luaL_getmetatable(L, "moonweave.handle");
    lua_setmetatable(L, -2);
    return h;
}

void mw_lua_push_handle(lua_State *L, int node, int out) { push(L, node, out); }

static int handle_gc(lua_State *L)
{
    handle *h = lua_touserdata(L, 1);
    if (h->held)
        mw_exec_let_go(mw_lua_script(L)->x, h->node);
    h->held = false;
    return 0;
}

// ---- constructors

static char *param_hint(void *user, const char *port)
{
    mw_script *s = user;
    if (s->missed) { // p.promt gave nil: that is the mistake
        mw_nearest near = {.wrong = s->missed};
        for (int i = 0; i < s->nparams; i++)
            mw_nearest_offer(&near, s->params[i].name);
        if (near.best)
            return mw_format(s->c, "did you mean p.%s?", near.best);
    }
    mw_param *p = mw_script_param(s, port);
    return p ? mw_format(s->c, "did you mean p.%s?", p->name) : NULL;
}

static void report(void *user, const char *sentence)
{
    mw_script *s = user;
    s->errors++;
    s->o.report(s->o.user, sentence, true);
}

static void forget_missed(mw_script *s)
{
    free(s->missed);
    free(s->missed_where);
    s->missed = s->missed_where = NULL;
}

// Arguments of the table at 1, into the box.
static void read_arguments(lua_State *L, mw_script *s, const char *node, mw_value **args)
{
    if (lua_isnoneornil(L, 1)) {
        *args = mw_value_map(s->c);
        return;
    }
    mw_link link;
    if (mw_lua_handle(L, 1, &link) || !lua_istable(L, 1))
        mw_lua_wrong(L, "%s: takes its parameters by name: mw.%s { name = value, ... }, got a %s", node, node,
                     luaL_typename(L, 1));
    if (lua_objlen(L, 1))
        mw_lua_wrong(L, "%s: takes its parameters by name: mw.%s { name = value, ... }", node, node);
    if (!mw_lua_to_value(L, s, 1, args)) {
        mw_lua_where(L);
        mw_fail_context(s->c, "%s: %s", lua_tostring(L, -1), node);
        lua_pop(L, 1);
    } else if (mw_value_kind(*args) == MW_LIST) { // an empty table
        mw_value_release(*args);
        *args = mw_value_map(s->c);
    }
}

static int construct(lua_State *L)
{
    const mw_node_type *type = lua_touserdata(L, lua_upvalueindex(1));
    mw_script *s = mw_lua_script(L);
    lua_settop(L, 1);
    mw_value **args = mw_lua_box(L);
    const char *where = mw_lua_where(L);
    mw_wiring w = {where, param_hint, s->o.check ? report : NULL, s};
    read_arguments(L, s, type->name, args);
    int before = s->errors, id = MW_BROKEN;
    if (!mw_err(s->c))
        id = mw_graph_add(s->c, s->g, type, *args, &w);
    if (mw_err(s->c) == MW_E_SCRIPT && s->o.check) {
        report(s, mw_errmsg(s->c));
        mw_err_clear(s->c);
    }
    bool failed = mw_err(s->c) || s->errors > before;
    if (s->missed && failed)
        forget_missed(s);
    mw_lua_check_missed(L, s);
    if (mw_err(s->c))
        return mw_lua_raise(L, s);
    mw_value_release(*args);
    *args = NULL;
    push(L, id, MW_WHOLE);
    return 1;
}

void mw_lua_push_constructor(lua_State *L, const mw_node_type *type)
{
    lua_pushlightuserdata(L, (void *)(size_t)type);
    lua_pushcclosure(L, construct, 1);
}

// ---- handle:value()

static bool needs_device(const mw_graph *g, int id)
{
    for (int i = 0; i <= id; i++)
        if (!(mw_graph_node(g, i)->schema->type->flags & MW_NODE_HOST))
            return true;
    return false;
}

// In check a value is known when it follows from literals; else the script cannot be followed further.
static void look_only(lua_State *L, mw_script *s, const handle *h)
{
    if (h->node != MW_BROKEN && mw_exec_is_literal(s->c, s->x, h->node))
        return;
    s->blind = true;
    mw_lua_where(L);
    lua_pushfstring(L, "%s: check cannot see beyond this line: value() asks for what only a run computes",
                    lua_tostring(L, -1));
    if (h->node != MW_BROKEN || !s->errors)
        s->o.report(s->o.user, lua_tostring(L, -1), false);
    lua_error(L);
}

static int handle_value(lua_State *L)
{
    handle *h = to_handle(L, 1);
    if (!h)
        return mw_lua_wrong(L, "value() is called on a handle: handle:value()");
    mw_script *s = mw_lua_script(L);
    if (mw_script_check_usage(s))
        return mw_lua_raise(L, s);
    if (s->o.check)
        look_only(L, s, h);
    if (!h->held) {
        lua_State *outer = s->L;
        double began = mw_lua_clock();
        if (needs_device(s->g, h->node))
            mw_lua_need_device(L, s);
        s->L = L;
        mw_status e = mw_exec_run(s->c, s->x, &h->node, 1);
        s->L = outer;
        s->lua_began += mw_lua_clock() - began;
        if (e)
            return mw_lua_raise(L, s);
        h->held = true;
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
    return mw_lua_wrong(L, "%s: has no output '%s'%s; its outputs: %s", schema->type->name, name,
                        mw_nearest_hint(&near, hint, sizeof hint), lua_tostring(L, -1));
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
    return mw_lua_wrong(L, "this handle has no part '%s'%s", near.wrong,
                        mw_nearest_hint(&near, hint, sizeof hint));
}

static int handle_index(lua_State *L)
{
    handle *h = to_handle(L, 1);
    const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : NULL;
    if (!h || !name)
        return mw_lua_wrong(L, "a handle is indexed by the names of its outputs, got a %s",
                            luaL_typename(L, 2));
    if (!strcmp(name, "value")) {
        lua_pushcfunction(L, handle_value);
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

// type(h) cannot tell: mw.is_handle(value)
static int is_handle(lua_State *L)
{
    lua_pushboolean(L, to_handle(L, 1) != NULL);
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
        return mw_lua_wrong(L, "bundle: its first entry must be a handle, got a %s", luaL_typename(L, -1));
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

// ---- mw.output

static void add_output(lua_State *L, mw_script *s, const char *name)
{
    for (int i = 0; i < s->noutputs; i++)
        if (!strcmp(s->outputs[i].name, name))
            mw_lua_wrong(L, "output: '%s' is given twice", name);
    if (!*name || name[strcspn(name, "/\t\n")] || *name == '.')
        mw_lua_wrong(L, "output: '%s' cannot be the name of a file", name);
    mw_output *more = realloc(s->outputs, ((size_t)s->noutputs + 1) * sizeof *more);
    if (!more)
        luaL_error(L, "not enough memory");
    s->outputs = more;
    mw_value *v = NULL;
    char *copy = strdup(name);
    if (copy && mw_lua_to_value(L, s, -1, &v)) {
        s->outputs[s->noutputs++] = (mw_output){copy, v};
        return;
    }
    free(copy);
    mw_lua_where(L);
    mw_fail_context(s->c, "%s: output: '%s'", lua_tostring(L, -1), name);
    mw_lua_raise(L, s);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const mw_output *)a)->name, ((const mw_output *)b)->name);
}

static int output(lua_State *L)
{
    mw_script *s = mw_lua_script(L);
    if (!lua_istable(L, 1))
        return mw_lua_wrong(L, "output: expected mw.output { name = handle, ... }, got a %s",
                            luaL_typename(L, 1));
    int count = 0;
    for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1), count++) {
        if (lua_type(L, -2) != LUA_TSTRING)
            return mw_lua_wrong(L, "output: every output needs a name: mw.output { name = handle }");
        add_output(L, s, lua_tostring(L, -2));
    }
    mw_lua_check_missed(L, s);
    if (!count)
        return mw_lua_wrong(L, "output: the table is empty (is the handle nil?)");
    // A Lua table has no order of its own: the names' is the same in every run.
    qsort(s->outputs + s->noutputs - count, (size_t)count, sizeof *s->outputs, by_name);
    s->has_outputs = true;
    return 0;
}

// mw.fail(sentence): an error at the line of the script that called the composite.
static int fail_here(lua_State *L) { return mw_lua_wrong(L, "%s", luaL_checkstring(L, 1)); }

// mw.missing(composite, parameter): "where: composite: 'prompt' must be given (did you mean p.prompt?)"
static int missing(lua_State *L)
{
    mw_script *s = mw_lua_script(L);
    char *hint = param_hint(s, luaL_checkstring(L, 2));
    forget_missed(s);
    lua_pushstring(L, hint ? hint : "it has no default");
    free(hint);
    return mw_lua_wrong(L, "%s: '%s' must be given, got nil (%s)", luaL_checkstring(L, 1), lua_tostring(L, 2),
                        lua_tostring(L, -1));
}

// mw.choice(node, port, text): the name that `text`, in any accepted spelling, stands for.
static int choice(lua_State *L)
{
    mw_script *s = mw_lua_script(L);
    const mw_node_type *t = mw_node_find(luaL_checkstring(L, 1));
    const mw_schema *schema = t ? mw_graph_schema(s->c, s->g, t) : NULL;
    int port = schema ? mw_schema_port(schema, luaL_checkstring(L, 2)) : -1;
    if (port < 0)
        return mw_lua_wrong(L, "choice: there is no parameter %s.%s", lua_tostring(L, 1), lua_tostring(L, 2));
    mw_value **given = mw_lua_box(L), **normal = mw_lua_box(L);
    if (mw_lua_to_value(L, s, 3, given))
        *normal = mw_port_check(s->c, &t->in[port], *given, NULL);
    if (mw_err(s->c)) {
        mw_fail_context(s->c, "%s: %s", mw_lua_where(L), t->name);
        return mw_lua_raise(L, s);
    }
    mw_lua_push_value(L, s, *normal);
    return 1;
}

void mw_lua_add_graph(lua_State *L)
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
    lua_pushcfunction(L, output);
    lua_setfield(L, -2, "output");
    lua_pushcfunction(L, bundle);
    lua_setfield(L, -2, "bundle");
    lua_pushcfunction(L, fail_here);
    lua_setfield(L, -2, "fail");
    lua_pushcfunction(L, is_handle);
    lua_setfield(L, -2, "is_handle");
    lua_pushcfunction(L, missing);
    lua_setfield(L, -2, "missing");
    lua_pushcfunction(L, choice);
    lua_setfield(L, -2, "choice");
}
