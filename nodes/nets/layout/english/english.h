// english.h: English nouns in the plural and the singular, their articles, and numbers as words.
//
// The rules are data: models/english/nouns.txt, tried from top to bottom, the first that fits decides. They
// give what the inflect library (6.0) gives for common nouns, its guesses for odd ones included, since the
// published layout code stands on it.
#ifndef MW_ENGLISH_H
#define MW_ENGLISH_H

#include "core/base/ctx.h"

typedef struct mw_english mw_english; // read-only once loaded; threads may share it

// The rules that come with the program; NULL with MW_E_FILE naming file and line when they can't be read.
mw_english *mw_english_load(mw_ctx *c);
void mw_english_free(mw_english *e); // accepts NULL

// All four return fresh UTF-8 text; free() it; NULL when memory is out or an error is pending.
// "apple on a plate" -> "apples on a plate"; words in capitals stay so. Blanks around the text are kept. It
// is inflect's plural_noun, to which a plural is a noun like others: "flowers" -> "flowerss".
char *mw_plural(mw_ctx *c, const mw_english *e, const char *noun);
// What two and more of it are called: the plural, and a plural is itself: "cat" -> "cats", "flowers" and
// "bunches of flowers" -> the same, "glass" -> "glasses".
char *mw_several(mw_ctx *c, const mw_english *e, const char *noun);
// "geese" -> "goose"; a noun that is no plural comes back as it is.
char *mw_singular(mw_ctx *c, const mw_english *e, const char *noun);
// "hour" -> "an hour", "a hat" -> "a hat".
char *mw_with_article(mw_ctx *c, const mw_english *e, const char *noun);

// 21 -> "twenty-one", 1234 -> "one thousand, two hundred and thirty-four"; 0..999999999. free() it.
char *mw_number_words(mw_ctx *c, int n);
// The number that a word or digits stand for ("three", "7"), 0..999999; -1 when it is none.
int mw_number_of_word(const char *word, size_t length);

#endif
