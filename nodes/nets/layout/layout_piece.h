// layout_piece.h: pieces of a completion's text; they may hold any bytes and end in no zero.
#ifndef MW_LAYOUT_PIECE_H
#define MW_LAYOUT_PIECE_H

#include "nodes/nets/layout/layout_source.h"

typedef struct {
    const char *at;
    size_t n;
} mw_piece;

// Where `word` stands first; NULL: nowhere.
const char *mw_piece_find(mw_piece p, const char *word);
// p begins with `word`, letters of ASCII compared without case.
bool mw_piece_begins(mw_piece p, const char *word);
bool mw_piece_is(mw_piece p, const char *word); // it is that word, without case
// The first byte is one of `set`; false when p is empty or begins with a zero byte.
bool mw_piece_at(mw_piece p, const char *set);
mw_piece mw_piece_from(mw_piece p, size_t skip); // without its first bytes
// Without what Python's strip takes away.
mw_piece mw_piece_strip(mw_piece p);
// Bytes up to the end of the line, without it.
size_t mw_piece_line(mw_piece p);
// Its characters: the first one's bytes, into *x its code; 0 at the end; a byte that is no UTF-8 is -1.
size_t mw_piece_character(mw_piece p, int32_t *x);

// A stripped copy that is valid UTF-8 without zero bytes, else a failure that calls it `what`. free() it.
char *mw_piece_copy(mw_ctx *c, const mw_layout_source *from, const char *what, mw_piece p);

#endif
