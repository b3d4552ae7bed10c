// layout_strict.h: completions as language models write them, in strict mode.
#ifndef MW_LAYOUT_STRICT_H
#define MW_LAYOUT_STRICT_H

#include "nodes/nets/layout/layout_parse.h"
#include "nodes/nets/layout/layout_piece.h"

// Strict mode of mw_completion_read, which says what is understood. *out may hold parts after a failure.
mw_status mw_completion_read_strict(mw_ctx *c, const mw_layout_source *from, mw_piece text,
                                    mw_completion *out);

#endif
