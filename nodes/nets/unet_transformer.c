// unet_transformer.c: the transformers inside the UNet: self-attention, attention to the text, gated MLP.
#include "nodes/nets/unet_internal.h"

#include <math.h>

static void capture(const mw_unet_run *r, const char *path, int heads, double scale, mw_tensor *q,
                    mw_tensor *k)
{
    int64_t first = r->taps->first, n = mw_dim(q, 0) - first;
    mw_ctx *c = r->nn.c;
    mw_tensor *some = mw_slice(c, q, 0, first, n), *keys = mw_slice(c, k, 0, first, n);
    mw_tensor *probs = mw_attention_probs(c, some, keys, heads, scale, false, NULL);
    if (probs)
        r->taps->map(c, r->taps->user, path, probs);
}

// path: of the attention ("...transformer_blocks.0.attn2"). x[B,T,C] attends to source[B,S,D]; the projected
// result is added to residual.
static mw_tensor *attention(const mw_unet_run *r, const char *path, int heads, mw_tensor *x,
                            mw_tensor *source, mw_tensor *residual, bool captured)
{
    mw_ctx *c = r->nn.c;
    int64_t width = mw_dim(x, -1);
    mw_scope_begin(c);
    mw_tensor *q = mw_nn_linear(&r->nn, path, "to_q", x, width, MW_NN_NO_BIAS, MW_ACT_NONE, NULL);
    mw_tensor *k = mw_nn_linear(&r->nn, path, "to_k", source, width, MW_NN_NO_BIAS, MW_ACT_NONE, NULL);
    mw_tensor *v = mw_nn_linear(&r->nn, path, "to_v", source, width, MW_NN_NO_BIAS, MW_ACT_NONE, NULL);
    double scale = 1 / sqrt((double)width / heads);
    if (captured)
        capture(r, path, heads, scale, q, k);
    mw_tensor *y = mw_attention(c, q, k, v, heads, scale, false, NULL);
    return mw_scope_end(c, mw_nn_linear(&r->nn, path, "to_out.0", y, width, 0, MW_ACT_NONE, residual));
}

// x[B,T,C], one BasicTransformerBlock.
static mw_tensor *layer(const mw_unet_run *r, const mw_unet_block *b, const char *path, mw_tensor *x)
{
    mw_ctx *c = r->nn.c;
    const double eps = 1e-5;
    mw_path attn1 = mw_path_of("%s.attn1", path), attn2 = mw_path_of("%s.attn2", path);
    bool captured = r->taps && r->taps->want_map && r->taps->want_map(r->taps->user, attn2.s);
    mw_scope_begin(c);
    mw_tensor *y = mw_nn_layer_norm(&r->nn, path, "norm1", x, eps);
    x = attention(r, attn1.s, b->heads, y, b->only_cross ? r->text : y, x, false);
    y = mw_nn_layer_norm(&r->nn, path, "norm2", x, eps);
    x = attention(r, attn2.s, b->heads, y, r->text, x, captured);
    y = mw_nn_layer_norm(&r->nn, path, "norm3", x, eps);
    y = mw_nn_linear(&r->nn, path, "ff.net.0.proj", y, 8 * mw_dim(x, -1), 0, MW_ACT_NONE, NULL);
    x = mw_nn_linear(&r->nn, path, "ff.net.2", mw_geglu(c, y), mw_dim(x, -1), 0, MW_ACT_NONE, x);
    return mw_scope_end(c, x);
}

mw_tensor *mw_unet_transformer(const mw_unet_run *r, const mw_unet_block *b, int depth, const char *path,
                               mw_tensor *x)
{
    mw_ctx *c = r->nn.c;
    int64_t B = mw_dim(x, 0), h = mw_dim(x, 1), w = mw_dim(x, 2), C = mw_dim(x, 3);
    mw_scope_begin(c);
    mw_tensor *y = mw_nn_group_norm(&r->nn, path, "norm", x, r->cfg->groups, 1e-6, MW_ACT_NONE);
    y = mw_reshape(c, y, MW_SHAPE(B, h * w, C));
    y = mw_nn_linear(&r->nn, path, "proj_in", y, C, 0, MW_ACT_NONE, NULL);
    for (int i = 0; i < depth; i++)
        y = layer(r, b, mw_path_of("%s.transformer_blocks.%d", path, i).s, y);
    mw_tensor *flat = mw_reshape(c, x, MW_SHAPE(B, h * w, C));
    y = mw_nn_linear(&r->nn, path, "proj_out", y, C, 0, MW_ACT_NONE, flat);
    return mw_scope_end(c, mw_reshape(c, y, MW_SHAPE(B, h, w, C)));
}
