// token_maps.c: attention maps of one token, moved with their object.
#include "core/graph/node.h"
#include "core/ops.h"
#include "nodes/nets/layout/boxes.h"
#include "nodes/nets/layout/layout_geometry.h"
#include "nodes/nets/pictures/mask_ops.h"

#include <math.h>

enum { MAPS, TOKEN, SHIFT, LIKE };

static const mw_port in[] = {
    [MAPS] = {.name = "maps",
              .type = "maps",
              .doc = "by layer: [1,heads,h*w,L], as unet and token_maps give them"},
    [TOKEN] = {.name = "token", .type = "integer", .def = "0", .max = 100000, .doc = "which column, from 0"},
    [SHIFT] = {.name = "shift",
               .type = "list",
               .def = "null",
               .doc = "{ dx, dy } of object_shift; what comes in is zero; null: they stay"},
    [LIKE] = {.name = "like",
              .type = "latents",
              .def = "null",
              .doc = "latents that the maps belong to; null: square maps"},
    {.name = NULL},
};

static const mw_out out[] = {
    {.name = "maps", .type = "maps", .doc = "by layer: [1,heads,h*w,1]"},
    {.name = NULL},
};

// [1,heads,cells,1] -> the same, moved.
static mw_tensor *moved(mw_ctx *c, mw_value *const *i, const char *name, mw_tensor *t)
{
    const mw_tensor *like = mw_value_as_tensor(i[LIKE]);
    int64_t heads = mw_dim(t, 1), n = mw_dim(t, 2);
    int h = (int)lround(sqrt((double)n)), w = h, dx = 0, dy = 0;
    if (mw_value_kind(i[SHIFT]) == MW_NIL)
        return t;
    if (like ? !mw_map_sides(n, (int)mw_dim(like, 2), (int)mw_dim(like, 3), &h, &w) : (int64_t)h * w != n) {
        mw_fail(c, MW_E_SHAPE, "the map of %s has %lld cells, which is no grid %s", name, (long long)n,
                like ? "of the latents' halves" : "with sides of one length ('like' gives others)");
        return NULL;
    }
    if (!mw_shift_read(c, "shift", i[SHIFT], h, w, &dx, &dy))
        return mw_err(c) == MW_OK ? t : NULL;
    t = mw_shift_maps(c, mw_reshape(c, t, MW_SHAPE(1, heads, h, w)), dx, dy);
    return mw_reshape(c, t, MW_SHAPE(1, heads, n, 1));
}

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    int64_t token = (int64_t)mw_value_as_number(i[TOKEN]);
    char got[64];
    const mw_tensor *like = mw_value_as_tensor(i[LIKE]);
    if (like && like->ndim != 4)
        return mw_fail(c, MW_E_SHAPE, "'like' must be latents [B,4,h,w], got %s",
                       mw_shape_text(like, got, sizeof got));
    o[0] = mw_value_map(c);
    for (size_t k = 0; k < mw_value_count(i[MAPS]) && mw_err(c) == MW_OK; k++) {
        const char *name = mw_value_key_at(i[MAPS], k);
        mw_tensor *t = mw_value_as_tensor(mw_value_at(i[MAPS], k));
        if (!t || t->ndim != 4 || mw_dim(t, 0) != 1 || token >= mw_dim(t, 3))
            return mw_fail(c, MW_E_SHAPE, "the map of %s must be [1,heads,h*w,L] with a column %lld, got %s",
                           name, (long long)token, mw_shape_text(t, got, sizeof got));
        t = mw_contiguous(c, mw_slice(c, mw_cast(c, t, MW_F32), 3, token, 1));
        mw_value_set(c, o[0], name, mw_value_tensor(c, moved(c, i, name, t)));
    }
    return mw_err(c);
}

const mw_node_type mw_node_token_maps = {
    .name = "token_maps",
    .version = 1,
    .doc = "Attention maps of one token, moved with the object it stands for.",
    .in = in,
    .out = out,
    .run = run,
};
