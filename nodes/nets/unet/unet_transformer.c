// unet_transformer.c: the transformers inside the UNet: self-attention, attention to the text, gated MLP.
#include "nodes/nets/unet/unet_internal.h"
#include "core/ops.h"

#include <math.h>

static void capture(mw_unet_run *r, const char *path, int heads, double scale, mw_tensor *q, mw_tensor *k)
{
    int64_t first = r->taps->first, n = mw_dim(q, 0) - first;
    mw_ctx *c = r->nn.c;
    mw_tensor *some = mw_slice(c, q, 0, first, n), *keys = mw_slice(c, k, 0, first, n);
    mw_tensor *probs = mw_attention_probs(c, some, keys, heads, scale, false, NULL);
    if (probs)
        r->taps->map(c, r->taps->user, path, probs);
    if (r->maps_left > 0)
        r->maps_left--;
}

// Keys or values of the source; those of the text may be known from an earlier run.
static mw_tensor *of_source(const mw_unet_run *r, const char *path, const char *name, mw_tensor *source,
                            int64_t width)
{
    mw_unet_memo *memo = source == r->text ? r->memo : NULL;
    mw_tensor *known = mw_unet_memo_get(memo, path, name);
    if (known)
        return known;
    mw_tensor *y = mw_nn_linear(&r->nn, path, name, source, width, MW_NN_NO_BIAS, MW_ACT_NONE, NULL);
    return mw_unet_memo_put(r->nn.c, memo, path, name, y);
}

// path: of the attention ("...transformer_blocks.0.attn2"). x[B,T,C], which is dropped, attends to
// source[B,S,D]; the projected result is added to residual.
static mw_tensor *attention(mw_unet_run *r, const char *path, int heads, mw_tensor *x, mw_tensor *source,
                            mw_tensor *residual, bool captured)
{
    mw_ctx *c = r->nn.c;
    int64_t width = mw_dim(x, -1);
    mw_scope_begin(c);
    mw_tensor *q = mw_nn_linear(&r->nn, path, "to_q", x, width, MW_NN_NO_BIAS, MW_ACT_NONE, NULL);
    mw_tensor *k = of_source(r, path, "to_k", source, width);
    double scale = 1 / sqrt((double)width / heads);
    if (captured)
        capture(r, path, heads, scale, q, k);
    if (mw_unet_done(r))
        return mw_scope_end(c, residual);
    mw_tensor *v = of_source(r, path, "to_v", source, width);
    mw_drop(c, x);
    mw_tensor *y = mw_attention(c, q, k, v, heads, scale, false, NULL);
    mw_drop(c, q);
    mw_drop(c, k);
    mw_drop(c, v);
    return mw_scope_end(c, mw_nn_linear(&r->nn, path, "to_out.0", y, width, 0, MW_ACT_NONE, residual));
}

static mw_tensor *replace(mw_ctx *c, mw_tensor *old, mw_tensor *with)
{
    mw_drop(c, old);
    return with;
}

static bool is_wanted(const mw_unet_run *r, const char *path)
{
    return r->taps && r->taps->want_map && r->taps->want_map(r->taps->user, path);
}

// x[B,T,C], one BasicTransformerBlock; [n*B,T,C] of it, as the texts are.
static mw_tensor *layer(mw_unet_run *r, const mw_unet_block *b, const char *path, mw_tensor *x)
{
    mw_ctx *c = r->nn.c;
    const double eps = 1e-5;
    mw_path attn1 = mw_path_of("%s.attn1", path), attn2 = mw_path_of("%s.attn2", path);
    bool captured = is_wanted(r, attn2.s);
    mw_scope_begin(c);
    if (b->only_cross)
        x = mw_unet_for_texts(r, x);
    mw_tensor *y = mw_nn_layer_norm(&r->nn, path, "norm1", x, eps);
    mw_tensor *own = attention(r, attn1.s, b->heads, y, b->only_cross ? r->text : y, x, false);
    own = mw_unet_for_texts(r, own);
    if (r->objs)
        own = replace(c, own, mw_unet_fuser(&r->nn, mw_path_of("%s.fuser", path).s, b->heads, own, r->objs));
    y = mw_nn_layer_norm(&r->nn, path, "norm2", own, eps);
    own = replace(c, own, attention(r, attn2.s, b->heads, y, r->text, own, captured));
    if (mw_unet_done(r))
        return mw_scope_end(c, own);
    y = mw_nn_layer_norm(&r->nn, path, "norm3", own, eps);
    return mw_scope_end(c, mw_nn_gated_mlp(&r->nn, mw_path_of("%s.ff", path).s, y, own));
}

// A layer as a segment: what it needs besides x and the text.
typedef struct layer_job {
    mw_weights *weights;
    mw_unet_memo *memo;
    const mw_unet_config *cfg;
    const mw_unet_block *block;
    mw_path path;
    bool grounded;
} layer_job;

static mw_tensor *run_layer(mw_ctx *c, const void *user, mw_tensor *const *in)
{
    const layer_job *j = user;
    mw_unet_run r = {.nn = {c, j->weights}, .cfg = j->cfg, .text = in[1], .memo = j->memo, .maps_left = -1};
    r.objs = j->grounded ? in[2] : NULL;
    return layer(&r, j->block, j->path.s, in[0]);
}

// A layer whose map is wanted hands it out, so it is kept whole.
static mw_tensor *layer_or_segment(mw_unet_run *r, const mw_unet_block *b, mw_path path, mw_tensor *x)
{
    if (is_wanted(r, mw_path_of("%s.attn2", path.s).s))
        return layer(r, b, path.s, x);
    layer_job j = {r->nn.w, r->memo, r->cfg, b, path, r->objs};
    return mw_segment(r->nn.c, run_layer, &j, sizeof j, r->objs ? 3 : 2,
                      (mw_tensor *[]){x, r->text, r->objs});
}

mw_tensor *mw_unet_transformer(mw_unet_run *r, const mw_unet_block *b, int depth, const char *path,
                               mw_tensor *x)
{
    mw_ctx *c = r->nn.c;
    int64_t B = mw_dim(x, 0), h = mw_dim(x, 1), w = mw_dim(x, 2), C = mw_dim(x, 3);
    mw_scope_begin(c);
    mw_scope_begin(c); // so that the norm goes
    mw_tensor *y = mw_nn_group_norm(&r->nn, path, "norm", x, r->cfg->groups, 1e-6, MW_ACT_NONE);
    y = mw_reshape(c, y, MW_SHAPE(B, h * w, C));
    y = mw_scope_end(c, mw_nn_linear(&r->nn, path, "proj_in", y, C, 0, MW_ACT_NONE, NULL));
    for (int i = 0; i < depth && !mw_unet_done(r); i++)
        y = replace(c, y, layer_or_segment(r, b, mw_path_of("%s.transformer_blocks.%d", path, i), y));
    if (mw_unet_done(r))
        return mw_scope_end(c, x);
    mw_tensor *flat = mw_unet_for_texts(r, mw_reshape(c, x, MW_SHAPE(B, h * w, C)));
    y = mw_nn_linear(&r->nn, path, "proj_out", y, C, 0, MW_ACT_NONE, flat);
    return mw_scope_end(c, mw_reshape(c, y, MW_SHAPE(mw_dim(y, 0), h, w, C)));
}
