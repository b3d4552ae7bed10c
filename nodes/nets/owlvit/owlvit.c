// owlvit.c: OWL-ViT: finds what texts name in a picture.
#include "nodes/nets/owlvit/owlvit.h"
#include "core/ops.h"

#include "nodes/nets/clip/clip_tokenizer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TOWER "owlvit.vision_model"

// x / (|x| + eps) over the last dimension.
static mw_tensor *unit(mw_ctx *c, mw_tensor *x, double eps)
{
    mw_tensor *length = mw_sqrt(c, mw_sum(c, mw_mul(c, x, x), -1, true));
    return mw_div(c, x, mw_affine(c, length, 1, eps));
}

mw_tensor *mw_owlvit_text(mw_ctx *c, const mw_owlvit *m, const int32_t *ids, const int32_t *mask, int64_t Q,
                          int64_t L)
{
    mw_clip_text_out out = {.pool = true};
    mw_clip_text_forward(c, &m->text, ids, mask, Q, L, &out);
    return unit(c, mw_cast(c, out.embeds, MW_F32), 0);
}

mw_tensor *mw_owlvit_image(mw_ctx *c, const mw_owlvit *m, mw_tensor *pixels)
{
    mw_nn nn = {c, m->weights};
    return mw_clip_vision_forward(&nn, &m->vision, TOWER, "pre_layernorm", pixels);
}

// ---- heads

// (cosine + shift) * (elu(scale) + 1): [n,Q].
static mw_tensor *classify(const mw_nn *nn, mw_tensor *x, mw_tensor *text)
{
    mw_ctx *c = nn->c;
    const double eps = 1e-6;
    mw_tensor *e = mw_nn_linear(nn, "class_head", "dense0", x, mw_dim(text, 1), 0, MW_ACT_NONE, NULL);
    mw_tensor *cosine =
        mw_matmul(c, unit(c, mw_cast(c, e, MW_F32), eps), mw_transpose(c, unit(c, text, eps), 0, 1), 1);
    mw_tensor *shift =
        mw_cast(c, mw_nn_linear(nn, "class_head", "logit_shift", x, 1, 0, MW_ACT_NONE, NULL), MW_F32);
    mw_tensor *scale =
        mw_cast(c, mw_nn_linear(nn, "class_head", "logit_scale", x, 1, 0, MW_ACT_NONE, NULL), MW_F32);
    scale = mw_add(c, mw_clamp(c, scale, 0, INFINITY), mw_exp(c, mw_clamp(c, scale, -INFINITY, 0)));
    return mw_mul(c, mw_add(c, cosine, shift), scale);
}

static double logit(double p) { return log(p + 1e-4) - log1p(1e-4 - p); }

// Where a box lies before anything is known: at its place of the grid, as large as a patch. [n,4]
static mw_tensor *bias(mw_ctx *c, int side)
{
    float *v = mw_alloc(c, 4 * (size_t)side * (size_t)side * sizeof *v);
    for (int i = 0; v && i < side * side; i++) {
        v[4 * i] = (float)logit((i % side + 1.0) / side);
        v[4 * i + 1] = (float)logit((i / side + 1.0) / side);
        v[4 * i + 2] = v[4 * i + 3] = (float)logit(1.0 / side);
    }
    mw_tensor *t = v ? mw_tensor_from_f32(c, MW_F32, MW_SHAPE((int64_t)side * side, 4), v) : NULL;
    free(v);
    return t;
}

static mw_tensor *locate(const mw_nn *nn, mw_tensor *x, int side)
{
    mw_ctx *c = nn->c;
    int64_t D = mw_dim(x, -1);
    x = mw_nn_linear(nn, "box_head", "dense0", x, D, 0, MW_ACT_GELU, NULL);
    x = mw_nn_linear(nn, "box_head", "dense1", x, D, 0, MW_ACT_GELU, NULL);
    x = mw_cast(c, mw_nn_linear(nn, "box_head", "dense2", x, 4, 0, MW_ACT_NONE, NULL), MW_F32);
    x = mw_add(c, x, bias(c, side));
    return mw_pow(c, mw_affine(c, mw_exp(c, mw_affine(c, x, -1, 0)), 1, 1), -1); // sigmoid
}

mw_status mw_owlvit_detect(mw_ctx *c, const mw_owlvit *m, mw_tensor *image, mw_tensor *text,
                           mw_tensor **logits, mw_tensor **boxes)
{
    mw_nn nn = {c, m->weights};
    int64_t n = mw_dim(image, 1) - 1, D = mw_dim(image, 2);
    mw_scope_begin(c);
    mw_tensor *x = mw_nn_layer_norm(&nn, TOWER, "post_layernorm", image, m->vision.shape.eps);
    x = mw_mul(c, mw_slice(c, x, 1, 1, n), mw_slice(c, x, 1, 0, 1));
    x = mw_nn_layer_norm(&nn, "", "layer_norm", mw_reshape(c, x, MW_SHAPE(n, D)), m->vision.shape.eps);
    mw_tensor *keep[] = {classify(&nn, x, text), locate(&nn, x, mw_clip_vision_side(&m->vision))};
    mw_scope_end_many(c, keep, 2);
    *logits = keep[0];
    *boxes = keep[1];
    return mw_err(c);
}

// ---- queries

bool mw_owlvit_ids(mw_ctx *c, const mw_owlvit *m, const char *text, size_t size, int32_t *ids)
{
    size_t L = (size_t)m->text.config.positions, n;
    mw_clip_tokens found = {0};
    if (mw_clip_tokenize(c, m->tokenizer, text, size, &found) != MW_OK)
        n = 0;
    else
        n = found.n < L - 2 ? found.n : L - 2;
    memset(ids, 0, L * sizeof *ids);
    ids[0] = mw_clip_tokenizer_begin(m->tokenizer);
    for (size_t i = 0; i < n; i++)
        ids[1 + i] = found.token[i].id;
    ids[1 + n] = mw_clip_tokenizer_end(m->tokenizer);
    bool whole = found.n <= L - 2;
    mw_clip_tokens_free(&found);
    return whole;
}
