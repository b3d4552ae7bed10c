// checkpoint_node.c: the outputs that nodes which give a checkpoint have in common.
#include "nodes/nets/checkpoint/checkpoint_node.h"

#include <string.h>

const mw_out mw_checkpoint_outs[] = {
    {"checkpoint", "checkpoint", "the whole model; where a part is expected it gives that part"},
    {"unet", "unet", "the network that predicts the noise"},
    {"vae", "vae", "the autoencoder between pictures and latents"},
    {"text_encoder", "text_encoder", "the text encoder, or both of SDXL's"},
    {"tokenizer", "tokenizer", "the vocabulary of the (first) text encoder"},
    {"scheduler", "scheduler", "the settings of the sampler that come with the model"},
    {"kind", "text", "sd1, sd2 or sdxl"},
    {0},
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
    out[1] = shared(c, &k->unet->base);
    out[2] = shared(c, &k->vae->base);
    out[3] = shared(c, &k->text_encoder->base);
    out[4] = shared(c, &k->tokenizer[0]->base);
    out[5] = shared(c, &k->scheduler->base);
    out[6] = mw_value_text(c, k->kind, strlen(k->kind));
    out[0] = mw_value_object(c, &k->base);
    return mw_err(c);
}
