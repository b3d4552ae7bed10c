// layout_template.h: what a language model is asked for a layout: a template with its places filled in.
//
// A template is text with {prompt} in it, and perhaps {examples} (further ones) and {previous} (a layout that
// the prompt is an instruction for).
#ifndef MW_LAYOUT_TEMPLATE_H
#define MW_LAYOUT_TEMPLATE_H

#include "nodes/nets/layout/layout.h"

// The text of a template. `name` is a file's path; "lmd" or another one of the program's own
// (scripts/templates/NAME.txt; with a previous layout NAME_edit.txt); or "auto": layout_template.txt in
// `folder` (NULL: none) where there is one (with a previous layout layout_edit_template.txt where there is
// one), else "lmd". White space behind a colon at the end goes: the answer brings its own. free() it; NULL on
// failure: MW_E_FILE naming the file, also where it has no {prompt}, or asks for a previous layout without
// one.
char *mw_layout_template(mw_ctx *c, const char *name, const char *folder, bool previous);
// Whether the template has the place {name}.
bool mw_layout_template_has(const char *text, const char *name);

// The template with its places filled in; places that the filling brings are text. The prompt's white space
// becomes single blanks, full stops at its end go. examples, previous: NULL: nothing. free() it.
char *mw_layout_template_fill(mw_ctx *c, const char *text, const char *prompt, const char *examples,
                              const char *previous);

// The three lines of a completion, from "Objects: [" on, each with its line's end. free() it.
char *mw_layout_written(mw_ctx *c, const mw_layout *l);

#endif
