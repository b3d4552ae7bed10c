// torch_file.h: the tensors and plain values of a file that torch.save wrote (.pt, .bin, .pth),
// memory-mapped.
//
// Such a file is a zip archive of a pickle and of the tensors' bytes. It is taken as hostile: nothing in it
// is ever executed (core/io/pickle.h), and every tensor is checked against its bytes before anything is
// allocated for it. Files from before PyTorch 1.6 (no archive), TorchScript and compressed archives are
// refused by name.
#ifndef MW_TORCH_FILE_H
#define MW_TORCH_FILE_H

#include "core/io/safetensors.h"

// A tensor: element (i, j, ...) is number offset + i * strides[0] + j * strides[1] + ... of its storage.
typedef struct mw_pt_tensor {
    const char *name;  // the keys that lead to it, from the outermost, with dots between; places in lists
                       // count from 0; "" for a file that is one tensor
    const char *key;   // the innermost of them: where it begins in `name`
    int depth;         // how many
    mw_st_dtype dtype; // BF16 BOOL F16 F32 F64 I16 I32 I64 I8 U8
    int ndim;          // 0 for a scalar
    const int64_t *shape, *strides; // strides in elements, 0 and more
    int64_t count;                  // elements
    const uint8_t *storage;         // little-endian, of any alignment; tensors may share one
    size_t storage_bytes;
    int64_t offset; // elements
} mw_pt_tensor;

// A value that is no tensor, named alike.
typedef struct mw_pt_plain {
    const char *name, *key;
    int depth;
    enum { MW_PT_NONE, MW_PT_BOOL, MW_PT_INTEGER, MW_PT_NUMBER, MW_PT_TEXT } kind;
    int64_t integer; // of BOOL too
    double number;   // of INTEGER too
    const char *text;
} mw_pt_plain;

typedef struct mw_pt mw_pt;

// Everything lives until mw_pt_close. NULL with MW_E_FILE and a sentence that names the file.
mw_pt *mw_pt_open(mw_ctx *c, const char *path);
void mw_pt_close(mw_pt *f); // accepts NULL

size_t mw_pt_count(const mw_pt *f);
// In the order of the file; NULL past the last.
const mw_pt_tensor *mw_pt_at(const mw_pt *f, size_t i);
const mw_pt_plain *mw_pt_plain_at(const mw_pt *f, size_t i);
// By name; NULL when there is none.
const mw_pt_tensor *mw_pt_find(const mw_pt *f, const char *name);
const mw_pt_plain *mw_pt_find_plain(const mw_pt *f, const char *name);

// All elements, row-major, as f32 into out (t->count values).
mw_status mw_pt_read_f32(mw_ctx *c, const mw_pt *f, const mw_pt_tensor *t, float *out);

#endif
