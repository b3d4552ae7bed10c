// latent_compose.c: latents of objects drawn alone, laid over those of the background.
#include "nodes/nets/layout/latent_compose.h"

#include "nodes/nets/layout/layout_geometry.h"
#include "nodes/nets/pictures/mask_ops.h"

#include <stdlib.h>
#include <string.h>

// An object where it belongs.
typedef struct {
    int index, area;
    int dx, dy;
    float *latents;
    uint8_t *mask;
} moved_object;

static int larger_first(const void *a, const void *b)
{
    const moved_object *x = a, *y = b;
    return x->area != y->area ? y->area - x->area : x->index - y->index;
}

static mw_status move(mw_ctx *c, const mw_composed_object *from, int index, int channels, int h, int w,
                      moved_object *to)
{
    size_t cells = (size_t)h * (size_t)w, planes = (size_t)channels;
    *to = (moved_object){.index = index, .dx = from->dx, .dy = from->dy};
    to->latents = mw_alloc(c, planes * cells * sizeof(float));
    to->mask = mw_alloc(c, cells);
    if (!to->latents || !to->mask)
        return mw_err(c);
    mw_shift_planes(from->latents, planes, h, w, sizeof(float), from->dx, from->dy, to->latents);
    mw_shift_planes(from->mask, 1, h, w, 1, from->dx, from->dy, to->mask);
    to->area = mw_mask_area(to->mask, (int)cells);
    return MW_OK;
}

// Did the cell come in with the move?
static bool came_in(const moved_object *o, int h, int w, int y, int x)
{
    return y < o->dy || y >= h + o->dy || x < o->dx || x >= w + o->dx;
}

static void copy_cell(const moved_object *o, int channels, int cells, int at, float *out)
{
    for (int k = 0; k < channels; k++)
        out[(int64_t)k * cells + at] = o->latents[(int64_t)k * cells + at];
}

static void paint_bounds(const moved_object *o, int channels, int h, int w, mw_layout_mode mode, float *out)
{
    int b[4];
    if (!mw_mask_bounds(o->mask, h, w, 1, b))
        return;
    for (int y = b[1]; y <= b[3] && y < h; y++)
        for (int x = b[0]; x <= b[2] && x < w; x++)
            if (mode == MW_FAITHFUL || !came_in(o, h, w, y, x))
                copy_cell(o, channels, h * w, y * w + x, out);
}

static void paint_mask(const moved_object *o, int channels, int h, int w, float *out, int32_t *owner)
{
    for (int i = 0; i < h * w; i++)
        if (o->mask[i]) {
            copy_cell(o, channels, h * w, i, out);
            owner[i] = o->index + 1;
        }
}

mw_status mw_latents_compose(mw_ctx *c, const mw_composed_object *object, int n, int channels, int h, int w,
                             bool start, mw_layout_mode mode, float *out, int32_t *owner)
{
    moved_object *o = mw_alloc(c, ((size_t)n + 1) * sizeof *o);
    for (int i = 0; o && i < n && mw_err(c) == MW_OK; i++)
        move(c, &object[i], i, channels, h, w, &o[i]);
    if (mw_err(c) == MW_OK) {
        qsort(o, (size_t)n, sizeof *o, larger_first);
        memset(owner, 0, (size_t)h * (size_t)w * sizeof *owner);
        for (int i = 0; i < n && start; i++)
            paint_bounds(&o[i], channels, h, w, mode, out);
        for (int i = 0; i < n; i++)
            paint_mask(&o[i], channels, h, w, out, owner);
    }
    for (int i = 0; o && i < n; i++) {
        free(o[i].latents);
        free(o[i].mask);
    }
    free(o);
    return mw_err(c);
}
