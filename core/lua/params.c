// params.c: mw.params: parameters with defaults, ranges and documentation; param_options.c sets them.
#include "core/base/greek.h"
#include "core/base/nearest.h"
#include "core/lua/lua_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void mw_param_free(mw_param *p)
{
    free(p->name);
    free(p->alias);
    free(p->doc);
    free(p->choices);
    mw_value_release(p->value);
    mw_value_release(p->def);
    memset(p, 0, sizeof *p);
}

bool mw_param_answers(const mw_param *p, const char *name)
{
    return !strcmp(p->name, name) || (*p->alias && !strcmp(p->alias, name));
}

mw_param *mw_script_param(mw_script *s, const char *name)
{
    for (const char *spelling = name; spelling; spelling = spelling == name ? mw_greek_other(name) : NULL)
        for (int i = 0; i < s->nparams; i++)
            if (mw_param_answers(&s->params[i], spelling))
                return &s->params[i];
    return NULL;
}

// ---- declarations

static char *field_text(lua_State *L, mw_script *s, int idx, int n, const char *name, const char *param)
{
    if (name)
        lua_getfield(L, idx, name);
    else
        lua_rawgeti(L, idx, n);
    if (!lua_isnil(L, -1) && lua_type(L, -1) != LUA_TSTRING)
        mw_lua_wrong(L, "params: '%s': its %s must be a string, got a %s", param, name ? name : "description",
                     luaL_typename(L, -1));
    char *text = mw_strdup(s->c, lua_isnil(L, -1) ? "" : lua_tostring(L, -1));
    lua_pop(L, 1);
    return text;
}

static double field_number(lua_State *L, int idx, const char *name, double none, const char *param)
{
    lua_getfield(L, idx, name);
    if (!lua_isnil(L, -1) && lua_type(L, -1) != LUA_TNUMBER)
        mw_lua_wrong(L, "params: '%s': its %s must be a number, got a %s", param, name, luaL_typename(L, -1));
    double x = lua_isnil(L, -1) ? none : lua_tonumber(L, -1);
    lua_pop(L, 1);
    return x;
}

static void check_keys(lua_State *L, int idx, const char *param)
{
    static const char *const known[] = {"min", "max", "alias", "integer", "multiple", "choices"};
    for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING)
            continue;
        const char *key = lua_tostring(L, -2);
        mw_nearest near = {.wrong = key};
        char hint[96];
        bool good = false;
        for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
            good = good || !strcmp(key, known[i]);
            mw_nearest_offer(&near, known[i]);
        }
        if (!good)
            mw_lua_wrong(L, "params: '%s': unknown key '%s'%s", param, key,
                         mw_nearest_hint(&near, hint, sizeof hint));
    }
}

// integer = true, or multiple = 8, which is whole as well; 0: any number will do.
static double field_multiple(lua_State *L, int idx, const char *param)
{
    double of = field_number(L, idx, "multiple", 0, param);
    lua_getfield(L, idx, "integer");
    if (!lua_isnil(L, -1) && !lua_isboolean(L, -1))
        mw_lua_wrong(L, "params: '%s': its integer must be true or false, got a %s", param,
                     luaL_typename(L, -1));
    bool whole = lua_toboolean(L, -1);
    lua_pop(L, 1);
    if (of != floor(of) || of < 0 || of > 1e9)
        mw_lua_wrong(L, "params: '%s': its multiple must be a whole number", param);
    return of > 0 ? of : whole ? 1 : 0;
}

// Adds the string on top of the stack to the names, "a|b|c".
static void add_choice(lua_State *L, char **names, const char *param)
{
    const char *name = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
    if (!*name || strpbrk(name, "|="))
        mw_lua_wrong(L, "params: '%s': its choices must be strings without '|' and '='", param);
    char *more = NULL;
    if (asprintf(&more, "%s%s%s", *names ? *names : "", *names ? "|" : "", name) < 0)
        luaL_error(L, "not enough memory");
    free(*names);
    *names = more;
}

// choices = { "lmd", "plain" }, or those of a node's parameter with all their spellings: "schedule.sampler".
static void read_choices(lua_State *L, mw_script *s, int idx, mw_param *p)
{
    lua_getfield(L, idx, "choices");
    if (lua_istable(L, -1))
        for (int i = 1; i <= (int)lua_objlen(L, -1); i++) {
            lua_rawgeti(L, -1, i);
            add_choice(L, &p->choices, p->name);
            lua_pop(L, 1);
        }
    else if (lua_type(L, -1) == LUA_TSTRING) {
        char node[64] = "", port[64] = "";
        sscanf(lua_tostring(L, -1), "%63[^.].%63s", node, port);
        const mw_node_type *t = mw_node_find(node);
        const mw_schema *schema = t ? mw_graph_schema(s->c, s->g, t) : NULL;
        int i = schema ? mw_schema_port(schema, port) : -1;
        p->choices = i < 0 || !t->in[i].choices ? NULL : mw_strdup(s->c, t->in[i].choices);
    }
    if (!lua_isnil(L, -1) && !p->choices)
        mw_lua_wrong(L, "params: '%s': its choices must be { \"one\", \"another\" } or \"node.parameter\"",
                     p->name);
    lua_pop(L, 1);
}

// The default in its normal form becomes the value.
static void check_default(lua_State *L, mw_script *s, mw_param *p)
{
    mw_kind kind = mw_value_kind(p->def);
    if (p->multiple > 0 && kind != MW_NUMBER)
        mw_lua_wrong(L, "params: '%s': it is to be a whole number, so its default must be one", p->name);
    if (p->choices && kind != MW_TEXT)
        mw_lua_wrong(L, "params: '%s': it has choices, so its default must be a string", p->name);
    p->value = mw_param_check(s->c, p, p->def, MW_E_SCRIPT, "its default");
    if (p->value)
        return;
    mw_fail_context(s->c, "%s: params: '%s'", mw_lua_where(L), p->name);
    mw_lua_raise(L, s);
}

// p->name is set; on a Lua error p is left for its owner to free.
void mw_lua_read_param(lua_State *L, mw_script *s, int idx, mw_param *p)
{
    bool table = lua_istable(L, idx);
    p->min = -INFINITY;
    p->max = INFINITY;
    if (table) {
        check_keys(L, idx, p->name);
        p->doc = field_text(L, s, idx, 2, NULL, p->name);
        p->alias = field_text(L, s, idx, 0, "alias", p->name);
        p->min = field_number(L, idx, "min", -INFINITY, p->name);
        p->max = field_number(L, idx, "max", INFINITY, p->name);
        p->multiple = field_multiple(L, idx, p->name);
        read_choices(L, s, idx, p);
        lua_rawgeti(L, idx, 1);
    } else {
        p->doc = mw_strdup(s->c, "");
        p->alias = mw_strdup(s->c, "");
        lua_pushvalue(L, idx);
    }
    mw_lua_to_value(L, s, -1, &p->def);
    lua_pop(L, 1);
    if (mw_err(s->c)) {
        mw_fail_context(s->c, "params: '%s'", p->name);
        mw_lua_raise(L, s);
    }
    check_default(L, s, p);
}

// ---- the table that scripts read

static mw_param *add_param(lua_State *L, mw_script *s, const char *name)
{
    if (mw_script_param(s, name))
        mw_lua_wrong(L, "params: '%s' is declared twice", name);
    mw_param *more = realloc(s->params, ((size_t)s->nparams + 1) * sizeof *more);
    if (!more)
        luaL_error(L, "not enough memory");
    s->params = more;
    mw_param *p = &s->params[s->nparams];
    memset(p, 0, sizeof *p);
    if (!(p->name = strdup(name)) || !(p->alias = strdup("")) || !(p->doc = strdup("")))
        luaL_error(L, "not enough memory");
    s->nparams++;
    return p;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const mw_param *)a)->name, ((const mw_param *)b)->name);
}

static int params(lua_State *L)
{
    mw_script *s = mw_lua_script(L);
    if (!lua_istable(L, 1))
        return mw_lua_wrong(
            L, "params: expected mw.params { name = { default, \"description\" }, ... }, got a %s",
            luaL_typename(L, 1));
    int first = s->nparams;
    for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING)
            return mw_lua_wrong(
                L, "params: every parameter needs a name: mw.params { steps = { 20, \"how many\" } }");
        const char *name = lua_tostring(L, -2);
        if (!*name || strchr(name, '='))
            return mw_lua_wrong(L, "params: '%s' cannot be a parameter's name", name);
        mw_param *p = add_param(L, s, name);
        free(p->alias);
        free(p->doc);
        p->alias = p->doc = NULL;
        mw_lua_read_param(L, s, lua_gettop(L), p);
        mw_param_apply_options(s, p);
        if (mw_err(s->c))
            return mw_lua_raise(L, s);
    }
    if (s->nparams > first)
        qsort(s->params + first, (size_t)(s->nparams - first), sizeof *s->params, by_name);
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
        s->missed = strdup(name);
        s->missed_where = strdup(mw_lua_where(L));
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
        mw_nearest_offer(&near, s->params[i].name);
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

void mw_lua_add_params(lua_State *L)
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
    lua_pushcfunction(L, params);
    lua_setfield(L, -2, "params");
}
