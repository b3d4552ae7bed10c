// pickle_internal.h: what the files of the pickle reader share.
#ifndef MW_PICKLE_INTERNAL_H
#define MW_PICKLE_INTERNAL_H

#include "core/io/pickle.h"

// What the names stand for; from MW_NAME_STORAGE on a storage of the dtype that is added.
enum { MW_NAME_DICT, MW_NAME_TENSOR, MW_NAME_PARAMETER, MW_NAME_STORAGE };

typedef struct mw_pickle_reader {
    mw_ctx *c;
    const char *file;
    const uint8_t *at, *end;
    mw_pickle *out;
    int32_t *stack, *memo; // places of values; -1 in the memo: none
    size_t nstack, nmemo;
} mw_pickle_reader;

// MW_E_FILE "<file>: its pickle is damaged or hostile: <why>".
mw_status mw_pickle_bad(mw_pickle_reader *r, const char *why);
// Room for one more than n items of that size; false with an error pending.
bool mw_pickle_room(mw_pickle_reader *r, void **items, size_t n, size_t size);
// A new value on the stack.
mw_status mw_pickle_push(mw_pickle_reader *r, mw_pickle_value v);

// ---- pickle_tensor.c
// Pushes a name of the list; MW_E_FILE naming any other.
mw_status mw_pickle_name(mw_pickle_reader *r, const char *module, size_t nmodule, const char *name,
                         size_t nname);
// What the reference `id` to something outside of the pickle stands for: a storage.
mw_status mw_pickle_storage_of(mw_pickle_reader *r, const mw_pickle_value *id, mw_pickle_value *out);
// What becomes of a name and its arguments.
mw_status mw_pickle_reduce(mw_pickle_reader *r, const mw_pickle_value *name, const mw_pickle_value *arguments,
                           mw_pickle_value *out);

#endif
