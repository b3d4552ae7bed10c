// object_shift.c: how far an object drawn alone must move to come to its box.
#include "core/graph/node.h"
#include "nodes/nets/layout/boxes.h"
#include "nodes/nets/layout/layout_geometry.h"
#include "nodes/nets/layout/layout_value.h"

#include <stdlib.h>
#include <string.h>

enum { MASK, BOX, CANVAS, HORIZONTAL, MODE };

static const mw_port in[] = {
    {"mask", "mask", NULL, 0, 0, NULL, NULL, NULL, "[h,w] where the object was drawn"},
    {"box", "list", NULL, 0, 0, NULL, NULL, "pixels", "{ x, y, width, height } where it belongs"},
    {"canvas", "list", "[512, 512]", 0, 0, NULL, NULL, "pixels", "{ width, height } that the box refers to"},
    {"horizontal_only", "bool", "false", 0, 0, NULL, "horizontal_shift_only", NULL, "it keeps its height"},
    {"mode", "choice", "\"strict\"", 0, 0, "strict|faithful", NULL, NULL,
     "faithful takes cells by their corners for the mask's centre, as the published code does"},
    {0},
};

static const mw_out out[] = {
    {"shift", "list", "{ dx, dy } in shares of the canvas; maps of all sizes move by the nearest eighth"},
    {0},
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
    "object_shift",
    1,
    MW_NODE_HOST,
    "How far the centre of an object's mask is from that of its box. LLM-grounded Diffusion, section 3.3.",
    in,
    out,
    run,
};
