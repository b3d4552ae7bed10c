// param_texts.h: the values of -p: as they are typed, or read from files and standard input.
#ifndef MW_PARAM_TEXTS_H
#define MW_PARAM_TEXTS_H

#include "core/cli/verb.h"

// "name=value" of the command line; "name=@file" is the file's text without its last line end, "@-" standard
// input's, "@@x" the text "@x". MW_E_USAGE or MW_E_FILE with a sentence.
mw_status mw_cli_add_param(mw_cli *k, const char *text);

#endif
