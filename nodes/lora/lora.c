// lora.c: a model with a LoRA merged into its weights.
#include "core/base/paths.h"
#include "nodes/nets/checkpoint/checkpoint_node.h"
#include "nodes/nets/lora/lora.h"

#include <stdlib.h>

enum { MODEL, PATH, SCALE, TEXT_SCALE };
static const mw_port in[] = {
    [MODEL] = {.name = "model",
               .type = "checkpoint",
               .doc = "the model that is changed; several lora nodes in a row add up"},
    [PATH] = {.name = "path", .type = "path", .doc = "a LoRA file (.safetensors, kohya's or PEFT's names)"},
    [SCALE] = {.name = "scale",
               .type = "number",
               .def = "1",
               .min = -100,
               .max = 100,
               .alias = "strength|strength_model",
               .doc = "strength; 0 changes nothing"},
    [TEXT_SCALE] = {.name = "text_scale",
                    .type = "number",
                    .def = "null",
                    .min = -100,
                    .max = 100,
                    .alias = "strength_clip",
                    .doc = "strength in the text encoders; scale when absent"},
    {.name = NULL},
};

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    mw_checkpoint *model = (mw_checkpoint *)mw_value_as_object(i[MODEL]);
    double scale = mw_value_as_number(i[SCALE]);
    double text_scale = mw_value_kind(i[TEXT_SCALE]) == MW_NIL ? scale : mw_value_as_number(i[TEXT_SCALE]);
    char *path = mw_find_path(c, mw_value_as_text(i[PATH]));
    mw_lora *l = path ? mw_lora_open(c, path, model) : NULL;
    mw_checkpoint *k = mw_lora_apply(c, l, model, scale, text_scale);
    mw_lora_release(l);
    free(path);
    return mw_checkpoint_give(c, k, o);
}

const mw_node_type mw_node_lora = {
    .name = "lora",
    .version = 1,
    .doc = "Merges a LoRA into a model: W + scale * (alpha / rank) * up * down (Hu et al. 2021). Gives a new "
           "checkpoint; the "
           "given one stays as it is.",
    .in = in,
    .out = mw_checkpoint_outs,
    .run = run,
};
