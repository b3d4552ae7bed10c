// user_declaration.c: what mw.node and mw.kernel have in common: reading the declaration of a node type.
#include "core/lua/user_node.h"

#include <stdlib.h>
#include <string.h>

static void free_out(mw_out *o)
{
    free((void *)(size_t)o->name);
    free((void *)(size_t)o->type);
}

void mw_user_nodes_free(mw_script *s)
{
    for (mw_user_node *n = s->user_nodes, *next; n; n = next) {
        next = n->next;
        for (int i = 0; i < n->ndeclared; i++)
            mw_declared_free(&n->declared[i]);
        for (int i = 0; i < MW_USER_PORTS; i++) {
            free_out(&n->out[i]);
            free_out(&n->emits[i]);
        }
        if (n->let_go)
            n->let_go(n);
        free((void *)(size_t)n->type.name);
        free((void *)(size_t)n->type.doc);
        free(n);
    }
    s->user_nodes = NULL;
}

static const char *copy(lua_State *L, const char *text)
{
    mw_lua_count_kept(L, mw_lua_script(L), strlen(text));
    char *s = strdup(text);
    if (!s)
        mw_lua_no_memory(L);
    return s;
}

mw_user_node *mw_user_node_new(lua_State *L, size_t size, const char *what)
{
    mw_script *s = mw_lua_script(L);
    mw_lua_count_kept(L, s, size);
    mw_user_node *n = calloc(1, size);
    if (!n)
        mw_lua_no_memory(L);
    n->s = s;
    n->what = what;
    n->next = s->user_nodes;
    s->user_nodes = n;
    n->type = (mw_node_type){.version = 1, .in = n->in, .out = n->out};
    lua_getfield(L, 1, "name");
    n->type.name = copy(L, lua_tostring(L, -1));
    lua_getfield(L, 1, "doc");
    n->type.doc = copy(L, lua_isstring(L, -1) ? lua_tostring(L, -1) : "Made in Lua.");
    lua_pop(L, 2);
    return n;
}

void mw_user_check_keys(lua_State *L, const char *what, const char *const *known)
{
    for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1)) {
        const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : luaL_typename(L, -2);
        bool good = false;
        lua_pushstring(L, "");
        for (int i = 0; known[i]; i++) {
            good = good || !strcmp(known[i], key);
            lua_pushfstring(L, "%s%s%s", lua_tostring(L, -1), i ? ", " : "", known[i]);
            lua_replace(L, -2);
        }
        if (!good)
            mw_lua_wrong(L, "%s: unknown key '%s'; it takes %s", what, key, lua_tostring(L, -1));
        lua_pop(L, 1);
    }
    lua_getfield(L, 1, "name");
    if (lua_type(L, -1) != LUA_TSTRING)
        mw_lua_wrong(L, "%s: 'name' must be a string, got %s", what, mw_lua_a_type(L, -1));
    lua_pop(L, 1);
}

// Nodes made in Lua see plain values and tensors: objects have nothing to show there.
void mw_user_check_type(lua_State *L, const mw_user_node *n, const char *type, const char *port)
{
    if (type && strcmp(type, "choice") && mw_port_type_known(type) && !mw_port_type_of(type)->object)
        return;
    char *words = mw_port_type_words(n->s->c);
    lua_pushstring(L, words ? words : "");
    free(words);
    mw_lua_wrong(L, "%s '%s': the type of '%s' must be one of %s", n->what, n->type.name, port,
                 lua_tostring(L, -1));
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const mw_declared *)a)->port.name, ((const mw_declared *)b)->port.name);
}

int mw_user_out_by_name(const void *a, const void *b)
{
    return strcmp(((const mw_out *)a)->name, ((const mw_out *)b)->name);
}

// The name on the stack below the top as that of one more declaration.
static mw_declared *add_declared(lua_State *L, mw_user_node *n, const char *grammar)
{
    if (lua_type(L, -2) != LUA_TSTRING || n->ndeclared == MW_USER_PORTS)
        mw_lua_wrong(L, "%s '%s': %s, at most %d", n->what, n->type.name, grammar, MW_USER_PORTS);
    mw_declared *d = &n->declared[n->ndeclared++];
    d->port.name = copy(L, lua_tostring(L, -2));
    return d;
}

// inputs = { image = "image", mask = { nil, "what to keep", type = "mask" } }: required where they have no
// default.
void mw_user_read_inputs(lua_State *L, mw_user_node *n)
{
    lua_getfield(L, 1, "inputs");
    int table = lua_gettop(L);
    if (!lua_isnil(L, table) && !lua_istable(L, table))
        mw_lua_wrong(L, "%s '%s': inputs must be a table, got %s", n->what, n->type.name,
                     mw_lua_a_type(L, table));
    if (lua_istable(L, table))
        for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) {
            mw_declared *d = add_declared(L, n, "inputs = { name = \"type\", ... }");
            if (lua_istable(L, -1)) {
                mw_lua_read_declaration(L, n->s, lua_gettop(L), d);
                if (d->port.def && !strcmp(d->port.def, "null")) {
                    free((void *)(size_t)d->port.def);
                    d->port.def = NULL;
                }
            } else {
                d->port.doc = copy(L, "input of a node made in Lua");
                d->port.type = lua_type(L, -1) == LUA_TSTRING ? copy(L, lua_tostring(L, -1)) : NULL;
            }
            mw_user_check_type(L, n, d->port.type, d->port.name);
        }
    lua_pop(L, 1);
    n->ninputs = n->ndeclared;
    qsort(n->declared, (size_t)n->ninputs, sizeof *n->declared, by_name);
}

// params = { amount = 0.5, steps = { 20, "how many", min = 1 } }
void mw_user_read_params(lua_State *L, mw_user_node *n)
{
    lua_getfield(L, 1, "params");
    int table = lua_gettop(L);
    if (!lua_isnil(L, table) && !lua_istable(L, table))
        mw_lua_wrong(L, "%s '%s': params must be a table, got %s", n->what, n->type.name,
                     mw_lua_a_type(L, table));
    if (lua_istable(L, table))
        for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1))
            mw_lua_read_declaration(L, n->s, lua_gettop(L),
                                    add_declared(L, n, "params = { name = default, ... }"));
    lua_pop(L, 1);
    for (int i = 0; i < n->ndeclared; i++)
        for (int k = 0; k < i; k++)
            mw_lua_refuse_clash(L, &n->declared[k], &n->declared[i]);
    qsort(n->declared + n->ninputs, (size_t)(n->ndeclared - n->ninputs), sizeof *n->declared, by_name);
}

void mw_user_add_output(lua_State *L, mw_out *out, const char *name, const char *type)
{
    out->doc = "output of a node made in Lua";
    out->name = copy(L, name);
    out->type = copy(L, type);
}

static bool recipe(mw_ctx *c, const mw_node_type *t, uint64_t *hash)
{
    const mw_user_node *n = (const mw_user_node *)t;
    return mw_lua_recipe(c, n->s, n->function, hash);
}

void mw_user_node_finish(lua_State *L, mw_user_node *n)
{
    for (int i = 0; i < n->ndeclared; i++)
        n->in[i] = n->declared[i].port;
    n->type.flags = MW_NODE_MAIN;
    n->type.recipe = recipe;
    n->function = luaL_ref(L, LUA_REGISTRYINDEX);
    if (mw_graph_schema(n->s->c, n->s->g, &n->type))
        return;
    mw_fail_context(n->s->c, "%s", mw_lua_where(L));
    mw_lua_raise(L, n->s);
}
