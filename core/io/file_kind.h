// file_kind.h: what a file is that was taken for a model, told from its first bytes.
#ifndef MW_FILE_KIND_H
#define MW_FILE_KIND_H

#include "core/base/ctx.h"

// "a Git LFS pointer: the weights themselves were not downloaded", "a web page, ...", "a pickle", "a GGUF
// file", "a zip archive", ...: what the `size` bytes at `head` are (512 are enough). NULL where they are
// nothing that is known.
const char *mw_file_kind(const void *head, size_t size);

// The same of a file; where its bytes tell nothing, by the ending of its name. NULL also where it may be a
// safetensors file, and with MW_E_FILE pending where it can't be read.
const char *mw_file_kind_at(mw_ctx *c, const char *path);

// Whether a kind (or NULL) is one for mw_pt_open (core/io/torch_file.h) to read, or to refuse: a pickle, an
// archive with one in it.
bool mw_file_kind_is_torch(const char *kind);

#endif
