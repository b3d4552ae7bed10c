// pickle.h: the values of a pickle as torch.save writes them, read as data: nothing in it is ever called.
//
// Only the operations of protocol 2 that PyTorch uses are known, and only the names that tensors need; any
// other is refused by name. Values lie in one array and refer to each other by their places in it, so that a
// pickle can't make more of them than it has bytes.
#ifndef MW_PICKLE_H
#define MW_PICKLE_H

#include "core/io/safetensors.h"

enum { MW_PICKLE_DIMS = 8 };

typedef enum {
    MW_PICKLE_NONE,
    MW_PICKLE_BOOL,
    MW_PICKLE_INT,
    MW_PICKLE_FLOAT,
    MW_PICKLE_TEXT,
    MW_PICKLE_TUPLE,
    MW_PICKLE_LIST,
    MW_PICKLE_DICT,
    MW_PICKLE_TENSOR,
    MW_PICKLE_STORAGE, // from here on: only on the way to a tensor
    MW_PICKLE_NAME,
    MW_PICKLE_MARK,
} mw_pickle_kind;

typedef struct mw_pickle_text {
    const char *at; // in the pickle, no zero behind it; UTF-8
    size_t size;
} mw_pickle_text;

// The bytes a tensor looks at: an entry of the archive.
typedef struct mw_pickle_storage {
    mw_st_dtype dtype;
    mw_pickle_text key;
    int64_t count; // elements
} mw_pickle_storage;

// Checked against its storage: every element it has lies in it.
typedef struct mw_pickle_tensor {
    mw_pickle_storage storage;
    int64_t offset; // elements
    int ndim;
    int64_t shape[MW_PICKLE_DIMS], strides[MW_PICKLE_DIMS], count;
} mw_pickle_tensor;

typedef struct mw_pickle_value {
    mw_pickle_kind kind;
    int32_t first, last; // of a tuple, list or dict: links; -1 when it is empty
    union {
        int64_t integer; // INT, BOOL; of NAME which one
        double number;
        mw_pickle_text text;
        mw_pickle_storage storage;
        int32_t tensor; // place in `tensors`
        size_t count;   // of links
    };
} mw_pickle_value;

typedef struct mw_pickle_link {
    int32_t key, value, next; // key: of a dict, a text or an integer; next: -1 behind the last
} mw_pickle_link;

typedef struct mw_pickle {
    mw_pickle_value *values;
    mw_pickle_link *links;
    mw_pickle_tensor *tensors;
    size_t nvalues, nlinks, ntensors;
    int32_t root;
} mw_pickle;

// `file` is for messages. MW_E_FILE for anything that is not on the lists. Texts point into data, which must
// live as long. Free with mw_pickle_free, also on failure.
mw_status mw_pickle_read(mw_ctx *c, const char *file, const uint8_t *data, size_t size, mw_pickle *out);
void mw_pickle_free(mw_pickle *p);

#endif
