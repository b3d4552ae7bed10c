// english_internal.h: rules about words, read from a text file.
#ifndef MW_ENGLISH_INTERNAL_H
#define MW_ENGLISH_INTERNAL_H

#include "nodes/nets/layout/english/english.h"

typedef enum {
    MW_SAME,
    MW_ONE,
    MW_PLURAL,
    MW_NAME,
    MW_SINGULAR,
    MW_ARTICLE,
    MW_PREPOSITION,
    MW_SECTIONS
} mw_section;

// "-[^aeiou]|y ies": how it is anchored, what must stand there, from where on it is replaced, by what.
typedef struct {
    char anchor;         // '=' the whole last word, '-' the end of the text, '^' its begin
    const char *pattern; // letters and [sets]
    size_t kept;         // characters (a set is one) in front of the bar
    const char *by;
} mw_word_rule;

struct mw_english {
    char *text; // the file; the rules point into it
    struct {
        mw_word_rule *rule;
        size_t n;
    } section[MW_SECTIONS];
};

// The first rule of a section that fits `text` of n bytes, NULL when none does; *at: the byte where the
// replaced part begins. A small letter in a pattern fits a large one too.
const mw_word_rule *mw_english_rule(const mw_english *e, mw_section s, const char *text, size_t n,
                                    size_t *at);

#endif
