// clip_text.c: the CLIP text encoder (Radford et al. 2021): a causal transformer with norms in front.
#include "nodes/nets/clip/clip_text.h"
#include "core/ops.h"

#include "nodes/nets/clip/clip_layer.h"

#include <stdlib.h>
#include <string.h>

// What all layers of one run share.
typedef struct {
    mw_nn nn;
    const mw_clip_text_config *cfg;
    const char *prefix;  // "text_model." or ""
    mw_tensor *key_mask; // [B,L] i32 or NULL
} net;

int mw_clip_text_end(const mw_clip_text_config *cfg, const int32_t *ids, int64_t L)
{
    int64_t at = 0;
    bool legacy =
        cfg->eos == 2; // such files were written with a wrong id; the end is then the largest of all
    for (int64_t i = 0; i < L; i++)
        if (legacy ? ids[i] > ids[at] : ids[i] == cfg->eos) {
            at = i;
            if (!legacy)
                break;
        }
    return (int)at;
}

static mw_tensor *layer(const net *n, int i, mw_tensor *x)
{
    const mw_clip_text_config *f = n->cfg;
    mw_clip_shape shape = {f->width, f->inner, f->heads, f->eps, f->act};
    return mw_clip_layer(&n->nn, &shape, mw_path_of("encoder.layers.%d", i).s, x, true, n->key_mask);
}

static mw_tensor *embed(const net *n, const int32_t *ids, int64_t B, int64_t L)
{
    mw_ctx *c = n->nn.c;
    mw_weights *w = n->nn.w;
    const mw_clip_text_config *f = n->cfg;
    mw_tensor *table = mw_weight_table(c, w, "embeddings.token_embedding.weight", f->vocab, f->width);
    mw_tensor *place = mw_weight_table(c, w, "embeddings.position_embedding.weight", f->positions, f->width);
    mw_tensor *x = mw_embedding(c, table, mw_tensor_from_i32(c, MW_SHAPE(B, L), ids), mw_weights_dtype(w));
    return mw_add(c, x, mw_slice(c, place, 0, 0, L));
}

static mw_status check(mw_ctx *c, const mw_clip_text_config *f, const int32_t *ids, int64_t B, int64_t L,
                       int skip)
{
    if (B < 1 || L < 1 || L > f->positions)
        return mw_fail(c, MW_E_ARG, "text encoder: 1 to %d tokens are expected, got %lld", f->positions,
                       (long long)L);
    if (skip < 0 || skip > f->layers)
        return mw_fail(c, MW_E_ARG, "text encoder: clip_skip must be 0 to %d (it has %d layers), got %d",
                       f->layers, f->layers, skip);
    for (int64_t i = 0; i < B * L; i++)
        if (ids[i] < 0 || ids[i] >= f->vocab)
            return mw_fail(c, MW_E_ARG, "text encoder: token %d at position %lld is not in 0..%d",
                           (int)ids[i], (long long)(i % L), f->vocab - 1);
    return mw_err(c);
}

static mw_tensor *final_norm(const net *n, mw_tensor *x)
{
    return mw_nn_layer_norm(&n->nn, "", "final_layer_norm", x, n->cfg->eps);
}

// Rows of x[B,L,D] at the end-of-text positions.
static void pool(const net *n, const int32_t *ids, int64_t B, int64_t L, mw_tensor *x, mw_clip_text_out *out)
{
    mw_ctx *c = n->nn.c;
    int32_t *row = mw_alloc(c, (size_t)B * sizeof *row);
    if (!row)
        return;
    for (int64_t b = 0; b < B; b++) {
        int end = mw_clip_text_end(n->cfg, ids + b * L, L);
        row[b] = (int32_t)(b * L + end);
        if (out->position)
            out->position[b] = end;
    }
    mw_tensor *flat = mw_reshape(c, x, MW_SHAPE(B * L, n->cfg->width));
    out->pooled = mw_embedding(c, flat, mw_tensor_from_i32(c, MW_SHAPE(B), row), mw_weights_dtype(n->nn.w));
    free(row);
    if (n->cfg->projection)
        out->embeds = mw_nn_linear(&n->nn, "", "text_projection", out->pooled, n->cfg->projection,
                                   MW_NN_NO_BIAS, MW_ACT_NONE, NULL);
}

mw_status mw_clip_text_forward(mw_ctx *c, const mw_clip_text *m, const int32_t *ids, const int32_t *key_mask,
                               int64_t B, int64_t L, mw_clip_text_out *out)
{
    const mw_clip_text_config *f = &m->config;
    if (check(c, f, ids, B, L, out->skip) != MW_OK)
        return mw_err(c);
    net n = {.nn = {c, m->weights}, .cfg = f};
    n.key_mask = key_mask ? mw_tensor_from_i32(c, MW_SHAPE(B, L), key_mask) : NULL;
    mw_tensor *x = embed(&n, ids, B, L);
    int stop = f->layers - out->skip;
    for (int i = 0; i <= f->layers; i++) {
        if (out->all)
            out->hidden[i] = x;
        if (i == stop)
            out->last_plain = x;
        if (i == f->layers || (i == stop && !out->all && !out->pool) || mw_cancelled(c))
            break;
        x = layer(&n, i, x);
    }
    out->last = final_norm(&n, out->last_plain);
    if (out->pool)
        pool(&n, ids, B, L, out->skip ? final_norm(&n, x) : out->last, out);
    return mw_err(c);
}

static void walk(mw_ctx *c, void *model)
{
    int32_t ids[2] = {0, 0};
    mw_clip_text_out out = {.pool = true};
    mw_clip_text_forward(c, model, ids, NULL, 1, 2, &out);
}

// A projection that the model's class does not use.
static bool ignorable(const char *name) { return strcmp(name, "text_projection.weight") == 0; }

mw_status mw_clip_text_load(mw_ctx *c, mw_clip_text *m)
{
    return mw_nn_load(c, m->weights, walk, m, ignorable);
}
