// value_json.h: values as JSON text and back.
#ifndef MW_VALUE_JSON_H
#define MW_VALUE_JSON_H

#include "core/graph/value.h"

// One JSON document of any kind; `what` names it in errors (MW_E_FILE: a file's path; defaults: a port). A
// byte order mark in front is skipped. One share.
mw_value *mw_value_from_json(mw_ctx *c, const char *what, const char *text, size_t length);

// Compact JSON; indent > 0: that many spaces a level. Whole numbers have no point. A tensor is written as its
// values in nested lists; an object as {"object": name}; NaN and infinities, which JSON lacks, as null.
// free() it.
char *mw_value_to_json(mw_ctx *c, const mw_value *v, int indent);

#endif
