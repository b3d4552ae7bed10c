// attention_layers.c: which cross-attentions of a model layout guidance looks at.
#include "core/graph/node.h"
#include "nodes/nets/guidance/guidance.h"
#include "nodes/nets/checkpoint/model.h"

#include <stdlib.h>
#include <string.h>

enum { MODEL };
enum { MOST = 256 };

static const mw_port in[] = {
    [MODEL] = {.name = "model", .type = "unet", .doc = "a checkpoint, or its unet"},
    {.name = NULL},
};

enum { OUT_GUIDED, OUT_LEVEL, OUT_MASK };
static const mw_out out[] = {
    [OUT_GUIDED] = {.name = "guided",
                    .type = "list",
                    .doc = "those of the middle block and of the first block of the way up that has any"},
    [OUT_LEVEL] = {.name = "level",
                   .type = "list",
                   .doc = "all with maps as large as the latter's, on the way down too"},
    [OUT_MASK] = {.name = "mask",
                  .type = "text",
                  .doc = "the second at a quarter of the latents' size on the way down (Stable Diffusion 1 "
                         "and 2), else the last "
                         "of all"},
    {.name = NULL},
};

static mw_value *text(mw_ctx *c, const char *s) { return mw_value_text(c, s, strlen(s)); }

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    const mw_unet_config *f = &((const mw_unet *)mw_value_as_object(i[MODEL]))->model.config;
    mw_guided_layer *guided = mw_alloc(c, MOST * sizeof *guided);
    char path[MW_LAYER_PATH], mask[MW_LAYER_PATH];
    const int side = 1 << 12; // of latents that all levels halve evenly
    int n = guided ? mw_guided_layers_default(f, side, side, guided, MOST) : 0, level;
    if (n > MOST || (n < 1 && mw_err(c) == MW_OK))
        mw_fail(c, MW_E_ARG, "the model has %d cross-attentions in its middle and behind it", n);
    o[OUT_GUIDED] = mw_value_list(c);
    o[OUT_LEVEL] = mw_value_list(c);
    for (int k = 0; k < n && mw_err(c) == MW_OK; k++)
        mw_value_push(c, o[OUT_GUIDED], text(c, guided[k].path));
    for (int k = 0; mw_err(c) == MW_OK && mw_unet_layer_at(f, k, path, sizeof path, NULL, &level); k++)
        if (side >> level == guided[n - 1].h)
            mw_value_push(c, o[OUT_LEVEL], text(c, path));
    mw_mask_layer_default(f, mask);
    o[OUT_MASK] = text(c, mask);
    free(guided);
    return mw_err(c);
}

const mw_node_type mw_node_attention_layers = {
    .name = "attention_layers",
    .version = 1,
    .flags = MW_NODE_HOST,
    .doc = "Names of the cross-attentions that layout guidance takes by default.",
    .in = in,
    .out = out,
    .run = run,
};
