// jinja_memory.c: memory of a template or of one run of it: taken in pieces, given back at once.
#include "nodes/nets/jinja/jinja_internal.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK ((size_t)16 << 10)

struct mw_jinja_block {
    struct mw_jinja_block *before;
    size_t used, room;
    _Alignas(16) unsigned char bytes[];
};

void *mw_jinja_alloc(mw_jinja_memory *m, size_t bytes)
{
    size_t size = (bytes + 15) & ~(size_t)15;
    if (mw_err(m->c))
        return NULL;
    if (size < bytes || size > m->limit - m->used) {
        mw_fail(m->c, MW_E_ARG, "the template takes more than %zu MiB", m->limit >> 20);
        return NULL;
    }
    if (!m->last || m->last->room - m->last->used < size) {
        size_t room = size > BLOCK / 4 ? size : BLOCK;
        mw_jinja_block *b = mw_alloc(m->c, sizeof *b + room);
        if (!b)
            return NULL;
        *b = (mw_jinja_block){.before = m->last, .room = room};
        m->last = b;
    }
    void *p = m->last->bytes + m->last->used;
    m->last->used += size;
    m->used += size;
    return p;
}

void mw_jinja_release(mw_jinja_memory *m)
{
    for (mw_jinja_block *b = m->last, *before; b; b = before) {
        before = b->before;
        free(b);
    }
    m->last = NULL;
}

void *mw_jinja_grow(mw_jinja_memory *m, void *items, size_t n, size_t item_bytes)
{
    if (n & (n - 1))
        return items;
    void *grown = mw_jinja_alloc(m, (n ? 2 * n : 1) * item_bytes);
    if (grown && n)
        memcpy(grown, items, n * item_bytes);
    return grown;
}
