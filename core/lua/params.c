// params.c: mw.params: parameters with defaults, ranges and documentation; param_options.c sets them.
#include "core/base/greek.h"
#include "core/lua/lua_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_PARAMS = 1000 };

void mw_param_free(mw_param *p)
{
    mw_value_release(p->value);
    mw_declared_free(&p->d);
    memset(p, 0, sizeof *p);
}

mw_param *mw_script_param(mw_script *s, const char *name)
{
    for (const char *spelling = name; spelling; spelling = spelling == name ? mw_greek_other(name) : NULL)
        for (int i = 0; i < s->nparams; i++)
            if (mw_port_answers(&s->params[i].d.port, spelling))
                return &s->params[i];
    return NULL;
}

// ---- the table that scripts read

static mw_param *add_param(lua_State *L, mw_script *s, const char *name)
{
    if (s->nparams == MOST_PARAMS)
        mw_lua_wrong(L, "params: more than %d parameters", MOST_PARAMS);
    mw_lua_count_kept(L, s, sizeof(mw_param) + strlen(name));
    mw_param *more = realloc(s->params, ((size_t)s->nparams + 1) * sizeof *more);
    if (!more)
        mw_lua_no_memory(L);
    s->params = more;
    mw_param *p = &s->params[s->nparams];
    memset(p, 0, sizeof *p);
    if (!(p->d.port.name = strdup(name)))
        mw_lua_no_memory(L);
    s->nparams++;
    return p;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const mw_param *)a)->d.port.name, ((const mw_param *)b)->d.port.name);
}

static void need_required(lua_State *L, mw_script *s, int first)
{
    for (int i = first; i < s->nparams; i++) {
        const mw_param *p = &s->params[i];
        if (p->d.port.def || p->used)
            continue;
        mw_fail(s->c, MW_E_USAGE, "%s: params: '%s' must be given: -p %s=... (%s)", mw_lua_where(L),
                p->d.port.name, p->d.port.name, p->d.port.doc);
        mw_lua_raise(L, s);
    }
}

static int params(lua_State *L)
{
    mw_script *s = mw_lua_script(L);
    if (!lua_istable(L, 1))
        return mw_lua_wrong(L,
                            "params: expected mw.params { name = { default, \"description\" }, ... }, got %s",
                            mw_lua_a_type(L, 1));
    int first = s->nparams;
    for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING)
            return mw_lua_wrong(
                L, "params: every parameter needs a name: mw.params { steps = { 20, \"how many\" } }");
        const char *name = lua_tostring(L, -2);
        if (!*name || strchr(name, '='))
            return mw_lua_wrong(L, "params: '%s' cannot be a parameter's name", name);
        mw_param *p = add_param(L, s, name);
        mw_lua_read_declaration(L, s, lua_gettop(L), &p->d);
        for (const mw_param *other = s->params; other < p; other++)
            mw_lua_refuse_clash(L, &other->d, &p->d);
        p->value = mw_value_retain(p->d.def);
        mw_param_apply_options(s, p);
        if (mw_err(s->c))
            return mw_lua_raise(L, s);
    }
    if (s->nparams > first)
        qsort(s->params + first, (size_t)(s->nparams - first), sizeof *s->params, by_name);
    need_required(L, s, first);
    lua_newtable(L);
    luaL_getmetatable(L, "moonweave.params");
    lua_setmetatable(L, -2);
    return 1;
}

// p.name. One that there is not gives nil here and an error as soon as it matters, with the line that asked
// for it.
static int params_index(lua_State *L)
{
    mw_script *s = mw_lua_script(L);
    const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
    const mw_param *p = mw_script_param(s, name);
    if (p) {
        mw_lua_push_value(L, s, p->value);
        return 1;
    }
    if (!s->missed) {
        const char *where = mw_lua_where(L);
        s->missed_where = strdup(where);
        s->missed = s->missed_where ? strdup(name) : NULL;
        if (!s->missed)
            return mw_lua_no_memory(L);
    }
    lua_pushnil(L);
    return 1;
}

static int params_newindex(lua_State *L)
{
    return mw_lua_wrong(L, "a parameter cannot be changed by the script; copy it into a local variable");
}

void mw_lua_check_missed(lua_State *L, mw_script *s)
{
    if (!s->missed)
        return;
    mw_nearest near = {.wrong = s->missed};
    for (int i = 0; i < s->nparams; i++)
        mw_nearest_offer(&near, s->params[i].d.port.name);
    char hint[128] = "";
    if (near.best)
        snprintf(hint, sizeof hint, " (did you mean p.%s?)", near.best);
    lua_pushfstring(L, "%s: there is no parameter '%s'%s", s->missed_where, s->missed, hint);
    free(s->missed);
    free(s->missed_where);
    s->missed = s->missed_where = NULL;
    if (!s->o.check)
        lua_error(L);
    s->errors++;
    s->o.report(s->o.user, lua_tostring(L, -1), true);
    lua_pop(L, 1);
}

void mw_lua_open_params(lua_State *L)
{
    static const luaL_Reg meta[] = {
        {"__index", params_index},
        {"__newindex", params_newindex},
        {NULL, NULL},
    };
    luaL_newmetatable(L, "moonweave.params");
    luaL_register(L, NULL, meta);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}

const mw_lua_entry mw_lua_params[] = {
    {.name = "params",
     .run = params,
     .usage = "p = mw.params { name = { default, \"description\", ... }, ... }",
     .type = "fun(declarations: table<string, any>): table<string, any>",
     .doc =
         "Declares what -p name=value may set, and returns the values by name. A declaration is a default, "
         "or a "
         "table of default and description, which may go on with min, max, integer = true, multiple, choices "
         "({ \"one\", \"another\" } or \"node.parameter\"), alias, unit, type, required = true."},
    {.name = NULL},
};
