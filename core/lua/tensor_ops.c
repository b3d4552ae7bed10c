// tensor_ops.c: arithmetic on tensors in Lua: dimensions and indices count from 1, negative ones from the
// end.
#include "core/lua/lua_internal.h"
#include "core/ops.h"

#include <math.h>
#include <stdlib.h>

// ---- one op

mw_tensor *mw_lua_need_tensor(lua_State *L, int idx)
{
    mw_tensor *t = mw_lua_tensor(L, idx);
    if (!t)
        mw_lua_wrong(L, "expected a tensor, got %s", mw_lua_a_type(L, idx));
    return t;
}

mw_script *mw_lua_op_begin(lua_State *L)
{
    mw_script *s = mw_lua_script(L);
    luaL_checkstack(L, 8, "too many values");
    mw_lua_push_held(L);
    mw_scope_begin(s->c);
    s->recording = mw_lua_tape_open(s);
    return s;
}

int mw_lua_raise_here(lua_State *L, mw_script *s)
{
    if (!mw_err(s->c))
        return 0;
    mw_lua_where(L);
    mw_fail_context(s->c, "%s", lua_tostring(L, -1));
    return mw_lua_raise(L, s);
}

int mw_lua_op_end(lua_State *L, mw_script *s, mw_tensor *result)
{
    mw_lua_tape_close(s, s->recording);
    if (result && !mw_err(s->c))
        mw_lua_hold(L, lua_touserdata(L, -1), result);
    mw_scope_end(s->c, NULL);
    mw_lua_raise_here(L, s);
    return 1;
}

// A dimension given from 1 on, or negative from the end, as 0-based.
static int dim_at(lua_State *L, int idx, const mw_tensor *t)
{
    double d = lua_type(L, idx) == LUA_TNUMBER ? lua_tonumber(L, idx) : 0;
    if (d != floor(d) || d == 0 || fabs(d) > t->ndim)
        mw_lua_wrong(L, "a dimension must be from 1 to %d or from -%d to -1, got %s", t->ndim, t->ndim,
                     lua_tostring(L, idx) ? lua_tostring(L, idx) : luaL_typename(L, idx));
    return (int)(d > 0 ? d - 1 : t->ndim + d);
}

// ---- + - * / ^

static bool scalar(lua_State *L, int idx, double *x)
{
    *x = lua_tonumber(L, idx);
    if (lua_type(L, idx) == LUA_TNUMBER)
        return true;
    mw_lua_need_tensor(L, idx);
    return false;
}

static int op_add(lua_State *L)
{
    double a, b;
    bool na = scalar(L, 1, &a), nb = scalar(L, 2, &b);
    mw_script *s = mw_lua_op_begin(L);
    mw_tensor *x = mw_lua_tensor(L, 1), *y = mw_lua_tensor(L, 2);
    return mw_lua_op_end(L, s,
                         na       ? mw_affine(s->c, y, 1, a)
                             : nb ? mw_affine(s->c, x, 1, b)
                                  : mw_add(s->c, x, y));
}

static int op_sub(lua_State *L)
{
    double a, b;
    bool na = scalar(L, 1, &a), nb = scalar(L, 2, &b);
    mw_script *s = mw_lua_op_begin(L);
    mw_tensor *x = mw_lua_tensor(L, 1), *y = mw_lua_tensor(L, 2);
    return mw_lua_op_end(L, s,
                         na       ? mw_affine(s->c, y, -1, a)
                             : nb ? mw_affine(s->c, x, 1, -b)
                                  : mw_sub(s->c, x, y));
}

static int op_mul(lua_State *L)
{
    double a, b;
    bool na = scalar(L, 1, &a), nb = scalar(L, 2, &b);
    mw_script *s = mw_lua_op_begin(L);
    mw_tensor *x = mw_lua_tensor(L, 1), *y = mw_lua_tensor(L, 2);
    return mw_lua_op_end(L, s,
                         na       ? mw_affine(s->c, y, a, 0)
                             : nb ? mw_affine(s->c, x, b, 0)
                                  : mw_mul(s->c, x, y));
}

static int op_div(lua_State *L)
{
    double a, b;
    bool na = scalar(L, 1, &a), nb = scalar(L, 2, &b);
    mw_script *s = mw_lua_op_begin(L);
    mw_tensor *x = mw_lua_tensor(L, 1), *y = mw_lua_tensor(L, 2);
    mw_tensor *r = na ? mw_div(s->c, mw_tensor_scalar(s->c, (float)a), y)
        : nb          ? mw_affine(s->c, x, 1 / b, 0)
                      : mw_div(s->c, x, y);
    return mw_lua_op_end(L, s, r);
}

static int op_pow(lua_State *L)
{
    double k;
    mw_tensor *x = mw_lua_need_tensor(L, 1);
    if (!scalar(L, 2, &k))
        return mw_lua_wrong(L, "t ^ k: k must be a number");
    mw_script *s = mw_lua_op_begin(L);
    return mw_lua_op_end(L, s, mw_pow(s->c, x, k));
}

static int op_neg(lua_State *L)
{
    mw_tensor *x = mw_lua_need_tensor(L, 1);
    mw_script *s = mw_lua_op_begin(L);
    return mw_lua_op_end(L, s, mw_affine(s->c, x, -1, 0));
}

// ---- one tensor in, one out

#define UNARY(name, call)                                                                                    \
    static int name(lua_State *L)                                                                            \
    {                                                                                                        \
        mw_tensor *x = mw_lua_need_tensor(L, 1);                                                             \
        mw_script *s = mw_lua_op_begin(L);                                                                   \
        return mw_lua_op_end(L, s, call(s->c, x));                                                           \
    }
UNARY(op_exp, mw_exp)
UNARY(op_log, mw_log_e)
UNARY(op_sqrt, mw_sqrt)
UNARY(op_abs, mw_abs)

static int op_clamp(lua_State *L)
{
    mw_tensor *x = mw_lua_need_tensor(L, 1);
    double low = luaL_optnumber(L, 2, -INFINITY), high = luaL_optnumber(L, 3, INFINITY);
    mw_script *s = mw_lua_op_begin(L);
    return mw_lua_op_end(L, s, mw_clamp(s->c, x, low, high));
}

// ---- reductions: over one dimension, which goes, or over all

typedef mw_tensor *reduce_fn(mw_ctx *c, mw_tensor *x, int dim, bool keep);

static int reduce(lua_State *L, reduce_fn *f)
{
    mw_tensor *x = mw_lua_need_tensor(L, 1);
    bool all = lua_isnoneornil(L, 2);
    int dim = all ? 0 : dim_at(L, 2, x);
    bool keep = lua_toboolean(L, 3);
    mw_script *s = mw_lua_op_begin(L);
    return mw_lua_op_end(L, s, f(s->c, all ? mw_reshape(s->c, x, MW_SHAPE(-1)) : x, dim, keep));
}

static int op_sum(lua_State *L) { return reduce(L, mw_sum); }
static int op_mean(lua_State *L) { return reduce(L, mw_mean); }
static int op_max(lua_State *L) { return reduce(L, mw_max); }

// ---- what works on the last dimension, brought there and back

static mw_tensor *swap_last(mw_ctx *c, mw_tensor *x, int dim)
{
    return dim == x->ndim - 1 ? x : mw_transpose(c, x, dim, x->ndim - 1);
}

static int op_softmax(lua_State *L)
{
    mw_tensor *x = mw_lua_need_tensor(L, 1);
    int dim = lua_isnoneornil(L, 2) ? x->ndim - 1 : dim_at(L, 2, x);
    mw_script *s = mw_lua_op_begin(L);
    mw_tensor *y = mw_softmax(s->c, swap_last(s->c, x, dim));
    return mw_lua_op_end(L, s, y ? swap_last(s->c, y, dim) : NULL);
}

// Positions as the device gives them, i32 from 0, as f32 from 1.
static mw_tensor *positions_from_one(mw_ctx *c, const mw_tensor *at)
{
    int64_t n = mw_numel(at);
    float *data = mw_alloc(c, (size_t)(n + 1) * sizeof *data);
    mw_tensor *t = NULL;
    if (data && at && !mw_tensor_read_f32(c, at, data)) {
        for (int64_t i = 0; i < n; i++)
            data[i] += 1;
        t = mw_tensor_from_f32(c, MW_F32, at->ndim, at->shape, data);
    }
    free(data);
    return t;
}

// values, positions (from 1) = t:topk(k, dim)
static int op_topk(lua_State *L)
{
    mw_tensor *x = mw_lua_need_tensor(L, 1), *at = NULL;
    double k = luaL_checknumber(L, 2);
    int dim = lua_isnoneornil(L, 3) ? x->ndim - 1 : dim_at(L, 3, x);
    if (k != floor(k) || k < 1 || k > (double)mw_dim(x, dim))
        return mw_lua_wrong(L, "topk: k must be from 1 to %d", (int)mw_dim(x, dim));
    mw_held *positions = mw_lua_push_held(L);
    mw_script *s = mw_lua_op_begin(L);
    mw_tensor *y = mw_topk(s->c, swap_last(s->c, x, dim), (int)k, &at);
    mw_tensor *from_one = positions_from_one(s->c, at);
    if (from_one)
        mw_lua_hold(L, positions, swap_last(s->c, from_one, dim));
    mw_lua_op_end(L, s, y ? swap_last(s->c, y, dim) : NULL);
    lua_insert(L, -2);
    return 2;
}

static int op_matmul(lua_State *L)
{
    mw_tensor *a = mw_lua_need_tensor(L, 1), *b = mw_lua_need_tensor(L, 2);
    mw_script *s = mw_lua_op_begin(L);
    return mw_lua_op_end(L, s, mw_matmul(s->c, a, b, 1));
}

// ---- shapes

static int op_reshape(lua_State *L)
{
    mw_tensor *x = mw_lua_need_tensor(L, 1);
    if (lua_istable(L, 2)) {
        size_t dims = lua_objlen(L, 2);
        int n = dims > MW_MAXDIM ? MW_MAXDIM + 1 : (int)dims;
        for (int i = 1; i <= n; i++)
            lua_rawgeti(L, 2, i);
        lua_remove(L, 2);
    }
    int ndim = lua_gettop(L) - 1;
    int64_t shape[MW_MAXDIM];
    if (ndim > MW_MAXDIM)
        return mw_lua_wrong(L, "reshape: more than %d dimensions", MW_MAXDIM);
    for (int i = 0; i < ndim; i++) {
        double size = luaL_checknumber(L, i + 2);
        if (size != floor(size) || fabs(size) > 0x1p53)
            return mw_lua_wrong(L, "reshape: sizes must be whole numbers, got %s", lua_tostring(L, i + 2));
        shape[i] = (int64_t)size;
    }
    mw_script *s = mw_lua_op_begin(L);
    return mw_lua_op_end(L, s, mw_reshape(s->c, x, ndim, shape));
}

static int op_transpose(lua_State *L)
{
    mw_tensor *x = mw_lua_need_tensor(L, 1);
    int a = dim_at(L, 2, x), b = dim_at(L, 3, x);
    mw_script *s = mw_lua_op_begin(L);
    return mw_lua_op_end(L, s, mw_transpose(s->c, x, a, b));
}

const mw_lua_entry mw_lua_tensor_ops[] = {
    {.name = "__add",
     .run = op_add,
     .usage = "a + b",
     .type = "(mw.tensor|number): mw.tensor",
     .doc = "Sum of tensors, or of a tensor and a number; shapes broadcast."},
    {.name = "__sub",
     .run = op_sub,
     .usage = "a - b",
     .type = "(mw.tensor|number): mw.tensor",
     .doc = "Difference; shapes broadcast."},
    {.name = "__mul",
     .run = op_mul,
     .usage = "a * b",
     .type = "(mw.tensor|number): mw.tensor",
     .doc = "Product of the elements; shapes broadcast."},
    {.name = "__div",
     .run = op_div,
     .usage = "a / b",
     .type = "(mw.tensor|number): mw.tensor",
     .doc = "Quotient of the elements; shapes broadcast."},
    {.name = "__pow",
     .run = op_pow,
     .usage = "t ^ k",
     .type = "(number): mw.tensor",
     .doc = "The elements to the power of a number."},
    {.name = "__unm",
     .run = op_neg,
     .usage = "-t",
     .type = "(): mw.tensor",
     .doc = "The elements with the other sign."},
    {.name = "exp",
     .run = op_exp,
     .usage = "t:exp()",
     .type = "fun(self: mw.tensor): mw.tensor",
     .doc = "e to the power of each element."},
    {.name = "log",
     .run = op_log,
     .usage = "t:log()",
     .type = "fun(self: mw.tensor): mw.tensor",
     .doc = "The natural logarithm of each element."},
    {.name = "sqrt",
     .run = op_sqrt,
     .usage = "t:sqrt()",
     .type = "fun(self: mw.tensor): mw.tensor",
     .doc = "The square root of each element."},
    {.name = "abs",
     .run = op_abs,
     .usage = "t:abs()",
     .type = "fun(self: mw.tensor): mw.tensor",
     .doc = "Each element without its sign."},
    {.name = "clamp",
     .run = op_clamp,
     .usage = "t:clamp(low, high)",
     .type = "fun(self: mw.tensor, low?: number, high?: number): mw.tensor",
     .doc = "The elements, none below low or above high; nil leaves that end open."},
    {.name = "sum",
     .run = op_sum,
     .usage = "t:sum(dim, keep)",
     .type = "fun(self: mw.tensor, dim?: integer, keep?: boolean): mw.tensor",
     .doc = "The sum over a dimension, which goes unless keep is true; without one, over all: one number."},
    {.name = "mean",
     .run = op_mean,
     .usage = "t:mean(dim, keep)",
     .type = "fun(self: mw.tensor, dim?: integer, keep?: boolean): mw.tensor",
     .doc = "The mean, over what sum adds up."},
    {.name = "max",
     .run = op_max,
     .usage = "t:max(dim, keep)",
     .type = "fun(self: mw.tensor, dim?: integer, keep?: boolean): mw.tensor",
     .doc = "The largest, over what sum adds up."},
    {.name = "softmax",
     .run = op_softmax,
     .usage = "t:softmax(dim)",
     .type = "fun(self: mw.tensor, dim?: integer): mw.tensor",
     .doc = "Shares that add up to 1 along a dimension, the last by default."},
    {.name = "topk",
     .run = op_topk,
     .usage = "values, positions = t:topk(k, dim)",
     .type = "fun(self: mw.tensor, k: integer, dim?: integer): mw.tensor, mw.tensor",
     .doc = "The k largest along a dimension (the last by default), largest first, and where they stand, "
            "from 1."},
    {.name = "matmul",
     .run = op_matmul,
     .usage = "a:matmul(b)",
     .type = "fun(self: mw.tensor, other: mw.tensor): mw.tensor",
     .doc = "The product of matrices [...,m,k] and [...,k,n]."},
    {.name = "reshape",
     .run = op_reshape,
     .usage = "t:reshape(size, ...)",
     .type = "fun(self: mw.tensor, ...: integer|integer[]): mw.tensor",
     .doc = "The same elements in another shape; one size may be -1: what remains."},
    {.name = "transpose",
     .run = op_transpose,
     .usage = "t:transpose(a, b)",
     .type = "fun(self: mw.tensor, a: integer, b: integer): mw.tensor",
     .doc = "The same with two dimensions swapped."},
    {.name = NULL},
};
