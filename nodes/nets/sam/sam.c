// sam.c: Segment Anything as a whole: loading it, and pictures and coordinates in and out.
#include "nodes/nets/sam/sam_internal.h"
#include "core/ops.h"

#include <string.h>

mw_tensor *mw_sam_zeros(const mw_sam_net *n, int ndim, const int64_t *shape)
{
    mw_tensor *zero = mw_cast(n->nn.c, mw_tensor_scalar(n->nn.c, 0), mw_weights_dtype(n->nn.w));
    return mw_expand(n->nn.c, zero, ndim, shape);
}

static void walk(mw_ctx *c, void *model)
{
    const mw_sam_model *m = model;
    const mw_sam_config *f = &m->config;
    const double xy[4] = {0};
    const int label = MW_SAM_INSIDE;
    int side = mw_sam_side(f);
    mw_tensor *masks, *scores;
    mw_tensor *e = mw_sam_encode(c, m, mw_tensor_new(c, MW_F32, MW_SHAPE(1, f->image, f->image, 3)));
    mw_sam_prompt p = {.n = 1, .npoints = 1, .points = xy, .labels = &label, .boxes = xy};
    p.mask = mw_tensor_new(c, MW_F32, MW_SHAPE(1, 4 * side, 4 * side, 1));
    mw_sam_decode(c, m, e, &p, true, &masks, &scores);
}

// Stored twice: prompts and pictures have one position encoding.
static bool ignorable(const char *name)
{
    return strcmp(name, "prompt_encoder.shared_embedding.positional_embedding") == 0;
}

mw_status mw_sam_load(mw_ctx *c, mw_sam_model *m) { return mw_nn_load(c, m->weights, walk, m, ignorable); }

mw_image_prep mw_sam_prep(const mw_sam_config *config)
{
    return (mw_image_prep){.resize = true,
                           .rescale = true,
                           .normalize = true,
                           .longest = config->image,
                           .filter = MW_RESIZE_BILINEAR,
                           .factor = 1.0 / 255,
                           .mean = {0.485, 0.456, 0.406},
                           .deviation = {0.229, 0.224, 0.225},
                           .pad_width = config->image,
                           .pad_height = config->image};
}

void mw_sam_to_model(const mw_image_geometry *g, double *xy, int n)
{
    for (int i = 0; i < n; i++) {
        xy[2 * i] *= (double)g->new_width / g->width;
        xy[2 * i + 1] *= (double)g->new_height / g->height;
    }
}

mw_tensor *mw_sam_upscale(mw_ctx *c, mw_tensor *masks, const mw_image_geometry *g)
{
    if (!masks)
        return NULL;
    int64_t n = mw_dim(masks, 0), count = mw_dim(masks, 1);
    mw_tensor *x = mw_reshape(c, masks, MW_SHAPE(n * count, mw_dim(masks, 2), mw_dim(masks, 3), 1));
    x = mw_resize_bilinear(c, x, g->pad_height, g->pad_width);
    x = mw_slice(c, mw_slice(c, x, 1, 0, g->new_height), 2, 0, g->new_width);
    x = mw_resize_bilinear(c, x, g->height, g->width);
    return mw_reshape(c, x, MW_SHAPE(n, count, g->height, g->width));
}
