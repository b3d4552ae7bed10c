// user_node.c: mw.node: a node whose work is a Lua function of the script.
#include "core/lua/lua_internal.h"
#include "core/graph/value_json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_PORTS = 64 };

typedef struct mw_user_node {
    mw_node_type type; // first: the executor knows this address
    struct mw_user_node *next;
    mw_script *s;
    int function; // in Lua's registry
    int ninputs;  // ports below this are inputs, then parameters, then the function's hash
    mw_port in[MOST_PORTS + 2];
    mw_out out[MOST_PORTS + 1];
    char *texts[6 * MOST_PORTS + 8]; // what the ports point to
    int ntexts;
    mw_param reading; // a declaration, until it is a port
} mw_user_node;

void mw_user_nodes_free(mw_script *s)
{
    for (mw_user_node *n = s->user_nodes, *next; n; n = next) {
        next = n->next;
        for (int i = 0; i < n->ntexts; i++)
            free(n->texts[i]);
        mw_param_free(&n->reading);
        free(n);
    }
    s->user_nodes = NULL;
}

static const char *keep(lua_State *L, mw_user_node *n, char *text)
{
    if (!text || n->ntexts == (int)(sizeof n->texts / sizeof *n->texts)) {
        free(text);
        luaL_error(L, "not enough memory");
    }
    return n->texts[n->ntexts++] = text;
}

static const char *keep_copy(lua_State *L, mw_user_node *n, const char *text)
{
    return keep(L, n, strdup(text));
}

// ---- declaration

static const char *known_type(lua_State *L, const char *node, const char *port)
{
    static const char *const types[] = {"number", "integer", "bool",   "text",     "texts",   "path",
                                        "list",   "any",     "tensor", "image",    "latents", "embedding",
                                        "layout", "tokens",  "maps",   "schedule", "mask"};
    if (lua_type(L, -1) == LUA_TSTRING)
        for (size_t i = 0; i < sizeof types / sizeof *types; i++)
            if (!strcmp(types[i], lua_tostring(L, -1)))
                return types[i];
    mw_lua_wrong(
        L,
        "node '%s': the type of '%s' must be one of number, integer, bool, text, list, any, tensor, image, "
        "latents, embedding, layout, tokens, maps, schedule, mask",
        node, port);
    return NULL;
}

static int port_by_name(const void *a, const void *b)
{
    return strcmp(((const mw_port *)a)->name, ((const mw_port *)b)->name);
}

static int out_by_name(const void *a, const void *b)
{
    return strcmp(((const mw_out *)a)->name, ((const mw_out *)b)->name);
}

// inputs = { image = "image" }: required ports.
static void read_inputs(lua_State *L, mw_user_node *n)
{
    lua_getfield(L, 1, "inputs");
    if (!lua_isnil(L, -1))
        luaL_checktype(L, -1, LUA_TTABLE);
    int table = lua_gettop(L);
    if (lua_istable(L, table))
        for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) {
            if (lua_type(L, -2) != LUA_TSTRING || n->ninputs == MOST_PORTS / 2)
                mw_lua_wrong(L, "node '%s': inputs = { name = \"type\", ... }", n->type.name);
            const char *type = known_type(L, n->type.name, lua_tostring(L, -2));
            const char *name = keep_copy(L, n, lua_tostring(L, -2));
            n->in[n->ninputs++] = (mw_port){.name = name, .type = type, .doc = "input of a node made in Lua"};
        }
    lua_pop(L, 1);
    qsort(n->in, (size_t)n->ninputs, sizeof *n->in, port_by_name);
}

static const char *type_of_default(const mw_value *def)
{
    switch (mw_value_kind(def)) {
    case MW_NUMBER: return "number";
    case MW_BOOL: return "bool";
    case MW_TEXT: return "text";
    default: return "any";
    }
}

static void keep_param(lua_State *L, mw_user_node *n, mw_port *port, const mw_param *p)
{
    if (p->multiple > 1)
        mw_lua_wrong(L, "node '%s': '%s': parameters of nodes have no multiple", n->type.name, p->name);
    const char *whole = p->multiple > 0 ? "integer" : NULL, *choice = p->choices ? "choice" : NULL;
    *port = (mw_port){.type = choice ? choice : whole ? whole : type_of_default(p->def)};
    port->choices = choice ? keep_copy(L, n, p->choices) : NULL;
    port->name = keep_copy(L, n, p->name);
    port->doc = keep_copy(L, n, *p->doc ? p->doc : "parameter of a node made in Lua");
    port->alias = *p->alias ? keep_copy(L, n, p->alias) : NULL;
    if (isfinite(p->min) || isfinite(p->max)) {
        port->min = isfinite(p->min) ? p->min : -1e300;
        port->max = isfinite(p->max) ? p->max : 1e300;
    }
    port->def = keep(L, n, mw_value_to_json(n->s->c, p->value, 0));
}

// params = { amount = 0.5, steps = { 20, "how many", min = 1 } }
static void read_params(lua_State *L, mw_user_node *n, int *count)
{
    lua_getfield(L, 1, "params");
    int table = lua_gettop(L);
    if (lua_istable(L, table))
        for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) {
            if (lua_type(L, -2) != LUA_TSTRING || *count == MOST_PORTS)
                mw_lua_wrong(L, "node '%s': params = { name = default, ... }", n->type.name);
            if (!(n->reading.name = strdup(lua_tostring(L, -2))))
                luaL_error(L, "not enough memory");
            mw_lua_read_param(L, n->s, lua_gettop(L), &n->reading);
            keep_param(L, n, &n->in[(*count)++], &n->reading);
            mw_param_free(&n->reading);
        }
    else if (!lua_isnil(L, table))
        mw_lua_wrong(L, "node '%s': params must be a table, got a %s", n->type.name, luaL_typename(L, table));
    lua_pop(L, 1);
    qsort(n->in + n->ninputs, (size_t)(*count - n->ninputs), sizeof *n->in, port_by_name);
}

// outputs = { image = "image" }; without it they are what the inputs are, and "value" where there are none.
static void read_outputs(lua_State *L, mw_user_node *n)
{
    int count = 0;
    lua_getfield(L, 1, "outputs");
    int table = lua_gettop(L);
    if (lua_istable(L, table)) {
        for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) {
            if (lua_type(L, -2) != LUA_TSTRING || count == MOST_PORTS)
                mw_lua_wrong(L, "node '%s': outputs = { name = \"type\", ... }", n->type.name);
            const char *type = known_type(L, n->type.name, lua_tostring(L, -2));
            n->out[count++] =
                (mw_out){keep_copy(L, n, lua_tostring(L, -2)), type, "output of a node made in Lua"};
        }
        qsort(n->out, (size_t)count, sizeof *n->out, out_by_name);
    } else {
        for (; count < n->ninputs; count++)
            n->out[count] = (mw_out){n->in[count].name, n->in[count].type, "output of a node made in Lua"};
        if (!count)
            n->out[count++] = (mw_out){"value", "any", "output of a node made in Lua"};
    }
    lua_pop(L, 1);
}

static mw_status run(mw_ctx *c, mw_value *const *in, mw_value **out);

// The function at the top of the stack goes into the registry, its hash into a port that cannot be set.
static void keep_function(lua_State *L, mw_user_node *n, int count)
{
    uint64_t hash;
    bool known = mw_lua_function_hash(L, lua_gettop(L), &hash);
    char text[24];
    snprintf(text, sizeof text, "\"%016llx\"", (unsigned long long)hash);
    n->in[count] = (mw_port){.name = "(function)", .type = "text", .doc = "what the function is"};
    n->in[count].def = keep_copy(L, n, text);
    n->type.flags = MW_NODE_MAIN | (known ? 0u : (unsigned)MW_NODE_IMPURE);
    n->function = luaL_ref(L, LUA_REGISTRYINDEX);
}

static void check_declaration(lua_State *L)
{
    static const char *const known[] = {"name", "inputs", "params", "outputs", "run", "doc"};
    if (!lua_istable(L, 1))
        mw_lua_wrong(L,
                     "node: expected mw.node { name =, inputs =, params =, run = function(i, prm) ... end }");
    for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1)) {
        bool good = false;
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
            good = good || (lua_type(L, -2) == LUA_TSTRING && !strcmp(known[i], lua_tostring(L, -2)));
        if (!good)
            mw_lua_wrong(L, "node: unknown key '%s'; it takes name, inputs, params, outputs, run, doc",
                         lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : luaL_typename(L, -2));
    }
    lua_getfield(L, 1, "name");
    if (lua_type(L, -1) != LUA_TSTRING)
        mw_lua_wrong(L, "node: 'name' must be a string, got %s", luaL_typename(L, -1));
    lua_getfield(L, 1, "run");
    if (!lua_isfunction(L, -1) || lua_iscfunction(L, -1))
        mw_lua_wrong(L, "node '%s': 'run' must be a Lua function(inputs, params), got %s",
                     lua_tostring(L, -2), luaL_typename(L, -1));
    lua_pop(L, 2);
}

static int make_node(lua_State *L)
{
    mw_script *s = mw_lua_script(L);
    lua_settop(L, 1);
    check_declaration(L);
    mw_user_node *n = calloc(1, sizeof *n);
    if (!n)
        return luaL_error(L, "not enough memory");
    n->s = s;
    n->next = s->user_nodes;
    s->user_nodes = n;
    lua_getfield(L, 1, "name");
    n->type = (mw_node_type){.version = 1, .in = n->in, .out = n->out, .run = run};
    n->type.name = keep_copy(L, n, lua_tostring(L, -1));
    lua_getfield(L, 1, "doc");
    n->type.doc = keep_copy(L, n, lua_isstring(L, -1) ? lua_tostring(L, -1) : "Made in Lua.");
    lua_settop(L, 1);
    read_inputs(L, n);
    int count = n->ninputs;
    read_params(L, n, &count);
    read_outputs(L, n);
    lua_getfield(L, 1, "run");
    keep_function(L, n, count);
    if (!mw_graph_schema(s->c, s->g, &n->type)) {
        mw_fail_context(s->c, "%s", mw_lua_where(L));
        return mw_lua_raise(L, s);
    }
    mw_lua_push_constructor(L, &n->type);
    return 1;
}

// ---- running

typedef struct call {
    mw_user_node *n;
    mw_value *const *in;
    mw_value **out;
} call;

static void push_ports(lua_State *L, const call *k, int from, int to)
{
    lua_newtable(L);
    for (int i = from; i < to; i++) {
        if (mw_value_as_object(k->in[i]) && !mw_value_as_function(k->in[i]))
            continue;
        mw_lua_push_value(L, k->n->s, k->in[i]);
        lua_setfield(L, -2, k->n->in[i].name);
    }
}

static bool is_tensor_type(const char *type)
{
    return !strcmp(type, "tensor") || !strcmp(type, "image") || !strcmp(type, "latents") ||
        !strcmp(type, "mask") || !strcmp(type, "embedding");
}

// The result on top of the stack as output i.
static void take_output(lua_State *L, const call *k, int i)
{
    const mw_out *o = &k->n->out[i];
    mw_script *s = k->n->s;
    mw_lua_to_value(L, s, -1, &k->out[i]);
    mw_kind kind = mw_value_kind(k->out[i]);
    mw_tensor *t = mw_value_as_tensor(k->out[i]);
    char shape[128];
    if (mw_link_of(k->out[i]))
        mw_fail(s->c, MW_E_SCRIPT, "its run() returned a handle as '%s'; return a value", o->name);
    else if (!mw_err(s->c) && is_tensor_type(o->type) && kind != MW_TENSOR)
        mw_fail(s->c, MW_E_SCRIPT, "its run() must return %s '%s' as a tensor, got a %s", o->type, o->name,
                mw_kind_name(kind));
    else if (t && !strcmp(o->type, "image") && (t->ndim < 3 || mw_dim(t, -1) != 3))
        mw_fail(s->c, MW_E_SCRIPT, "its run() must return '%s' as a picture [H,W,3], got %s", o->name,
                mw_shape_text(t, shape, sizeof shape));
}

static int call_lua(lua_State *L)
{
    call *k = lua_touserdata(L, 1);
    int nports = 0;
    while (k->n->in[nports + 1].name)
        nports++;
    lua_rawgeti(L, LUA_REGISTRYINDEX, k->n->function);
    push_ports(L, k, 0, k->n->ninputs);
    push_ports(L, k, k->n->ninputs, nports);
    lua_call(L, 2, 1);
    bool named = lua_istable(L, -1);
    if (!named)
        take_output(L, k, 0);
    for (int i = 0; named && k->n->out[i].name; i++) {
        lua_getfield(L, -1, k->n->out[i].name);
        if (lua_isnil(L, -1))
            mw_fail(k->n->s->c, MW_E_SCRIPT, "its run() returned no '%s'", k->n->out[i].name);
        else
            take_output(L, k, i);
        lua_pop(L, 1);
        if (mw_err(k->n->s->c))
            break;
    }
    for (lua_pushnil(L); named && lua_next(L, -2); lua_pop(L, 1)) {
        bool known = lua_type(L, -2) != LUA_TSTRING;
        for (int i = 0; !known && k->n->out[i].name; i++)
            known = !strcmp(k->n->out[i].name, lua_tostring(L, -2));
        if (!known)
            return luaL_error(
                L,
                "its run() returned '%s', which is not among its outputs (declare outputs = { %s = "
                "\"type\" })",
                lua_tostring(L, -2), lua_tostring(L, -2));
    }
    return 0;
}

static mw_status run(mw_ctx *c, mw_value *const *in, mw_value **out)
{
    mw_user_node *n = (mw_user_node *)(size_t)mw_running_type(c);
    call k = {n, in, out};
    return mw_lua_protected(c, n->s, call_lua, &k);
}

void mw_lua_add_user_nodes(lua_State *L)
{
    lua_pushcfunction(L, make_node);
    lua_setfield(L, -2, "node");
}
