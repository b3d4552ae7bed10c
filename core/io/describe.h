// describe.h: what a file holds, in words, for people.
#ifndef MW_DESCRIBE_H
#define MW_DESCRIBE_H

#include "core/io/gguf.h"
#include "core/io/safetensors.h"

// "12 bytes", "3.4 MiB" into buf; returns buf.
const char *mw_bytes_text(size_t bytes, char *buf, size_t size);

// "440 tensors, 1,234,567 parameters, 4.9 MiB, F32", with a count for each dtype where there are several, and
// the number of shards; into buf; returns buf.
const char *mw_st_summary(const mw_st *s, char *buf, size_t size);

// Metadata and shards, a line each; then, where `all` are wanted, each tensor: name, dtype, shape.
void mw_describe_tensors(const mw_st *s, bool all, FILE *out);

// A GGUF file: sizes, types, metadata; each tensor too where `all` are wanted.
void mw_describe_gguf(const mw_gguf *g, bool all, FILE *out);

// A file of torch.save: how many tensors and its plain values; each tensor too where `all` are wanted.
// MW_E_FILE when it is refused.
mw_status mw_describe_torch(mw_ctx *c, const char *path, bool all, FILE *out);

// A picture: format, size, mode, and the texts of a PNG. The whole file is decoded, so that what is described
// can be read. MW_E_FILE when it is refused.
mw_status mw_describe_image(mw_ctx *c, const char *path, FILE *out);

#endif
