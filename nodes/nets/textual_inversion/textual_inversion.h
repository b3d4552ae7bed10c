// textual_inversion.h: a model that learns a token more: its text, and its rows in the text encoders' tables.
#ifndef MW_TEXTUAL_INVERSION_H
#define MW_TEXTUAL_INVERSION_H

#include "nodes/nets/checkpoint/checkpoint.h"

// The model with the vectors of the file under `token` (NULL or "": the one that the file names), as
// diffusers' load_textual_inversion adds them. Vectors are for the text encoder of their width; an encoder of
// SDXL for which the file has none reads the token's letters, with a warning. NULL with MW_E_FILE or
// MW_E_ARG.
mw_checkpoint *mw_textual_inversion_apply(mw_ctx *c, mw_checkpoint *model, const char *path,
                                          const char *token);

#endif
