// composite.c: mw.composite: a function of the script that is called as a node is: parameters by name,
// declared once.
// Long: a composite's declaration, its calls and its listing work on one private struct.
#include "core/base/greek.h"
#include "core/lua/lua_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_PARAMS = 256 };

struct mw_composite {
    struct mw_composite *next;
    char *name, *doc;
    bool bundled;          // declared by the installation, so that moonweave nodes knows it
    mw_declared *declared; // in the order of their names
    int n;
    mw_node_type type; // the declaration as nodes have it; version 0
    mw_port *in;       // type.in: the ports of `declared`
};

void mw_composites_free(mw_script *s)
{
    for (mw_composite *k = s->composites, *next; k; k = next) {
        next = k->next;
        for (int i = 0; i < k->n; i++)
            mw_declared_free(&k->declared[i]);
        free(k->declared);
        free(k->in);
        free(k->name);
        free(k->doc);
        free(k);
    }
    s->composites = NULL;
    free(s->composite_types);
}

// ---- declaration

static char *need_text(lua_State *L, const char *field)
{
    lua_getfield(L, 1, field);
    if (lua_type(L, -1) != LUA_TSTRING)
        mw_lua_wrong(L, "composite: '%s' must be a string, got %s", field, mw_lua_a_type(L, -1));
    mw_lua_count_kept(L, mw_lua_script(L), lua_objlen(L, -1));
    char *text = strdup(lua_tostring(L, -1));
    if (!text)
        mw_lua_no_memory(L);
    lua_pop(L, 1);
    return text;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const mw_declared *)a)->port.name, ((const mw_declared *)b)->port.name);
}

static void read_params(lua_State *L, mw_script *s, mw_composite *k)
{
    lua_getfield(L, 1, "params");
    if (!lua_istable(L, -1))
        mw_lua_wrong(L, "composite '%s': params must be a table, got %s", k->name, mw_lua_a_type(L, -1));
    mw_lua_count_kept(L, s, MOST_PARAMS * sizeof *k->declared);
    k->declared = calloc(MOST_PARAMS, sizeof *k->declared);
    if (!k->declared)
        mw_lua_no_memory(L);
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING || k->n == MOST_PARAMS)
            mw_lua_wrong(L, "composite '%s': params = { name = { default, \"sentence\" }, ... }, at most %d",
                         k->name, MOST_PARAMS);
        mw_declared *d = &k->declared[k->n];
        if (!(d->port.name = strdup(lua_tostring(L, -2))))
            mw_lua_no_memory(L);
        k->n++;
        mw_lua_read_declaration(L, s, lua_gettop(L), d);
        for (const mw_declared *other = k->declared; other < d; other++)
            mw_lua_refuse_clash(L, other, d);
    }
    lua_pop(L, 1);
    qsort(k->declared, (size_t)k->n, sizeof *k->declared, by_name);
    k->in = calloc((size_t)k->n + 1, sizeof *k->in);
    if (!k->in)
        mw_lua_no_memory(L);
    for (int i = 0; i < k->n; i++)
        k->in[i] = k->declared[i].port;
    static const mw_out none[] = {{.name = NULL}};
    k->type = (mw_node_type){.name = k->name, .doc = k->doc, .in = k->in, .out = none};
}

// ---- a call

static int find_param(const mw_composite *k, const char *name)
{
    for (const char *spelling = name; spelling; spelling = spelling == name ? mw_greek_other(name) : NULL)
        for (int i = 0; i < k->n; i++)
            if (mw_port_answers(&k->declared[i].port, spelling))
                return i;
    return -1;
}

static void refuse_handle(lua_State *L, mw_script *s, const mw_composite *k, const mw_port *p)
{
    mw_port_refuse(s->c, p, "a handle (its :value() may do)", NULL);
    mw_fail_context(s->c, "%s: %s", mw_lua_where(L), k->name);
    mw_lua_raise(L, s);
}

// What a Lua table of the caller's may hold is its function's to know; a number is finite.
static void check_any(lua_State *L, const mw_composite *k, const mw_port *p, int value)
{
    if (lua_type(L, value) == LUA_TNUMBER && !isfinite(lua_tonumber(L, value)))
        mw_lua_wrong(L, "%s: '%s' must be a finite number, got %s (%s)", k->name, p->name,
                     isnan(lua_tonumber(L, value)) ? "NaN" : "inf", p->doc);
}

// Whether a string or table stands for a node that is made of it: a path for what is opened, a table for a
// layout.
static bool stands_for_node(lua_State *L, const mw_port *p, int value)
{
    const mw_port_type *t = mw_port_type_of(p->type);
    bool opened = t->object && strcmp(p->type, "function") && mw_node_find(p->type);
    return (opened && lua_type(L, value) == LUA_TSTRING) ||
        (!strcmp(p->type, "layout") && lua_type(L, value) == LUA_TTABLE);
}

// Leaves what the parameter takes for the value at `value` on top of the stack.
static void push_taken(lua_State *L, mw_script *s, const mw_composite *k, const mw_declared *d, int value)
{
    const mw_port *p = &d->port;
    mw_link link;
    bool function = !strcmp(p->type, "function") && lua_type(L, value) == LUA_TFUNCTION;
    if ((d->literal || !strcmp(p->type, "function")) && mw_lua_handle(L, value, &link))
        refuse_handle(L, s, k, p);
    lua_pushvalue(L, value);
    if (function || stands_for_node(L, p, value))
        return;
    if (!strcmp(p->type, "any")) {
        check_any(L, k, p, value);
        return;
    }
    mw_value **v = mw_lua_box(L);
    if (!mw_lua_to_arguments(L, s, value, v) || mw_graph_check(s->c, s->g, p, *v)) {
        mw_fail_context(s->c, "%s: %s", mw_lua_where(L), k->name);
        mw_lua_raise(L, s);
    }
    lua_pop(L, 1);
    if (!p->choices || mw_value_kind(*v) != MW_TEXT)
        return;
    mw_value **normal = mw_lua_box(L);
    *normal = mw_port_check(s->c, p, *v, NULL);
    if (mw_err(s->c))
        mw_lua_raise(L, s);
    mw_lua_push_value(L, s, *normal);
    lua_replace(L, -3);
    lua_pop(L, 1);
}

static void unknown_param(lua_State *L, const mw_composite *k, const char *key)
{
    mw_nearest near = {.wrong = key};
    char hint[160];
    for (int i = 0; i < k->n; i++) {
        mw_nearest_offer(&near, k->declared[i].port.name);
        mw_nearest_offer(&near, k->declared[i].port.alias);
    }
    mw_nearest_hint(&near, hint, sizeof hint);
    if (k->bundled)
        mw_lua_wrong(L, "%s: has no parameter '%s'%s; moonweave nodes %s lists them", k->name, key, hint,
                     k->name);
    mw_lua_wrong(L, "%s: has no parameter '%s'%s", k->name, key, hint);
}

static const mw_composite *composite_at(lua_State *L, int idx) { return lua_touserdata(L, idx); }

// The device that the nodes of a call run on, at 4; it stands at 2 as the number that mw_wiring.pin is.
static int take_device(lua_State *L, mw_script *s, const mw_composite *k)
{
    mw_value **given = mw_lua_box(L), **number = mw_lua_box(L);
    if (mw_lua_to_value(L, s, 4, given))
        *number = mw_port_check(s->c, &mw_device_port, *given, NULL);
    if (mw_err(s->c)) {
        mw_fail_context(s->c, "%s: %s", mw_lua_where(L), k->name);
        return mw_lua_raise(L, s);
    }
    lua_pushlightuserdata(L, (void *)&mw_device_port);
    lua_pushinteger(L, 1 + (int)mw_value_as_number(*number));
    lua_rawset(L, 2);
    return 0;
}

// take_one(composite, table of what is taken, key, value)
static int take_one(lua_State *L)
{
    const mw_composite *k = composite_at(L, 1);
    lua_pushvalue(L, 3);
    const char *key = lua_tostring(L, -1);
    int i = key && lua_type(L, 3) == LUA_TSTRING ? find_param(k, key) : -1;
    if (i < 0 && key && !strcmp(key, mw_device_port.name))
        return take_device(L, mw_lua_script(L), k);
    if (i < 0) {
        unknown_param(L, k, key ? key : luaL_typename(L, 3));
        return 0;
    }
    const mw_port *p = &k->declared[i].port;
    lua_getfield(L, 2, p->name);
    if (!lua_isnil(L, -1))
        mw_lua_wrong(L, "%s: '%s' is given twice (as '%s' too)", k->name, p->name, key);
    push_taken(L, mw_lua_script(L), k, &k->declared[i], 4);
    lua_setfield(L, 2, p->name);
    return 0;
}

// The table at 1 checked into a new one at 2.
static void take_given(lua_State *L, mw_script *s, const mw_composite *k)
{
    lua_newtable(L);
    for (lua_pushnil(L); lua_next(L, 1); lua_settop(L, 3)) {
        lua_pushcfunction(L, take_one);
        lua_pushlightuserdata(L, (void *)(size_t)k);
        lua_pushvalue(L, 2);
        lua_pushvalue(L, 3);
        lua_pushvalue(L, 4);
        mw_lua_try(L, s, 4, 0);
    }
}

// need_one(composite, number of a parameter)
static int need_one(lua_State *L)
{
    const mw_composite *k = composite_at(L, 1);
    return mw_lua_missing(L, mw_lua_script(L), k->name, k->declared[lua_tointeger(L, 2)].port.name);
}

// Whether the table at 1 has the parameter under any of its names, with a value that was refused.
static bool was_given(lua_State *L, const mw_composite *k, int i)
{
    bool given = false;
    for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1))
        given = given || (lua_type(L, -2) == LUA_TSTRING && find_param(k, lua_tostring(L, -2)) == i);
    return given;
}

static void fill_absent(lua_State *L, mw_script *s, const mw_composite *k)
{
    for (int i = 0; i < k->n; i++) {
        const mw_declared *d = &k->declared[i];
        lua_getfield(L, 2, d->port.name);
        if (lua_isnil(L, -1) && !d->port.def && !was_given(L, k, i)) {
            lua_pushcfunction(L, need_one);
            lua_pushlightuserdata(L, (void *)(size_t)k);
            lua_pushinteger(L, i);
            mw_lua_try(L, s, 2, 0);
        } else if (lua_isnil(L, -1) && mw_value_kind(d->def) != MW_NIL) {
            mw_lua_push_value(L, s, d->def);
            lua_setfield(L, 2, d->port.name);
        }
        lua_settop(L, 2);
    }
}

// Strings and tables that stand for nodes become their handles; a layout's table is read in the call's mode.
static void make_nodes(lua_State *L, const mw_composite *k)
{
    for (int i = 0; i < k->n; i++) {
        const mw_port *p = &k->declared[i].port;
        lua_getfield(L, 2, p->name);
        if (stands_for_node(L, p, 3)) {
            bool layout = lua_istable(L, 3);
            mw_lua_push_constructor(L, mw_node_find(p->type));
            lua_newtable(L);
            if (layout) {
                lua_getfield(L, 2, "mode");
                lua_setfield(L, -2, "mode");
                for (lua_pushnil(L); lua_next(L, 3); lua_pop(L, 1)) {
                    lua_pushvalue(L, -2);
                    lua_pushvalue(L, -2);
                    lua_settable(L, 5);
                }
            } else {
                lua_pushvalue(L, 3);
                lua_setfield(L, -2, "path");
            }
            lua_call(L, 1, 1);
            lua_setfield(L, 2, p->name);
        }
        lua_settop(L, 2);
    }
}

// make(what was given, what was taken), upvalues as run's: the nodes of one call.
static int make(lua_State *L)
{
    make_nodes(L, composite_at(L, lua_upvalueindex(1)));
    lua_pushvalue(L, lua_upvalueindex(2));
    lua_pushvalue(L, 2);
    lua_call(L, 1, LUA_MULTRET);
    return lua_gettop(L) - 2;
}

static int run(lua_State *L)
{
    const mw_composite *k = composite_at(L, lua_upvalueindex(1));
    mw_script *s = mw_lua_script(L);
    mw_link link;
    int errors = s->errors;
    lua_settop(L, 1);
    if (!lua_istable(L, 1) || mw_lua_handle(L, 1, &link))
        return mw_lua_wrong(L, "%s: takes its parameters by name: %s%s { name = value, ... }, got %s",
                            k->name, k->bundled ? "mw." : "", k->name, mw_lua_a_type(L, 1));
    take_given(L, s, k);
    fill_absent(L, s, k);
    if (s->errors > errors) {
        mw_lua_push_handle(L, MW_BROKEN, MW_WHOLE);
        return 1;
    }
    int outer = s->pin;
    lua_pushlightuserdata(L, (void *)&mw_device_port);
    lua_rawget(L, 2);
    lua_pushlightuserdata(L, (void *)&mw_device_port);
    lua_pushnil(L);
    lua_rawset(L, 2);
    s->pin = lua_isnil(L, 3) ? outer : (int)lua_tointeger(L, 3);
    lua_settop(L, 2);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushvalue(L, lua_upvalueindex(2));
    lua_pushcclosure(L, make, 2);
    lua_pushvalue(L, 1);
    lua_pushvalue(L, 2);
    int failed = lua_pcall(L, 2, LUA_MULTRET, 0);
    s->pin = outer;
    return failed ? lua_error(L) : lua_gettop(L) - 2;
}

// run, which is the upvalue: a call that fails gives a broken handle where the script is only checked.
static int call(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    if (!mw_lua_try(L, mw_lua_script(L), lua_gettop(L) - 1, LUA_MULTRET))
        mw_lua_push_handle(L, MW_BROKEN, MW_WHOLE);
    return lua_gettop(L);
}

// Whether the function on top of the stack is of one of the installation's own chunks, whose names begin with
// '='.
static bool is_bundled(lua_State *L)
{
    lua_Debug d;
    lua_pushvalue(L, -1);
    return lua_getinfo(L, ">S", &d) && *d.source == '=' && strcmp(d.what, "C") != 0;
}

static int declare(lua_State *L)
{
    static const char *const known[] = {"name", "doc", "params", "run"};
    mw_script *s = mw_lua_script(L);
    if (!lua_istable(L, 1))
        return mw_lua_wrong(
            L, "composite: expected mw.composite { name =, doc =, params =, run = function(a) ... end }");
    for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1)) {
        bool good = false;
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
            good = good || (lua_type(L, -2) == LUA_TSTRING && !strcmp(known[i], lua_tostring(L, -2)));
        if (!good)
            mw_lua_wrong(L, "composite: unknown key '%s'; it takes name, doc, params, run",
                         lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : luaL_typename(L, -2));
    }
    mw_composite *k = calloc(1, sizeof *k);
    if (!k)
        return mw_lua_no_memory(L);
    k->next = s->composites;
    s->composites = k;
    k->name = need_text(L, "name");
    k->doc = need_text(L, "doc");
    read_params(L, s, k);
    lua_pushlightuserdata(L, k);
    lua_getfield(L, 1, "run");
    if (!lua_isfunction(L, -1))
        return mw_lua_wrong(L, "composite '%s': 'run' must be a function, got %s", k->name,
                            mw_lua_a_type(L, -1));
    k->bundled = is_bundled(L);
    lua_pushcclosure(L, run, 2);
    lua_pushcclosure(L, call, 1);
    return 1;
}

static int composite(lua_State *L)
{
    lua_settop(L, 1);
    lua_pushcfunction(L, declare);
    lua_insert(L, 1);
    if (!mw_lua_try(L, mw_lua_script(L), 1, 1))
        mw_lua_push_broken_constructor(L);
    return 1;
}

// ---- all there are

static int type_by_name(const void *a, const void *b)
{
    return strcmp((*(const mw_node_type *const *)a)->name, (*(const mw_node_type *const *)b)->name);
}

const mw_node_type *const *mw_lua_composite_types(mw_ctx *c, mw_script *s)
{
    int n = 0;
    for (const mw_composite *k = s->composites; k; k = k->next)
        n++;
    free(s->composite_types);
    s->composite_types = mw_alloc(c, ((size_t)n + 1) * sizeof *s->composite_types);
    if (!s->composite_types)
        return NULL;
    n = 0;
    for (const mw_composite *k = s->composites; k; k = k->next)
        s->composite_types[n++] = &k->type;
    qsort(s->composite_types, (size_t)n, sizeof *s->composite_types, type_by_name);
    return s->composite_types;
}

const mw_lua_entry mw_lua_composites[] = {
    {.name = "composite",
     .run = composite,
     .usage = "mw.composite { name =, doc =, params =, run = function(a) ... end }",
     .type = "fun(declaration: table): fun(params: table): any",
     .doc = "Makes a function that is called as a node is, with parameters that are declared as in mw.params "
            "and "
            "checked; a literal = true one takes no handle. run gets them by name, and returns a handle or "
            "mw.bundle."},
    {.name = NULL},
};
