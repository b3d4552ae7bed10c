// tensor_internal.h: storage of tensors; private to core/tensor.
#ifndef MW_TENSOR_INTERNAL_H
#define MW_TENSOR_INTERNAL_H

#include "core/cl/device_internal.h"
#include "core/tensor/op.h"

typedef struct mw_storage {
    atomic_int refs; // of tensors; the memory goes with the last
    atomic_int kept; // 1 while there are such, and what was made from this: the struct goes with the last
    mw_stream *stream;
    struct mw_range *range; // NULL in a dry run
    size_t bytes;
    uint64_t serial;           // larger than those of the storages made before
    atomic_ulong generation;   // how often elements were changed in place
    struct mw_storage *source; // what this was made from (mw_made_from), when it had the generation:
    unsigned long source_generation;
    char *host; // all bytes as the host has read them (read.c), when it had the generation:
    unsigned long host_generation;
} mw_storage;

void mw_storage_unkeep(mw_storage *s); // NULL accepted
uint64_t mw_storage_serial(void);      // of the next one

// A tensor in the open scope over a share of t's storage, with t's dtype, label and packing.
mw_tensor *mw_tensor_view(mw_ctx *c, mw_tensor *t, int ndim, const int64_t *shape, const int64_t *stride,
                          int64_t offset);

// False, with MW_E_ARG pending, when t is a weight that was prepared for kernels: its elements lie in another
// order.
bool mw_tensor_plain(mw_ctx *c, const mw_tensor *t);

// t's dtype and shape without its elements, and with a share of its storage; of no scope, to be released.
mw_tensor *mw_tensor_outline(mw_ctx *c, const mw_tensor *t);
mw_tensor *mw_tensor_share(mw_ctx *c, const mw_tensor *t);

void mw_marks_free(mw_tensor *t); // record.c: of a tensor that goes

// ---- copy.c
// y := x, of the same shape; any views that have no element in common. y := value (i32: its bits).
mw_status mw_copy_elements(mw_ctx *c, const mw_tensor *x, const mw_tensor *y);
mw_status mw_fill_elements(mw_ctx *c, const mw_tensor *y, float value);

// ---- launch.c
// After an enqueue, without a lock held: takes the event, which the profile or the pace asked for; NULL when
// neither did.
void mw_launched(mw_stream *d, const char *file, const char *entry, const mw_pace_launch *l, cl_event event);

// ---- view_grad.c: views as ops of the tape.
typedef struct mw_view_attrs {
    int dim;              // slice
    int64_t begin;        // slice
    int order[MW_MAXDIM]; // permute
} mw_view_attrs;
extern const mw_op mw_view_reshape, mw_view_slice, mw_view_permute, mw_view_expand;
// Record that `view` is op(x); returns view.
mw_tensor *mw_view_recorded(mw_ctx *c, const mw_op *op, mw_tensor *x, mw_tensor *view,
                            const mw_view_attrs *attrs);

// Elements of a tensor of these sizes; -1 when there can be none: a negative size, too many dimensions, or
// more than 2^60 elements (also where another size is 0).
int64_t mw_count(int ndim, const int64_t *shape);
void mw_strides_of(int ndim, const int64_t *shape, int64_t *stride);
cl_mem mw_tensor_buffer(const mw_tensor *t);
// Byte position of element 0 of the storage within the buffer.
size_t mw_tensor_begin(const mw_tensor *t);

#endif
