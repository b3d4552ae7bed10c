// clip_text_config.c: the shape of a CLIP text encoder, from a transformers config.json.
#include "nodes/nets/clip/clip_text_config.h"

#include <string.h>

static bool projects(const json_t *json)
{
    size_t i;
    json_t *name;
    json_array_foreach(json_object_get(json, "architectures"), i, name)
    {
        if (json_is_string(name) && strcmp(json_string_value(name), "CLIPTextModelWithProjection") == 0)
            return true;
    }
    return false;
}

static void check_type(mw_config *cfg)
{
    const char *type = mw_config_text(cfg, "model_type", "clip_text_model");
    if (type && strcmp(type, "clip_text_model") != 0)
        mw_config_fail(cfg, "model_type", "\"%.40s\" is not supported, only \"clip_text_model\" is", type);
}

mw_status mw_clip_text_config_read(mw_ctx *c, const json_t *json, const char *file, mw_clip_text_config *out)
{
    mw_config cfg;
    const json_t *inner = json_object_get(json, "text_config");
    bool whole = json_is_object(inner);
    if (mw_config_begin(c, &cfg, whole ? inner : json, file) != MW_OK)
        return mw_err(c);
    check_type(&cfg);
    *out = (mw_clip_text_config){
        .vocab = mw_config_int(&cfg, "vocab_size", 49408, 1, 1 << 22),
        .positions = mw_config_int(&cfg, "max_position_embeddings", 77, 2, 1 << 16),
        .width = mw_config_int(&cfg, "hidden_size", 512, 1, 1 << 16),
        .inner = mw_config_int(&cfg, "intermediate_size", 2048, 1, 1 << 18),
        .layers = mw_config_int(&cfg, "num_hidden_layers", 12, 1, 256),
        .heads = mw_config_int(&cfg, "num_attention_heads", 8, 1, 1 << 12),
        .eos = mw_config_int(&cfg, "eos_token_id", 49407, 0, 1 << 22),
        .eps = mw_config_number(&cfg, "layer_norm_eps", 1e-5, 1e-12, 1),
        .act = mw_config_activation(&cfg, "hidden_act", "quick_gelu"),
        .masks_padding = mw_config_bool(&cfg, "use_attention_mask", false),
    };
    int projection = mw_config_int(&cfg, "projection_dim", 512, 1, 1 << 16);
    if (whole) // the joint space is named outside
        projection = (int)json_integer_value(json_object_get(json, "projection_dim"));
    if (whole && (projection < 1 || projection > 1 << 16))
        mw_config_fail(&cfg, "projection_dim", "must be a whole number from 1 to %d", 1 << 16);
    out->projection = whole || projects(json) ? projection : 0;
    if (mw_err(c) == MW_OK && out->width % out->heads)
        mw_config_fail(&cfg, "num_attention_heads", "%d heads do not divide hidden_size %d", out->heads,
                       out->width);
    return mw_config_done(&cfg);
}
