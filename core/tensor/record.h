// record.h: how tensors came about: the records of a tape, which the tensors own that came of them. Private
// to core/tensor.
//
// A tensor carries marks: output `out` of this record. A record holds shares of what its gradient reads and
// of the records that its inputs came of, so that what nothing can be asked of any more goes by itself. A
// tape knows its records without owning them; when it ends they let go of all they hold. A tensor may carry
// marks of several tapes, also of other threads (a weight that two of them watch); only the thread of a tape
// sees and walks its records.
#ifndef MW_RECORD_H
#define MW_RECORD_H

#include "core/tensor/tape.h"
#include "core/tensor/tensor_internal.h"

typedef struct mw_record mw_record;

// An input or output as the record keeps it: a share where the gradient reads its elements, else an outline.
typedef struct mw_kept {
    mw_tensor *t;
    unsigned long generation; // that it had
    mw_record *from;          // of an input: the record that it is output `from_out` of; NULL: none
    int from_out;
} mw_kept;

struct mw_record {
    atomic_int refs;                  // of marks and of the records of what was computed from it
    uint64_t serial;                  // larger than those of the records before
    struct mw_tape *tape;             // the outermost of those that it depends on; NULL when that has ended
    struct mw_record *before, *after; // among that tape's
    const mw_op *op;                  // NULL: a watched tensor, computed from nothing
    void *attrs;                      // a copy
    int nin;
    bool used_up;           // walked back: what its gradient needs is gone
    mw_kept *in;            // of the call, then what a segment uses besides; NULL when the tape has ended
    int nmore;              // of the latter
    mw_kept out[MW_MAXOUT]; // t is no share of the tensor, which would own itself, but of its storage
    mw_tensor *gathered;    // of a watched tensor: see mw_gather
    size_t place;           // 1 + the place in the walk under way; 0: none
    mw_record *next;        // of those that are about to be freed
};

typedef struct mw_mark {
    mw_record *record; // a share
    int out;
    struct mw_mark *next;
} mw_mark;

typedef struct mw_tape {
    struct mw_tape *outside;
    int depth;        // tapes outside
    bool recompute;   // mw_segment keeps only its inputs
    bool segment;     // stands for `outside` while a part that is run again runs for the first time
    mw_record *last;  // recorded, of those alive
    uint64_t before;  // of a segment: storages made before it have smaller serials
    mw_tensor **used; // and what it used of those; a share each
    int nused, used_capacity;
} mw_tape;

// A record of the tape with a share for the caller.
mw_record *mw_record_new(mw_ctx *c, mw_tape *t);
void mw_record_release(mw_record *r); // NULL accepted
// Lets go of what its gradient needs; where it came from stays known.
void mw_record_use_up(mw_record *r);
// The tape has ended.
void mw_records_end(mw_tape *t);

// t is output `out` of r from now on.
mw_status mw_mark_add(mw_ctx *c, mw_tensor *t, mw_record *r, int out);
// The record that t came of, of the given tape or one outside of it; NULL when they do not watch it. Those
// outside of a segment are seen from within only when `through`.
mw_record *mw_record_of(const mw_tape *tape, const mw_tensor *t, bool through, int *out);

// Keep a call that used `more` besides its inputs, as mw_tape_record.
void mw_tape_record_more(mw_ctx *c, mw_call *k, int nmore, mw_tensor *const *more);

// ---- backward.c
// As mw_backward, but partial: what lies behind one of wrt counts for that one only, and not for another of
// wrt that it came of.
mw_status mw_backward_parts(mw_ctx *c, mw_tensor *of, mw_tensor *seed, int n, mw_tensor *const *wrt,
                            mw_tensor **grad);

// ---- segment.c
extern const mw_op mw_segment_op;
// As a vjp; gin and want go on with what the segment used besides its inputs.
void mw_segment_back(mw_ctx *c, const mw_record *r, mw_tensor *const *gout, mw_tensor **gin,
                     const bool *want);

#endif
