// checkpoint.c: opens a Stable Diffusion model: a diffusers folder or a single file.
#include "core/base/paths.h"
#include "nodes/nets/checkpoint/checkpoint_node.h"

#include <stdlib.h>
#include <string.h>

enum { PATH, DTYPE, VARIANT, CONFIG };
static const mw_port in[] = {
    [PATH] = {.name = "path",
              .type = "path",
              .alias = "model",
              .doc = "a diffusers folder or a .safetensors file of Stable Diffusion 1, 2 or XL"},
    [DTYPE] = {.name = "dtype",
               .type = "choice",
               .def = "\"auto\"",
               .choices = "auto|f32=fp32=float32|f16=fp16=float16",
               .doc = "how weights and activations are stored; auto: as --dtype says, else f16 on GPUs that "
                      "compute in it, else f32; matrices that a file holds in f16 stay so in memory"},
    [VARIANT] =
        {.name = "variant",
         .type = "text",
         .def = "null",
         .doc = "of a folder: the variant of the weights, as in model.fp16.safetensors, where a part has it"},
    [CONFIG] = {.name = "config",
                .type = "path",
                .def = "null",
                .doc = "of a single file: a folder of configs, laid out as a diffusers folder, instead of "
                       "the published ones"},
    {.name = NULL},
};

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    char *path = mw_find_path(c, mw_value_as_text(i[PATH]));
    const char *config_name = mw_value_as_text(i[CONFIG]);
    char *config = path && *config_name ? mw_find_path(c, config_name) : NULL;
    mw_checkpoint_options options = {
        .path = path,
        .dtype = mw_checkpoint_dtype(c, mw_value_as_text(i[DTYPE])),
        .variant = mw_value_as_text(i[VARIANT]),
        .config = config,
    };
    mw_checkpoint *k = mw_err(c) == MW_OK ? mw_checkpoint_open(c, &options) : NULL;
    free(path);
    free(config);
    return mw_checkpoint_give(c, k, o);
}

const mw_node_type mw_node_checkpoint = {
    .name = "checkpoint",
    .version = 1,
    .doc =
        "Opens a Stable Diffusion model. Everything is checked at once; a part's weights are read when it is "
        "first used.",
    .in = in,
    .out = mw_checkpoint_outs,
    .run = run,
};
