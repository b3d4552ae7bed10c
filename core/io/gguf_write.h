// gguf_write.h: writes GGUF files, version 3: for tests, and models to measure with.
#ifndef MW_GGUF_WRITE_H
#define MW_GGUF_WRITE_H

#include "core/io/gguf.h"

// One entry of the metadata: `data` is one value, or `count` of an array, in the host's byte order; of texts
// a `const char *` each.
typedef struct mw_gguf_out_value {
    const char *key;
    mw_gguf_kind kind; // of the value or of the array's items
    bool array;
    uint64_t count; // of an array
    const void *data;
} mw_gguf_out_value;

// A single value of a literal: {MW_GGUF_ONE("llama.block_count", MW_GGUF_U32, uint32_t, 2)}.
#define MW_GGUF_ONE(key, kind, type, value)                                                                  \
    (key), (kind), false, 1, &(const type) { (value) }

// One tensor: whole rows of blocks, one behind the other; row-major shape, the slowest side first.
typedef struct mw_gguf_out_tensor {
    const char *name;
    mw_ggml_type type;
    int ndim;
    int64_t shape[4];
    const void *data; // NULL: `make` is asked when the tensor's turn comes
} mw_gguf_out_tensor;

// The bytes of a tensor; they are read before the next call. NULL with an error pending stops.
typedef const void *(*mw_gguf_make)(mw_ctx *c, void *user, const mw_gguf_out_tensor *t);

typedef struct mw_gguf_out {
    const mw_gguf_out_value *values; // "general.alignment", a u32, is honoured where it is among them
    size_t nvalues;
    const mw_gguf_out_tensor *tensors;
    size_t ntensors;
    mw_gguf_make make; // may be NULL where all data is there
    void *user;
} mw_gguf_out;

// Writes a file at once (see mw_file_begin). MW_E_ARG for rows that are no whole blocks.
mw_status mw_gguf_write(mw_ctx *c, const char *path, const mw_gguf_out *out);

#endif
