// box_mask.c: a box as a mask of latents.
#include "core/graph/node.h"
#include "nodes/nets/layout/boxes.h"
#include "nodes/nets/layout/layout_value.h"
#include "nodes/nets/pictures/mask_ops.h"

#include <stdlib.h>

enum { BOX, LIKE, CANVAS, MODE };
enum { CELL = 8 }; // pixels along a side of a latent

static const mw_port in[] = {
    [BOX] = {.name = "box", .type = "list", .unit = "pixels", .doc = "{ x, y, width, height } on the canvas"},
    [LIKE] = {.name = "like", .type = "latents", .doc = "latents whose sides the mask gets"},
    [CANVAS] = {.name = "canvas",
                .type = "list",
                .def = "[512, 512]",
                .unit = "pixels",
                .doc = "{ width, height } that the box refers to"},
    [MODE] = {.name = "mode",
              .type = "choice",
              .def = "\"strict\"",
              .choices = "strict|faithful",
              .doc = "strict: a box covers at least one cell; faithful: also none, and off the canvas it "
                     "wraps around"},
    {.name = NULL},
};

enum { OUT_MASK, OUT_PIXELS };
static const mw_out out[] = {
    [OUT_MASK] = {.name = "mask",
                  .type = "mask",
                  .doc = "[h,w] 1 in the box: corner and size go to the nearest cell each"},
    [OUT_PIXELS] = {.name = "pixels",
                    .type = "list",
                    .doc = "{ x, y, width, height } of the box in whole pixels of the picture, 8 to a cell"},
    {.name = NULL},
};

static mw_value *pixels(mw_ctx *c, const double box[4], int h, int w)
{
    int p[4];
    mw_box_cells(box, CELL * h, CELL * w, p);
    double sides[4] = {p[0], p[1], p[2] > p[0] ? p[2] - p[0] : 0, p[3] > p[1] ? p[3] - p[1] : 0};
    return mw_numbers_value(c, sides, 4);
}

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    const mw_tensor *like = mw_value_as_tensor(i[LIKE]);
    if (!like || like->ndim < 2 || mw_dim(like, -1) > INT32_MAX / CELL || mw_dim(like, -2) > INT32_MAX / CELL)
        return mw_fail(c, MW_E_SHAPE, "'like' must be latents, [..,h,w]");
    int h = (int)mw_dim(like, -2), w = (int)mw_dim(like, -1);
    double box[4];
    uint8_t *mask = mw_box_mask_read(c, i[BOX], i[CANVAS], h, w, mw_layout_mode_of(i[MODE]));
    o[OUT_MASK] = mask ? mw_mask_value(c, mask, h, w) : NULL;
    free(mask);
    if (mw_box_on_canvas(c, i[BOX], i[CANVAS], box) == MW_OK)
        o[OUT_PIXELS] = pixels(c, box, h, w);
    return mw_err(c);
}

const mw_node_type mw_node_box_mask = {
    .name = "box_mask",
    .version = 3,
    .doc = "The cells of latents that a box covers.",
    .in = in,
    .out = out,
    .run = run,
};
