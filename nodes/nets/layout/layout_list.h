// layout_list.h: the list of boxes in a completion, as language models write it.
#ifndef MW_LAYOUT_LIST_H
#define MW_LAYOUT_LIST_H

#include "nodes/nets/layout/layout_piece.h"

#include <jansson.h>

// Reads the boxes that `text` begins with, up to byte `most`: one literal, or several one below the other
// (also with bullets, or commas between them), which become one list. Nothing, and words that say none
// ("None", "No objects", "N/A"), are an empty list. What is no literal is read again with the typographic
// signs (quotes, dashes, wide brackets), the apostrophes and the JSON words (null) as Python has them. *used:
// how far it was read. Fails with the source's code and a sentence that quotes the line. One share; NULL on
// failure.
json_t *mw_layout_list_read(mw_ctx *c, const mw_layout_source *from, mw_piece text, size_t most,
                            size_t *used);

// The words say that there is nothing: "none", "N/A", "(nothing)", "-", in any case.
bool mw_says_none(mw_piece p);

#endif
