// tensor.h: n-dimensional arrays on a device, views of them, and scopes that own them.
//
// A tensor is a shape over counted device storage. Views share storage. Storage is f32 or f16 (or i32, u8);
// arithmetic is float. Pictures and feature maps are channels-last: [B,h,w,C].
//
// Every tensor belongs to the innermost open scope of its context and goes when that scope closes, unless it
// was retained. Functions here and all ops accept NULL tensors and pending errors: they then return NULL and
// do nothing, so that mathematics can be written without a check on every line.
#ifndef MW_TENSOR_H
#define MW_TENSOR_H

#include "core/base/ctx.h"

#define MW_MAXDIM 6

typedef enum { MW_F32, MW_F16, MW_I32, MW_U8 } mw_dtype;

struct mw_storage; // counted device memory

typedef struct mw_tensor {
    mw_dtype dtype;
    int ndim;
    int64_t shape[MW_MAXDIM];
    int64_t stride[MW_MAXDIM]; // in elements; 0 along an expanded dimension
    int64_t offset;            // of the first element, in elements, from the start of the storage
    struct mw_storage *storage;
    const char *label; // for messages ("unet mid_block.attentions.0.proj_in.weight"); not owned; may be NULL
    int packing; // MW_PACKING_NONE, or how a weight was packed (mw_prepare_*; private to the ops that read
                 // it)
    struct mw_tensor *twin;        // another form of the same weight, made by ops that want it; owned
    struct mw_mark *_Atomic marks; // how it came about, for its gradient; see tape.h
    atomic_int refs;
} mw_tensor;

enum { MW_PACKING_NONE = 0 };

// ---- scopes and ownership
void mw_scope_begin(mw_ctx *c);
// Close the innermost scope; its tensors go, except `keep` (may be NULL), which moves to the scope outside.
// Returns keep, or NULL when an error is pending (keep is then released too).
mw_tensor *mw_scope_end(mw_ctx *c, mw_tensor *keep);
// As mw_scope_end for several tensors.
void mw_scope_end_many(mw_ctx *c, mw_tensor **keep, int n);
// t is not needed any more: give back a share of it that an open scope holds, the innermost first, before
// that scope closes. Nothing happens when none holds it.
void mw_drop(mw_ctx *c, mw_tensor *t);
// Take a share that outlives scopes; give it back with mw_release. NULL is accepted by both.
mw_tensor *mw_retain(mw_tensor *t);
void mw_release(mw_tensor *t);
// Add a retained tensor to the innermost scope, which takes over the share.
mw_tensor *mw_scope_adopt(mw_ctx *c, mw_tensor *t);
// Tensors alive in the program; 0 at exit when nothing leaks.
long mw_live_tensors(void);
// Bytes that the device can still take; a large number without a device. What a result's bits follow from
// must not ask it: see mw_memory_limit.
uint64_t mw_memory_left(const mw_ctx *c);
// Bytes that tensors may take on the context's device, whatever they take now: the same in each run with the
// same settings. A large number without a device.
uint64_t mw_memory_limit(const mw_ctx *c);
// The most bytes that tensors made in this thread's dry contexts took at a time since mw_dry_begin, beyond
// what they took then.
void mw_dry_begin(void);
uint64_t mw_dry_peak(void);

// ---- making and reading
// Uninitialised, contiguous. In a dry context it has no storage. MW_E_MEMORY when the device's limit would be
// passed.
mw_tensor *mw_tensor_new(mw_ctx *c, mw_dtype dtype, int ndim, const int64_t *shape);
// From host f32 values, row-major; converted to dtype (f32 or f16).
mw_tensor *mw_tensor_from_f32(mw_ctx *c, mw_dtype dtype, int ndim, const int64_t *shape, const float *data);
// From host bytes already in dtype, row-major.
mw_tensor *mw_tensor_from_bytes(mw_ctx *c, mw_dtype dtype, int ndim, const int64_t *shape, const void *data);
mw_tensor *mw_tensor_from_i32(mw_ctx *c, int ndim, const int64_t *shape, const int32_t *data);
// u8 [bytes] over memory of the host, which is read where it lies, and not counted as the device's: on
// devices that mw_lends names, in a context that is not dry. It must stay there, unchanged, until done(user)
// is called: once, by any thread, when the last tensor over it and the last kernel that reads it are through,
// and also when this fails.
mw_tensor *mw_tensor_lent(mw_ctx *c, const void *data, size_t bytes, void (*done)(void *user), void *user);
// Whether the context's device reads memory of the host as fast as its own: CPUs do.
bool mw_lends(const mw_ctx *c);
// One value everywhere, set on the device: nothing is uploaded. i32: a whole number.
mw_tensor *mw_full(mw_ctx *c, mw_dtype dtype, int ndim, const int64_t *shape, double value);
mw_tensor *mw_tensor_scalar(mw_ctx *c, float value); // f32, no dimensions
// Read all elements in row-major order as f32 (f16 widened, i32 and u8 converted); any view, of any stream.
// Waits for the device, but where up to 64 KiB are known (below), or were read before and not changed since.
// out holds mw_numel(t) values.
mw_status mw_tensor_read_f32(mw_ctx *c, const mw_tensor *t, float *out);
mw_status mw_tensor_read_i32(mw_ctx *c, const mw_tensor *t, int32_t *out);
// t was just made from `bytes`, and will be read: up to 64 KiB of them are kept on the host until they
// change.
void mw_tensor_known(mw_ctx *c, mw_tensor *t, const void *bytes);

// ---- changing in place (write.c)
// Only what the caller made himself may be changed: tensors on wires, in caches and of networks are read by
// others. Whoever took a view sees the change; whoever needs the elements as they were notices it by the
// generation: a tape when it walks back (tape.h), the user of a prepared weight (ops.h). With a tape open,
// what it watches is neither changed nor written (MW_E_ARG).
//
// Every element of y becomes that of x, which is broadcast to y's shape and changed into y's dtype (f32 and
// f16; i32 stays i32). y: any view but an expanded one; x may lie in the same storage, and over y. MW_E_SHAPE
// when they do not agree.
mw_status mw_write(mw_ctx *c, mw_tensor *y, mw_tensor *x);
// Every element of y becomes `value`; no upload. i32: a whole number.
mw_status mw_fill(mw_ctx *c, mw_tensor *y, double value);
// For what changes y's elements by a launch of its own: the next generation begins. False, with the reason
// pending, when y may not be changed.
bool mw_change(mw_ctx *c, mw_tensor *y);
// How often elements of t's storage were changed in place.
unsigned long mw_generation(const mw_tensor *t);
// The number of a change in place of what others know as one thing, a network's weights: later than all
// before it in this process. The last that was given; 0: none.
unsigned long mw_revision_next(void);
unsigned long mw_revision_last(void);
// `copy` (fresh, of its own storage) is another form of `source`: from the next change of source's storage on
// it is stale, also for its views. It does not keep source alive.
void mw_made_from(mw_tensor *copy, const mw_tensor *source);
bool mw_stale(const mw_tensor *copy);

// ---- several devices (transfer.c)
// The stream in whose memory t lies; NULL for what has no storage.
struct mw_stream *mw_tensor_stream(const mw_tensor *t);
// t itself when it lies on s already; else its elements in s's memory, contiguous and of its own storage, in
// the open scope. A prepared weight stays one (MW_E_ARG where s's kernels read another form). Waits for t's
// stream; the bytes pass through the host. Nothing is recorded: MW_E_ARG for what an open tape watches.
mw_tensor *mw_tensor_to(mw_ctx *c, mw_tensor *t, struct mw_stream *s);
// False, with MW_E_ARG pending that names both, when t lies on another stream than the context's.
bool mw_tensor_here(mw_ctx *c, const mw_tensor *t);

// ---- facts
int64_t mw_numel(const mw_tensor *t); // 0 for NULL
size_t mw_dtype_size(mw_dtype d);
const char *mw_dtype_name(mw_dtype d); // "f32"
bool mw_is_contiguous(const mw_tensor *t);
// Size of dimension i; negative counts from the end. 0 for NULL.
int64_t mw_dim(const mw_tensor *t, int i);
bool mw_same_shape(const mw_tensor *a, const mw_tensor *b);
// "[2,77,768] f32" into buf; returns buf. For messages.
const char *mw_shape_text(const mw_tensor *t, char *buf, size_t size);

// ---- views (no copy, except where said)
// Same elements, other shape; one entry may be -1. Copies when the view's strides do not allow it.
mw_tensor *mw_reshape(mw_ctx *c, mw_tensor *t, int ndim, const int64_t *shape);
// [begin, begin+length) along dimension dim (negative counts from the end).
mw_tensor *mw_slice(mw_ctx *c, mw_tensor *t, int dim, int64_t begin, int64_t length);
mw_tensor *mw_permute(mw_ctx *c, mw_tensor *t, const int *order);
mw_tensor *mw_transpose(mw_ctx *c, mw_tensor *t, int a, int b);
// Broadcast to `shape` with stride 0 where t has size 1; leading dimensions may be added.
mw_tensor *mw_expand(mw_ctx *c, mw_tensor *t, int ndim, const int64_t *shape);

// The same elements as a tensor of its own, that no tape follows back to t.
mw_tensor *mw_alias(mw_ctx *c, mw_tensor *t);

#define MW_SHAPE(...) ((int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t))), ((int64_t[]){__VA_ARGS__})
// mw_reshape(c, x, MW_SHAPE(b, h * w, -1))

#endif
