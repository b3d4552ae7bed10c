// profile.c: time on the device for each kernel.
#include "core/cl/device_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_KERNELS = 512 };

typedef struct pending {
    cl_event event;
    int kernel;
} pending;

struct mw_profile {
    mw_kernel_time kernels[MAX_KERNELS];
    int count;
    pending *queue;
    size_t queued, capacity;
};

struct mw_profile *mw_profile_new(void) { return calloc(1, sizeof(struct mw_profile)); }

void mw_profile_free(struct mw_profile *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->queued; i++)
        clReleaseEvent(p->queue[i].event);
    free(p->queue);
    free(p);
}

static int kernel_index(struct mw_profile *p, const char *file, const char *entry)
{
    char name[sizeof p->kernels[0].name];
    snprintf(name, sizeof name, "%s:%s", file, entry);
    for (int i = 0; i < p->count; i++)
        if (strcmp(p->kernels[i].name, name) == 0)
            return i;
    if (p->count == MAX_KERNELS)
        return MAX_KERNELS - 1;
    strcpy(p->kernels[p->count].name, name);
    return p->count++;
}

// Takes over the event.
void mw_profile_add(struct mw_profile *p, const char *file, const char *entry, cl_event event)
{
    if (p->queued == p->capacity) {
        size_t capacity = p->capacity ? 2 * p->capacity : 1024;
        pending *more = realloc(p->queue, capacity * sizeof *more);
        if (!more) {
            clReleaseEvent(event);
            return;
        }
        p->queue = more;
        p->capacity = capacity;
    }
    p->queue[p->queued++] = (pending){event, kernel_index(p, file, entry)};
}

void mw_profile_collect(struct mw_profile *p)
{
    for (size_t i = 0; i < p->queued; i++) {
        cl_ulong start = 0, end = 0;
        clGetEventProfilingInfo(p->queue[i].event, CL_PROFILING_COMMAND_START, sizeof start, &start, NULL);
        clGetEventProfilingInfo(p->queue[i].event, CL_PROFILING_COMMAND_END, sizeof end, &end, NULL);
        mw_kernel_time *k = &p->kernels[p->queue[i].kernel];
        k->launches++;
        k->seconds += end > start ? (double)(end - start) * 1e-9 : 0;
        clReleaseEvent(p->queue[i].event);
    }
    p->queued = 0;
}

static int longest_first(const void *a, const void *b)
{
    double x = ((const mw_kernel_time *)a)->seconds, y = ((const mw_kernel_time *)b)->seconds;
    return (x < y) - (x > y);
}

int mw_device_profile(mw_ctx *c, mw_kernel_time *out, int max)
{
    if (!c->stream || !c->stream->profile || mw_device_finish(c) != MW_OK)
        return 0;
    struct mw_profile *p = c->stream->profile;
    mw_kernel_time sorted[MAX_KERNELS];
    memcpy(sorted, p->kernels, sizeof sorted);
    qsort(sorted, (size_t)p->count, sizeof *sorted, longest_first);
    int n = p->count < max ? p->count : max;
    memcpy(out, sorted, (size_t)n * sizeof *out);
    return n;
}
