// textual_inversion.c: a model that knows a token more.
#include "core/base/paths.h"
#include "nodes/nets/checkpoint/checkpoint_node.h"
#include "nodes/nets/textual_inversion/textual_inversion.h"

#include <stdlib.h>

enum { MODEL, PATH, TOKEN };
static const mw_port in[] = {
    [MODEL] = {.name = "model",
               .type = "checkpoint",
               .doc = "the model that learns the token; several such nodes in a row add up"},
    [PATH] = {.name = "path",
              .type = "path",
              .doc =
                  "a textual inversion: .safetensors, .pt, .bin (of which nothing is executed), or a folder "
                  "with learned_embeds in it"},
    [TOKEN] = {.name = "token",
               .type = "text",
               .def = "null",
               .doc = "what prompts say for it; null: the token that the file names"},
    {.name = NULL},
};

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    mw_checkpoint *model = (mw_checkpoint *)mw_value_as_object(i[MODEL]);
    char *path = mw_find_path(c, mw_value_as_text(i[PATH]));
    mw_checkpoint *k = path ? mw_textual_inversion_apply(c, model, path, mw_value_as_text(i[TOKEN])) : NULL;
    free(path);
    return mw_checkpoint_give(c, k, o);
}

const mw_node_type mw_node_textual_inversion = {
    .name = "textual_inversion",
    .version = 1,
    .doc =
        "A model that knows a token more (textual inversion, Gal et al. 2022), as diffusers' "
        "load_textual_inversion "
        "adds it: a token of several vectors is written once in a prompt and stands for all of them. Gives a "
        "new checkpoint; the given one stays as it is.",
    .in = in,
    .out = mw_checkpoint_outs,
    .run = run,
};
