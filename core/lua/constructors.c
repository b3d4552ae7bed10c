// constructors.c: mw.<node> { ... } and what composites in Lua need to behave alike.
#include "core/lua/lua_internal.h"

#include <stdlib.h>
#include <string.h>

static char *param_hint(void *user, const char *port)
{
    mw_script *s = user;
    if (s->missed) { // p.promt gave nil: that is the mistake
        mw_nearest near = {.wrong = s->missed};
        for (int i = 0; i < s->nparams; i++)
            mw_nearest_offer(&near, s->params[i].d.port.name);
        if (near.best)
            return mw_format(s->c, "did you mean p.%s?", near.best);
    }
    mw_param *p = mw_script_param(s, port);
    return p ? mw_format(s->c, "did you mean p.%s?", p->d.port.name) : NULL;
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
        mw_lua_wrong(L, "%s: takes its parameters by name: mw.%s { name = value, ... }, got %s", node, node,
                     mw_lua_a_type(L, 1));
    if (lua_objlen(L, 1))
        mw_lua_wrong(L, "%s: takes its parameters by name: mw.%s { name = value, ... }", node, node);
    if (!mw_lua_to_arguments(L, s, 1, args)) {
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
    mw_lua_sweep(L, s);
    mw_value **args = mw_lua_box(L);
    const char *where = mw_lua_where(L);
    mw_wiring w = {where, param_hint, s->o.check ? report : NULL, s, s->pin};
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
    mw_lua_push_handle(L, id, MW_WHOLE);
    mw_graph_release(s->g, id); // the handle names it
    return 1;
}

void mw_lua_push_constructor(lua_State *L, const mw_node_type *type)
{
    lua_pushlightuserdata(L, (void *)(size_t)type);
    lua_pushcclosure(L, construct, 1);
}

static int construct_broken(lua_State *L)
{
    mw_lua_push_handle(L, MW_BROKEN, MW_WHOLE);
    return 1;
}

void mw_lua_push_broken_constructor(lua_State *L) { lua_pushcfunction(L, construct_broken); }

// ---- for composites

// mw.fail(sentence): an error at the line of the script that called the composite.
static int fail_here(lua_State *L) { return mw_lua_wrong(L, "%s", luaL_checkstring(L, 1)); }

int mw_lua_missing(lua_State *L, mw_script *s, const char *composite, const char *param)
{
    char *hint = param_hint(s, param);
    forget_missed(s);
    lua_pushstring(L, hint ? hint : "it has no default");
    free(hint);
    return mw_lua_wrong(L, "%s: '%s' must be given, got nil (%s)", composite, param, lua_tostring(L, -1));
}

// mw.missing(composite, parameter): for what is needed only beside something else.
static int missing(lua_State *L)
{
    return mw_lua_missing(L, mw_lua_script(L), luaL_checkstring(L, 1), luaL_checkstring(L, 2));
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

// type(h) cannot tell: mw.is_handle(value)
static int is_handle(lua_State *L)
{
    mw_link link;
    lua_pushboolean(L, mw_lua_handle(L, 1, &link));
    return 1;
}

const mw_lua_entry mw_lua_helpers[] = {
    {.name = "fail",
     .run = fail_here,
     .usage = "mw.fail(sentence)",
     .type = "fun(sentence: string)",
     .doc = "Ends the run with an error at the line of the script that called the composite."},
    {.name = "missing",
     .run = missing,
     .usage = "mw.missing(composite, parameter)",
     .type = "fun(composite: string, parameter: string)",
     .doc = "mw.fail for a parameter that must be given beside another one."},
    {.name = "choice",
     .run = choice,
     .usage = "mw.choice(node, parameter, text)",
     .type = "fun(node: string, parameter: string, text: string): string",
     .doc =
         "The name that the text stands for among the node's choices: mw.choice(\"schedule\", \"sampler\", "
         "\"DPM++ 2M Karras\")."},
    {.name = "is_handle",
     .run = is_handle,
     .usage = "mw.is_handle(value)",
     .type = "fun(value: any): boolean",
     .doc = "Whether the value is a handle, rather than a plain value."},
    {.name = NULL},
};
