// reference_maps.h: attention recorded while objects were drawn alone, as a wire brings it.
#ifndef MW_REFERENCE_MAPS_H
#define MW_REFERENCE_MAPS_H

#include "core/graph/value.h"
#include "nodes/nets/unet/unet_config.h"

// list: for each of n objects maps by layer, [1,heads,cells,1], under any name that mw_unet_layer_path takes.
// Those of the layer with the full path `path`, side by side: [heads,n,cells]. NULL with MW_E_ARG or
// MW_E_SHAPE naming object and layer when one is missing or not such a map, or when there are not n.
mw_tensor *mw_reference_maps(mw_ctx *c, const mw_unet_config *f, const mw_value *list, size_t n,
                             const char *path);

#endif
