// jinja_text.h: what filters and methods do with texts, within the room of the interpreter.
#ifndef MW_JINJA_TEXT_H
#define MW_JINJA_TEXT_H

#include "nodes/nets/jinja/jinja_internal.h"

typedef enum {
    MW_JINJA_UPPER,
    MW_JINJA_LOWER,
    MW_JINJA_CAPITALIZE,
    MW_JINJA_TITLE,       // letters behind what is no letter, as Python's str.title
    MW_JINJA_TITLE_WORDS, // behind spaces and opening signs, as Jinja's filter
} mw_jinja_casing;

bool mw_jinja_is_space(uint32_t code); // as Python's str.isspace
// Without the characters of `set` (NULL: white space) at its ends.
mw_jinja_value mw_jinja_strip(mw_jinja_run *r, const mw_jinja_string *s, const mw_jinja_string *set,
                              bool left, bool right);
mw_jinja_value mw_jinja_case(mw_jinja_run *r, const mw_jinja_string *s, mw_jinja_casing casing);
// times < 0: everywhere.
mw_jinja_value mw_jinja_replace(mw_jinja_run *r, const mw_jinja_string *s, const mw_jinja_string *old,
                                const mw_jinja_string *new, int64_t times);
// by NULL: at white space.
mw_jinja_value mw_jinja_split(mw_jinja_run *r, const mw_jinja_string *s, const mw_jinja_string *by,
                              int64_t times, bool right);
mw_jinja_value mw_jinja_lines(mw_jinja_run *r, const mw_jinja_string *s, bool keep);
mw_jinja_value mw_jinja_join(mw_jinja_run *r, const mw_jinja_list *list, const mw_jinja_string *between);
mw_jinja_value mw_jinja_indent(mw_jinja_run *r, const mw_jinja_string *s, const mw_jinja_string *by,
                               bool first, bool blank);
// In characters; -1: nowhere.
int64_t mw_jinja_find(const mw_jinja_string *s, const mw_jinja_string *what, bool last);
int64_t mw_jinja_count(const mw_jinja_string *s, const mw_jinja_string *what);

#endif
