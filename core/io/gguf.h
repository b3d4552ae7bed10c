// gguf.h: reads and writes GGUF, the files of llama.cpp: metadata and tensors, memory-mapped.
//
// Versions 2 and 3, little-endian. Files are taken as hostile: every length, count, offset, alignment, shape
// and type is checked against the file before anything is allocated for it, names may not come twice, tensors
// may not overlap. Opening reads the metadata and the table of tensors, never the tensors' bytes: it takes
// milliseconds whatever the file's size.
// Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md.
#ifndef MW_GGUF_H
#define MW_GGUF_H

#include "core/base/ggml_blocks.h"

#include <stdio.h>

// Kinds of metadata, by the format's numbers.
typedef enum {
    MW_GGUF_U8,
    MW_GGUF_I8,
    MW_GGUF_U16,
    MW_GGUF_I16,
    MW_GGUF_U32,
    MW_GGUF_I32,
    MW_GGUF_F32,
    MW_GGUF_BOOL,
    MW_GGUF_TEXT,
    MW_GGUF_ARRAY,
    MW_GGUF_U64,
    MW_GGUF_I64,
    MW_GGUF_F64,
    MW_GGUF_KINDS
} mw_gguf_kind;

const char *mw_gguf_kind_name(mw_gguf_kind k); // "u32", "text", "array"

// One entry of the metadata: a single value, or an array of such.
typedef struct mw_gguf_value {
    const char *key; // UTF-8
    bool array;
    mw_gguf_kind kind;   // of the value, of the items of an array; never MW_GGUF_ARRAY
    uint64_t count;      // items; 1 where it is no array
    const uint8_t *data; // as it lies in the file, of any alignment; texts: each a u64 length, then its bytes
    const uint32_t *at;  // texts of an array: where in data each begins
} mw_gguf_value;

// One tensor. Rows lie one behind the other, each of whole blocks of its type (core/base/ggml_blocks.h).
typedef struct mw_gguf_tensor {
    const char *name; // UTF-8
    mw_ggml_type type;
    int ndim;            // 0..4
    int64_t shape[4];    // row-major: the slowest first; 1 beyond ndim
    int64_t count;       // weights
    const uint8_t *data; // a multiple of the file's alignment from its beginning
    size_t bytes;
} mw_gguf_tensor;

typedef struct mw_gguf mw_gguf;

// Everything lives until mw_gguf_close. NULL with MW_E_FILE and a sentence that names the file. Of a model in
// several files (x-00001-of-00003.gguf, ...) the first is opened: it holds the metadata, the tensors are
// those of all.
mw_gguf *mw_gguf_open(mw_ctx *c, const char *path);
void mw_gguf_close(mw_gguf *g); // accepts NULL

const char *mw_gguf_path(const mw_gguf *g); // as given to mw_gguf_open
int mw_gguf_version(const mw_gguf *g);
int64_t mw_gguf_alignment(const mw_gguf *g);
size_t mw_gguf_bytes(const mw_gguf *g); // of the file, or of all of them

// ---- tensors: in the order of the file, NULL past the last; by name, NULL when there is none
const mw_gguf_tensor *mw_gguf_at(const mw_gguf *g, size_t i);
const mw_gguf_tensor *mw_gguf_tensor_find(const mw_gguf *g, const char *name);

// ---- metadata: in the order of the file, NULL past the last; by key, NULL when there is none
const mw_gguf_value *mw_gguf_value_at(const mw_gguf *g, size_t i);
const mw_gguf_value *mw_gguf_find(const mw_gguf *g, const char *key);

// A single value by key: `def` where there is none. MW_E_FILE, naming file and key, when it is of another
// kind or out of low..high; the result is then `def`. Whole numbers of every width are read alike; a number
// may be whole. A text ends in a zero byte (and may hold others; `size`, which may be NULL, is its length)
// and lives as long as the file is open.
int64_t mw_gguf_int(mw_ctx *c, const mw_gguf *g, const char *key, int64_t def, int64_t low, int64_t high);
double mw_gguf_number(mw_ctx *c, const mw_gguf *g, const char *key, double def, double low, double high);
bool mw_gguf_bool(mw_ctx *c, const mw_gguf *g, const char *key, bool def);
const char *mw_gguf_text(mw_ctx *c, const mw_gguf *g, const char *key, const char *def, size_t *size);
// The same where a missing key is an error (the result is then low, 0 or "").
int64_t mw_gguf_need_int(mw_ctx *c, const mw_gguf *g, const char *key, int64_t low, int64_t high);
double mw_gguf_need_number(mw_ctx *c, const mw_gguf *g, const char *key, double low, double high);
const char *mw_gguf_need_text(mw_ctx *c, const mw_gguf *g, const char *key);

// An array by key, of texts, of whole numbers or truth values (of any width), or of numbers; NULL where there
// is none, and with MW_E_FILE pending where it is something else.
typedef enum { MW_GGUF_TEXTS, MW_GGUF_INTS, MW_GGUF_NUMBERS } mw_gguf_items;
const mw_gguf_value *mw_gguf_array(mw_ctx *c, const mw_gguf *g, const char *key, mw_gguf_items kind);

// Item i < v->count of an array, or the value itself (i = 0), in constant time and without a copy. Of the
// kind that mw_gguf_array asked for, else 0. A text has no zero behind it. Whole numbers above 2^63-1 come
// out as that.
const char *mw_gguf_item_text(const mw_gguf_value *v, uint64_t i, size_t *size);
int64_t mw_gguf_item_int(const mw_gguf_value *v, uint64_t i);
double mw_gguf_item_number(const mw_gguf_value *v, uint64_t i);

// The value to be read by people, on one line; of a long text or array the beginning.
void mw_gguf_print(const mw_gguf_value *v, FILE *out);

// MW_E_FILE "<file>: '<key>': <sentence>", for values that are wrong for a reason of their own.
#define mw_gguf_fail(c, g, key, ...) mw_gguf_fail_at((c), (g), (key), __FILE__, __LINE__, __VA_ARGS__)
mw_status mw_gguf_fail_at(mw_ctx *c, const mw_gguf *g, const char *key, const char *file, int line,
                          const char *fmt, ...) __attribute__((format(printf, 6, 7)));

#endif
