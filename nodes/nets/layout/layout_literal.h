// layout_literal.h: a Python literal as language models write layouts: lists, tuples, texts, numbers, None.
//
// What is read: lists and tuples (a tuple also without parentheses), dictionaries with texts as keys, texts
// with either quote, tripled quotes, the prefixes r and u, escapes, neighbours joined; whole numbers (hex,
// octal, binary, underscores) and floats with signs; None, True, False; comments, trailing commas, line ends
// inside brackets. Blanks and tabs in front are skipped; a first line that is indented after a line end is
// not accepted, as in Python. Nothing is computed: `10 + 5`, `--30` and names are refused.
#ifndef MW_LAYOUT_LITERAL_H
#define MW_LAYOUT_LITERAL_H

#include "core/base/ctx.h"

#include <jansson.h>

typedef enum {
    MW_LITERAL_GOOD,
    MW_LITERAL_SYNTAX, // it is no Python expression
    MW_LITERAL_VALUE,  // it is one, but not a plain value: a name, a sum, bytes, a complex number, a set
} mw_literal_kind;

typedef struct {
    json_t *value; // lists and tuples as arrays, None as null; json_decref it; NULL when not good
    bool tuple;    // the outermost bracket is a tuple
    mw_literal_kind kind;
    char fault[512]; // what is wrong, with line, column and the line itself; "" when good
} mw_literal;

// Reads text of `size` bytes. A literal that is wrong is told in the result and is no failure of the context
// (the caller may have a use for it); only memory running out is.
mw_status mw_literal_read(mw_ctx *c, const char *text, size_t size, mw_literal *out);

#endif
