// jinja.h: text templates in Jinja's language, as chat templates of language models use it: statements,
// expressions, filters, tests and methods with Jinja 2's results (trim_blocks and lstrip_blocks on, as
// transformers has it).
//
// A template is somebody else's program. It reads the variables that it is given and nothing else, and is
// stopped when it runs on or takes too much memory. What is not known is refused by name.
#ifndef MW_JINJA_H
#define MW_JINJA_H

#include "core/base/ctx.h"
#include "nodes/nets/text/unicode.h"

#include <jansson.h>

typedef struct mw_jinja mw_jinja;

// `name` is for messages. Read-only once parsed; threads may share it. NULL with MW_E_FILE: name, line and
// what is not understood. Free with mw_jinja_free.
mw_jinja *mw_jinja_parse(mw_ctx *c, const char *text, size_t size, const char *name);
void mw_jinja_free(mw_jinja *t); // accepts NULL

// A text, and which bytes of it came from foreign variables.
typedef struct {
    char *text; // zero-terminated; free with mw_jinja_text_free
    size_t size;
    mw_text_span *foreign; // in order
    size_t nforeign;
} mw_jinja_text;
void mw_jinja_text_free(mw_jinja_text *t); // what it holds

// Writes the template out. own, foreign: objects of variables; texts in the latter are told apart in the
// result wherever the template puts them, whole or in parts. MW_E_ARG naming template and line where it
// fails, and where it refuses the variables (raise_exception).
mw_status mw_jinja_render(mw_ctx *c, const mw_jinja *t, const json_t *own, const json_t *foreign,
                          mw_jinja_text *out);

#endif
