// gguf_internal.h: what the reader's files share.
#ifndef MW_GGUF_INTERNAL_H
#define MW_GGUF_INTERNAL_H

#include "core/base/file.h"
#include "core/io/gguf.h"

#define MW_GGUF_MAGIC "GGUF"
#define MW_GGUF_ALIGNMENT_KEY "general.alignment"

enum { MW_GGUF_VERSION = 3, MW_GGUF_ALIGNMENT = 32, MW_GGUF_DIMS = 4 };

struct mw_gguf {
    char *path;
    mw_mapping map;
    int version;
    int64_t alignment;
    // In the order of the file, and pointers sorted by name. Behind a value's key lies a copy of its text,
    // where it is a single one, and a zero byte.
    mw_gguf_value *values, **values_by_key;
    size_t nvalues;
    mw_gguf_tensor *tensors, **tensors_by_name;
    size_t ntensors;
    // Of a model in several files, whose first this is: the others, which own the names of their tensors; the
    // lists above hold those of all.
    mw_gguf **parts;
    size_t nparts, nown; // nown: tensors of this file alone
};

// Bytes of a value of kind k; 0 for texts, arrays and what is no kind.
size_t mw_gguf_kind_bytes(uint32_t k);

// Where reading is.
typedef struct mw_gguf_reader {
    mw_ctx *c;
    mw_gguf *g;
    size_t at; // of the map
} mw_gguf_reader;

// ---- gguf_read.c: what comes next, `what` it is, to be said where the file ends before; false with an error
// pending
size_t mw_gguf_left(const mw_gguf_reader *r);
bool mw_gguf_read_bytes(mw_gguf_reader *r, void *out, size_t n, const char *what);
bool mw_gguf_read_u32(mw_gguf_reader *r, uint32_t *out, const char *what);
bool mw_gguf_read_u64(mw_gguf_reader *r, uint64_t *out, const char *what);
// A length and that many bytes; *text points into the file.
bool mw_gguf_read_text(mw_gguf_reader *r, const char **text, size_t *size, const char *what);
// A name is such a text: UTF-8 without zero bytes, of a length that somebody may have meant.
bool mw_gguf_read_name(mw_gguf_reader *r, const char **name, size_t *size, const char *what);
// A copy of a name, behind its zero byte a text of `size` bytes and another; free() it.
char *mw_gguf_own_name(mw_ctx *c, const char *name, size_t length, const char *text, size_t size);
// Room for one more item of `bytes` in a list that holds n, a power of two at a time.
void *mw_gguf_grown(mw_ctx *c, void *list, size_t n, size_t bytes);

// ---- gguf_tensors.c: the table of n tensors, checked against the file
void mw_gguf_read_tensors(mw_gguf_reader *r, uint64_t n);

// By name; false with MW_E_FILE pending when two are called alike.
bool mw_gguf_sort_tensors(mw_ctx *c, mw_gguf *g);

// ---- gguf.c: one file, whatever belongs to it
mw_gguf *mw_gguf_open_one(mw_ctx *c, const char *path);

// ---- gguf_parts.c: opens the files that belong to g, where it is the first of several
void mw_gguf_open_parts(mw_ctx *c, mw_gguf *g);

#endif
