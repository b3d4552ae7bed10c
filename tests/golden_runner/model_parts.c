// model_parts.c: runs the parts of a checkpoint on a case's inputs.
#include "tests/golden_runner/model_parts.h"

mw_checkpoint *golden_checkpoint(mw_ctx *c, golden_case *k, const char *path, const char *config)
{
    mw_checkpoint_options o = {.path = path, .dtype = k->dtype, .config = config};
    return path && mw_err(c) == MW_OK ? mw_checkpoint_open(c, &o) : NULL;
}

mw_tensor *golden_model_states(mw_ctx *c, golden_case *k, const mw_checkpoint *model, const char *name)
{
    const mw_st_entry *e = golden_input(c, k, "input_ids");
    const int32_t *ids = golden_input_i32(c, k, "input_ids");
    mw_clip_text_out out = {.all = false};
    if (!model || !ids)
        return NULL;
    if (e->ndim != 2) {
        mw_fail(c, MW_E_FILE, "%s: input_ids must be [B,L]", k->name);
        return NULL;
    }
    mw_clip_text_forward(c, &model->text_encoder->encoder[0], ids, NULL, e->shape[0], e->shape[1], &out);
    golden_give_tensor(c, k, name, out.last);
    return out.last;
}

mw_status golden_model_noise(mw_ctx *c, golden_case *k, const mw_checkpoint *model, double t,
                             mw_tensor *states, const char *name)
{
    enum { MOST = 16 };
    double times[MOST];
    mw_tensor *latents = golden_input_tensor(c, k, "latents", MW_F32);
    if (!model || !latents)
        return mw_err(c);
    if (mw_dim(latents, 0) > MOST)
        return mw_fail(c, MW_E_FILE, "%s: more than %d latents", k->name, MOST);
    for (int i = 0; i < MOST; i++)
        times[i] = t;
    mw_unet_in in = {.latents = latents, .t = times, .text = states};
    return golden_give_tensor(c, k, name, mw_unet_forward(c, &model->unet->model, &in));
}
