// layout_names.h: what a prompt's objects may be called.
#ifndef MW_LAYOUT_NAMES_H
#define MW_LAYOUT_NAMES_H

#include "nodes/nets/layout/english/english.h"

// Neighbouring words of the prompt, at most six, no sign of punctuation between them, neither first nor last
// one a word that only joins ("and", "on"): as they stand, with an article, and in the singular ("three red
// circles": "a red circle"). No name twice. Free with mw_layout_names_free. NULL on failure; *n may be 0.
char **mw_layout_names(mw_ctx *c, const mw_english *e, const char *prompt, size_t *n);
void mw_layout_names_free(char **names, size_t n); // accepts NULL

#endif
