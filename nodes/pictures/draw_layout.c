// draw_layout.c: the boxes of a layout with their captions, over a picture.
#include "core/graph/node.h"
#include "nodes/nets/layout/layout_value.h"
#include "nodes/nets/pictures/lettering.h"
#include "core/graph/picture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LAYOUT, IMAGE, LABELS };
enum { MOST = 4096, PAD = 2 };

static const mw_port in[] = {
    [LAYOUT] = {.name = "layout",
                .type = "layout",
                .doc = "the captioned boxes; their canvas is laid over the picture"},
    [IMAGE] = {.name = "image",
               .type = "image",
               .def = "null",
               .doc = "[H,W,3] or [B,H,W,3]; none: white, of the canvas' size"},
    [LABELS] = {.name = "labels",
                .type = "bool",
                .def = "true",
                .doc = "write each box's phrase into its corner, or beside it where another stands there"},
    {.name = NULL},
};

static const mw_out out[] = {
    {.name = "image", .type = "image", .doc = "the picture with frames and captions on it, as many as came"},
    {.name = NULL},
};

// Light enough for black letters, far enough from each other to be told apart.
static const uint8_t colors[][3] = {{255, 196, 0},   {64, 200, 255}, {255, 120, 120}, {120, 230, 120},
                                    {230, 140, 255}, {255, 160, 60}, {0, 220, 190},   {255, 130, 200},
                                    {190, 190, 255}, {200, 220, 60}};
enum { COLORS = sizeof colors / sizeof *colors };

static void fill(mw_image *m, int x0, int y0, int x1, int y1, const uint8_t color[3])
{
    for (int y = y0 < 0 ? 0 : y0; y < y1 && y < m->height; y++)
        for (int x = x0 < 0 ? 0 : x0; x < x1 && x < m->width; x++)
            memcpy(m->rgb + ((size_t)y * (size_t)m->width + (size_t)x) * 3, color, 3);
}

// Pixels of a box on the picture: x0, y0, x1, y1. Far outside is as good as just outside.
static void place_of(const mw_layout *l, const double b[4], const mw_image *m, int at[4])
{
    double size[2] = {m->width, m->height};
    for (int k = 0; k < 2; k++) {
        double s = size[k] / l->canvas[k];
        at[k] = (int)lrint(fmin(fmax(b[k] * s, -1e6), 1e6));
        at[k + 2] = (int)lrint(fmin(fmax((b[k] + b[k + 2]) * s, -1e6), 1e6));
    }
}

static void frame(mw_image *m, const int at[4], int thick, const uint8_t color[3])
{
    fill(m, at[0], at[1], at[2], at[1] + thick, color);
    fill(m, at[0], at[3] - thick, at[2], at[3], color);
    fill(m, at[0], at[1], at[0] + thick, at[3], color);
    fill(m, at[2] - thick, at[1], at[2], at[3], color);
}

// What captions cover so far: x0, y0, x1, y1 each.
typedef struct captions {
    int (*at)[4];
    size_t n;
} captions;

// The first of them that the rectangle lies over; NULL.
static const int *in_the_way(const captions *all, const int at[4])
{
    for (size_t i = 0; i < all->n; i++) {
        const int *o = all->at[i];
        if (at[0] < o[2] && o[0] < at[2] && at[1] < o[3] && o[1] < at[3])
            return o;
    }
    return NULL;
}

// Moves the rectangle along an axis, past all that are in its way. How far; -1: there is no room.
static int slide(const captions *all, const int size[2], int axis, bool forth, int at[4])
{
    int from = at[axis], extent = at[axis + 2] - at[axis];
    for (const int *o; (o = in_the_way(all, at));) {
        at[axis] = forth ? o[axis + 2] : o[axis] - extent;
        at[axis + 2] = at[axis] + extent;
        if (at[axis] < 0 || at[axis + 2] > size[axis])
            return -1;
    }
    return abs(at[axis] - from);
}

// The nearest place for the rectangle where it covers no other, straight down, up, right or left of its own;
// its own where there is none.
static void find_room(const captions *all, const mw_image *m, int at[4])
{
    const int size[2] = {m->width, m->height};
    int best[4], least = -1;
    for (int way = 0; way < 4; way++) {
        int moved[4] = {at[0], at[1], at[2], at[3]};
        int far = slide(all, size, way < 2, way % 2 == 0, moved);
        if (far >= 0 && (least < 0 || far < least)) {
            memcpy(best, moved, sizeof best);
            least = far;
        }
    }
    if (least > 0)
        memcpy(at, best, sizeof best);
}

// The caption in the box's upper left corner, moved so that it stays on the picture and off the others.
static void caption(mw_image *m, captions *all, const int box[4], int scale, const char *text,
                    const uint8_t color[3])
{
    int pad = PAD * scale, room = m->width - 2 * pad, width = mw_lettering_width(text, scale);
    width = width < room ? width : room;
    int height = mw_lettering_height(text, width, scale);
    int left = box[0] < m->width - width - 2 * pad ? box[0] : m->width - width - 2 * pad;
    int top = box[1] < m->height - height ? box[1] : m->height - height;
    left = left > 0 ? left : 0;
    top = top > 0 ? top : 0;
    int *at = all->at[all->n];
    memcpy(at, (int[]){left, top, left + width + 2 * pad, top + height}, sizeof all->at[0]);
    find_room(all, m, at);
    all->n++;
    fill(m, at[0], at[1], at[2], at[3], color);
    mw_lettering_draw(m, at[0] + pad, at[1] + pad, width, scale, text);
}

// Which color each object has; equal phrases have the same.
static void choose_colors(const mw_layout *l, size_t *color)
{
    size_t distinct = 0;
    for (size_t i = 0; i < l->n; i++) {
        size_t k = 0;
        while (strcmp(l->object[k].phrase, l->object[i].phrase) != 0)
            k++;
        color[i] = k < i ? color[k] : distinct++ % COLORS;
    }
}

static void draw(mw_image *m, const mw_layout *l, const size_t *color, captions *all, bool labels)
{
    int least = m->width < m->height ? m->width : m->height;
    int thick = least / 200 > 1 ? least / 200 : 1, scale = least / 400 > 1 ? least / 400 : 1;
    for (int pass = 0; pass < 2; pass++) // captions over all frames
        for (size_t i = 0; i < l->n; i++) {
            int at[4];
            place_of(l, l->object[i].box, m, at);
            if (pass == 0)
                frame(m, at, thick, colors[color[i]]);
            else if (labels)
                caption(m, all, at, scale, l->object[i].phrase, colors[color[i]]);
        }
}

// A white picture of the canvas' size.
static mw_tensor *blank(mw_ctx *c, const mw_layout *l)
{
    mw_image m = {(int)lrint(l->canvas[0]), (int)lrint(l->canvas[1]), NULL};
    if ((int64_t)m.width * m.height > MW_IMAGE_MAX_PIXELS) {
        mw_fail(c, MW_E_ARG, "a canvas of %d x %d has more than %d pixels", m.width, m.height,
                MW_IMAGE_MAX_PIXELS);
        return NULL;
    }
    m.rgb = mw_alloc(c, (size_t)m.width * (size_t)m.height * 3);
    if (m.rgb)
        memset(m.rgb, 255, (size_t)m.width * (size_t)m.height * 3);
    mw_tensor *t = m.rgb ? mw_picture_tensor(c, &m) : NULL;
    mw_image_free(&m);
    return t;
}

static mw_value *drawn(mw_ctx *c, mw_tensor *t, const mw_layout *l, bool labels)
{
    mw_image m = {0};
    size_t *color = mw_alloc(c, (l->n + 1) * sizeof *color);
    captions all = {.at = mw_alloc(c, (l->n + 1) * sizeof *all.at)};
    if (color && all.at && mw_picture_bytes(c, t, &m) == MW_OK && m.rgb) {
        choose_colors(l, color);
        draw(&m, l, color, &all, labels);
    }
    mw_value *v = mw_err(c) ? NULL : mw_value_tensor(c, mw_picture_tensor(c, &m));
    mw_image_free(&m);
    free(all.at);
    free(color);
    return v;
}

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    mw_layout l;
    mw_tensor *t[MOST];
    size_t n = 1;
    mw_layout_from_value(c, &(mw_layout_source){"'layout'", MW_E_SCRIPT}, i[LAYOUT], MW_FAITHFUL, &l);
    if (mw_err(c))
        n = 0;
    else if (mw_value_kind(i[IMAGE]) == MW_NIL)
        t[0] = blank(c, &l);
    else
        n = mw_picture_list(c, "image", i[IMAGE], t, MOST);
    if (!mw_err(c) && (n == 0 || n > MOST))
        mw_fail(c, MW_E_ARG, "'image' must hold 1 to %d pictures, got %zu", MOST, n);
    bool labels = mw_value_as_bool(i[LABELS]);
    mw_value *list = n > 1 && !mw_err(c) ? mw_value_list(c) : NULL;
    for (size_t k = 0; k < n && !mw_err(c); k++)
        if (list)
            mw_value_push(c, list, drawn(c, t[k], &l, labels));
        else
            o[0] = drawn(c, t[k], &l, labels);
    if (list)
        o[0] = list;
    mw_layout_free(&l);
    return mw_err(c);
}

const mw_node_type mw_node_draw_layout = {
    .name = "draw_layout",
    .version = 2,
    .doc = "Draws a layout's boxes and their captions over a picture.",
    .in = in,
    .out = out,
    .run = run,
};
