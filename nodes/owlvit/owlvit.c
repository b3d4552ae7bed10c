// owlvit.c: opens an OWL-ViT model.
#include "core/base/paths.h"
#include "core/graph/node.h"
#include "nodes/nets/checkpoint/checkpoint.h"
#include "nodes/nets/owlvit/owlvit.h"

#include <stdlib.h>

static const mw_port in[] = {
    {"path", "path", NULL, 0, 0, NULL, "model", NULL,
     "a folder as transformers lays it out: config.json, model.safetensors, preprocessor_config.json, "
     "vocab.json"},
    {"dtype", "choice", "\"auto\"", 0, 0, "auto|f32|f16|fp32=f32|fp16=f16|float32=f32|float16=f16", NULL,
     NULL, "how weights and activations are stored; auto: f16 where the device computes in it, else f32"},
    {0},
};

static const mw_out out[] = {
    {"owlvit", "owlvit", "the model, for detect"},
    {0},
};

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    char *path = mw_find_path(c, mw_value_as_text(i[0]));
    mw_owlvit *m = path ? mw_owlvit_open(c, path, mw_checkpoint_dtype(c, mw_value_as_text(i[1]))) : NULL;
    free(path);
    o[0] = m ? mw_value_object(c, &m->base) : NULL;
    return mw_err(c);
}

const mw_node_type mw_node_owlvit = {
    "owlvit", 1,
    0,        "Opens an OWL-ViT model (Minderer et al. 2022), which finds in pictures what texts name.",
    in,       out,
    run,
};
