// layout_phrases.h: the phrases of a layout in a prompt: their tokens and their boxes, as energies read them.
#ifndef MW_LAYOUT_PHRASES_H
#define MW_LAYOUT_PHRASES_H

#include "nodes/nets/guidance/energy.h"
#include "core/graph/value.h"
#include "nodes/nets/layout/layout_spec.h"
#include "nodes/nets/guidance/phrase_tokens.h"

typedef struct mw_layout_phrases {
    mw_prompt_tokens found;   // with the prompt, to which phrases it lacked were added
    mw_energy_phrase *phrase; // one for each group; points into what else is here
    int n;
    double (*box)[4]; // of the spec's objects, in their order
} mw_layout_phrases;

// limit: tokens that the text encoder takes. MW_E_ARG naming phrase and prompt when one cannot be found. Free
// with mw_layout_phrases_free, also after a failure.
mw_status mw_layout_phrases_find(mw_ctx *c, const mw_clip_tokenizer *t, const mw_layout_spec *s,
                                 const char *prompt, mw_layout_mode mode, mw_layout_phrases *out);
void mw_layout_phrases_free(mw_layout_phrases *p);

// The spec of a layout on a wire; `port` is for messages.
mw_status mw_layout_spec_of(mw_ctx *c, const char *port, const mw_value *v, mw_layout_mode mode,
                            mw_layout *layout, mw_layout_spec *spec);

#endif
