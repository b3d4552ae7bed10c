// owlvit.c: opens an OWL-ViT model.
#include "core/base/paths.h"
#include "core/graph/node.h"
#include "nodes/nets/checkpoint/checkpoint.h"
#include "nodes/nets/owlvit/owlvit.h"

#include <stdlib.h>

enum { PATH, DTYPE };
static const mw_port in[] = {
    [PATH] = {.name = "path",
              .type = "path",
              .alias = "model",
              .doc = "a folder as transformers lays it out: config.json, model.safetensors, "
                     "processor_config.json (or preprocessor_config.json), "
                     "vocab.json"},
    [DTYPE] = {.name = "dtype",
               .type = "choice",
               .def = "\"auto\"",
               .choices = "auto|f32|f16|fp32=f32|fp16=f16|float32=f32|float16=f16",
               .doc =
                   "how weights and activations are stored; auto: f16 on GPUs that compute in it, else f32"},
    {.name = NULL},
};

static const mw_out out[] = {
    {.name = "owlvit", .type = "owlvit", .doc = "the model, for detect"},
    {.name = NULL},
};

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    char *path = mw_find_path(c, mw_value_as_text(i[PATH]));
    mw_owlvit *m = path ? mw_owlvit_open(c, path, mw_checkpoint_dtype(c, mw_value_as_text(i[DTYPE]))) : NULL;
    free(path);
    o[0] = m ? mw_value_object(c, &m->base) : NULL;
    return mw_err(c);
}

const mw_node_type mw_node_owlvit = {
    .name = "owlvit",
    .version = 1,
    .doc = "Opens an OWL-ViT model (Minderer et al. 2022), which finds in pictures what texts name.",
    .in = in,
    .out = out,
    .run = run,
};
