// checkpoint_node.c: the outputs that nodes which give a checkpoint have in common.
#include "nodes/nets/checkpoint/checkpoint_node.h"

#include <string.h>

enum { OUT_CHECKPOINT, OUT_UNET, OUT_VAE, OUT_TEXT_ENCODER, OUT_TOKENIZER, OUT_SCHEDULER, OUT_KIND };
const mw_out mw_checkpoint_outs[] = {
    [OUT_CHECKPOINT] = {.name = "checkpoint",
                        .type = "checkpoint",
                        .doc = "the whole model; where a part is expected it gives that part"},
    [OUT_UNET] = {.name = "unet", .type = "unet", .doc = "the network that predicts the noise"},
    [OUT_VAE] = {.name = "vae", .type = "vae", .doc = "the autoencoder between pictures and latents"},
    [OUT_TEXT_ENCODER] = {.name = "text_encoder",
                          .type = "text_encoder",
                          .doc = "the text encoder, or both of SDXL's"},
    [OUT_TOKENIZER] = {.name = "tokenizer",
                       .type = "tokenizer",
                       .doc = "the vocabulary of the (first) text encoder"},
    [OUT_SCHEDULER] = {.name = "scheduler",
                       .type = "scheduler",
                       .doc = "the settings of the sampler that come with the model"},
    [OUT_KIND] = {.name = "kind", .type = "text", .doc = "sd1, sd2 or sdxl"},
    {.name = NULL},
};

static mw_value *shared(mw_ctx *c, mw_object *o)
{
    mw_object_retain(o);
    return mw_value_object(c, o);
}

mw_status mw_checkpoint_give(mw_ctx *c, mw_checkpoint *k, mw_value **out)
{
    if (!k)
        return mw_err(c);
    out[OUT_UNET] = shared(c, &k->unet->base);
    out[OUT_VAE] = shared(c, &k->vae->base);
    out[OUT_TEXT_ENCODER] = shared(c, &k->text_encoder->base);
    out[OUT_TOKENIZER] = shared(c, &k->tokenizer[0]->base);
    out[OUT_SCHEDULER] = shared(c, &k->scheduler->base);
    out[OUT_KIND] = mw_value_text(c, k->kind, strlen(k->kind));
    out[OUT_CHECKPOINT] = mw_value_object(c, &k->base);
    return mw_err(c);
}
