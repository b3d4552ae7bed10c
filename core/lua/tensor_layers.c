// tensor_layers.c: methods of tensors in Lua that are layers of networks: convolutions, normalisation.
#include "core/lua/lua_internal.h"
#include "core/ops.h"

#include <math.h>

// ---- convolutions

// picture:blur(sigma): Gaussian, [H,W,C]; near the border by the pixels there are.
static int op_blur(lua_State *L)
{
    mw_tensor *x = mw_lua_need_tensor(L, 1);
    double sigma = luaL_checknumber(L, 2);
    enum { MOST = 61 };
    float kernel[MOST * MOST];
    if (x->ndim != 3 || !(sigma > 0) || sigma > 10)
        return mw_lua_wrong(L, "blur: expected a picture [H,W,C] and a sigma above 0 and up to 10");
    int r = (int)ceil(3 * sigma), n = 2 * r + 1;
    for (int i = 0; i < n * n; i++) {
        double dy = i / n - r, dx = i % n - r;
        kernel[i] = (float)exp(-(dx * dx + dy * dy) / (2 * sigma * sigma));
    }
    mw_script *s = mw_lua_op_begin(L);
    mw_ctx *c = s->c;
    int64_t h = x->shape[0], w = x->shape[1], ch = x->shape[2];
    mw_tensor *k = mw_tensor_from_f32(c, MW_F32, MW_SHAPE(1, 1, n, n), kernel);
    mw_tensor *planes = mw_reshape(c, mw_permute(c, x, (int[]){2, 0, 1}), MW_SHAPE(ch, h, w, 1));
    mw_tensor *ones = mw_affine(c, mw_slice(c, planes, 0, 0, 1), 0, 1);
    mw_tensor *sum = mw_conv2d(c, planes, k, NULL, 1, r, r, NULL);
    mw_tensor *weight = mw_conv2d(c, ones, k, NULL, 1, r, r, NULL);
    mw_tensor *y = mw_reshape(c, mw_div(c, sum, weight), MW_SHAPE(ch, h, w));
    return mw_lua_op_end(L, s, mw_contiguous(c, mw_permute(c, y, (int[]){1, 2, 0})));
}

// A whole number from the table at 3, or def.
static int option(lua_State *L, const char *name, int low, int def)
{
    lua_getfield(L, 3, name);
    double x = luaL_optnumber(L, -1, def);
    lua_pop(L, 1);
    if (x != floor(x) || x < low || x > 64)
        mw_lua_wrong(L, "conv2d: '%s' must be a whole number from %d to 64", name, low);
    return (int)x;
}

// t:conv2d(w, { stride = 1, pad = 0, bias = none }): t [B,h,w,I], w [O,I,kh,kw], bias [O]
static int op_conv2d(lua_State *L)
{
    mw_lua_need_tensor(L, 1);
    mw_lua_need_tensor(L, 2);
    lua_settop(L, 3);
    if (lua_isnil(L, 3)) {
        lua_newtable(L);
        lua_replace(L, 3);
    }
    luaL_checktype(L, 3, LUA_TTABLE);
    int stride = option(L, "stride", 1, 1), pad = option(L, "pad", 0, 0);
    lua_getfield(L, 3, "bias");
    if (!lua_isnil(L, 4))
        mw_lua_need_tensor(L, 4);
    mw_script *s = mw_lua_op_begin(L);
    mw_tensor *x = mw_lua_tensor(L, 1), *w = mw_lua_tensor(L, 2);
    return mw_lua_op_end(L, s, mw_conv2d(s->c, x, w, mw_lua_tensor(L, 4), stride, pad, pad, NULL));
}

// ---- normalisation

// gamma or beta at idx, or the same number for each of n channels; within an op.
static mw_tensor *per_channel(lua_State *L, const mw_script *s, int idx, int64_t n, float otherwise)
{
    mw_tensor *given = mw_lua_tensor(L, idx);
    return given ? given : mw_full(s->c, MW_F32, MW_SHAPE(n), otherwise);
}

// The arguments of a norm: what is at `first` and `first` + 1 is a tensor or nil; eps may follow.
static double norm_arguments(lua_State *L, int first, int n)
{
    lua_settop(L, first + n);
    for (int i = first; i < first + n; i++)
        if (!lua_isnil(L, i))
            mw_lua_need_tensor(L, i);
    double eps = luaL_optnumber(L, first + n, 1e-5);
    if (!(eps >= 0 && eps <= 1))
        mw_lua_wrong(L, "eps must be from 0 to 1");
    return eps;
}

// t:layer_norm(gamma, beta, eps): over the last dimension
static int op_layer_norm(lua_State *L)
{
    int64_t n = mw_dim(mw_lua_need_tensor(L, 1), -1);
    double eps = norm_arguments(L, 2, 2);
    mw_script *s = mw_lua_op_begin(L);
    mw_tensor *gamma = per_channel(L, s, 2, n, 1), *beta = per_channel(L, s, 3, n, 0);
    return mw_lua_op_end(L, s, mw_layer_norm(s->c, mw_lua_tensor(L, 1), gamma, beta, eps));
}

// t:rms_norm(gamma, eps): over the last dimension
static int op_rms_norm(lua_State *L)
{
    int64_t n = mw_dim(mw_lua_need_tensor(L, 1), -1);
    double eps = norm_arguments(L, 2, 1);
    mw_script *s = mw_lua_op_begin(L);
    mw_tensor *gamma = per_channel(L, s, 2, n, 1);
    return mw_lua_op_end(L, s, mw_rms_norm(s->c, mw_lua_tensor(L, 1), gamma, eps));
}

// t:group_norm(groups, gamma, beta, eps): t [B,..,C]
static int op_group_norm(lua_State *L)
{
    int64_t n = mw_dim(mw_lua_need_tensor(L, 1), -1);
    double groups = luaL_checknumber(L, 2), eps = norm_arguments(L, 3, 2);
    if (groups != floor(groups) || groups < 1 || groups > (double)n)
        return mw_lua_wrong(L, "group_norm: the number of groups must be from 1 to %d", (int)n);
    mw_script *s = mw_lua_op_begin(L);
    mw_tensor *gamma = per_channel(L, s, 3, n, 1), *beta = per_channel(L, s, 4, n, 0);
    mw_tensor *x = mw_lua_tensor(L, 1);
    return mw_lua_op_end(L, s, mw_group_norm(s->c, x, gamma, beta, (int)groups, eps, MW_ACT_NONE));
}

const mw_lua_entry mw_lua_tensor_layers[] = {
    {.name = "blur",
     .run = op_blur,
     .usage = "t:blur(sigma)",
     .type = "fun(self: mw.tensor, sigma: number): mw.tensor",
     .doc = "A picture [H,W,C] under a Gaussian; at the border by the pixels there are."},
    {.name = "conv2d",
     .run = op_conv2d,
     .usage = "t:conv2d(w, { stride = 1, pad = 0, bias = nil })",
     .type = "fun(self: mw.tensor, w: mw.tensor, options?: table): mw.tensor",
     .doc = "Convolution of [B,h,w,I] with w [O,I,kh,kw] and bias [O]."},
    {.name = "layer_norm",
     .run = op_layer_norm,
     .usage = "t:layer_norm(gamma, beta, eps)",
     .type = "fun(self: mw.tensor, gamma?: mw.tensor, beta?: mw.tensor, eps?: number): mw.tensor",
     .doc = "Normalised over the last dimension; gamma 1, beta 0 and eps 1e-5 by default."},
    {.name = "rms_norm",
     .run = op_rms_norm,
     .usage = "t:rms_norm(gamma, eps)",
     .type = "fun(self: mw.tensor, gamma?: mw.tensor, eps?: number): mw.tensor",
     .doc = "Divided by the root of the mean square over the last dimension."},
    {.name = "group_norm",
     .run = op_group_norm,
     .usage = "t:group_norm(groups, gamma, beta, eps)",
     .type = "fun(self: mw.tensor, groups: integer, gamma?: mw.tensor, beta?: mw.tensor, eps?: number): "
             "mw.tensor",
     .doc = "[B,...,C] normalised over groups of channels."},
    {.name = NULL},
};
