// tape.h: reverse-mode differentiation: a record of the ops that a gradient has to pass.
//
//     mw_tape_begin(c, false);
//     mw_watch(c, x);                          // gradients with respect to x are wanted
//     loss = mw_sum(c, mw_mul(c, x, x), 0, false);
//     mw_backward(c, 1, &loss, NULL, 1, &x, &gx);
//     mw_tape_end(c);
//
// Only ops with an input on the way to a watched tensor are recorded, and the tensors that came of them own
// the records: what nothing can be asked of any more goes by itself. Gradients are f32 whatever the storage
// of the values, and are summed in a fixed order: the same run gives the same bits.
//
// Tapes nest: what an inner one does with a tensor that an outer one watches, mw_backward of the inner
// included, is recorded for the outer, so that gradients of gradients are had where ops allow. A tensor (a
// weight) may be watched by several tapes and in several threads; each sees its own records only. A recorded
// tensor that another thread gets while the tape is open must be mw_alias of it.
#ifndef MW_TAPE_H
#define MW_TAPE_H

#include "core/tensor/op.h"

// Start recording in this context. recompute: mw_segment keeps only its inputs and runs again on the way
// back; less memory, up to one more forward pass. An open tape is the outer one until this one ends.
// Begins nothing while an error is pending.
mw_status mw_tape_begin(mw_ctx *c, bool recompute);
// Stop recording and forget the records: nothing is watched any more.
void mw_tape_end(mw_ctx *c);
// Take the innermost tape, which is open still, out of the context (NULL: there was none), and put one back
// as the innermost. In between ops are not recorded for it. For the thread that began it.
struct mw_tape *mw_tape_pause(mw_ctx *c);
void mw_tape_resume(mw_ctx *c, struct mw_tape *t);

// The gradient with respect to t will be asked for. t: f32 or f16 (MW_E_ARG). Nothing happens when an open
// tape watches it. MW_E_ARG within a segment that is run again.
void mw_watch(mw_ctx *c, mw_tensor *t);
// Does anything recorded for t's gradient? False without a tape, and for NULL.
bool mw_watched(const mw_ctx *c, const mw_tensor *t);

// Gradients of sum_i sum(seed[i] * of[i]) with respect to wrt[0..n), by the innermost tape. seed NULL: ones.
// grad[j]: f32 of wrt[j]'s shape in the open scope, to be read only (two may share their storage); zeros
// where nothing depends on it. Uses up the records on the way, but for those that a tape outside needs too.
// MW_E_ARG when an op on the way has no gradient, when wrt[j] was not watched, when a part was walked back
// before, or when a tensor that a gradient needs was changed in place since.
mw_status mw_backward(mw_ctx *c, int nof, mw_tensor *const *of, mw_tensor *const *seed, int n,
                      mw_tensor *const *wrt, mw_tensor **grad);

// The gradient of sum(of), added to what every tensor has gathered that is watched and that `of` was computed
// from. What t has gathered: borrowed, NULL before. Forget it: the next begins at zero.
mw_status mw_gather(mw_ctx *c, mw_tensor *of);
mw_tensor *mw_gathered(const mw_ctx *c, const mw_tensor *t);
void mw_gathered_forget(mw_ctx *c, const mw_tensor *t);

// A part of a network that may be run again instead of kept: out = fn(in). `user` (user_size bytes) is
// copied; what it points to must outlive the tape. fn may use watched tensors besides `in` (weights), the
// same whenever it runs; it must watch none itself (MW_E_ARG). Without a tape, or with one that keeps
// everything, simply fn(in).
typedef mw_tensor *(*mw_segment_fn)(mw_ctx *c, const void *user, mw_tensor *const *in);
mw_tensor *mw_segment(mw_ctx *c, mw_segment_fn fn, const void *user, size_t user_size, int nin,
                      mw_tensor *const *in);

// What recording the same for real would keep: bytes of the values that the open tape holds and that were
// made in a dry context. *largest: of the largest of them.
uint64_t mw_tape_dry_bytes(mw_ctx *c, uint64_t *largest);

// ---- for apply.c, view.c and launch.c
// Keep a call if one of its inputs is watched; its outputs are then watched too.
void mw_tape_record(mw_ctx *c, mw_call *k);

#endif
