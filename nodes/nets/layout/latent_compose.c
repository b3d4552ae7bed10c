// latent_compose.c: where latents of objects drawn alone go, laid over those of the background.
#include "nodes/nets/layout/latent_compose.h"

#include "nodes/nets/layout/layout_geometry.h"
#include "nodes/nets/pictures/mask_ops.h"

#include <stdlib.h>
#include <string.h>

// An object where it belongs.
typedef struct {
    int number, area; // number: from 1
    int dx, dy;
    uint8_t *mask;
} moved_object;

static int larger_first(const void *a, const void *b)
{
    const moved_object *x = a, *y = b;
    return x->area != y->area ? y->area - x->area : x->number - y->number;
}

static void move(mw_ctx *c, const mw_composed_object *from, int number, int h, int w, moved_object *to)
{
    size_t cells = (size_t)h * (size_t)w;
    *to = (moved_object){.number = number, .dx = from->dx, .dy = from->dy, .mask = mw_alloc(c, cells)};
    if (!to->mask)
        return;
    mw_shift_planes(from->mask, 1, h, w, 1, from->dx, from->dy, to->mask);
    to->area = mw_mask_area(to->mask, (int)cells);
}

// Did the cell come in with the move?
static bool came_in(const moved_object *o, int h, int w, int y, int x)
{
    return y < o->dy || y >= h + o->dy || x < o->dx || x >= w + o->dx;
}

static int32_t shown(const moved_object *o, int h, int w, int y, int x)
{
    return came_in(o, h, w, y, x) ? 0 : 1 + (o->number * h + y - o->dy) * w + x - o->dx;
}

static void paint_bounds(const moved_object *o, int h, int w, mw_layout_mode mode, int32_t *source)
{
    int b[4];
    if (!mw_mask_bounds(o->mask, h, w, 1, b))
        return;
    for (int y = b[1]; y <= b[3] && y < h; y++)
        for (int x = b[0]; x <= b[2] && x < w; x++)
            if (mode == MW_FAITHFUL || !came_in(o, h, w, y, x))
                source[y * w + x] = shown(o, h, w, y, x);
}

static void paint_mask(const moved_object *o, int h, int w, int32_t *source, int32_t *owner)
{
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++)
            if (o->mask[y * w + x]) {
                source[y * w + x] = shown(o, h, w, y, x);
                owner[y * w + x] = o->number;
            }
}

mw_status mw_latents_compose(mw_ctx *c, const mw_composed_object *object, int n, int h, int w, bool start,
                             mw_layout_mode mode, int32_t *source, int32_t *owner)
{
    moved_object *o = mw_alloc(c, ((size_t)n + 1) * sizeof *o);
    for (int i = 0; o && i < n && mw_err(c) == MW_OK; i++)
        move(c, &object[i], i + 1, h, w, &o[i]);
    if (mw_err(c) == MW_OK) {
        qsort(o, (size_t)n, sizeof *o, larger_first);
        memset(owner, 0, (size_t)h * (size_t)w * sizeof *owner);
        for (int i = 0; i < h * w; i++)
            source[i] = start ? 1 + i : 0;
        for (int i = 0; i < n && start; i++)
            paint_bounds(&o[i], h, w, mode, source);
        for (int i = 0; i < n; i++)
            paint_mask(&o[i], h, w, source, owner);
    }
    for (int i = 0; o && i < n; i++)
        free(o[i].mask);
    free(o);
    return mw_err(c);
}
