// lora.c: a model with a LoRA merged into its weights.
#include "core/base/paths.h"
#include "nodes/nets/checkpoint/checkpoint_node.h"
#include "nodes/nets/lora/lora.h"

#include <stdlib.h>

static const mw_port in[] = {
    {"model", "checkpoint", NULL, 0, 0, NULL, NULL, NULL,
     "the model that is changed; several lora nodes in a row add up"},
    {"path", "path", NULL, 0, 0, NULL, NULL, NULL, "a LoRA file (.safetensors, kohya's or PEFT's names)"},
    {"scale", "number", "1", -100, 100, NULL, "strength|strength_model", NULL, "strength; 0 changes nothing"},
    {"text_scale", "number", "null", -100, 100, NULL, "strength_clip", NULL,
     "strength in the text encoders; scale when absent"},
    {0},
};

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    mw_checkpoint *model = (mw_checkpoint *)mw_value_as_object(i[0]);
    double scale = mw_value_as_number(i[2]);
    double text_scale = mw_value_kind(i[3]) == MW_NIL ? scale : mw_value_as_number(i[3]);
    char *path = mw_find_path(c, mw_value_as_text(i[1]));
    mw_lora *l = path ? mw_lora_open(c, path, model) : NULL;
    mw_checkpoint *k = mw_lora_apply(c, l, model, scale, text_scale);
    mw_lora_release(l);
    free(path);
    return mw_checkpoint_give(c, k, o);
}

const mw_node_type mw_node_lora = {
    "lora",
    1,
    0,
    "Merges a LoRA into a model: W + scale * (alpha / rank) * up * down (Hu et al. 2021). Gives a new "
    "checkpoint; the "
    "given one stays as it is.",
    in,
    mw_checkpoint_outs,
    run,
};
