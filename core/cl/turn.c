// turn.c: of several threads that want the same thing made, in a place where all find it, one makes it.
#include "core/cl/device_internal.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; // of what is below
static pthread_cond_t ended = PTHREAD_COND_INITIALIZER;
static mw_turn *turns;

static bool is_taken(uint64_t what)
{
    const mw_turn *t = turns;
    while (t && t->what != what)
        t = t->next;
    return t != NULL;
}

void mw_turn_begin(mw_turn *t, uint64_t what)
{
    if (t->taken)
        return;
    pthread_mutex_lock(&lock);
    while (is_taken(what))
        pthread_cond_wait(&ended, &lock);
    *t = (mw_turn){true, what, turns};
    turns = t;
    pthread_mutex_unlock(&lock);
}

void mw_turn_end(mw_turn *t)
{
    if (!t->taken)
        return;
    pthread_mutex_lock(&lock);
    mw_turn **at = &turns;
    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
    t->taken = false;
    pthread_cond_broadcast(&ended);
    pthread_mutex_unlock(&lock);
}
