// layout_energy.h: the energy that a layout's phrases and boxes make of a UNet's attention maps.
#ifndef MW_LAYOUT_ENERGY_H
#define MW_LAYOUT_ENERGY_H

#include "core/graph/function.h"
#include "nodes/nets/guidance/energy.h"
#include "nodes/nets/guidance/guidance.h"
#include "nodes/nets/guidance/layout_phrases.h"

typedef struct mw_layout_energy {
    // what it is made from, borrowed
    const mw_unet_config *unet;
    const mw_clip_tokenizer *tokenizer;
    const mw_value *layout;       // as wires hold it
    const mw_value *references;   // of the objects, for attention transfer; read unless options.lambda is 0
    const mw_guided_layer *layer; // whose maps it reads
    int nlayers;
    mw_energy_options options;
    mw_function *function; // the script's own energy instead; or NULL
    // what is made
    mw_layout boxes;
    mw_layout_spec spec;
    mw_layout_phrases phrases; // of spec.n objects; none: nothing to guide
    mw_energy_layer *map;
    mw_energy_targets *targets; // NULL for a function
} mw_layout_energy;

// Finds the phrases in a prompt. MW_E_ARG when the prompt lacks one, with the prompt that does not. Free with
// mw_layout_energy_free, also after a failure.
mw_status mw_layout_energy_find(mw_ctx *c, mw_layout_energy *e, const char *prompt);
// Warns of boxes that cover no cell of a map: the energy cannot move attention into them there.
void mw_layout_energy_warn(mw_ctx *c, const mw_layout_energy *e);
// Then what does not depend on the maps. length: tokens of the text states. The open scope must outlive its
// use.
mw_status mw_layout_energy_prepare(mw_ctx *c, mw_layout_energy *e, int64_t length);
// The energy [1] of maps[i], [1,heads,h*w,length]: an mw_energy_fn.
mw_tensor *mw_layout_energy_of(mw_ctx *c, void *layout_energy, mw_tensor *const *maps);
void mw_layout_energy_free(mw_layout_energy *e);

#endif
