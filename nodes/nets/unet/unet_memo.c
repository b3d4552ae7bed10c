// unet_memo.c: what runs of the network with one text and one time have in common.
#include "nodes/nets/unet/unet_internal.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    mw_path name;
    mw_tensor *t; // a share
} entry;

struct mw_unet_memo {
    entry *entries;
    size_t n, capacity;
};

mw_unet_memo *mw_unet_memo_new(mw_ctx *c) { return mw_alloc(c, sizeof(mw_unet_memo)); }

void mw_unet_memo_free(mw_unet_memo *m)
{
    for (size_t i = 0; m && i < m->n; i++)
        mw_release(m->entries[i].t);
    if (m)
        free(m->entries);
    free(m);
}

mw_tensor *mw_unet_memo_get(const mw_unet_memo *m, const char *path, const char *name)
{
    mw_path key = mw_path_of("%s.%s", path, name);
    for (size_t i = 0; m && i < m->n; i++)
        if (strcmp(m->entries[i].name.s, key.s) == 0)
            return m->entries[i].t;
    return NULL;
}

mw_tensor *mw_unet_memo_put(mw_ctx *c, mw_unet_memo *m, const char *path, const char *name, mw_tensor *t)
{
    if (!m || !t || c->dry || mw_err(c) != MW_OK)
        return t;
    if (m->n == m->capacity) {
        size_t capacity = m->capacity ? 2 * m->capacity : 64;
        entry *more = mw_realloc(c, m->entries, capacity * sizeof *more);
        if (!more)
            return NULL;
        m->entries = more;
        m->capacity = capacity;
    }
    m->entries[m->n++] = (entry){mw_path_of("%s.%s", path, name), mw_retain(t)};
    return t;
}
