// user_kernel_run.c: kernels of a script at work: sizes asked of its functions, the op, and its gradient.
#include "core/lua/user_kernel.h"
#include "core/ops.h"

#include <string.h>

// The attributes of one application of the op.
typedef struct sized {
    mw_user_kernel *k;
    mw_dtype dtype[MW_MAXOUT];
    int ndim[MW_MAXOUT];
    int64_t shape[MW_MAXOUT][MW_MAXDIM];
    double params[MW_TEXT_PARAMS];
    mw_text_range range;
} sized;

// ---- Lua's side

typedef struct asked {
    sized *a;
    mw_tensor *const *in;
} asked;

// Leaves the field of the kernel's declaration on top of the stack.
static void push_declared(lua_State *L, const mw_user_kernel *k, const char *key)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, k->node.function);
    lua_getfield(L, -1, key);
    lua_remove(L, -2);
}

static void push_inputs(lua_State *L, const mw_user_kernel *k, mw_tensor *const *in)
{
    lua_newtable(L);
    for (int i = 0; i < k->kernel.nin; i++) {
        mw_lua_push_tensor(L, in[i]);
        lua_setfield(L, -2, k->kernel.arg[i]);
    }
}

static void push_params(lua_State *L, const sized *a)
{
    const mw_user_node *n = &a->k->node;
    lua_newtable(L);
    for (int i = n->ninputs; i < n->ndeclared; i++) {
        double x = a->params[i - n->ninputs];
        if (!strcmp(n->in[i].type, "bool"))
            lua_pushboolean(L, x != 0);
        else
            lua_pushnumber(L, x);
        lua_setfield(L, -2, n->in[i].name);
    }
}

// Calls the function on top of the stack with inputs and params, and reads the sizes that it gives.
static int ask_sizes(lua_State *L, const asked *q, const char *of, int most, int64_t *size)
{
    push_inputs(L, q->a->k, q->in);
    push_params(L, q->a);
    lua_call(L, 2, 1);
    int n = mw_user_kernel_sizes(L, lua_gettop(L), size);
    if (n < 0 || n > most || (!n && most == 3))
        return luaL_error(L, "its %s must give a whole number, or a list of at most %d", of, most);
    lua_pop(L, 1);
    return n;
}

static void ask_shapes(lua_State *L, const asked *q)
{
    sized *a = q->a;
    push_declared(L, a->k, "outputs");
    for (int i = 0; i < a->k->kernel.nout; i++) {
        const mw_kernel_out *o = &a->k->out[i];
        const mw_tensor *like = o->like < 0 ? NULL : q->in[o->like];
        a->dtype[i] = like ? like->dtype : o->dtype;
        a->ndim[i] = like ? like->ndim : o->ndim;
        memcpy(a->shape[i], like ? like->shape : o->shape, sizeof o->shape);
        if (a->ndim[i] >= 0)
            continue;
        lua_getfield(L, -1, a->k->node.out[i].name);
        lua_getfield(L, -1, "shape");
        a->ndim[i] = ask_sizes(L, q, "shape", MW_MAXDIM, a->shape[i]);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

static int ask(lua_State *L)
{
    const asked *q = lua_touserdata(L, 1);
    sized *a = q->a;
    int64_t global[3] = {1, 1, 1}, local[3] = {0};
    luaL_checkstack(L, 16, "too many values");
    ask_shapes(L, q);
    push_declared(L, a->k, "global");
    a->range.dims = 1;
    if (lua_isfunction(L, -1))
        a->range.dims = ask_sizes(L, q, "global", 3, global);
    else
        for (int i = 0; i < a->ndim[0]; i++)
            global[0] *= a->shape[0][i];
    push_declared(L, a->k, "local");
    if (lua_isfunction(L, -1) && ask_sizes(L, q, "local", 3, local) != a->range.dims)
        return luaL_error(L, "its local must give as many sizes as its global (%d)", a->range.dims);
    for (int i = 0; i < a->range.dims; i++) {
        a->range.global[i] = (size_t)global[i];
        a->range.local[i] = (size_t)local[i];
        if (!local[i] != !local[0])
            return luaL_error(L, "its local must give sizes of at least 1");
    }
    return 0;
}

// ---- the op

static mw_status infer(mw_ctx *c, mw_call *call)
{
    const sized *a = call->attrs;
    for (int i = 0; i < a->k->kernel.nout; i++)
        call->out[i] = mw_tensor_new(c, a->dtype[i], a->ndim[i], a->shape[i]);
    return mw_err(c);
}

static mw_status forward(mw_ctx *c, const mw_call *call)
{
    const sized *a = call->attrs;
    return mw_text_kernel_run(c, &a->k->kernel, call->in, call->out, a->params, &a->range);
}

typedef struct walked {
    const sized *a;
    mw_tensor *in[MW_MAXIN], *g[MW_MAXOUT];
    const bool *want;
    mw_tensor *result[MW_MAXIN]; // a share each
} walked;

static int ask_gradient(lua_State *L)
{
    walked *w = lua_touserdata(L, 1);
    const mw_user_kernel *k = w->a->k;
    char got[128], want[128];
    luaL_checkstack(L, 16, "too many values");
    push_declared(L, k, "gradient");
    push_inputs(L, k, w->in);
    lua_newtable(L);
    for (int i = 0; i < k->kernel.nout; i++) {
        mw_lua_push_tensor(L, w->g[i]);
        lua_setfield(L, -2, k->node.out[i].name);
    }
    push_params(L, w->a);
    lua_call(L, 3, 1);
    if (!lua_istable(L, -1))
        return luaL_error(L, "its gradient must return a table { %s = gradient }, got %s", k->kernel.arg[0],
                          mw_lua_a_type(L, -1));
    for (int i = 0; i < k->kernel.nin; i++) {
        if (!w->want[i])
            continue;
        lua_getfield(L, -1, k->kernel.arg[i]);
        mw_tensor *t = mw_lua_tensor(L, -1);
        if (!t)
            return luaL_error(L, "its gradient must return '%s' as a tensor, got %s", k->kernel.arg[i],
                              mw_lua_a_type(L, -1));
        if (!mw_same_shape(t, w->in[i]))
            return luaL_error(L, "its gradient returned '%s' as %s, expected the shape of %s",
                              k->kernel.arg[i], mw_shape_text(t, got, sizeof got),
                              mw_shape_text(w->in[i], want, sizeof want));
        w->result[i] = mw_retain(t);
        lua_pop(L, 1);
    }
    return 0;
}

static mw_status vjp(mw_ctx *c, const mw_call *call, mw_tensor *const *gout, mw_tensor **gin,
                     const bool *want)
{
    const sized *a = call->attrs;
    mw_user_kernel *k = a->k;
    if (!k->has_gradient)
        return mw_fail(
            c, MW_E_SCRIPT,
            "the kernel '%s' was declared without gradient = function(i, g) ... end, and cannot be "
            "differentiated",
            k->kernel.name);
    walked w = {.a = a, .want = want};
    // Without a tape around this walk nothing is to be recorded: inputs come without their past.
    for (int i = 0; i < call->nin; i++)
        w.in[i] = c->tape ? call->in[i] : mw_alias(c, call->in[i]);
    for (int i = 0; i < k->kernel.nout; i++)
        w.g[i] = gout[i] ? gout[i] : mw_full(c, MW_F32, a->ndim[i], a->shape[i], 0);
    if (!mw_err(c))
        mw_lua_protected(c, k->node.s, ask_gradient, &w);
    mw_fail_context(c, "the kernel '%s'", k->kernel.name);
    for (int i = 0; i < call->nin; i++)
        gin[i] = w.result[i] ? mw_cast(c, mw_scope_adopt(c, w.result[i]), MW_F32) : NULL;
    return mw_err(c);
}

void mw_user_kernel_op(mw_user_kernel *k)
{
    k->op.name = k->kernel.name;
    k->op.doc = k->node.type.doc;
    k->op.nin = k->op.nreq = k->kernel.nin;
    k->op.infer = infer;
    k->op.forward = forward;
    k->op.vjp = vjp;
    k->op.attrs_size = sizeof(sized);
    k->op.reads = mw_reads_inputs;
}

// ---- one application

mw_status mw_user_kernel_apply(mw_ctx *c, mw_user_kernel *k, mw_tensor *const *in, mw_value *const *params,
                               mw_tensor **out)
{
    sized a = {.k = k};
    for (int i = 0; i < k->kernel.nparams; i++) {
        bool flag = mw_value_kind(params[i]) == MW_BOOL;
        a.params[i] = flag ? mw_value_as_bool(params[i]) : mw_value_as_number(params[i]);
        if (k->kernel.whole[i] && (a.params[i] < INT32_MIN || a.params[i] > INT32_MAX))
            return mw_fail(c, MW_E_SCRIPT, "'%s' must be a whole number of 32 bits, got %.17g",
                           k->node.in[k->kernel.nin + i].name, a.params[i]);
    }
    asked q = {&a, in};
    if (mw_lua_protected(c, k->node.s, ask, &q)) {
        mw_fail_context(c, "the kernel '%s'", k->kernel.name);
        return mw_err(c);
    }
    bool opened = mw_lua_tape_open(k->node.s);
    mw_apply_many(c, &k->op, in, k->kernel.nin, &a, out, k->kernel.nout);
    mw_lua_tape_close(k->node.s, opened);
    return mw_err(c);
}

mw_status mw_user_kernel_run(mw_ctx *c, mw_value *const *in, mw_value **out)
{
    mw_user_kernel *k = (mw_user_kernel *)(size_t)mw_running_type();
    mw_tensor *tensors[MW_MAXIN], *made[MW_MAXOUT];
    for (int i = 0; i < k->kernel.nin; i++)
        tensors[i] = mw_value_as_tensor(in[i]);
    if (mw_user_kernel_apply(c, k, tensors, in + k->kernel.nin, made))
        return mw_err(c);
    for (int i = 0; i < k->kernel.nout; i++)
        out[i] = mw_value_tensor(c, made[i]);
    return mw_err(c);
}
