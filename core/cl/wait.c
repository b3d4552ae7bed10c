// wait.c: what makes the host wait for a device; counted in the context.
#include "core/cl/device_internal.h"

bool mw_cl_event_came(cl_event e)
{
    cl_int state = CL_QUEUED; // of an event that tells nothing: whoever needs it waits
    clGetEventInfo(e, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof state, &state, NULL);
    return state <= CL_COMPLETE; // below: it failed
}

void mw_cl_wait(mw_ctx *c, cl_event e)
{
    c->waits++;
    mw_cl_check(c, clWaitForEvents(1, &e), "waiting for the device");
}

mw_status mw_cl_read(mw_ctx *c, mw_stream *s, cl_mem buffer, size_t begin, void *out, size_t bytes)
{
    c->waits++;
    return mw_cl_check(c, clEnqueueReadBuffer(s->queue, buffer, CL_TRUE, begin, bytes, out, 0, NULL, NULL),
                       "reading a tensor");
}

mw_status mw_device_finish(mw_ctx *c)
{
    mw_stream *d = c->stream;
    if (!d || c->dry)
        return mw_err(c);
    c->waits++;
    mw_cl_check(c, clFinish(d->queue), "waiting for the device");
    if (d->profile) {
        pthread_mutex_lock(&d->lock);
        mw_profile_collect(d->profile);
        pthread_mutex_unlock(&d->lock);
    }
    return mw_err(c);
}
