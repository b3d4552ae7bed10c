// layout_signs.h: a list's text with the signs that Python has.
#ifndef MW_LAYOUT_SIGNS_H
#define MW_LAYOUT_SIGNS_H

#include "nodes/nets/layout/layout_piece.h"

// Reads the value in brackets that p begins with, up to its closing bracket, into *plain (free() it): texts
// in double quotes, whatever quotes they had (a quote within a text does not close it unless a comma, a
// colon, a closing bracket or a line's end follows), wide brackets, commas, colons and dashes as those of
// ASCII, null, true and false as None, True and False. Returns the bytes read, 0 when the bracket is never
// closed (or memory is out).
size_t mw_signs_read(mw_ctx *c, mw_piece p, char **plain);

#endif
