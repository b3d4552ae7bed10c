// clip_vision.c: the vision tower of CLIP (Radford et al. 2021; Dosovitskiy et al. 2021).
#include "nodes/nets/clip/clip_vision.h"
#include "core/ops.h"

void mw_clip_vision_config_read(mw_config *cfg, int image, mw_clip_vision_config *out)
{
    enum { MOST_TOKENS = 256 };
    *out = (mw_clip_vision_config){
        .image = mw_config_int(cfg, "image_size", image, 1, 1 << 13),
        .patch = mw_config_int(cfg, "patch_size", 32, 1, 1 << 10),
        .layers = mw_config_int(cfg, "num_hidden_layers", 12, 1, 256),
        .shape = {.width = mw_config_int(cfg, "hidden_size", 768, 1, 1 << 16),
                  .inner = mw_config_int(cfg, "intermediate_size", 3072, 1, 1 << 18),
                  .heads = mw_config_int(cfg, "num_attention_heads", 12, 1, 1 << 12),
                  .eps = mw_config_number(cfg, "layer_norm_eps", 1e-5, 1e-12, 1),
                  .act = mw_config_activation(cfg, "hidden_act", "quick_gelu")},
    };
    mw_config_only(cfg, "num_channels", "3", "pictures have three channels");
    if (mw_err(cfg->c) != MW_OK)
        return;
    if (out->image % out->patch || out->image / out->patch > MOST_TOKENS)
        mw_config_fail(cfg, "patch_size", "%d does not cut image_size %d into 1 to %d tokens a side",
                       out->patch, out->image, MOST_TOKENS);
    if (out->shape.width % out->shape.heads)
        mw_config_fail(cfg, "num_attention_heads", "%d heads do not divide hidden_size %d", out->shape.heads,
                       out->shape.width);
}

// Patches behind the class token, with their places: [B, 1 + n, D].
static mw_tensor *embed(const mw_nn *m, const mw_clip_vision_config *f, const char *path, mw_tensor *pixels)
{
    mw_ctx *c = m->c;
    int64_t B = mw_dim(pixels, 0), n = (int64_t)mw_clip_vision_side(f) * mw_clip_vision_side(f),
            D = f->shape.width;
    mw_dtype dtype = mw_weights_dtype(m->w);
    mw_path at = mw_path_of("%s.embeddings", path);
    mw_tensor *w =
        mw_weight_conv(c, m->w, mw_path_of("%s.patch_embedding.weight", at.s).s, D, 3, f->patch, f->patch);
    mw_tensor *x = mw_conv2d(c, mw_cast(c, pixels, dtype), w, NULL, f->patch, 0, 0, NULL);
    mw_tensor *class = mw_weight_tensor(c, m->w, mw_path_of("%s.class_embedding", at.s).s, MW_SHAPE(D));
    mw_tensor *parts[] = {mw_expand(c, class, MW_SHAPE(B, 1, D)), mw_reshape(c, x, MW_SHAPE(B, n, D))};
    mw_tensor *place = mw_weight_table(c, m->w, mw_path_of("%s.position_embedding.weight", at.s).s, 1 + n, D);
    return mw_add(c, mw_concat(c, 2, parts, 1), place);
}

mw_tensor *mw_clip_vision_forward(const mw_nn *m, const mw_clip_vision_config *f, const char *path,
                                  const char *pre_norm, mw_tensor *pixels)
{
    mw_ctx *c = m->c;
    char got[64];
    if (pixels &&
        (pixels->ndim != 4 || mw_dim(pixels, 1) != f->image || mw_dim(pixels, 2) != f->image ||
         mw_dim(pixels, 3) != 3))
        mw_fail(c, MW_E_SHAPE, "vision tower: pixels must be [B,%d,%d,3], got %s", f->image, f->image,
                mw_shape_text(pixels, got, sizeof got));
    mw_scope_begin(c);
    mw_tensor *x = mw_nn_layer_norm(m, path, pre_norm, embed(m, f, path, pixels), f->shape.eps);
    for (int i = 0; i < f->layers && !mw_cancelled(c); i++)
        x = mw_clip_layer(m, &f->shape, mw_path_of("%s.encoder.layers.%d", path, i).s, x, false, NULL);
    return mw_scope_end(c, x);
}
