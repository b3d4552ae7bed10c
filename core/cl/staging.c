// staging.c: bytes of the host on their way to a device: copied into a ring of pinned memory, and from there
// while the host goes on.
//
// A piece of the ring is used again once the event of its write has come. Only where the ring is full does
// the host wait, and with what is larger than the whole ring, which is written from where it lies.
#include "core/cl/device_internal.h"

#include <stdlib.h>
#include <string.h>

enum { PIECES = 256 };
static const size_t RING = (size_t)8 << 20; // bytes

typedef struct piece {
    size_t begin;
    cl_event written;
} piece;

struct mw_staging {
    pthread_mutex_t lock;
    cl_mem pinned;
    unsigned char *ring;  // pinned, mapped
    piece pieces[PIECES]; // of which `count` from `first` on are under way, oldest first
    int first, count;
    size_t head; // where the last piece ends
};

struct mw_staging *mw_staging_new(mw_ctx *c)
{
    mw_stream *d = c->stream;
    struct mw_staging *s = mw_err(c) ? NULL : mw_alloc(c, sizeof *s);
    if (!s)
        return NULL;
    pthread_mutex_init(&s->lock, NULL);
    cl_int e;
    s->pinned = clCreateBuffer(d->context, CL_MEM_READ_ONLY | CL_MEM_ALLOC_HOST_PTR, RING, NULL, &e);
    if (e == CL_SUCCESS)
        s->ring = clEnqueueMapBuffer(d->queue, s->pinned, CL_TRUE, CL_MAP_WRITE, 0, RING, 0, NULL, NULL, &e);
    mw_cl_check(c, e, "making the staging memory");
    return s;
}

static void release_oldest(struct mw_staging *s)
{
    clReleaseEvent(s->pieces[s->first].written);
    s->first = (s->first + 1) % PIECES;
    s->count--;
}

void mw_staging_free(mw_stream *d, struct mw_staging *s)
{
    if (!s)
        return;
    while (s->count)
        release_oldest(s);
    if (s->ring && clEnqueueUnmapMemObject(d->queue, s->pinned, s->ring, 0, NULL, NULL) == CL_SUCCESS)
        clFinish(d->queue);
    if (s->pinned)
        clReleaseMemObject(s->pinned);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

// Where `bytes` fit behind the last piece; -1 when they would reach the oldest.
static int64_t place(const struct mw_staging *s, size_t bytes)
{
    size_t oldest = s->pieces[s->first].begin;
    if (s->count == 0)
        return 0;
    if (s->count == PIECES)
        return -1;
    if (s->head > oldest)
        return RING - s->head >= bytes ? (int64_t)s->head : oldest > bytes ? 0 : -1;
    return oldest - s->head > bytes ? (int64_t)s->head : -1;
}

// The same, after pieces that have been written, and if need be those that will be.
static int64_t make_room(mw_ctx *c, struct mw_staging *s, size_t bytes)
{
    int64_t at;
    while (s->count && mw_cl_event_came(s->pieces[s->first].written))
        release_oldest(s);
    while ((at = place(s, bytes)) < 0) {
        mw_cl_wait(c, s->pieces[s->first].written);
        release_oldest(s);
    }
    return at;
}

mw_status mw_stage(mw_ctx *c, cl_mem buffer, size_t begin, const void *data, size_t bytes)
{
    mw_stream *d = c->stream;
    struct mw_staging *s = d->staging;
    if (bytes > RING) {
        c->waits++;
        return mw_cl_check(c,
                           clEnqueueWriteBuffer(d->queue, buffer, CL_TRUE, begin, bytes, data, 0, NULL, NULL),
                           "writing a tensor");
    }
    pthread_mutex_lock(&s->lock);
    size_t at = (size_t)make_room(c, s, bytes);
    cl_event written = NULL;
    memcpy(s->ring + at, data, bytes);
    cl_int e =
        clEnqueueWriteBuffer(d->queue, buffer, CL_FALSE, begin, bytes, s->ring + at, 0, NULL, &written);
    if (e == CL_SUCCESS) {
        s->pieces[(s->first + s->count++) % PIECES] = (piece){at, written};
        s->head = at + bytes;
    }
    pthread_mutex_unlock(&s->lock);
    return mw_cl_check(c, e, "writing a tensor");
}
