// reference_maps.c: attention recorded while objects were drawn alone, as a wire brings it.
#include "nodes/nets/guidance/reference_maps.h"

#include "core/ops.h"
#include "nodes/nets/unet/unet.h"

#include <string.h>

// [heads,1,cells]
static mw_tensor *recorded(mw_ctx *c, const mw_unet_config *f, const mw_value *maps, size_t object,
                           const char *path)
{
    char full[96], got[64];
    for (size_t i = 0; i < mw_value_count(maps); i++) {
        mw_tensor *t = mw_value_as_tensor(mw_value_at(maps, i));
        if (mw_unet_layer_path(c, f, mw_value_key_at(maps, i), full, sizeof full) != MW_OK)
            return NULL;
        if (strcmp(full, path) != 0)
            continue;
        if (t && t->ndim == 4 && mw_dim(t, 0) == 1 && mw_dim(t, 3) == 1)
            return mw_reshape(c, t, MW_SHAPE(mw_dim(t, 1), 1, mw_dim(t, 2)));
        mw_fail(c, MW_E_SHAPE, "'reference' of object %zu at %s must be [1,heads,h*w,1], got %s", object + 1,
                mw_value_key_at(maps, i), mw_shape_text(t, got, sizeof got));
        return NULL;
    }
    mw_fail(c, MW_E_ARG, "'reference' of object %zu has no map of %s", object + 1, path);
    return NULL;
}

mw_tensor *mw_reference_maps(mw_ctx *c, const mw_unet_config *f, const mw_value *list, size_t n,
                             const char *path)
{
    mw_tensor *all = NULL;
    if (mw_err(c) == MW_OK && mw_value_count(list) != n)
        mw_fail(c, MW_E_ARG, "'reference' must have maps for each of the %zu objects, got %zu", n,
                mw_value_count(list));
    for (size_t i = 0; i < n && mw_err(c) == MW_OK; i++) {
        mw_tensor *parts[2] = {all, recorded(c, f, mw_value_at(list, i), i, path)};
        all = i ? mw_concat(c, 2, parts, 1) : parts[1];
    }
    return mw_err(c) == MW_OK ? all : NULL;
}
