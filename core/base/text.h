// text.h: text from files made fit to be shown.
#ifndef MW_TEXT_H
#define MW_TEXT_H

#include <stddef.h>

// Copies UTF-8 text into buf (size >= 8), safe for a terminal and one line: control characters are shown as
// escapes (\n, \x1b, \u{202e}), bytes that are no UTF-8 too (\xff), and what does not fit ends in "...", cut
// between characters. Returns buf.
const char *mw_printable(const char *text, char *buf, size_t size);
// The same for text of n bytes that may lack a zero at the end.
const char *mw_printable_n(const char *text, size_t n, char *buf, size_t size);

// The same for a whole message, uncut: it keeps its tabs and line ends, and lines after the first are
// indented by two, so that none passes for a message of its own. free() it; NULL when host memory is out.
char *mw_printable_lines(const char *text);

// How many of the n bytes, from the first on, are UTF-8: n when all are.
size_t mw_utf8_length(const char *text, size_t n);

// Bytes of the byte order mark that some editors write in front of UTF-8: 3, or 0 where there is none.
size_t mw_byte_order_mark(const char *text, size_t n);

#endif
