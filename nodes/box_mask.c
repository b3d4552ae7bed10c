// box_mask.c: a box as a mask of latents.
#include "core/graph/node.h"
#include "nodes/nets/boxes.h"
#include "nodes/nets/mask_ops.h"

#include <stdlib.h>

enum { BOX, LIKE, CANVAS };

static const mw_port in[] = {
    {"box", "list", NULL, 0, 0, NULL, NULL, "pixels", "{ x, y, width, height } on the canvas"},
    {"like", "latents", NULL, 0, 0, NULL, NULL, NULL, "latents whose sides the mask gets"},
    {"canvas", "list", "[512, 512]", 0, 0, NULL, NULL, "pixels", "{ width, height } that the box refers to"},
    {0},
};

static const mw_out out[] = {
    {"mask", "mask", "[h,w] 1 in the box: corner and size go to the nearest cell each"},
    {0},
};

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    const mw_tensor *like = mw_value_as_tensor(i[LIKE]);
    if (!like || like->ndim < 2)
        return mw_fail(c, MW_E_SHAPE, "'like' must be latents, [..,h,w]");
    uint8_t *mask = mw_box_mask_read(c, i[BOX], i[CANVAS], (int)mw_dim(like, -2), (int)mw_dim(like, -1));
    o[0] = mask ? mw_mask_value(c, mask, (int)mw_dim(like, -2), (int)mw_dim(like, -1)) : NULL;
    free(mask);
    return mw_err(c);
}

const mw_node_type mw_node_box_mask = {
    "box_mask", 1, 0, "The cells of latents that a box covers.", in, out, run,
};
