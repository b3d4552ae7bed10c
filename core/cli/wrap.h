// wrap.h: sentences on standard output that fit the terminal.
#ifndef MW_WRAP_H
#define MW_WRAP_H

// Prints the text and ends its line. On a terminal it is broken at spaces: `column` columns of the first line
// are in use, later lines begin behind `indent` blanks. Elsewhere it is printed as it is.
void mw_print_wrapped(int column, int indent, const char *text);
// A line of a list: the name, and what it is.
void mw_print_listed(const char *name, const char *doc);

#endif
