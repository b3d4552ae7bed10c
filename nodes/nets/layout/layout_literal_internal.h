// layout_literal_internal.h: what the files of the literal reader share.
#ifndef MW_LAYOUT_LITERAL_INTERNAL_H
#define MW_LAYOUT_LITERAL_INTERNAL_H

#include "nodes/nets/layout/layout_literal.h"

typedef struct {
    const char *text, *at, *end;
    int depth;       // of open brackets; inside them line ends are blanks
    mw_literal *out; // takes the first fault
} mw_literal_reader;

// Records a fault at byte `where`; the first one stays. Returns NULL.
json_t *mw_literal_fault(mw_literal_reader *r, mw_literal_kind kind, const char *where, const char *what);

// A number without sign; r->at is at its first digit or point.
json_t *mw_literal_number(mw_literal_reader *r);
// A text, prefix included, with its neighbours; r->at is at the prefix or the quote. skip moves over blanks
// between neighbours.
json_t *mw_literal_text(mw_literal_reader *r, void (*skip)(mw_literal_reader *));
// True when a text starts here, prefix included.
bool mw_literal_at_text(const mw_literal_reader *r);

#endif
