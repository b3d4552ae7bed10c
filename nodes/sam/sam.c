// sam.c: opens a Segment Anything model.
#include "core/base/paths.h"
#include "core/graph/node.h"
#include "nodes/nets/checkpoint/checkpoint.h"
#include "nodes/nets/sam/sam_open.h"

#include <stdlib.h>

enum { PATH, DTYPE };
static const mw_port in[] = {
    [PATH] = {.name = "path",
              .type = "path",
              .alias = "model",
              .doc = "a folder as transformers lays it out: config.json, model.safetensors, "
                     "processor_config.json (or preprocessor_config.json)"},
    [DTYPE] = {.name = "dtype",
               .type = "choice",
               .def = "\"auto\"",
               .choices = "auto|f32|f16|fp32=f32|fp16=f16|float32=f32|float16=f16",
               .doc =
                   "how weights and activations are stored; auto: f16 on GPUs that compute in it, else f32"},
    {.name = NULL},
};

static const mw_out out[] = {
    {.name = "sam", .type = "sam", .doc = "the model, for sam_refine"},
    {.name = NULL},
};

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    char *path = mw_find_path(c, mw_value_as_text(i[PATH]));
    mw_sam *s = path ? mw_sam_open(c, path, mw_checkpoint_dtype(c, mw_value_as_text(i[DTYPE]))) : NULL;
    free(path);
    o[0] = s ? mw_value_object(c, &s->base) : NULL;
    return mw_err(c);
}

const mw_node_type mw_node_sam = {
    .name = "sam",
    .version = 1,
    .doc = "Opens a Segment Anything model (Kirillov et al. 2023) of any size: ViT-B, L or H.",
    .in = in,
    .out = out,
    .run = run,
};
