// sam_open.c: a Segment Anything model as it travels on wires.
#include "nodes/nets/sam/sam_open.h"

#include "nodes/nets/base/hf_folder.h"

#include <stdlib.h>

static void sam_free(mw_object *o)
{
    mw_weights_free(((mw_sam *)o)->model.weights);
    free(o);
}

static unsigned long revision(const mw_object *o)
{
    return mw_weights_revision(((const mw_sam *)o)->model.weights);
}

static const mw_object_type type = {.name = "sam", .free = sam_free, .revision = revision};

static void check_prep(mw_ctx *c, const mw_sam *s, const char *file)
{
    int side = s->model.config.image;
    if (mw_err(c) == MW_OK &&
        (!s->prep.resize || s->prep.longest > side || !s->prep.longest || s->prep.pad_width != side ||
         s->prep.pad_height != side))
        mw_fail(c, MW_E_FILE,
                "%s: pictures must be resized by their longest_edge, to at most %d, and padded to the %d x "
                "%d that "
                "the network sees",
                file, side, side, side);
}

mw_sam *mw_sam_open(mw_ctx *c, const char *folder, mw_dtype dtype)
{
    mw_hf_folder f;
    mw_sam *s = mw_alloc(c, sizeof *s);
    if (!s)
        return NULL;
    s->base.type = &type;
    atomic_init(&s->base.refs, 1);
    if (mw_hf_open(c, folder, &f) == MW_OK &&
        mw_sam_config_read(c, f.config, f.config_path, &s->model.config) == MW_OK) {
        s->prep = mw_sam_prep(&s->model.config);
        if (f.prep)
            mw_image_prep_read(c, f.prep, f.prep_path, &s->prep);
        check_prep(c, s, f.prep ? f.prep_path : f.config_path);
        mw_weight_source w = mw_hf_weights(c, folder, &mw_rule_unet);
        s->model.weights = mw_err(c) == MW_OK ? mw_weights_new(c, w, "sam", dtype) : NULL;
    }
    if (s->model.weights)
        mw_sam_load(c, &s->model);
    mw_hf_close(&f);
    if (mw_err(c) == MW_OK)
        return s;
    mw_object_release(&s->base);
    return NULL;
}
