// object_shift.c: how far an object drawn alone must move to come to its box.
#include "core/graph/node.h"
#include "nodes/nets/layout/boxes.h"
#include "nodes/nets/layout/layout_geometry.h"
#include "nodes/nets/layout/layout_value.h"

#include <stdlib.h>
#include <string.h>

enum { MASK, BOX, CANVAS, HORIZONTAL, MODE };

static const mw_port in[] = {
    [MASK] = {.name = "mask", .type = "mask", .doc = "[h,w] where the object was drawn"},
    [BOX] = {.name = "box",
             .type = "list",
             .unit = "pixels",
             .doc = "{ x, y, width, height } where it belongs"},
    [CANVAS] = {.name = "canvas",
                .type = "list",
                .def = "[512, 512]",
                .unit = "pixels",
                .doc = "{ width, height } that the box refers to"},
    [HORIZONTAL] = {.name = "horizontal_only",
                    .type = "bool",
                    .def = "false",
                    .alias = "horizontal_shift_only",
                    .doc = "it keeps its height"},
    [MODE] = {.name = "mode",
              .type = "choice",
              .def = "\"strict\"",
              .choices = "strict|faithful",
              .doc =
                  "faithful takes cells by their corners for the mask's centre, as the published code does"},
    {.name = NULL},
};

static const mw_out out[] = {
    {.name = "shift",
     .type = "list",
     .doc = "{ dx, dy } in shares of the canvas; maps of all sizes move by the nearest eighth"},
    {.name = NULL},
};

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    double box[4], shift[2] = {0, 0};
    int h = 0, w = 0;
    uint8_t *mask = mw_mask_read(c, "mask", i[MASK], &h, &w);
    mw_layout_mode mode = mw_layout_mode_of(i[MODE]);
    if (mw_box_on_canvas(c, i[BOX], i[CANVAS], box) == MW_OK && mode == MW_STRICT)
        mw_box_check_area(c, box);
    if (mask && mw_err(c) == MW_OK &&
        !mw_mask_offset(mask, h, w, box, mw_value_as_bool(i[HORIZONTAL]), mode, shift))
        mw_fail(c, MW_E_NUMBER, "'mask' is empty: there is nothing to move");
    free(mask);
    o[0] = mw_numbers_value(c, shift, 2);
    return mw_err(c);
}

const mw_node_type mw_node_object_shift = {
    .name = "object_shift",
    .version = 1,
    .flags = MW_NODE_HOST,
    .doc = "How far the centre of an object's mask is from that of its box. LLM-grounded Diffusion, section "
           "3.3.",
    .in = in,
    .out = out,
    .run = run,
};
