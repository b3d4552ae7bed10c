// unet_fuser.c: GLIGEN's gated attention inside the UNet's transformer layers (arXiv 2301.07093, eq. 8).
#include "nodes/nets/unet/unet_internal.h"
#include "core/ops.h"

#include <math.h>

// y times the tanh of the gate's weight, added to x.
static mw_tensor *through_gate(const mw_nn *m, const char *path, const char *name, mw_tensor *x, mw_tensor *y)
{
    mw_ctx *c = m->c;
    mw_tensor *alpha = mw_weight_vector(c, m->w, mw_path_of("%s.%s", path, name).s, 1);
    // tanh a = 1 - 2 / (e^2a + 1); bounded first, where it is 1 in every digit, lest e^2a overflow.
    mw_tensor *e = mw_exp(c, mw_affine(c, mw_clamp(c, alpha, -20, 20), 2, 0));
    mw_tensor *gate = mw_affine(c, mw_pow(c, mw_affine(c, e, 1, 1), -1), -2, 1);
    return mw_add(c, x, mw_mul(c, y, gate));
}

// Cells and tokens attend to both; only the cells' results are of use, so only they ask.
static mw_tensor *attention(const mw_nn *m, const char *path, int heads, mw_tensor *cells, mw_tensor *both)
{
    int64_t width = mw_dim(cells, -1);
    mw_tensor *q = mw_nn_linear(m, path, "to_q", cells, width, MW_NN_NO_BIAS, MW_ACT_NONE, NULL);
    mw_tensor *k = mw_nn_linear(m, path, "to_k", both, width, MW_NN_NO_BIAS, MW_ACT_NONE, NULL);
    mw_tensor *v = mw_nn_linear(m, path, "to_v", both, width, MW_NN_NO_BIAS, MW_ACT_NONE, NULL);
    mw_tensor *y = mw_attention(m->c, q, k, v, heads, 1 / sqrt((double)width / heads), false, NULL);
    return mw_nn_linear(m, path, "to_out.0", y, width, 0, MW_ACT_NONE, NULL);
}

mw_tensor *mw_unet_fuser(const mw_nn *m, const char *path, int heads, mw_tensor *x, mw_tensor *tokens)
{
    mw_ctx *c = m->c;
    const double eps = 1e-5;
    int64_t width = mw_dim(x, -1);
    mw_scope_begin(c);
    mw_tensor *o = mw_nn_linear(m, path, "linear", tokens, width, 0, MW_ACT_NONE, NULL);
    mw_tensor *cells = mw_nn_layer_norm(m, path, "norm1", x, eps);
    mw_tensor *parts[2] = {cells, mw_nn_layer_norm(m, path, "norm1", o, eps)};
    mw_tensor *both = mw_concat(c, 2, parts, 1);
    mw_tensor *y = attention(m, mw_path_of("%s.attn", path).s, heads, cells, both);
    x = through_gate(m, path, "alpha_attn", x, y);
    y = mw_nn_layer_norm(m, path, "norm2", x, eps);
    y = mw_nn_gated_mlp(m, mw_path_of("%s.ff", path).s, y, NULL);
    return mw_scope_end(c, through_gate(m, path, "alpha_dense", x, y));
}
