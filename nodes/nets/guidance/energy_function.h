// energy_function.h: an energy that a graph's own function computes from the maps of the phrases.
//
// The function is called with (maps, layout) while the tape of the gradient is open. maps: a list, layer by
// layer, of { phrase, layer, map }; map [heads,h,w] is the mean over the phrase's tokens. layout: the layout,
// with the functions inside and outside: layout:inside(phrase, map) is [h,w], 1 in the phrase's boxes at the
// map's size and 0 elsewhere; outside is 1 less that. It returns a tensor of one element.
#ifndef MW_ENERGY_FUNCTION_H
#define MW_ENERGY_FUNCTION_H

#include "core/graph/function.h"
#include "nodes/nets/guidance/guidance.h"
#include "nodes/nets/guidance/layout_phrases.h"

typedef struct mw_energy_call {
    mw_function *function;
    const mw_guided_layer *layer; // of each map
    int nlayers;
    const mw_layout_spec *spec; // whose phrases, in the same order, are:
    const mw_layout_phrases *phrases;
    const mw_value *layout; // as the wire holds it
    bool wrapped_boxes;     // as mw_energy_options has it
} mw_energy_call;

// The energy [1] of maps[i], [1,heads,h*w,L], one for each layer. MW_E_ARG or MW_E_SHAPE when phrases, maps
// or the result do not fit; the function's own errors as they are.
mw_tensor *mw_energy_of_function(mw_ctx *c, const mw_energy_call *e, mw_tensor *const *maps);

#endif
