// sam_decoder.c: Segment Anything's mask decoder: tokens and picture attend to each other, then each mask
// token becomes the weights of a product with the enlarged picture.
#include "nodes/nets/sam/sam_internal.h"
#include "core/ops.h"

#include <math.h>
#include <stdlib.h>

// Widths within the layers' attention between tokens and picture are halved, whatever the config says; its
// rate is that of the last attention alone.
enum { SHRINK = 2 };

// ---- the two-way transformer

// Widths are divided by `shrink` inside.
static mw_tensor *attention(const mw_sam_net *n, const char *path, mw_tensor *q, mw_tensor *k, mw_tensor *v,
                            int shrink, mw_tensor *residual)
{
    const mw_sam_config *f = n->cfg;
    int64_t width = f->channels / shrink;
    q = mw_nn_linear(&n->nn, path, "q_proj", q, width, 0, MW_ACT_NONE, NULL);
    k = mw_nn_linear(&n->nn, path, "k_proj", k, width, 0, MW_ACT_NONE, NULL);
    v = mw_nn_linear(&n->nn, path, "v_proj", v, width, 0, MW_ACT_NONE, NULL);
    double scale = 1 / sqrt((double)(width / f->decoder_heads));
    mw_tensor *y = mw_attention(n->nn.c, q, k, v, f->decoder_heads, scale, false, NULL);
    return mw_nn_linear(&n->nn, path, "out_proj", y, f->channels, 0, MW_ACT_NONE, residual);
}

static mw_tensor *relu(const mw_sam_net *n, mw_tensor *x) { return mw_clamp(n->nn.c, x, 0, INFINITY); }

static mw_tensor *norm(const mw_sam_net *n, const char *path, const char *name, mw_tensor *x)
{
    return mw_nn_layer_norm(&n->nn, path, name, x, n->cfg->decoder_eps);
}

// What goes through the layers, each [P, tokens or cells, C].
typedef struct {
    mw_tensor *tokens, *first;  // now, and as they came in: their place
    mw_tensor *picture, *place; // now, and where the cells are
} state;

static void block(const mw_sam_net *n, int i, state *s)
{
    mw_ctx *c = n->nn.c;
    mw_path at = mw_path_of("mask_decoder.transformer.layers.%d", i);
    mw_path self = mw_path_of("%s.self_attn", at.s);
    mw_path down = mw_path_of("%s.cross_attn_token_to_image", at.s);
    mw_path up = mw_path_of("%s.cross_attn_image_to_token", at.s);
    mw_tensor *t = s->tokens, *x = s->picture;
    mw_scope_begin(c);
    mw_tensor *q = i == 0 ? t : mw_add(c, t, s->first); // the first layer has nothing but the places
    t = norm(n, at.s, "layer_norm1", attention(n, self.s, q, q, t, 1, i == 0 ? NULL : t));
    mw_tensor *k = mw_add(c, x, s->place);
    t = attention(n, down.s, mw_add(c, t, s->first), k, x, SHRINK, t);
    t = norm(n, at.s, "layer_norm2", t);
    q = relu(n, mw_nn_linear(&n->nn, at.s, "mlp.lin1", t, n->cfg->decoder_inner, 0, MW_ACT_NONE, NULL));
    t = mw_nn_linear(&n->nn, at.s, "mlp.lin2", q, n->cfg->channels, 0, MW_ACT_NONE, t);
    t = norm(n, at.s, "layer_norm3", t);
    x = attention(n, up.s, k, mw_add(c, t, s->first), t, SHRINK, x);
    mw_tensor *keep[] = {t, norm(n, at.s, "layer_norm4", x)};
    mw_scope_end_many(c, keep, 2);
    s->tokens = keep[0];
    s->picture = keep[1];
}

static void transform(const mw_sam_net *n, state *s)
{
    mw_ctx *c = n->nn.c;
    const double eps = 1e-5; // of this norm alone, whatever the config says
    const char *path = "mask_decoder.transformer";
    for (int i = 0; i < n->cfg->decoder_layers && !mw_cancelled(c); i++)
        block(n, i, s);
    mw_tensor *t =
        attention(n, mw_path_of("%s.final_attn_token_to_image", path).s, mw_add(c, s->tokens, s->first),
                  mw_add(c, s->picture, s->place), s->picture, n->cfg->shrink, s->tokens);
    s->tokens = mw_nn_layer_norm(&n->nn, path, "layer_norm_final_attn", t, eps);
}

// ---- heads

// Linear layers with ReLU between them; `depth` of them.
static mw_tensor *mlp(const mw_sam_net *n, const char *path, mw_tensor *x, int64_t inner, int64_t out,
                      int depth)
{
    x = relu(n, mw_nn_linear(&n->nn, path, "proj_in", x, inner, 0, MW_ACT_NONE, NULL));
    for (int i = 0; i < depth - 2; i++)
        x = relu(n, mw_nn_linear(&n->nn, path, mw_path_of("layers.%d", i).s, x, inner, 0, MW_ACT_NONE, NULL));
    return mw_nn_linear(&n->nn, path, "proj_out", x, out, 0, MW_ACT_NONE, NULL);
}

// Transposed convolution, 2 x 2, stride 2: every cell becomes four. x[P,h,w,C] -> [P,2h,2w,out].
static mw_tensor *enlarge(const mw_sam_net *n, const char *name, mw_tensor *x, int64_t out)
{
    mw_ctx *c = n->nn.c;
    if (!x)
        return NULL;
    int64_t P = mw_dim(x, 0), h = mw_dim(x, 1), w = mw_dim(x, 2), C = mw_dim(x, 3);
    mw_tensor *weight =
        mw_weight_tensor(c, n->nn.w, mw_path_of("mask_decoder.%s.weight", name).s, MW_SHAPE(C, out, 2, 2));
    mw_tensor *bias = mw_weight_vector(c, n->nn.w, mw_path_of("mask_decoder.%s.bias", name).s, out);
    weight = mw_reshape(c, mw_permute(c, weight, (int[]){0, 2, 3, 1}), MW_SHAPE(C, 4 * out));
    x = mw_matmul(c, mw_reshape(c, x, MW_SHAPE(P * h * w, C)), weight, 1);
    x = mw_permute(c, mw_reshape(c, x, MW_SHAPE(P, h, w, 2, 2, out)), (int[]){0, 1, 3, 2, 4, 5});
    return mw_add(c, mw_reshape(c, x, MW_SHAPE(P, 2 * h, 2 * w, out)), bias);
}

static mw_tensor *enlarged(const mw_sam_net *n, mw_tensor *x)
{
    mw_ctx *c = n->nn.c;
    const double eps = 1e-6; // fixed, whatever the config says
    int64_t C = n->cfg->channels, side = mw_sam_side(n->cfg);
    x = enlarge(n, "upscale_conv1", mw_reshape(c, x, MW_SHAPE(mw_dim(x, 0), side, side, C)), C / 4);
    x = mw_nn_layer_norm(&n->nn, "mask_decoder", "upscale_layer_norm", x, eps);
    x = enlarge(n, "upscale_conv2", mw_activate(c, x, MW_ACT_GELU), C / 8);
    return mw_activate(c, x, MW_ACT_GELU);
}

// Masks first..first+count-1 of all: [P, count, 4e, 4e]. All of a dry run, so that every weight is found.
static mw_tensor *draw(const mw_sam_net *n, const state *s, int first, int count)
{
    mw_ctx *c = n->nn.c;
    const mw_sam_config *f = n->cfg;
    int64_t P = mw_dim(s->tokens, 0), side = 4 * mw_sam_side(f);
    if (c->dry) {
        first = 0;
        count = f->masks + 1;
    }
    mw_tensor *weights[17] = {NULL}, *all = NULL;
    for (int i = 0; i < count; i++) {
        mw_path path = mw_path_of("mask_decoder.output_hypernetworks_mlps.%d", first + i);
        weights[i] =
            mlp(n, path.s, mw_slice(c, s->tokens, 1, 1 + first + i, 1), f->channels, f->channels / 8, 3);
        all = i == 0 ? weights[0] : mw_concat(c, 2, (mw_tensor *[]){all, weights[i]}, 1);
    }
    mw_tensor *x = mw_reshape(c, enlarged(n, s->picture), MW_SHAPE(P, side * side, f->channels / 8));
    return mw_reshape(c, mw_matmul(c, all, mw_transpose(c, x, 1, 2), 1), MW_SHAPE(P, count, side, side));
}

// ---- the whole

// Tokens of the answers, then those of the prompt: [P, 2 + masks + k, C].
static mw_tensor *all_tokens(const mw_sam_net *n, const mw_sam_prompt *p)
{
    mw_ctx *c = n->nn.c;
    int64_t C = n->cfg->channels, masks = n->cfg->masks + 1;
    mw_tensor *own[] = {mw_weight_table(c, n->nn.w, "mask_decoder.iou_token.weight", 1, C),
                        mw_weight_table(c, n->nn.w, "mask_decoder.mask_tokens.weight", masks, C)};
    mw_tensor *tokens = mw_expand(c, mw_concat(c, 2, own, 0), MW_SHAPE(p->n, 1 + masks, C));
    mw_tensor *sparse = mw_sam_sparse(n, p);
    return sparse ? mw_concat(c, 2, (mw_tensor *[]){tokens, sparse}, 1) : mw_contiguous(c, tokens);
}

// Where the cells of the picture are: [1, e*e, C].
static mw_tensor *grid(const mw_sam_net *n)
{
    int side = mw_sam_side(n->cfg);
    double *xy = mw_alloc(n->nn.c, 2 * (size_t)side * (size_t)side * sizeof *xy);
    for (int i = 0; xy && i < side * side; i++) {
        xy[2 * i] = (i % side + 0.5) / side;
        xy[2 * i + 1] = (i / side + 0.5) / side;
    }
    mw_tensor *t = xy ? mw_sam_positions(n, xy, (int64_t)side * side) : NULL;
    free(xy);
    return mw_reshape(n->nn.c, t, MW_SHAPE(1, side * side, n->cfg->channels));
}

mw_status mw_sam_decode(mw_ctx *c, const mw_sam_model *m, mw_tensor *embedding, const mw_sam_prompt *prompt,
                        bool several, mw_tensor **masks, mw_tensor **scores)
{
    const mw_sam_config *f = &m->config;
    mw_sam_net n = {.nn = {c, m->weights}, .cfg = f};
    int first = several ? 1 : 0, count = several ? f->masks : 1;
    int64_t cells = (int64_t)mw_sam_side(f) * mw_sam_side(f);
    *masks = *scores = NULL;
    if (prompt->n < 1 || (!prompt->npoints && !prompt->boxes && !prompt->mask))
        return mw_fail(c, MW_E_ARG, "sam: a prompt needs a point, a box or a mask");
    mw_scope_begin(c);
    mw_tensor *x = mw_add(c, embedding, mw_sam_dense(&n, prompt));
    x = mw_reshape(c, x, MW_SHAPE(mw_dim(x, 0), cells, f->channels));
    state s = {.tokens = all_tokens(&n, prompt), .place = grid(&n)};
    s.picture = mw_contiguous(c, mw_expand(c, x, MW_SHAPE(prompt->n, cells, f->channels)));
    s.first = s.tokens;
    transform(&n, &s);
    mw_tensor *iou = mlp(&n, "mask_decoder.iou_prediction_head", mw_slice(c, s.tokens, 1, 0, 1),
                         f->score_inner, f->masks + 1, f->score_depth);
    iou = mw_reshape(c, iou, MW_SHAPE(prompt->n, f->masks + 1));
    mw_tensor *keep[] = {mw_cast(c, draw(&n, &s, first, count), MW_F32),
                         mw_cast(c, mw_contiguous(c, mw_slice(c, iou, 1, first, count)), MW_F32)};
    mw_scope_end_many(c, keep, 2);
    *masks = keep[0];
    *scores = keep[1];
    return mw_err(c);
}
