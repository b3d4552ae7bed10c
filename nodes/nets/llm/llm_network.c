// llm_network.c: decoder-only language models: the forward pass.
#include "nodes/nets/llm/llm_network.h"

#include "core/ops.h"
#include "nodes/nets/base/nn.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// What all blocks of one pass share.
typedef struct net {
    mw_nn nn;
    const mw_llm_network *n;
    const mw_llm_config *cfg;
    mw_kv_cache *cache;
    mw_tensor *angles[2]; // tables of rope and rope_windowed for the pass's positions
} net;

static mw_tensor *norm(const net *n, const char *path, const char *name, mw_tensor *x)
{
    mw_ctx *c = n->nn.c;
    mw_path weight = mw_path_of("%s.%s.weight", path, name);
    return mw_rms_norm(c, x, mw_weight_vector(c, n->nn.w, weight.s, mw_dim(x, -1)), n->cfg->eps);
}

static mw_tensor *linear(const net *n, const char *path, const char *name, mw_tensor *x, int64_t width,
                         bool bias, mw_tensor *residual)
{
    return mw_nn_linear(&n->nn, path, name, x, width, bias ? 0 : MW_NN_NO_BIAS, MW_ACT_NONE, residual);
}

// A linear layer and the width of its result.
typedef struct layer_of_block {
    const char *name;
    int64_t width;
} layer_of_block;

// y[i] = those of the norm `name` of x; the layers lie in the module `inside` of `path`.
static void normed(const net *n, const char *path, const char *name, mw_tensor *x, const char *inside,
                   int count, const layer_of_block *layers, bool bias, mw_tensor **y)
{
    mw_ctx *c = n->nn.c;
    mw_path gamma = mw_path_of("%s.%s.weight", path, name), module = mw_path_of("%s.%s", path, inside);
    mw_tensor *w[3] = {NULL};
    if (bias) {
        x = norm(n, path, name, x);
        for (int i = 0; i < count; i++)
            y[i] = linear(n, module.s, layers[i].name, x, layers[i].width, true, NULL);
        return;
    }
    for (int i = 0; i < count; i++) {
        mw_path weight = mw_path_of("%s.%s.weight", module.s, layers[i].name);
        w[i] = mw_weight_linear(c, n->nn.w, weight.s, layers[i].width, n->cfg->width);
    }
    mw_linear_many(c, x, mw_weight_vector(c, n->nn.w, gamma.s, n->cfg->width), n->cfg->eps, count, w, y);
}

// Norm of each head, where the family has one, and rotation.
static mw_tensor *rotated(const net *n, const char *path, const char *name, mw_tensor *x, int heads,
                          int layer)
{
    mw_ctx *c = n->nn.c;
    const mw_llm_config *f = n->cfg;
    if (f->head_norms && x) {
        int64_t B = mw_dim(x, 0), T = mw_dim(x, 1);
        mw_tensor *each = mw_reshape(c, x, MW_SHAPE(B, T, heads, f->head));
        x = mw_reshape(c, norm(n, path, name, each), MW_SHAPE(B, T, heads * f->head));
    }
    return mw_rope(c, x, n->angles[f->windowed[layer]], heads);
}

static mw_tensor *attention(const net *n, const char *block, int layer, mw_tensor *x, mw_tensor *residual)
{
    mw_ctx *c = n->nn.c;
    const mw_llm_config *f = n->cfg;
    int64_t kv = (int64_t)f->kv_heads * f->head;
    const layer_of_block parts[] = {{"q_proj", (int64_t)f->heads * f->head}, {"k_proj", kv}, {"v_proj", kv}};
    mw_path inside = mw_path_of("%s.self_attn", block);
    const char *path = inside.s;
    mw_tensor *qkv[3];
    normed(n, block, "input_layernorm", x, "self_attn", 3, parts, f->qkv_bias, qkv);
    mw_tensor *q = rotated(n, path, "q_norm", qkv[0], f->heads, layer);
    mw_tensor *k = rotated(n, path, "k_norm", qkv[1], f->kv_heads, layer), *v = qkv[2];
    if (n->cache)
        mw_kv_cache_append(c, n->cache, layer, &k, &v);
    mw_tensor *y =
        mw_grouped_attention(c, q, k, v, f->heads, f->kv_heads, f->scale, mw_llm_config_window(f, layer));
    return linear(n, path, "o_proj", y, f->width, f->out_bias, residual);
}

static mw_tensor *mlp(const net *n, const char *block, mw_tensor *x, mw_tensor *residual)
{
    const mw_llm_config *f = n->cfg;
    const layer_of_block parts[] = {{"gate_proj", f->inner}, {"up_proj", f->inner}};
    mw_path down = mw_path_of("%s.mlp.down_proj.weight", block);
    mw_tensor *y[2];
    normed(n, block, f->sandwich ? "pre_feedforward_layernorm" : "post_attention_layernorm", x, "mlp", 2,
           parts, false, y);
    return mw_linear_gated(n->nn.c, y[0], y[1], f->act,
                           mw_weight_linear(n->nn.c, n->nn.w, down.s, f->width, f->inner), residual);
}

static mw_tensor *block(const net *n, int layer, mw_tensor *x)
{
    mw_ctx *c = n->nn.c;
    bool sandwich = n->cfg->sandwich;
    mw_path path = mw_path_of("model.layers.%d", layer);
    mw_scope_begin(c);
    mw_tensor *y = attention(n, path.s, layer, x, sandwich ? NULL : x);
    x = sandwich ? mw_add(c, x, norm(n, path.s, "post_attention_layernorm", y)) : y;
    y = mlp(n, path.s, x, sandwich ? NULL : x);
    x = sandwich ? mw_add(c, x, norm(n, path.s, "post_feedforward_layernorm", y)) : y;
    return mw_scope_end(c, x);
}

// Rows of the embedding, decoded from where they lie in the file.
static mw_tensor *embed(const net *n, const mw_llm_pass *p)
{
    mw_ctx *c = n->nn.c;
    const mw_llm_network *m = n->n;
    int64_t width = n->cfg->width, count = p->batch * p->tokens;
    float scale = n->cfg->scaled_embedding ? (float)sqrt((double)width) : 1;
    if (c->dry)
        return mw_tensor_new(c, MW_F32, MW_SHAPE(p->batch, p->tokens, width));
    float *rows = mw_alloc(c, (size_t)(count * width) * sizeof *rows);
    for (int64_t i = 0; rows && i < count; i++) {
        float *row = rows + i * width;
        if (m->plain_table)
            memcpy(row, m->plain_table + p->ids[i] * width, (size_t)width * sizeof *row);
        else
            mw_ggml_decode(m->table.type, mw_block_row(&m->table, p->ids[i]), row, width);
        for (int64_t e = 0; e < width && n->cfg->scaled_embedding; e++)
            row[e] *= scale;
    }
    mw_tensor *x = rows ? mw_tensor_from_f32(c, MW_F32, MW_SHAPE(p->batch, p->tokens, width), rows) : NULL;
    free(rows);
    return x;
}

static mw_tensor *angles(mw_ctx *c, const mw_rope_settings *r, const double *frequencies, int64_t first,
                         int64_t n)
{
    if (c->dry)
        return mw_tensor_new(c, MW_F32, MW_SHAPE(n, r->width));
    float *table = mw_alloc(c, (size_t)(n * r->width) * sizeof *table);
    if (table)
        mw_rope_table(r, frequencies, (int)first, (int)n, table);
    mw_tensor *t = table ? mw_tensor_from_f32(c, MW_F32, MW_SHAPE(n, r->width), table) : NULL;
    free(table);
    return t;
}

// What is wanted at the end: norm and logits of some rows of x.
static void finish(const net *n, mw_llm_pass *p)
{
    mw_ctx *c = n->nn.c;
    const mw_llm_config *f = n->cfg;
    if (!p->want_norm && !p->want_logits)
        return;
    mw_tensor *x = mw_reshape(c, p->stream, MW_SHAPE(-1, f->width));
    if (p->rows)
        x = mw_embedding(c, x, mw_tensor_from_i32(c, MW_SHAPE(p->n_rows), p->rows), MW_F32);
    p->norm = norm(n, "model", "norm", x);
    if (p->want_logits)
        p->logits = linear(n, "", f->tied ? "model.embed_tokens" : "lm_head", p->norm, f->vocab, false, NULL);
}

static mw_status check(mw_ctx *c, const mw_llm_network *n, const mw_llm_pass *p)
{
    const mw_llm_config *f = &n->config;
    if (p->batch < 1 || p->tokens < 1)
        return mw_fail(c, MW_E_ARG, "a language model needs at least one token");
    if (p->cache && mw_kv_cache_batch(p->cache) != p->batch)
        return mw_fail(c, MW_E_ARG, "a cache of %lld sequences cannot go on with %lld",
                       (long long)mw_kv_cache_batch(p->cache), (long long)p->batch);
    for (int64_t i = 0; i < p->batch * p->tokens; i++)
        if (p->ids[i] < 0 || p->ids[i] >= f->vocab)
            return mw_fail(c, MW_E_ARG, "token %d at position %lld is not in 0..%d", (int)p->ids[i],
                           (long long)(i % p->tokens), f->vocab - 1);
    return mw_err(c);
}

mw_status mw_llm_forward(mw_ctx *c, const mw_llm_network *m, mw_llm_pass *p)
{
    const mw_llm_config *f = &m->config;
    if (mw_err(c) != MW_OK || check(c, m, p) != MW_OK)
        return mw_err(c);
    net n = {.nn = {c, m->weights}, .n = m, .cfg = f, .cache = p->cache};
    int64_t before = p->cache ? mw_kv_cache_length(p->cache) : 0;
    int blocks = p->blocks < 0 || p->blocks > f->layers ? f->layers : p->blocks;
    for (int i = 0; i < (f->window ? 2 : 1); i++)
        n.angles[i] = angles(c, i ? &f->rope_windowed : &f->rope, m->frequencies[i], before, p->tokens);
    mw_tensor *x = embed(&n, p);
    if (p->on_stream)
        p->on_stream(c, p->user, -1, x);
    for (int i = 0; i < blocks && !mw_cancelled(c); i++) {
        mw_tensor *y = block(&n, i, x);
        mw_drop(c, x);
        x = y;
        if (p->on_stream)
            p->on_stream(c, p->user, i, x);
    }
    p->stream = x;
    if (mw_err(c) == MW_OK)
        finish(&n, p);
    if (mw_err(c) == MW_OK && p->cache)
        mw_kv_cache_advance(p->cache, p->tokens);
    return mw_err(c);
}

mw_kv_cache *mw_llm_cache(mw_ctx *c, const mw_llm_network *n, int64_t batch, int64_t positions)
{
    const mw_llm_config *f = &n->config;
    return mw_kv_cache_new(c, f->layers, batch, (int64_t)f->kv_heads * f->head, positions, n->dtype);
}
