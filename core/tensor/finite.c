// finite.c: whether a tensor's numbers are numbers: counted on the device, told later, so that nothing waits.
#include "core/tensor/finite.h"

#include "core/ops.h"
#include "core/tensor/launch.h"
#include "core/tensor/tensor_internal.h"

#include <stdlib.h>

struct mw_finite {
    cl_event told; // the device has written `bad`
    int32_t bad;
};

// A tensor of one number that the device adds up.
static mw_tensor *counted(mw_ctx *c, mw_tensor *t)
{
    bool cpu = mw_device_caps(c)->cpu;
    int64_t total = mw_numel(t);
    int chunk = cpu ? 16384 : 64;
    mw_tensor *x = mw_contiguous(c, t), *bad = mw_full(c, MW_I32, 0, NULL, 0);
    mw_launch l = {.file = "finite",
                   .entry = "count_not_finite",
                   .t = t->dtype,
                   .dims = 1,
                   .global = {(size_t)((total + chunk - 1) / chunk)},
                   .local = {cpu ? 1 : 0}};
    if (x && bad)
        MW_RUN(c, &l, MW_T(x), MW_T(bad), MW_L(total), MW_I(chunk));
    return mw_err(c) ? NULL : bad;
}

mw_finite *mw_finite_begin(mw_ctx *c, mw_tensor *t)
{
    mw_finite *f = NULL;
    if (mw_err(c) || c->dry || !mw_numel(t) || t->dtype > MW_F16)
        return NULL;
    mw_stream *here = c->stream;
    c->stream = t->storage->stream;
    mw_scope_begin(c);
    mw_tensor *bad = counted(c, t);
    if (bad)
        f = mw_alloc(c, sizeof *f);
    if (f)
        mw_cl_check(c,
                    clEnqueueReadBuffer(c->stream->queue, mw_tensor_buffer(bad), CL_FALSE,
                                        mw_tensor_begin(bad), sizeof f->bad, &f->bad, 0, NULL, &f->told),
                    "reading a count");
    mw_scope_end(c, NULL);
    c->stream = here;
    if (mw_err(c) == MW_OK)
        return f;
    free(f);
    return NULL;
}

bool mw_finite_known(const mw_finite *f) { return mw_cl_event_came(f->told); }

int64_t mw_finite_end(mw_ctx *c, mw_finite *f)
{
    if (!f)
        return 0;
    if (!mw_finite_known(f))
        mw_cl_wait(c, f->told);
    int64_t bad = f->bad;
    clReleaseEvent(f->told);
    free(f);
    return bad;
}
