// lmd_layout.h: phrases with boxes and tokens as the cases of layout guidance write them.
#ifndef GOLDEN_LMD_LAYOUT_H
#define GOLDEN_LMD_LAYOUT_H

#include "nodes/nets/guidance/energy.h"
#include "tests/golden_runner/golden.h"

typedef struct golden_phrases {
    mw_energy_phrase *phrase;
    int n;
} golden_phrases;

// boxes: for each phrase a list of boxes, or one box; positions: its tokens; words: the word's token, or
// NULL. Freed with the case.
golden_phrases golden_phrases_of(mw_ctx *c, golden_case *k, const json_t *boxes, const json_t *positions,
                                 const json_t *words);
// Maps of the layers in order from inputs "ref/<phrase>/<box>/<infix><key>", each [1,heads,cells,1], put
// together: [heads,boxes,cells].
mw_tensor *golden_lmd_reference(mw_ctx *c, golden_case *k, const golden_phrases *p, const char *infix,
                                const char *key);

#endif
