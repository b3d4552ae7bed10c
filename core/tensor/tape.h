// tape.h: reverse-mode differentiation: a record of the ops that a gradient has to pass.
//
//     mw_tape_begin(c, false);
//     mw_watch(c, x);                          // gradients with respect to x are wanted
//     loss = mw_sum(c, mw_mul(c, x, x), 0, false);
//     mw_backward(c, 1, &loss, NULL, 1, &x, &gx);
//     mw_tape_end(c);
//
// Only ops with an input on the way to a watched tensor are recorded. Gradients are f32 whatever the storage
// of the values, and are summed in a fixed order: the same run gives the same bits.
#ifndef MW_TAPE_H
#define MW_TAPE_H

#include "core/tensor/op.h"

// Start recording in this context. recompute: mw_segment keeps only its inputs and runs again on the way
// back; less memory, up to one more forward pass. An open tape is kept aside until this one ends.
// Begins nothing while an error is pending.
mw_status mw_tape_begin(mw_ctx *c, bool recompute);
// Stop recording and forget the records.
void mw_tape_end(mw_ctx *c);

// The gradient with respect to t will be asked for. t: f32 or f16. MW_E_ARG when a tape outside watches it
// (watch mw_alias of it), and within a segment that is run again.
void mw_watch(mw_ctx *c, mw_tensor *t);
// Does anything recorded for t's gradient? False without a tape, and for NULL.
bool mw_watched(const mw_ctx *c, const mw_tensor *t);

// Gradients of sum_i sum(seed[i] * of[i]) with respect to wrt[0..n). seed NULL: ones. grad[j]: f32 of
// wrt[j]'s shape in the open scope; zeros where nothing depends on it. Uses up the records. MW_E_ARG when an
// op on the way has no gradient, or when wrt[j] was not watched.
mw_status mw_backward(mw_ctx *c, int nof, mw_tensor *const *of, mw_tensor *const *seed, int n,
                      mw_tensor *const *wrt, mw_tensor **grad);

// A part of a network that may be run again instead of kept: out = fn(in). `user` (user_size bytes) is
// copied; what it points to must outlive the tape. fn must use nothing that is watched but `in`
// (MW_E_ARG). Without a tape, or with one that keeps everything, simply fn(in).
typedef mw_tensor *(*mw_segment_fn)(mw_ctx *c, const void *user, mw_tensor *const *in);
mw_tensor *mw_segment(mw_ctx *c, mw_segment_fn fn, const void *user, size_t user_size, int nin,
                      mw_tensor *const *in);

// What recording the same for real would keep: bytes of the values that the open tape holds and that were
// made in a dry context. *largest: of the largest of them.
uint64_t mw_tape_dry_bytes(mw_ctx *c, uint64_t *largest);

// ---- for apply.c and view.c
// Keep a call if one of its inputs is watched; its outputs are then watched too.
void mw_tape_record(mw_ctx *c, mw_call *k);

#endif
