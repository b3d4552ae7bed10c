// vectors_file.h: files of one vector for each of many texts, as the SUR-adapter's authors and outputs write
// them.
#ifndef MW_VECTORS_FILE_H
#define MW_VECTORS_FILE_H

#include "core/graph/vectors.h"

// From a .pt of torch.save (a dict of texts and vectors; nothing of it is executed), a .safetensors with a
// tensor for each text, or one that mw_vectors_write wrote. f16 where all of them are, else f32. MW_E_FILE
// that names the text whose vector is no vector, holds no finite numbers, or is not as wide as the others.
mw_value *mw_vectors_read(mw_ctx *c, const char *path);

#endif
