// clip_layer.c: the transformer layer that CLIP's text and vision towers are made of.
#include "nodes/nets/clip/clip_layer.h"
#include "core/ops.h"

#include <math.h>

static mw_tensor *attention(const mw_nn *m, const mw_clip_shape *s, const char *path, mw_tensor *x,
                            bool causal, mw_tensor *key_mask, mw_tensor *residual)
{
    mw_tensor *q = mw_nn_linear(m, path, "q_proj", x, s->width, 0, MW_ACT_NONE, NULL);
    mw_tensor *k = mw_nn_linear(m, path, "k_proj", x, s->width, 0, MW_ACT_NONE, NULL);
    mw_tensor *v = mw_nn_linear(m, path, "v_proj", x, s->width, 0, MW_ACT_NONE, NULL);
    double scale = 1 / sqrt((double)(s->width / s->heads));
    mw_tensor *y = mw_attention(m->c, q, k, v, s->heads, scale, causal, key_mask);
    return mw_nn_linear(m, path, "out_proj", y, s->width, 0, MW_ACT_NONE, residual);
}

mw_tensor *mw_clip_layer(const mw_nn *m, const mw_clip_shape *s, const char *path, mw_tensor *x, bool causal,
                         mw_tensor *key_mask)
{
    mw_scope_begin(m->c);
    mw_tensor *y = mw_nn_layer_norm(m, path, "layer_norm1", x, s->eps);
    x = attention(m, s, mw_path_of("%s.self_attn", path).s, y, causal, key_mask, x);
    y = mw_nn_layer_norm(m, path, "layer_norm2", x, s->eps);
    y = mw_nn_linear(m, path, "mlp.fc1", y, s->inner, 0, s->act, NULL);
    x = mw_nn_linear(m, path, "mlp.fc2", y, s->width, 0, MW_ACT_NONE, x);
    return mw_scope_end(m->c, x);
}
