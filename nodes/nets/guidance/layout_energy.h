// layout_energy.h: the energies that layouts' phrases and boxes make of a UNet's attention maps.
#ifndef MW_LAYOUT_ENERGY_H
#define MW_LAYOUT_ENERGY_H

#include "core/graph/function.h"
#include "nodes/nets/guidance/energy.h"
#include "nodes/nets/guidance/guidance.h"
#include "nodes/nets/guidance/layout_phrases.h"

// The layout of a picture.
typedef struct mw_guided_layout {
    // what it is made from, borrowed
    const mw_value *layout;     // as wires hold it
    const mw_value *references; // of the objects, for attention transfer; read unless options.lambda is 0
    const char *prompt;         // that its phrases are found in
    // what is made
    mw_layout boxes;
    mw_layout_spec spec;
    mw_layout_phrases phrases; // of spec.n objects; none: nothing to guide
} mw_guided_layout;

typedef struct mw_layout_energy {
    // what it is made from, borrowed
    const mw_unet_config *unet;
    const mw_clip_tokenizer *tokenizer;
    mw_guided_layout *picture; // of one: the layout of all pictures
    int npictures;
    int64_t length;               // tokens of the text states
    const mw_guided_layer *layer; // whose maps it reads
    int nlayers;
    mw_energy_options options;
    mw_function *function; // the script's own energy instead; or NULL
    // what is made
    mw_energy_targets *targets; // of those that were chosen; NULL for a function
    mw_energy_layer *map;
    mw_energy_picture *chosen;
    int nchosen, *which;
} mw_layout_energy;

// Finds the phrases in the prompts. MW_E_ARG when a prompt lacks one, with the prompt that does not. Free
// with mw_layout_energy_free, also after a failure.
mw_status mw_layout_energy_find(mw_ctx *c, mw_layout_energy *e);
// Warns of boxes that cover no cell of a map: the energy cannot move attention into them there.
void mw_layout_energy_warn(mw_ctx *c, const mw_layout_energy *e);
// Then what does not depend on the maps of these n pictures: mw_guidance's choose. The open scope must
// outlive the energies.
mw_status mw_layout_energy_choose(mw_ctx *c, void *layout_energy, int n, const int *picture);
// The energies [n] of maps[i], [n,heads,h*w,length], of the pictures chosen: an mw_energy_fn.
mw_tensor *mw_layout_energy_of(mw_ctx *c, void *layout_energy, mw_tensor *const *maps);
void mw_layout_energy_free(mw_layout_energy *e);

#endif
