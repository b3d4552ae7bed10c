// params.c: mw.params: parameters with defaults, ranges and documentation, set by -p name=value.
#include "core/base/greek.h"
#include "core/base/nearest.h"
#include "core/graph/value_json.h"
#include "core/lua/lua_internal.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void mw_param_free(mw_param *p)
{
    free(p->name);
    free(p->alias);
    free(p->doc);
    mw_value_release(p->value);
    mw_value_release(p->def);
    memset(p, 0, sizeof *p);
}

static bool answers(const mw_param *p, const char *name)
{
    return !strcmp(p->name, name) || (*p->alias && !strcmp(p->alias, name));
}

mw_param *mw_script_param(mw_script *s, const char *name)
{
    for (const char *spelling = name; spelling; spelling = spelling == name ? mw_greek_other(name) : NULL)
        for (int i = 0; i < s->nparams; i++)
            if (answers(&s->params[i], spelling))
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
    static const char *const known[] = {"min", "max", "alias"};
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

static bool in_range(const mw_param *p, const mw_value *v)
{
    double x = mw_value_as_number(v);
    return mw_value_kind(v) != MW_NUMBER || (isfinite(x) && x >= p->min && x <= p->max);
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
    if (!in_range(p, p->def))
        mw_lua_wrong(L, "params: '%s': its default is outside its own range", p->name);
    p->value = mw_value_retain(p->def);
}

// ---- -p name=value

static mw_value *parse_number(mw_ctx *c, const mw_param *p, const char *text)
{
    char *end;
    errno = 0;
    double x = strtod(text, &end);
    if (!*text || *end || !isfinite(x)) {
        mw_fail(c, MW_E_USAGE, "-p %s=%s: must be a number (%s)", p->name, text, p->doc);
        return NULL;
    }
    if (x >= p->min && x <= p->max)
        return mw_value_number(c, x);
    if (isfinite(p->min) && isfinite(p->max))
        mw_fail(c, MW_E_USAGE, "-p %s=%s: must be from %.15g to %.15g (%s)", p->name, text, p->min, p->max,
                p->doc);
    else
        mw_fail(c, MW_E_USAGE, "-p %s=%s: must be at %s %.15g (%s)", p->name, text,
                x < p->min ? "least" : "most", x < p->min ? p->min : p->max, p->doc);
    return NULL;
}

static mw_value *parse_bool(mw_ctx *c, const mw_param *p, const char *text)
{
    static const char *const words[][2] = {{"false", "true"}, {"0", "1"}, {"no", "yes"}, {"off", "on"}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        for (int b = 0; b < 2; b++)
            if (!strcasecmp(text, words[i][b]))
                return mw_value_bool(c, b);
    mw_fail(c, MW_E_USAGE, "-p %s=%s: must be true or false (%s)", p->name, text, p->doc);
    return NULL;
}

static mw_value *parse_json(mw_ctx *c, const mw_param *p, const char *text)
{
    mw_value *v = mw_value_from_json(c, "JSON", text, strlen(text));
    if (!v) {
        char *why = strdup(mw_errmsg(c));
        mw_err_clear(c);
        mw_fail(c, MW_E_USAGE, "-p %s=%s: must be a table as JSON: %s", p->name, text, why ? why : "");
        free(why);
    }
    return v;
}

// The text typed as the default is.
static mw_value *parse(mw_ctx *c, const mw_param *p, const char *text)
{
    switch (mw_value_kind(p->def)) {
    case MW_NUMBER: return parse_number(c, p, text);
    case MW_BOOL: return parse_bool(c, p, text);
    case MW_LIST:
    case MW_MAP: return parse_json(c, p, text);
    default: return mw_value_text(c, text, strlen(text));
    }
}

// Apply what the command line says of p (the last one counts).
static void apply_options(mw_script *s, mw_param *p)
{
    for (const char *const *o = s->o.params; o && *o; o++) {
        size_t n = strcspn(*o, "=");
        char *name = strndup(*o, n);
        const char *other = name ? mw_greek_other(name) : NULL;
        bool mine = name && (answers(p, name) || (other && answers(p, other)));
        free(name);
        if (!mine)
            continue;
        mw_value *v = parse(s->c, p, *o + n + 1);
        if (!v)
            return;
        mw_value_release(p->value);
        p->value = v;
        p->used = true;
    }
}

static mw_status unknown_option(mw_script *s, const char *name)
{
    mw_nearest near = {.wrong = name};
    char hint[128], list[1024];
    size_t at = 0;
    *list = 0;
    for (int i = 0; i < s->nparams; i++) {
        mw_nearest_offer(&near, s->params[i].name);
        mw_nearest_offer(&near, s->params[i].alias);
        if (at < sizeof list)
            at += (size_t)snprintf(list + at, sizeof list - at, "%s%s", i ? ", " : "", s->params[i].name);
    }
    return mw_fail(s->c, MW_E_USAGE, "%s has no parameter '%s'%s; it has: %s", s->path, name,
                   mw_nearest_hint(&near, hint, sizeof hint), s->nparams ? list : "none");
}

mw_status mw_script_check_usage(mw_script *s)
{
    for (const char *const *o = s->o.params; o && *o && !mw_err(s->c); o++) {
        char *name = strndup(*o, strcspn(*o, "="));
        if (name && !mw_script_param(s, name))
            unknown_option(s, name);
        free(name);
    }
    return mw_err(s->c);
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
        apply_options(s, p);
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
