// user_kernel_call.c: what mw.kernel returns: given handles it makes a node, given tensors it runs the
// kernel.
#include "core/lua/user_kernel.h"

// Tensors are at hand, and handles are not: the kernel runs now.
static bool runs_now(lua_State *L)
{
    bool tensor = false, handle = false;
    mw_link link;
    if (lua_istable(L, 1))
        for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1)) {
            tensor = tensor || mw_lua_tensor(L, -1);
            handle = handle || mw_lua_handle(L, -1, &link);
        }
    return tensor && !handle && !lua_objlen(L, 1);
}

// The arguments of the table at 1, checked, as values in boxes above the top.
static void push_arguments(lua_State *L, mw_user_kernel *k, mw_value **in)
{
    mw_script *s = k->node.s;
    mw_value **args = mw_lua_box(L);
    const char *where = mw_lua_where(L);
    mw_value **box[MW_USER_PORTS];
    for (int i = 0; i < k->node.ndeclared; i++)
        box[i] = mw_lua_box(L);
    if (!mw_lua_to_arguments(L, s, 1, args))
        mw_fail_context(s->c, "%s: %s", where, k->node.type.name);
    else
        mw_graph_arguments(s->c, s->g, &k->node.type, *args, &(mw_wiring){.where = where}, in);
    for (int i = 0; i < k->node.ndeclared; i++)
        *box[i] = in[i];
    if (mw_err(s->c))
        mw_lua_raise(L, s);
}

// The tensor given for input i in the table at 1, as it is: a value would not tell what it was computed from.
static mw_tensor *tensor_given(lua_State *L, const mw_user_kernel *k, int i)
{
    mw_tensor *t = NULL;
    const mw_schema *schema = mw_graph_schema(k->node.s->c, k->node.s->g, &k->node.type);
    for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1))
        if (mw_schema_port(schema, lua_tostring(L, -2)) == i)
            t = mw_lua_tensor(L, -1);
    return mw_scope_adopt(k->node.s->c, mw_retain(t));
}

// One output is returned as it is, several in a table.
static int call_now(lua_State *L, mw_user_kernel *k)
{
    mw_script *s = k->node.s;
    int nout = k->kernel.nout;
    mw_value *in[MW_USER_PORTS] = {0};
    mw_held *held[MW_MAXOUT];
    mw_tensor *tensors[MW_MAXIN], *out[MW_MAXOUT] = {0};
    luaL_checkstack(L, 2 * MW_USER_PORTS, "too many values");
    push_arguments(L, k, in);
    lua_newtable(L);
    for (int i = 0; i < nout; i++)
        held[i] = mw_lua_push_held(L);
    mw_scope_begin(s->c);
    for (int i = 0; i < k->node.ninputs; i++)
        tensors[i] = tensor_given(L, k, i);
    mw_user_kernel_apply(s->c, k, tensors, in + k->node.ninputs, out);
    for (int i = 0; i < nout && !mw_err(s->c); i++)
        mw_lua_hold(L, held[i], out[i]);
    mw_scope_end(s->c, NULL);
    mw_lua_raise_here(L, s);
    if (nout == 1)
        return 1;
    for (int i = nout; i-- > 0;)
        lua_setfield(L, -2 - i, k->node.out[i].name);
    return 1;
}

// upvalues: the kernel, its declaration, the constructor of its nodes
static int call(lua_State *L)
{
    mw_user_kernel *k = lua_touserdata(L, lua_upvalueindex(1));
    lua_settop(L, 1);
    if (runs_now(L))
        return call_now(L, k);
    lua_pushvalue(L, lua_upvalueindex(3));
    lua_insert(L, 1);
    lua_call(L, 1, 1);
    return 1;
}

bool mw_lua_push_kernel(lua_State *L, int idx)
{
    return lua_tocfunction(L, idx) == call && lua_getupvalue(L, idx, 2);
}

void mw_user_kernel_push(lua_State *L, mw_user_kernel *k)
{
    lua_pushlightuserdata(L, k);
    lua_insert(L, -2);
    mw_lua_push_constructor(L, &k->node.type);
    lua_pushcclosure(L, call, 3);
}
