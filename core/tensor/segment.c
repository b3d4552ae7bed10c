// segment.c: parts of a network that are run again for their gradients instead of kept.
#include "core/tensor/record.h"

#include <stdlib.h>
#include <string.h>

typedef struct segment_attrs {
    mw_segment_fn fn;
    max_align_t user[16]; // room for a copy of what fn is told
} segment_attrs;

// Its vjp is mw_segment_back, since the gradients of what it uses besides its inputs are asked for too.
const mw_op mw_segment_op = {
    .name = "segment",
    .sig = "in[..].. -> out[..]",
    .doc = "A part of a network that is run again for its gradient.",
    .nin = MW_MAXIN,
    .attrs_size = sizeof(segment_attrs),
    .reads = mw_reads_inputs,
};

void mw_segment_back(mw_ctx *c, const mw_record *r, mw_tensor *const *gout, mw_tensor **gin, const bool *want)
{
    const segment_attrs *a = r->attrs;
    int n = r->nin + r->nmore, nwrt = 0;
    mw_tensor *in[MW_MAXIN] = {0};
    mw_tensor **wrt = mw_alloc(c, 2 * (size_t)n * sizeof(mw_tensor *)), **grads = wrt ? wrt + n : NULL;
    if (!wrt || mw_tape_begin(c, false) != MW_OK) {
        free(wrt);
        return;
    }
    for (int i = 0; i < n; i++) {
        mw_tensor *x = r->in[i].t;
        if (i < r->nin) // one of its own to watch, which a tape outside follows back to x
            x = in[i] = mw_view_recorded(c, &mw_view_reshape, x, mw_alias(c, x), NULL);
        if (want[i]) {
            mw_watch(c, x);
            wrt[nwrt++] = x;
        }
    }
    mw_tensor *out = a->fn(c, a->user, in);
    mw_backward_parts(c, out, gout[0], nwrt, wrt, grads);
    mw_tape_end(c);
    for (int i = 0, j = 0; i < n; i++)
        if (want[i])
            gin[i] = grads[j++];
    free(wrt);
}

mw_tensor *mw_segment(mw_ctx *c, mw_segment_fn fn, const void *user, size_t user_size, int nin,
                      mw_tensor *const *in)
{
    segment_attrs a = {.fn = fn};
    if (mw_err(c))
        return NULL;
    if (user_size > sizeof a.user || nin > MW_MAXIN) {
        mw_fail(c, MW_E_ARG, "a segment takes at most %d tensors and %zu bytes", MW_MAXIN, sizeof a.user);
        return NULL;
    }
    memcpy(a.user, user, user_size);
    if (!c->tape || !c->tape->recompute)
        return fn(c, a.user, in);
    mw_tape first = {.segment = true, .before = mw_storage_serial()};
    mw_call k = {.op = &mw_segment_op, .nin = nin, .attrs = &a};
    mw_tensor *own[MW_MAXIN] = {0}; // not those that the tape watches, so that the others are noticed
    mw_scope_begin(c);
    for (int i = 0; i < nin; i++) {
        k.in[i] = in[i];
        own[i] = mw_alias(c, in[i]);
    }
    mw_tape_resume(c, &first);
    k.out[0] = mw_scope_end(c, mw_err(c) ? NULL : fn(c, a.user, own));
    mw_tape_pause(c);
    if (k.out[0])
        mw_tape_record_more(c, &k, first.nused, first.used);
    for (int i = 0; i < first.nused; i++)
        mw_release(first.used[i]);
    free(first.used);
    return mw_err(c) ? NULL : k.out[0];
}
