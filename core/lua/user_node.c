// user_node.c: mw.node: a node whose work is a Lua function of the script.
#include "core/lua/user_node.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// ---- declaration

// The names and types of the table on top of the stack; how many.
static int read_types(lua_State *L, mw_user_node *n, const char *key, mw_out *out)
{
    int count = 0, table = lua_gettop(L);
    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING || count == MW_USER_PORTS)
            mw_lua_wrong(L, "node '%s': %s = { name = \"type\", ... }, at most %d", n->type.name, key,
                         MW_USER_PORTS);
        const char *type = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
        mw_user_check_type(L, n, type, lua_tostring(L, -2));
        mw_user_add_output(L, &out[count++], lua_tostring(L, -2), type);
    }
    qsort(out, (size_t)count, sizeof *out, mw_user_out_by_name);
    return count;
}

// emits = { token = "text" }: what mw.emit hands out while it runs.
static void read_emits(lua_State *L, mw_user_node *n)
{
    lua_getfield(L, 1, "emits");
    if (!lua_isnil(L, -1) && !lua_istable(L, -1))
        mw_lua_wrong(L, "node '%s': emits must be a table, got %s", n->type.name, mw_lua_a_type(L, -1));
    if (lua_istable(L, -1) && read_types(L, n, "emits", n->emits))
        n->type.emits = n->emits;
    lua_pop(L, 1);
}

// outputs = { image = "image" }; without it they are what the inputs are, and "value" where there are none.
static void read_outputs(lua_State *L, mw_user_node *n)
{
    int count = 0;
    lua_getfield(L, 1, "outputs");
    if (!lua_isnil(L, -1) && !lua_istable(L, -1))
        mw_lua_wrong(L, "node '%s': outputs must be a table, got %s", n->type.name, mw_lua_a_type(L, -1));
    if (lua_istable(L, -1)) {
        if (!read_types(L, n, "outputs", n->out))
            mw_lua_wrong(L, "node '%s': outputs must name at least one: outputs = { name = \"type\" }",
                         n->type.name);
    } else {
        for (; count < n->ninputs; count++)
            mw_user_add_output(L, &n->out[count], n->declared[count].port.name, n->declared[count].port.type);
        if (!count)
            mw_user_add_output(L, &n->out[0], "value", "any");
    }
    lua_pop(L, 1);
}

static mw_status run(mw_ctx *c, mw_value *const *in, mw_value **out);

static void check_declaration(lua_State *L)
{
    static const char *const known[] = {"name", "inputs", "params", "outputs", "emits", "run", "doc", NULL};
    if (!lua_istable(L, 1))
        mw_lua_wrong(L,
                     "node: expected mw.node { name =, inputs =, params =, run = function(i, prm) ... end }");
    mw_user_check_keys(L, "node", known);
    lua_getfield(L, 1, "name");
    lua_getfield(L, 1, "run");
    if (!lua_isfunction(L, -1) || lua_iscfunction(L, -1))
        mw_lua_wrong(L, "node '%s': 'run' must be a Lua function(inputs, params), got %s",
                     lua_tostring(L, -2), mw_lua_a_type(L, -1));
    lua_pop(L, 2);
}

static int make_node(lua_State *L)
{
    lua_settop(L, 1);
    check_declaration(L);
    mw_user_node *n = mw_user_node_new(L, sizeof *n, "node");
    n->type.run = run;
    mw_user_read_inputs(L, n);
    mw_user_read_params(L, n);
    read_outputs(L, n);
    read_emits(L, n);
    lua_getfield(L, 1, "run");
    mw_user_node_finish(L, n);
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

static void refuse_output(mw_ctx *c, const mw_out *o, const mw_value *v)
{
    bool tensor = mw_port_type_of(o->type)->group == MW_GROUP_TENSOR;
    mw_port p = {.name = o->name, .type = o->type, .min = -INFINITY, .max = INFINITY};
    char *takes = mw_port_takes(c, &p), *got = mw_value_words(c, v);
    if (takes && got)
        mw_fail(c, MW_E_SCRIPT, "its run() must return '%s' as %s%s, got %s", o->name, takes,
                tensor && strcmp(o->type, "tensor") ? " (a tensor)" : "", got);
    free(takes);
    free(got);
}

// The result on top of the stack as output i.
static void take_output(lua_State *L, const call *k, int i)
{
    const mw_out *o = &k->n->out[i];
    mw_script *s = k->n->s;
    mw_lua_to_value(L, s, -1, &k->out[i]);
    mw_lua_keep_converted(s);
    mw_kind kind = mw_value_kind(k->out[i]);
    mw_tensor *t = mw_value_as_tensor(k->out[i]);
    char shape[128];
    if (mw_link_of(k->out[i]))
        mw_fail(s->c, MW_E_SCRIPT, "its run() returned a handle as '%s'; return a value", o->name);
    else if (!mw_err(s->c) && !(mw_port_type_of(o->type)->kinds & 1u << kind))
        refuse_output(s->c, o, k->out[i]);
    else if (t && !strcmp(o->type, "image") && (t->ndim < 3 || mw_dim(t, -1) != 3))
        mw_fail(s->c, MW_E_SCRIPT, "its run() must return '%s' as a picture [H,W,3], got %s", o->name,
                mw_shape_text(t, shape, sizeof shape));
}

static int call_lua(lua_State *L)
{
    call *k = lua_touserdata(L, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, k->n->function);
    push_ports(L, k, 0, k->n->ninputs);
    push_ports(L, k, k->n->ninputs, k->n->ndeclared);
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
    mw_user_node *n = (mw_user_node *)(size_t)mw_running_type();
    call k = {n, in, out};
    return mw_lua_protected(c, n->s, call_lua, &k);
}

static int node(lua_State *L)
{
    lua_settop(L, 1);
    lua_pushcfunction(L, make_node);
    lua_insert(L, 1);
    if (!mw_lua_try(L, mw_lua_script(L), 1, 1))
        mw_lua_push_broken_constructor(L);
    return 1;
}

// mw.emit(name, value)
static int emit(lua_State *L)
{
    mw_script *s = mw_lua_script(L);
    const char *name = luaL_checkstring(L, 1);
    if (!mw_running_type())
        return mw_lua_wrong(L, "emit: only a node's run() hands out values");
    mw_value **v = mw_lua_box(L);
    if (mw_lua_to_value(L, s, 2, v) && mw_link_inside(*v))
        mw_fail(s->c, MW_E_SCRIPT, "'%s' is a handle; emit a value", name);
    if (mw_emit(s->c, name, mw_value_retain(*v))) {
        mw_fail_context(s->c, "%s: emit", mw_lua_where(L));
        return mw_lua_raise(L, s);
    }
    return 0;
}

const mw_lua_entry mw_lua_user_nodes[] = {
    {.name = "node",
     .run = node,
     .usage = "mw.node { name =, inputs =, params =, outputs =, doc =, emits =, run = function(inputs, "
              "params) ... end }",
     .type = "fun(declaration: table): fun(params: table): mw.handle",
     .doc =
         "Makes a node of a Lua function and returns its constructor. inputs = { name = \"type\" }; params "
         "as "
         "mw.params has them; outputs = { name = \"type\" }, without it those of the inputs. run returns a "
         "table of its outputs, or the only one. emits = { name = \"type\" }: what mw.emit hands out "
         "meanwhile."},
    {.name = "emit",
     .run = emit,
     .usage = "mw.emit(name, value)",
     .type = "fun(name: string, value: any)",
     .doc =
         "In a node's run(): hands out a value before the end, to whoever listens to the run: a text appears "
         "on the terminal as it comes. Results and keys are the same whether somebody listens or not."},
    {.name = NULL},
};
