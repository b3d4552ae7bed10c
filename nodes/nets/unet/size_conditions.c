// size_conditions.c: what SDXL's UNet is told beside the text.
#include "nodes/nets/unet/size_conditions.h"

#include <math.h>
#include <string.h>

// { x, y } of a port, or what is there already.
static void pair(mw_ctx *c, const char *port, const mw_value *v, double xy[2])
{
    if (mw_value_kind(v) == MW_NIL)
        return;
    for (size_t i = 0; i < 2 && mw_err(c) == MW_OK; i++) {
        const mw_value *e = mw_value_at(v, i);
        xy[i] = mw_value_as_number(e);
        if (mw_value_count(v) != 2 || mw_value_kind(e) != MW_NUMBER || !isfinite(xy[i]))
            mw_fail(c, MW_E_ARG, "'%s' must be a list of two numbers, in pixels", port);
    }
}

// MW_TIME_IDS for each of `items` pictures.
static double *time_ids(mw_ctx *c, const mw_sizes *s, const mw_tensor *latents, int64_t items)
{
    const double pixels = 8; // of a latent, in every published SDXL
    double w = pixels * (double)mw_dim(latents, 3), h = pixels * (double)mw_dim(latents, 2);
    double original[2] = {w, h}, crop[2] = {0, 0}, target[2] = {w, h};
    pair(c, "original_size", s->original, original);
    pair(c, "crop", s->crop, crop);
    pair(c, "target_size", s->target, target);
    const double row[MW_TIME_IDS] = {original[1], original[0], crop[1], crop[0], target[1], target[0]};
    double *ids = mw_alloc(c, (size_t)items * sizeof row);
    for (int64_t b = 0; ids && b < items; b++)
        memcpy(ids + b * MW_TIME_IDS, row, sizeof row);
    return ids;
}

mw_status mw_unet_add_sizes(mw_ctx *c, const mw_unet_config *f, const mw_sizes *s, mw_unet_in *u,
                            double **ids)
{
    *ids = NULL;
    if (!f->text_time || mw_err(c) != MW_OK)
        return mw_err(c);
    int64_t wide = f->add_width - MW_TIME_IDS * f->time_id_width;
    if (!u->pooled)
        return mw_fail(
            c, MW_E_ARG,
            "'pooled' is needed: this model takes the text encoder's pooled vector beside its states");
    if (mw_dim(u->pooled, -1) != wide)
        return mw_fail(c, MW_E_SHAPE,
                       "'pooled' must be %lld wide, got %lld: it must come from the text encoder of the same "
                       "model",
                       (long long)wide, (long long)mw_dim(u->pooled, -1));
    *ids = time_ids(c, s, u->latents, mw_dim(u->latents, 0));
    u->time_ids = *ids;
    u->ntime_ids = MW_TIME_IDS;
    return mw_err(c);
}
