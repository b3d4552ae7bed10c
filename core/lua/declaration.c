// declaration.c: inputs declared in Lua, for mw.params, mw.node and mw.composite: the same mw_port that nodes
// in C have.
#include "core/base/greek.h"
#include "core/graph/schema.h"
#include "core/graph/value_json.h"
#include "core/lua/lua_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void mw_declared_free(mw_declared *d)
{
    const mw_port *p = &d->port;
    const char *const own[] = {p->name, p->type, p->def, p->choices, p->alias, p->unit, p->doc};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        free((void *)(size_t)own[i]);
    mw_value_release(d->def);
    memset(d, 0, sizeof *d);
}

// Whether `a` answers to one of b's names in either alphabet.
static bool answers_to_other(const mw_port *a, const mw_port *b)
{
    char name[128];
    const char *rest = b->alias, *each = b->name;
    size_t n = strlen(each);
    for (; each; each = mw_names_next(&rest, '|', &n)) {
        snprintf(name, sizeof name, "%.*s", (int)n, each);
        const char *greek = mw_greek_other(name);
        if (mw_port_answers(a, name) || (greek && mw_port_answers(a, greek)))
            return true;
    }
    return false;
}

void mw_lua_refuse_clash(lua_State *L, const mw_declared *a, const mw_declared *b)
{
    if (!strcmp(a->port.name, b->port.name))
        mw_lua_wrong(L, "params: '%s' is declared twice", a->port.name);
    if (answers_to_other(&a->port, &b->port))
        mw_lua_wrong(L, "params: '%s' and '%s' answer to the same name", a->port.name, b->port.name);
}

// Raises when host memory is out.
static char *copy(lua_State *L, mw_script *s, const char *text)
{
    char *own = mw_strdup(s->c, text);
    if (!own)
        mw_lua_raise(L, s);
    return own;
}

// A text of the declaration's own; NULL where the field is absent.
static const char *field_text(lua_State *L, mw_script *s, int idx, const char *name, const char *param)
{
    if (name)
        lua_getfield(L, idx, name);
    else
        lua_rawgeti(L, idx, 2);
    if (!lua_isnil(L, -1) && lua_type(L, -1) != LUA_TSTRING)
        mw_lua_wrong(L, "params: '%s': its %s must be a string, got %s", param, name ? name : "description",
                     mw_lua_a_type(L, -1));
    mw_lua_count_kept(L, s, lua_objlen(L, -1));
    char *text = lua_isnil(L, -1) ? NULL : copy(L, s, lua_tostring(L, -1));
    lua_pop(L, 1);
    return text;
}

static double field_number(lua_State *L, int idx, const char *name, double none, const char *param)
{
    lua_getfield(L, idx, name);
    if (!lua_isnil(L, -1) && lua_type(L, -1) != LUA_TNUMBER)
        mw_lua_wrong(L, "params: '%s': its %s must be a number, got %s", param, name, mw_lua_a_type(L, -1));
    double x = lua_isnil(L, -1) ? none : lua_tonumber(L, -1);
    lua_pop(L, 1);
    return x;
}

static bool field_flag(lua_State *L, int idx, const char *name, const char *param)
{
    lua_getfield(L, idx, name);
    if (!lua_isnil(L, -1) && !lua_isboolean(L, -1))
        mw_lua_wrong(L, "params: '%s': its %s must be true or false, got %s", param, name,
                     mw_lua_a_type(L, -1));
    bool set = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return set;
}

static void check_keys(lua_State *L, int idx, const char *param)
{
    static const char *const known[] = {"min",     "max",  "alias", "integer",  "multiple",
                                        "choices", "type", "unit",  "required", "literal"};
    for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1)) {
        if (lua_type(L, -2) == LUA_TNUMBER && (lua_tonumber(L, -2) == 1 || lua_tonumber(L, -2) == 2))
            continue;
        if (lua_type(L, -2) != LUA_TSTRING)
            mw_lua_wrong(L, "params: '%s': it has a default and a description, what else there is has a name",
                         param);
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

static double field_multiple(lua_State *L, int idx, const char *param)
{
    double of = field_number(L, idx, "multiple", 0, param);
    if (of != floor(of) || of < 0 || of > 1e9)
        mw_lua_wrong(L, "params: '%s': its multiple must be a whole number", param);
    return of;
}

// The strings of the table on top of the stack as "a|b|c"; NULL for an empty one.
static const char *join_choices(lua_State *L, mw_script *s, const char *param)
{
    int table = lua_gettop(L), n = (int)lua_objlen(L, table);
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    for (int i = 1; i <= n; i++) {
        lua_rawgeti(L, table, i);
        const char *name = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
        if (!*name || strpbrk(name, "|="))
            mw_lua_wrong(L, "params: '%s': its choices must be strings without '|' and '='", param);
        luaL_addvalue(&b);
        if (i < n)
            luaL_addchar(&b, '|');
    }
    luaL_pushresult(&b);
    mw_lua_count_kept(L, s, lua_objlen(L, -1));
    const char *all = n ? copy(L, s, lua_tostring(L, -1)) : NULL;
    lua_pop(L, 1);
    return all;
}

// choices = { "lmd", "plain" }, or those of a node's parameter with all their spellings: "schedule.sampler".
static void read_choices(lua_State *L, mw_script *s, int idx, mw_port *p)
{
    lua_getfield(L, idx, "choices");
    if (lua_istable(L, -1))
        p->choices = join_choices(L, s, p->name);
    else if (lua_type(L, -1) == LUA_TSTRING) {
        char node[64] = "", port[64] = "";
        sscanf(lua_tostring(L, -1), "%63[^.].%63s", node, port);
        const mw_node_type *t = mw_node_find(node);
        const mw_schema *schema = t ? mw_graph_schema(s->c, s->g, t) : NULL;
        int i = schema ? mw_schema_port(schema, port) : -1;
        mw_lua_raise_here(L, s);
        p->choices = i < 0 || !t->in[i].choices ? NULL : copy(L, s, t->in[i].choices);
    }
    if (!lua_isnil(L, -1) && !p->choices)
        mw_lua_wrong(L, "params: '%s': its choices must be { \"one\", \"another\" } or \"node.parameter\"",
                     p->name);
    lua_pop(L, 1);
}

// A number called seed is one, unless it has bounds: it may have more digits than Lua's numbers hold.
static const char *type_of_default(const mw_port *p, const mw_value *def)
{
    bool seed = !strcmp(p->name, "seed") && isinf(p->min) && isinf(p->max);
    switch (mw_value_kind(def)) {
    case MW_NUMBER: return seed ? "seed" : "number";
    case MW_BOOL: return "bool";
    case MW_TEXT: return "text";
    default: return "any";
    }
}

static void read_type(lua_State *L, mw_script *s, int idx, bool integer, mw_declared *d)
{
    mw_port *p = &d->port;
    const char *type = integer || p->multiple > 0 ? "integer"
        : p->choices                              ? "choice"
                                                  : type_of_default(p, d->def);
    p->type = idx ? field_text(L, s, idx, "type", p->name) : NULL;
    if (!p->type)
        p->type = copy(L, s, type);
    else if (!mw_port_type_known(p->type)) {
        char *words = mw_port_type_words(s->c);
        lua_pushstring(L, words ? words : "");
        free(words);
        mw_lua_wrong(L,
                     "params: '%s': there is no type '%s'; there are %s, and those of opened models, such as "
                     "checkpoint",
                     p->name, p->type, lua_tostring(L, -1));
    }
}

// Ends that let numbers between them; infinite ones are open.
static void check_range(lua_State *L, const mw_port *p)
{
    if (!(p->min < p->max))
        mw_lua_wrong(L, "params: '%s': its min must be less than its max, got %s and %s", p->name,
                     lua_pushfstring(L, "%f", p->min), lua_pushfstring(L, "%f", p->max));
}

// The default in its normal form, and as the port's text.
static void check_default(lua_State *L, mw_script *s, bool required, mw_declared *d)
{
    mw_value *given = d->def;
    if (mw_value_kind(given) == MW_NIL) {
        d->port.def = required ? NULL : copy(L, s, "null");
        return;
    }
    if (required)
        mw_lua_wrong(L, "params: '%s': what is required has no default", d->port.name);
    d->def = mw_port_check(s->c, &d->port, given, NULL);
    mw_value_release(given);
    d->port.def = d->def ? mw_value_to_json(s->c, d->def, 0) : NULL;
    if (!mw_err(s->c))
        return;
    mw_fail_context(s->c, "%s: params: '%s': its default", mw_lua_where(L), d->port.name);
    mw_lua_raise(L, s);
}

void mw_lua_read_declaration(lua_State *L, mw_script *s, int idx, mw_declared *d)
{
    mw_port *p = &d->port;
    bool table = lua_istable(L, idx), required = false, integer = false;
    p->min = -INFINITY;
    p->max = INFINITY;
    if (table) {
        check_keys(L, idx, p->name);
        p->doc = field_text(L, s, idx, NULL, p->name);
        p->alias = field_text(L, s, idx, "alias", p->name);
        p->unit = field_text(L, s, idx, "unit", p->name);
        p->min = field_number(L, idx, "min", -INFINITY, p->name);
        p->max = field_number(L, idx, "max", INFINITY, p->name);
        check_range(L, p);
        p->multiple = field_multiple(L, idx, p->name);
        integer = field_flag(L, idx, "integer", p->name);
        required = field_flag(L, idx, "required", p->name);
        d->literal = field_flag(L, idx, "literal", p->name);
        read_choices(L, s, idx, p);
        lua_rawgeti(L, idx, 1);
    } else {
        lua_pushvalue(L, idx);
    }
    if (!p->doc)
        p->doc = copy(L, s, "");
    mw_lua_to_value(L, s, -1, &d->def);
    mw_lua_keep_converted(s);
    lua_pop(L, 1);
    if (mw_err(s->c)) {
        mw_fail_context(s->c, "%s: params: '%s'", mw_lua_where(L), p->name);
        mw_lua_raise(L, s);
    }
    read_type(L, s, table ? idx : 0, integer, d);
    check_default(L, s, required, d);
}
