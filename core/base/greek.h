// greek.h: a parameter may be written with its Greek letter or that letter's name.
#ifndef MW_GREEK_H
#define MW_GREEK_H

// "ω" -> "omega", "omega" -> "ω"; NULL for anything that is not one letter of the small Greek alphabet.
const char *mw_greek_other(const char *name);

#endif
