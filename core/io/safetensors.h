// safetensors.h: reads and writes the safetensors format, one file or a set of shards, memory-mapped.
//
// A file is a 64-bit little-endian length, a JSON header of that many bytes and the tensors' bytes. Files are
// taken as hostile: a header over 100 million bytes, duplicate names or fields, shapes whose product
// overflows, byte ranges that overlap, leave a gap or end before or after the data are all refused, before
// anything is allocated that the file's size does not justify. Format:
// https://github.com/huggingface/safetensors.
#ifndef MW_SAFETENSORS_H
#define MW_SAFETENSORS_H

#include "core/base/ctx.h"

typedef enum {
    MW_ST_BOOL,
    MW_ST_F4,
    MW_ST_F6_E2M3,
    MW_ST_F6_E3M2,
    MW_ST_U8,
    MW_ST_I8,
    MW_ST_F8_E5M2,
    MW_ST_F8_E4M3,
    MW_ST_F8_E8M0,
    MW_ST_F8_E4M3FNUZ,
    MW_ST_F8_E5M2FNUZ,
    MW_ST_I16,
    MW_ST_U16,
    MW_ST_F16,
    MW_ST_BF16,
    MW_ST_I32,
    MW_ST_U32,
    MW_ST_F32,
    MW_ST_C64,
    MW_ST_F64,
    MW_ST_I64,
    MW_ST_U64,
    MW_ST_DTYPES
} mw_st_dtype;

const char *mw_st_dtype_name(mw_st_dtype d); // "BF16"
int mw_st_dtype_bits(mw_st_dtype d);         // 16; 4 and 6 occur

typedef struct mw_st_entry {
    const char *name; // UTF-8; may be ""
    const char *file; // path of the file it lies in, for messages
    mw_st_dtype dtype;
    int ndim;             // 0 for a scalar
    const int64_t *shape; // row-major
    int64_t count;        // elements
    const uint8_t *data;  // little-endian, of any alignment
    size_t bytes;
} mw_st_entry;

typedef struct mw_st mw_st;

// Opens a .safetensors file, or all shards named by a *.safetensors.index.json. An index may name only files
// in or below its own folder; each tensor it lists must be in the shard it names. Everything lives until
// mw_st_close. NULL with MW_E_FILE and a sentence that names the file.
mw_st *mw_st_open(mw_ctx *c, const char *path);
void mw_st_close(mw_st *s); // accepts NULL

const char *mw_st_path(const mw_st *s); // as given to mw_st_open
size_t mw_st_count(const mw_st *s);
// Entries by the place of their data, shard by shard; NULL when i is past the last.
const mw_st_entry *mw_st_at(const mw_st *s, size_t i);
// By name in constant time; NULL when there is none.
const mw_st_entry *mw_st_find(const mw_st *s, const char *name);
// The files: one, or the shards in the order in which the index first names them; NULL past the last.
size_t mw_st_file_count(const mw_st *s);
const char *mw_st_file_at(const mw_st *s, size_t i);
size_t mw_st_file_bytes(const mw_st *s, size_t i);
// Texts of `__metadata__` (of several shards: the first that has the key); NULL when there is none.
const char *mw_st_metadata(const mw_st *s, const char *key);
// The key after `key` (NULL: the first) and its text; NULL behind the last.
const char *mw_st_metadata_next(const mw_st *s, const char *key, const char **value);

// All elements as f32 or f16 into out (e->count values). Every dtype but C64, F4 and F6 can be read; those
// are MW_E_FILE. To f16 rounds to nearest even; a finite value beyond 65504 is MW_E_NUMBER, naming tensor and
// value.
mw_status mw_st_read_f32(mw_ctx *c, const mw_st_entry *e, float *out);
mw_status mw_st_read_f16(mw_ctx *c, const mw_st_entry *e, uint16_t *out);

// One tensor to write: data is row-major, in the host's byte order, of the dtype's size (8, 16, 32 or 64
// bits).
typedef struct {
    const char *name;
    mw_st_dtype dtype;
    int ndim;
    const int64_t *shape;
    const void *data;
} mw_st_out;

// Writes a file at once (see mw_file_begin). metadata: key, value, key, value, ..., NULL; may itself be NULL.
// Wide dtypes come first and the header is padded, so that all data is aligned. Names must differ.
mw_status mw_st_write(mw_ctx *c, const char *path, const mw_st_out *tensors, size_t n,
                      const char *const *metadata);

// The same for files larger than memory: where data is NULL, make() is called when the tensor's turn comes.
// The bytes it returns are read before the next call; NULL with an error pending stops.
typedef const void *(*mw_st_make)(mw_ctx *c, void *user, const mw_st_out *t);
mw_status mw_st_write_made(mw_ctx *c, const char *path, const mw_st_out *tensors, size_t n,
                           const char *const *metadata, mw_st_make make, void *user);

#endif
