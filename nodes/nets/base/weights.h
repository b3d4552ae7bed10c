// weights.h: the named weights of one network, from checkpoint entries to prepared device tensors.
//
// A network asks for weights by their diffusers / transformers names while it runs. In a dry context (when
// the model is opened) each ask is checked against the source (there? right shape?) and noted;
// mw_weights_load then reports all that is wrong together. The values are read, merged with LoRA deltas and
// prepared for the device when the first of them is used.
#ifndef MW_WEIGHTS_H
#define MW_WEIGHTS_H

#include "core/base/ggml_blocks.h"
#include "core/tensor/tensor.h"

// Where raw weights come from: a diffusers part, a view of a single-file checkpoint under diffusers names, a
// test.
typedef struct mw_weight_source {
    void *user;
    const char *path; // for messages
    // Shape of entry `name` (diffusers name); false when there is none. ndim <= 4. NULL: it has whatever is
    // asked for, in the shape that is asked for (random weights).
    bool (*find)(void *user, const char *name, int *ndim, int64_t shape[4]);
    // All values as f32, row-major.
    mw_status (*read_f32)(mw_ctx *c, void *user, const char *name, float *out);
    // The values where they lie in memory in dtype (f32 or f16), row-major, of any alignment; NULL where they
    // do not. May itself be NULL.
    const void *(*stored)(void *user, const char *name, mw_dtype dtype);
    // The matrix (2 dimensions) where it lies in memory in any of ggml's types, plain f32, f16 and bf16 among
    // them; false where it does not lie so, or not as it is meant. May itself be NULL.
    bool (*blocks)(void *user, const char *name, mw_block_rows *out);
    // What `stored` or `blocks` gave for `name` was read and need not stay in memory. NULL: nothing to do.
    void (*stored_read)(void *user, const char *name);
    // Called for i = 0, 1, ... until NULL: the names there are; for the check of unused ones.
    const char *(*name_at)(void *user, size_t i);
    // The name under which the file holds `name`, or would hold it, and whether as integers or 8-bit floats,
    // which mean little without the tensors beside them. Valid until the next call on this thread. NULL:
    // under the same names, and never.
    const char *(*stored_as)(void *user, const char *name, bool *coarse);
    // Change an entry's values before use (LoRA: W += delta); NULL: nothing to merge.
    mw_status (*patch)(mw_ctx *c, void *user, const char *name, int ndim, const int64_t *shape,
                       float *values);
    void (*free)(void *user);
} mw_weight_source;

typedef struct mw_weights mw_weights;

// Takes over the source. `label` goes in front of names in messages ("unet"). dtype: MW_F32 or MW_F16, of
// activations and of weights; matrices that the source holds in f16 are f16 in either, unless they are
// changed. Linear weights and tables that it holds in blocks stay so (mw_weight_blocks), and are not searched
// for NaN; on devices that read the host's memory they stay where they lie, with the source open until the
// last of them is gone.
mw_weights *mw_weights_new(mw_ctx *c, mw_weight_source source, const char *label, mw_dtype dtype);
void mw_weights_free(mw_weights *w);
mw_dtype mw_weights_dtype(const mw_weights *w);

// A weight by name, borrowed; in a dry context a tensor without storage. The wanted shape is checked
// (MW_E_FILE with file, tensor, expected, got). Kinds decide preparation: linear [N,K] (a stored [N,K,1,1] is
// accepted), conv [O,I,kh,kw], plain (norms, biases, tables; norms and biases are kept f32, tables in dtype).
mw_tensor *mw_weight_linear(mw_ctx *c, mw_weights *w, const char *name, int64_t n, int64_t k);
mw_tensor *mw_weight_conv(mw_ctx *c, mw_weights *w, const char *name, int64_t o, int64_t i, int64_t kh,
                          int64_t kw);
mw_tensor *mw_weight_vector(mw_ctx *c, mw_weights *w, const char *name, int64_t n);
mw_tensor *mw_weight_table(mw_ctx *c, mw_weights *w, const char *name, int64_t rows, int64_t columns);
// As it is stored, of up to 4 dimensions, in dtype: position tables, transposed convolutions.
mw_tensor *mw_weight_tensor(mw_ctx *c, mw_weights *w, const char *name, int ndim, const int64_t *shape);

// Ends the dry run: MW_E_FILE naming the missing and misshapen weights (the first few, and how many more),
// and those of integers or 8-bit floats beside which the file has a tensor that nobody reads (scales, zero
// points). Other names that the source has and nobody asked for are warned about (the first few), except
// those ignorable(name) accepts (may be NULL). From now on the weights are read all together when one is
// first asked for in a context that is not dry, by whichever thread comes first; what goes wrong then
// (memory, numbers that are none) is that thread's error. Each stream that asks gets a copy of its own.
mw_status mw_weights_load(mw_ctx *c, mw_weights *w, bool (*ignorable)(const char *name));

// Read them now, if that was not done before.
mw_status mw_weights_fetch(mw_ctx *c, mw_weights *w);
// The weight `name` becomes `values`, of its shape, f32 or f16: in place, prepared again, so that whoever
// asked for it has the new one. When `values` change later, a prepared weight is stale until it is set again.
// MW_E_ARG for a name that the dry run did not ask for, and when another stream has a copy, or asks for one
// later: what is trained lies on one. No other thread may run the network meanwhile.
mw_status mw_weight_set(mw_ctx *c, mw_weights *w, const char *name, mw_tensor *values);
// mw_revision_next of the last mw_weight_set; 0: they are as they were read. Of an object's type it is the
// `revision`, so that no result of before is taken for one of now.
unsigned long mw_weights_revision(const mw_weights *w);
// The i-th weight lies on no device: each ask reads it from the source again, into the open scope. For parts
// of a model that the device has no room for; after mw_weights_load, before any weight is read.
void mw_weights_pass(mw_ctx *c, mw_weights *w, size_t i);
// Let go of the second forms of weights that gradients made for themselves; the next gradient makes them
// again.
void mw_weights_forget_twins(mw_weights *w);

// The i-th weight that the dry run asked for: its name (borrowed) and shape; false past the last.
bool mw_weights_at(const mw_weights *w, size_t i, const char **name, int *ndim, int64_t shape[4]);
// What it takes of the device's memory: none where that is the host's and the weight is read where it lies.
size_t mw_weights_bytes_at(const mw_ctx *c, const mw_weights *w, size_t i);

// The file they come from, for messages.
const char *mw_weights_path(const mw_weights *w);
// What else a model holds on the device beside these: mw_weights_room counts on all of it being there.
void mw_weights_set_beside(mw_weights *w, size_t bytes);
// Bytes of the memory limit that the network's work may take: less these weights and those beside them,
// whether they are loaded or not, so that what is decided by it is decided alike in each run.
uint64_t mw_weights_room(const mw_ctx *c, const mw_weights *w);
// Bytes on a device once loaded, and now; number of parameters.
size_t mw_weights_bytes(const mw_weights *w);                           // of one copy
size_t mw_weights_held(const mw_weights *w, const struct mw_stream *s); // there; NULL: on all streams
int64_t mw_weights_count(const mw_weights *w);

#endif
