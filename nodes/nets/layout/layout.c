// layout.c: making and freeing layouts.
#include "nodes/nets/layout/layout.h"

#include <stdlib.h>
#include <string.h>

void mw_layout_free(mw_layout *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->object[i].phrase);
    free(l->object);
    free(l->background);
    free(l->negative);
    *l = (mw_layout){0};
}

mw_status mw_layout_add(mw_ctx *c, mw_layout *l, const char *phrase, size_t length, const double box[4])
{
    if (mw_err(c))
        return mw_err(c);
    if (l->n >= MW_LAYOUT_MAX_OBJECTS)
        return mw_fail(c, MW_E_ARG, "a layout has at most %d boxes", MW_LAYOUT_MAX_OBJECTS);
    if (length > MW_LAYOUT_MAX_PHRASE)
        return mw_fail(c, MW_E_ARG, "a phrase has at most %d bytes, got %zu", MW_LAYOUT_MAX_PHRASE, length);
    mw_layout_object *more = l->object;
    if ((l->n & (l->n - 1)) == 0) { // full: room grows by powers of two
        more = mw_realloc(c, l->object, (l->n ? 2 * l->n : 1) * sizeof *more);
        if (!more)
            return mw_err(c);
        l->object = more;
    }
    char *copy = mw_alloc(c, length + 1);
    if (!copy)
        return mw_err(c);
    memcpy(copy, phrase, length);
    more[l->n] = (mw_layout_object){.phrase = copy};
    memcpy(more[l->n].box, box, sizeof more[l->n].box);
    l->n++;
    return MW_OK;
}
