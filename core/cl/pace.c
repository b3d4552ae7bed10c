// pace.c: how far the host may be ahead of a device: by time, so that a stop never waits long for work in
// flight.
//
// What a launch takes is known from the last one of the same kernel, sizes and numbers that was measured; of
// one that is not known yet a handful go ahead. Events are asked for where time is unknown, and every few
// milliseconds of known work. What takes long itself goes in parts.
#include "core/cl/device_internal.h"

#include <stdlib.h>

enum { TIMES = 8192, FLIGHT = 256, MOST_UNMARKED = 64 };
static const double AHEAD = 0.1, LONGEST = 0.05, UNKNOWN = 0.025,
                    BETWEEN = 0.005; // s: in flight at most, one part, one not known, two events

typedef struct mark {
    cl_event event; // of the last launch
    uint64_t key;   // of that
    double share;   // that it is of what the key stands for
    double seconds; // of all since the mark before, as far as is known
} mark;

struct mw_pace {
    pthread_mutex_t lock;
    struct {
        uint64_t key;
        float seconds;
    } times[TIMES]; // by key; of two in one place the later
    mark marks[FLIGHT];
    int first, count, unmarked;
    double ahead, since; // s in flight with a mark; since the last mark
    double longest;
};

struct mw_pace *mw_pace_new(mw_ctx *c)
{
    struct mw_pace *p = mw_alloc(c, sizeof *p);
    if (!p)
        return NULL;
    pthread_mutex_init(&p->lock, NULL);
    p->longest = LONGEST;
    return p;
}

// The oldest mark has come.
static void retire(struct mw_pace *p)
{
    mark *m = &p->marks[p->first];
    cl_ulong start = 0, end = 0;
    if (clGetEventProfilingInfo(m->event, CL_PROFILING_COMMAND_START, sizeof start, &start, NULL) ==
            CL_SUCCESS &&
        clGetEventProfilingInfo(m->event, CL_PROFILING_COMMAND_END, sizeof end, &end, NULL) == CL_SUCCESS &&
        end >= start) {
        p->times[m->key % TIMES].key = m->key;
        p->times[m->key % TIMES].seconds = (float)(1e-9 * (double)(end - start) / m->share);
    }
    clReleaseEvent(m->event);
    p->ahead -= m->seconds;
    p->first = (p->first + 1) % FLIGHT;
    if (--p->count == 0)
        p->ahead = 0; // rounding
}

void mw_pace_free(struct mw_pace *p)
{
    if (!p)
        return;
    while (p->count)
        retire(p);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

mw_pace_launch mw_pace_look_up(struct mw_pace *p, uint64_t key, double guess)
{
    pthread_mutex_lock(&p->lock);
    bool known = p->times[key % TIMES].key == key;
    double seconds = known ? (double)p->times[key % TIMES].seconds : guess;
    pthread_mutex_unlock(&p->lock);
    return (mw_pace_launch){.key = key, .seconds = seconds, .measured = known, .share = 1};
}

size_t mw_pace_parts(const struct mw_pace *p, const mw_pace_launch *l)
{
    return l->seconds > p->longest ? (size_t)(l->seconds / p->longest) + 1 : 1;
}

void mw_pace_set_longest(struct mw_pace *p, double seconds) { p->longest = seconds; }

void mw_pace_begin(struct mw_pace *p, mw_pace_launch *l)
{
    double seconds = l->seconds * l->share;
    pthread_mutex_lock(&p->lock);
    p->since += !l->measured && seconds < UNKNOWN ? UNKNOWN : seconds;
    l->marked = !l->measured || p->since >= BETWEEN || ++p->unmarked >= MOST_UNMARKED;
    pthread_mutex_unlock(&p->lock);
}

void mw_pace_add(mw_stream *s, const mw_pace_launch *l, cl_event event)
{
    struct mw_pace *p = s->pace;
    pthread_mutex_lock(&p->lock);
    clFlush(s->queue);
    while (p->count && (p->count == FLIGHT || mw_cl_event_came(p->marks[p->first].event))) {
        clWaitForEvents(1, &p->marks[p->first].event);
        retire(p);
    }
    p->marks[(p->first + p->count++) % FLIGHT] = (mark){event, l->key, l->share, p->since};
    p->ahead += p->since;
    p->since = 0;
    p->unmarked = 0;
    while (p->ahead > AHEAD && p->count > 1) {
        clWaitForEvents(1, &p->marks[p->first].event);
        retire(p);
    }
    pthread_mutex_unlock(&p->lock);
}
