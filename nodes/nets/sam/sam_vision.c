// sam_vision.c: Segment Anything's encoder of pictures: a vision transformer that attends within windows and,
// in some layers, everywhere, with decomposed relative positions (Li et al. 2022: Exploring plain vision
// transformers).
#include "nodes/nets/sam/sam_internal.h"
#include "core/ops.h"

#include <math.h>
#include <stdlib.h>

// ---- relative positions

// [size, D, size]: entry (q, :, k) of the table of distances q - k + size - 1.
static mw_tensor *distances(const mw_sam_net *n, const char *path, const char *name, int64_t size)
{
    mw_ctx *c = n->nn.c;
    int64_t head = n->cfg->width / n->cfg->heads;
    mw_path full = mw_path_of("%s.%s", path, name);
    mw_tensor *table = mw_weight_table(c, n->nn.w, full.s, 2 * size - 1, head);
    if (c->dry)
        return mw_tensor_new(c, mw_weights_dtype(n->nn.w), MW_SHAPE(size, head, size));
    int32_t *ids = mw_alloc(c, (size_t)(size * size) * sizeof *ids);
    for (int64_t i = 0; ids && i < size * size; i++)
        ids[i] = (int32_t)(i / size - i % size + size - 1);
    mw_tensor *at = ids ? mw_tensor_from_i32(c, MW_SHAPE(size, size), ids) : NULL;
    free(ids);
    return mw_transpose(c, mw_embedding(c, table, at, mw_weights_dtype(n->nn.w)), 1, 2);
}

// 1 where a key's row (of h) or column (of w, behind them) is that one: [h, w, 1, h + w].
static mw_tensor *places(const mw_sam_net *n, int64_t h, int64_t w)
{
    mw_ctx *c = n->nn.c;
    if (c->dry)
        return mw_tensor_new(c, mw_weights_dtype(n->nn.w), MW_SHAPE(h, w, 1, h + w));
    float *v = mw_alloc(c, (size_t)(h * w * (h + w)) * sizeof *v);
    for (int64_t i = 0; v && i < h * w; i++)
        v[i * (h + w) + i / w] = v[i * (h + w) + h + i % w] = 1;
    mw_tensor *t = v ? mw_tensor_from_f32(c, mw_weights_dtype(n->nn.w), MW_SHAPE(h, w, 1, h + w), v) : NULL;
    free(v);
    return t;
}

// softmax(q k^T / sqrt(D) + rows(q)[key's row] + columns(q)[key's column]) v. The two biases are products of
// the query with a key's place, so they ride along as h + w further columns of q and k, and no matrix of all
// pairs is needed. q, k, v: [N, h, w, heads, D].
static mw_tensor *attend_relative(const mw_sam_net *n, const char *path, mw_tensor *q, mw_tensor *k,
                                  mw_tensor *v)
{
    mw_ctx *c = n->nn.c;
    int64_t N = mw_dim(q, 0), h = mw_dim(q, 1), w = mw_dim(q, 2), heads = mw_dim(q, 3), D = mw_dim(q, 4);
    if (!q)
        return NULL;
    mw_tensor *rows = mw_matmul(c, mw_permute(c, q, (int[]){0, 3, 1, 2, 4}),
                                distances(n, path, "rel_pos_h", h), 1); // [N,heads,h,w,h]
    mw_tensor *columns = mw_matmul(c, mw_permute(c, q, (int[]){0, 3, 2, 1, 4}),
                                   distances(n, path, "rel_pos_w", w), 1); // [N,heads,w,h,w]
    mw_tensor *wide_q[] = {mw_affine(c, q, 1 / sqrt((double)D), 0),
                           mw_permute(c, rows, (int[]){0, 2, 3, 1, 4}),
                           mw_permute(c, columns, (int[]){0, 3, 2, 1, 4})};
    mw_tensor *wide_k[] = {k, mw_expand(c, places(n, h, w), MW_SHAPE(N, h, w, heads, h + w))};
    mw_tensor *wide_v[] = {v, mw_sam_zeros(n, MW_SHAPE(N, h, w, heads, h + w))};
    int64_t shape[3] = {N, h * w, heads * (D + h + w)};
    mw_tensor *y =
        mw_attention(c, mw_reshape(c, mw_concat(c, 3, wide_q, 4), 3, shape),
                     mw_reshape(c, mw_concat(c, 2, wide_k, 4), 3, shape),
                     mw_reshape(c, mw_concat(c, 2, wide_v, 4), 3, shape), (int)heads, 1, false, NULL);
    y = mw_reshape(c, y, MW_SHAPE(N, h, w, heads, D + h + w));
    return mw_reshape(c, mw_slice(c, y, 4, 0, D), MW_SHAPE(N, h, w, heads * D));
}

static mw_tensor *attend(const mw_sam_net *n, mw_tensor *q, mw_tensor *k, mw_tensor *v)
{
    mw_ctx *c = n->nn.c;
    int64_t N = mw_dim(q, 0), h = mw_dim(q, 1), w = mw_dim(q, 2), heads = mw_dim(q, 3), D = mw_dim(q, 4);
    int64_t shape[3] = {N, h * w, heads * D};
    mw_tensor *y = mw_attention(c, mw_reshape(c, q, 3, shape), mw_reshape(c, k, 3, shape),
                                mw_reshape(c, v, 3, shape), (int)heads, 1 / sqrt((double)D), false, NULL);
    return mw_reshape(c, y, MW_SHAPE(N, h, w, heads * D));
}

// x[N,h,w,C] -> [N,h,w,C]
static mw_tensor *attention(const mw_sam_net *n, const char *path, mw_tensor *x)
{
    mw_ctx *c = n->nn.c;
    const mw_sam_config *f = n->cfg;
    unsigned flags = f->qkv_bias ? 0 : MW_NN_NO_BIAS;
    mw_tensor *qkv = mw_nn_linear(&n->nn, path, "qkv", x, 3 * f->width, flags, MW_ACT_NONE, NULL);
    mw_tensor *part[3];
    for (int i = 0; i < 3; i++)
        part[i] =
            mw_reshape(c, mw_slice(c, qkv, 3, i * f->width, f->width),
                       MW_SHAPE(mw_dim(x, 0), mw_dim(x, 1), mw_dim(x, 2), f->heads, f->width / f->heads));
    mw_tensor *y = f->relative ? attend_relative(n, path, part[0], part[1], part[2])
                               : attend(n, part[0], part[1], part[2]);
    return mw_nn_linear(&n->nn, path, "proj", y, f->width, 0, MW_ACT_NONE, NULL);
}

// ---- windows

// Zeros below and right up to multiples of `side`.
static mw_tensor *pad(const mw_sam_net *n, mw_tensor *x, int64_t side)
{
    for (int dim = 1; x && dim <= 2; dim++) {
        int64_t shape[4] = {mw_dim(x, 0), mw_dim(x, 1), mw_dim(x, 2), mw_dim(x, 3)};
        shape[dim] = (side - shape[dim] % side) % side;
        if (shape[dim])
            x = mw_concat(n->nn.c, 2, (mw_tensor *[]){x, mw_sam_zeros(n, 4, shape)}, dim);
    }
    return x;
}

// Attention within windows: x[1,h,w,C] -> the same.
static mw_tensor *attend_windows(const mw_sam_net *n, const char *path, mw_tensor *x)
{
    mw_ctx *c = n->nn.c;
    int64_t h = mw_dim(x, 1), w = mw_dim(x, 2), C = mw_dim(x, 3), s = n->cfg->window;
    int64_t rows = (h + s - 1) / s, columns = (w + s - 1) / s;
    int order[] = {0, 1, 3, 2, 4, 5};
    x = mw_permute(c, mw_reshape(c, pad(n, x, s), MW_SHAPE(1, rows, s, columns, s, C)), order);
    x = attention(n, path, mw_reshape(c, x, MW_SHAPE(rows * columns, s, s, C)));
    x = mw_permute(c, mw_reshape(c, x, MW_SHAPE(1, rows, columns, s, s, C)), order);
    x = mw_reshape(c, x, MW_SHAPE(1, rows * s, columns * s, C));
    return mw_slice(c, mw_slice(c, x, 1, 0, h), 2, 0, w);
}

// ---- the whole

static mw_tensor *layer(const mw_sam_net *n, int i, mw_tensor *x)
{
    mw_ctx *c = n->nn.c;
    const mw_sam_config *f = n->cfg;
    mw_path path = mw_path_of("vision_encoder.layers.%d", i), attn = mw_path_of("%s.attn", path.s);
    mw_scope_begin(c);
    mw_tensor *y = mw_nn_layer_norm(&n->nn, path.s, "layer_norm1", x, f->eps);
    bool windows = f->window > 0 && !f->everywhere[i];
    mw_scope_begin(c); // the attention's many copies go as soon as it is done
    y = mw_scope_end(c, windows ? attend_windows(n, attn.s, y) : attention(n, attn.s, y));
    x = mw_add(c, x, y);
    y = mw_nn_layer_norm(&n->nn, path.s, "layer_norm2", x, f->eps);
    y = mw_nn_linear(&n->nn, path.s, "mlp.lin1", y, f->inner, 0, f->act, NULL);
    x = mw_nn_linear(&n->nn, path.s, "mlp.lin2", y, f->width, 0, MW_ACT_NONE, x);
    return mw_scope_end(c, x);
}

static mw_tensor *conv(const mw_sam_net *n, const char *name, mw_tensor *x, int64_t out, int k)
{
    mw_tensor *w = mw_weight_conv(n->nn.c, n->nn.w, name, out, mw_dim(x, 3), k, k);
    return mw_conv2d(n->nn.c, x, w, NULL, 1, k / 2, k / 2, NULL);
}

static mw_tensor *neck(const mw_sam_net *n, mw_tensor *x)
{
    const char *path = "vision_encoder.neck";
    const double eps = 1e-6; // fixed, whatever the config says
    int64_t out = n->cfg->channels;
    x = conv(n, "vision_encoder.neck.conv1.weight", x, out, 1);
    x = mw_nn_layer_norm(&n->nn, path, "layer_norm1", x, eps);
    x = conv(n, "vision_encoder.neck.conv2.weight", x, out, 3);
    return mw_nn_layer_norm(&n->nn, path, "layer_norm2", x, eps);
}

static mw_tensor *patches(const mw_sam_net *n, mw_tensor *pixels)
{
    mw_ctx *c = n->nn.c;
    const mw_sam_config *f = n->cfg;
    int side = mw_sam_side(f);
    const char *name = "vision_encoder.patch_embed.projection";
    mw_tensor *w =
        mw_weight_conv(c, n->nn.w, mw_path_of("%s.weight", name).s, f->width, 3, f->patch, f->patch);
    mw_tensor *bias = mw_weight_vector(c, n->nn.w, mw_path_of("%s.bias", name).s, f->width);
    mw_tensor *x = mw_conv2d(c, mw_cast(c, pixels, mw_weights_dtype(n->nn.w)), w, bias, f->patch, 0, 0, NULL);
    if (!f->absolute)
        return x;
    return mw_add(
        c, x, mw_weight_tensor(c, n->nn.w, "vision_encoder.pos_embed", MW_SHAPE(1, side, side, f->width)));
}

mw_tensor *mw_sam_encode(mw_ctx *c, const mw_sam_model *m, mw_tensor *pixels)
{
    mw_sam_net n = {.nn = {c, m->weights}, .cfg = &m->config};
    char got[64];
    if (pixels &&
        (pixels->ndim != 4 || mw_dim(pixels, 0) != 1 || mw_dim(pixels, 1) != m->config.image ||
         mw_dim(pixels, 2) != m->config.image || mw_dim(pixels, 3) != 3))
        mw_fail(c, MW_E_SHAPE, "sam: pixels must be [1,%d,%d,3], got %s", m->config.image, m->config.image,
                mw_shape_text(pixels, got, sizeof got));
    mw_scope_begin(c);
    mw_tensor *x = patches(&n, pixels);
    for (int i = 0; i < m->config.layers && !mw_cancelled(c); i++)
        x = layer(&n, i, x);
    return mw_scope_end(c, neck(&n, x));
}
