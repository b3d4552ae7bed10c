// json.h: JSON files read with bounds, and fields of objects taken with errors that name file, key and what
// was found.
#ifndef MW_JSON_H
#define MW_JSON_H

#include "core/base/ctx.h"

#include <jansson.h>

// Enough for every config, index and vocabulary; the largest published tokenizer files have some 30 MB.
#define MW_JSON_MAX_BYTES ((size_t)128 << 20)
// Deeper nesting than any such file has is refused.
#define MW_JSON_MAX_DEPTH 100

// Parses text that need not end in zero. Duplicate keys, bad UTF-8, NaN, trailing text and numbers beyond a
// double or 64 bits are refused with MW_E_FILE, name:line:column and the text around. A byte order mark in
// front is skipped. Give it back with json_decref. NULL with an error pending.
json_t *mw_json_parse(mw_ctx *c, const char *text, size_t size, const char *name);

// Reads and parses a file whose top is an object; at most MW_JSON_MAX_BYTES long.
json_t *mw_json_load(mw_ctx *c, const char *path);

// The value as JSON text, cut to what buf (size >= 8) takes; returns buf. For messages.
const char *mw_json_text_of(const json_t *v, char *buf, size_t size);

// Fields. `where` names the file (and the object in it) for messages; `o` is an object. A field that is
// missing or of another kind is MW_E_FILE; then, and when an error is pending before, the answer is 0, NULL
// or false.
int64_t mw_json_int(mw_ctx *c, const char *where, const json_t *o, const char *key, int64_t low,
                    int64_t high);
double mw_json_number(mw_ctx *c, const char *where, const json_t *o, const char *key);
bool mw_json_bool(mw_ctx *c, const char *where, const json_t *o, const char *key);
const char *mw_json_string(mw_ctx *c, const char *where, const json_t *o,
                           const char *key); // lives as long as o
// Items of a list of whole numbers into out, at most `max`; returns how many.
int mw_json_ints(mw_ctx *c, const char *where, const json_t *o, const char *key, int64_t low, int64_t high,
                 int64_t *out, int max);
// An object or list inside o, borrowed; its kind is checked.
json_t *mw_json_object(mw_ctx *c, const char *where, const json_t *o, const char *key);
json_t *mw_json_list(mw_ctx *c, const char *where, const json_t *o, const char *key);

// True when the key is there and not null; getters of optional fields are written
//     eps = mw_json_has(o, "norm_eps") ? mw_json_number(c, where, o, "norm_eps") : 1e-5;
bool mw_json_has(const json_t *o, const char *key);

#endif
