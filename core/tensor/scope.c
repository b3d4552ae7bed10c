// scope.c: scopes own the tensors made while they are open.
#include "core/tensor/tensor.h"

#include <stdlib.h>
#include <string.h>

typedef struct mw_scope {
    struct mw_scope *outside;
    mw_tensor **items;
    size_t count, capacity;
} mw_scope;

void mw_scope_begin(mw_ctx *c)
{
    mw_scope *s = c->lost_scopes ? NULL : mw_alloc(c, sizeof *s);
    if (!s) {
        c->lost_scopes++;
        return;
    }
    s->outside = c->scope;
    c->scope = s;
}

mw_tensor *mw_scope_adopt(mw_ctx *c, mw_tensor *t)
{
    mw_scope *s = c->scope;
    if (!t)
        return NULL;
    if (!s) {
        mw_release(t);
        mw_fail(c, MW_E_RUN, "a tensor was made while no scope was open");
        return NULL;
    }
    if (s->count == s->capacity) {
        size_t capacity = s->capacity ? 2 * s->capacity : 32;
        mw_tensor **more = mw_realloc(c, s->items, capacity * sizeof *more);
        if (!more) {
            mw_release(t);
            return NULL;
        }
        s->items = more;
        s->capacity = capacity;
    }
    s->items[s->count++] = t;
    return t;
}

void mw_drop(mw_ctx *c, mw_tensor *t)
{
    for (mw_scope *s = c->scope; s && t; s = s->outside)
        for (size_t i = s->count; i-- > 0;)
            if (s->items[i] == t) {
                s->items[i] = s->items[--s->count];
                mw_release(t);
                return;
            }
}

void mw_scope_end_many(mw_ctx *c, mw_tensor **keep, int n)
{
    mw_scope *s = c->scope;
    bool failed = mw_err(c) != MW_OK, lost = c->lost_scopes > 0;
    for (int i = 0; failed && i < n; i++)
        keep[i] = NULL;
    c->lost_scopes -= lost;
    if (lost || !s)
        return;
    for (int i = 0; i < n; i++)
        mw_retain(keep[i]);
    for (size_t i = 0; i < s->count; i++)
        mw_release(s->items[i]);
    c->scope = s->outside;
    free(s->items);
    free(s);
    for (int i = 0; i < n; i++)
        keep[i] = mw_scope_adopt(c, keep[i]);
}

mw_tensor *mw_scope_end(mw_ctx *c, mw_tensor *keep)
{
    mw_scope_end_many(c, &keep, 1);
    return keep;
}
