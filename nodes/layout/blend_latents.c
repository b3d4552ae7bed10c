// blend_latents.c: latents laid over others inside a mask or box, as they are or mixed like noise.
#include "core/graph/node.h"
#include "core/ops.h"
#include "nodes/nets/layout/boxes.h"
#include "nodes/nets/layout/layout_value.h"

#include <math.h>
#include <stdlib.h>

enum { LATENTS, OVER, MASK, BOX, CANVAS, RATIO, MODE };

static const mw_port in[] = {
    [LATENTS] = {.name = "latents", .type = "latents", .doc = "[B,4,h,w] what stays outside"},
    [OVER] = {.name = "over", .type = "latents", .doc = "[B,4,h,w] what comes in inside"},
    [MASK] = {.name = "mask",
              .type = "mask",
              .def = "null",
              .doc = "[h,w] 1 inside; without it `box` is needed"},
    [BOX] = {.name = "box",
             .type = "list",
             .def = "null",
             .unit = "pixels",
             .doc = "{ x, y, width, height } on the canvas, instead of a mask"},
    [CANVAS] = {.name = "canvas",
                .type = "list",
                .def = "[512, 512]",
                .unit = "pixels",
                .doc = "{ width, height } that the box refers to"},
    [RATIO] = {.name = "ratio",
               .type = "number",
               .def = "1",
               .max = 1,
               .alias = "fg_blending_ratio",
               .doc = "share of the variance inside that comes from `over`: sqrt(1 - ratio) * latents + "
                      "sqrt(ratio) * over"},
    [MODE] = {.name = "mode",
              .type = "choice",
              .def = "\"strict\"",
              .choices = "strict|faithful",
              .doc = "strict: a box covers at least one cell; faithful: also none, and off the canvas it "
                     "wraps around"},
    {.name = NULL},
};

static const mw_out out[] = {
    {.name = "latents", .type = "latents", .doc = "[B,4,h,w] the mixture"},
    {.name = NULL},
};

// [h,w] f32 of 0 and 1.
static mw_tensor *read_mask(mw_ctx *c, mw_value *const *i, int h, int w)
{
    int mh, mw;
    uint8_t *mask = mw_mask_read(c, "mask", i[MASK], &mh, &mw);
    if (!mask && mw_err(c) == MW_OK)
        mask = mw_box_mask_read(c, i[BOX], i[CANVAS], h, w, mw_layout_mode_of(i[MODE]));
    else if (mask && (mh != h || mw != w))
        mw_fail(c, MW_E_SHAPE, "'mask' must be [%d,%d] as the latents are, got [%d,%d]", h, w, mh, mw);
    mw_value *v = mask && mw_err(c) == MW_OK ? mw_mask_value(c, mask, h, w) : NULL;
    mw_tensor *t = v ? mw_scope_adopt(c, mw_retain(mw_value_as_tensor(v))) : NULL;
    mw_value_release(v);
    free(mask);
    return t;
}

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    mw_tensor *z = mw_cast(c, mw_value_as_tensor(i[LATENTS]), MW_F32);
    mw_tensor *over = mw_cast(c, mw_value_as_tensor(i[OVER]), MW_F32);
    double r = mw_value_as_number(i[RATIO]);
    char a[64], b[64];
    if (!z || !over || z->ndim != 4 || !mw_same_shape(z, over))
        return mw_fail(c, MW_E_SHAPE, "'latents' %s and 'over' %s must both be [B,4,h,w]",
                       mw_shape_text(z, a, sizeof a), mw_shape_text(over, b, sizeof b));
    mw_tensor *mask = read_mask(c, i, (int)mw_dim(z, 2), (int)mw_dim(z, 3));
    mw_tensor *terms[2] = {z, over};
    mw_tensor *mixed = r < 1 ? mw_lincomb(c, 2, terms, (double[]){sqrt(1 - r), sqrt(r)}) : over;
    mw_tensor *outside = mw_mul(c, z, mw_affine(c, mask, -1, 1));
    o[0] = mw_value_tensor(c, mw_add(c, outside, mw_mul(c, mixed, mask)));
    return mw_err(c);
}

const mw_node_type mw_node_blend_latents = {
    .name = "blend_latents",
    .version = 1,
    .doc = "Lays latents over others inside a mask or a box; with a ratio below 1 it mixes noise, and its "
           "variance "
           "stays.",
    .in = in,
    .out = out,
    .run = run,
};
