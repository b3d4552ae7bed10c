// layout_filter.c: which boxes are kept, and where they go on the canvas.
#include "nodes/nets/layout/layout_filter.h"

#include "core/io/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { X, Y, W, H };
static const double MOST_SCALE = 3, FARTHEST = 1e9;

// A box as it was read.
typedef struct {
    const char *name;
    size_t length;
    int n; // coordinates
    double at[4];
} raw_box;

static mw_status bad(mw_ctx *c, const mw_layout_source *from, size_t i, const json_t *got, const char *want)
{
    char text[80];
    return mw_fail(c, from->code, "%s: box %zu is %s, expected %s", from->name, i + 1,
                   mw_json_text_of(got, text, sizeof text), want);
}

static mw_status read_box(mw_ctx *c, const mw_layout_source *from, size_t i, const json_t *b, raw_box *out)
{
    bool pair = json_is_array(b) && json_array_size(b) == 2;
    const json_t *name = pair ? json_array_get(b, 0) : json_object_get(b, "name");
    const json_t *at = pair ? json_array_get(b, 1) : json_object_get(b, "bounding_box");
    if (!json_is_string(name) || !json_is_array(at))
        return bad(c, from, i, b, "('name', [x, y, width, height])");
    if (strlen(json_string_value(name)) != json_string_length(name))
        return bad(c, from, i, b, "a name without zero bytes");
    if (json_string_length(name) > MW_LAYOUT_MAX_PHRASE)
        return mw_fail(c, from->code, "%s: the name of box %zu has %zu bytes, more than %d", from->name,
                       i + 1, json_string_length(name), MW_LAYOUT_MAX_PHRASE);
    size_t n = json_array_size(at);
    if (n != 0 && n != 4)
        return bad(c, from, i, b, "four coordinates: x, y, width, height");
    *out = (raw_box){json_string_value(name), json_string_length(name), (int)n, {0}};
    for (size_t k = 0; k < n; k++) {
        out->at[k] = json_number_value(json_array_get(at, k));
        if (!json_is_number(json_array_get(at, k)) || !(fabs(out->at[k]) <= FARTHEST))
            return bad(c, from, i, b, "coordinates that are numbers up to 1e9");
    }
    return MW_OK;
}

// Why a box is not kept; NULL when it is.
static const char *dropped(const raw_box *b, const double canvas[2])
{
    if (b->n == 0)
        return "it has no coordinates";
    if (b->at[W] <= 0 || b->at[H] <= 0)
        return "it has no area";
    if (b->at[W] >= canvas[0] && b->at[H] >= canvas[1])
        return "it is as large as the canvas";
    if (b->at[X] > canvas[0] || b->at[Y] > canvas[1])
        return "it lies beyond the canvas";
    return NULL;
}

static bool sticks_out(const double b[4], const double canvas[2])
{
    return b[X] < 0 || b[Y] < 0 || b[X] + b[W] > canvas[0] || b[Y] + b[H] > canvas[1];
}

// Full stops at the end of a name go.
static size_t name_length(const raw_box *b)
{
    size_t n = b->length;
    while (n > 0 && b->name[n - 1] == '.')
        n--;
    return n;
}

static mw_status keep(mw_ctx *c, const mw_layout_source *from, const json_t *boxes,
                      const mw_filter_options *o, mw_layout *out, bool *scale)
{
    for (size_t i = 0; i < json_array_size(boxes) && !mw_err(c); i++) {
        raw_box b;
        if (read_box(c, from, i, json_array_get(boxes, i), &b) != MW_OK)
            return mw_err(c);
        const char *why = dropped(&b, out->canvas);
        if (why) {
            if (o->mode == MW_STRICT)
                mw_warn(c, "%s: box %zu, \"%s\", is left out: %s", from->name, i + 1, b.name, why);
            continue;
        }
        *scale |= sticks_out(b.at, out->canvas);
        mw_layout_add(c, out, b.name, name_length(&b), b.at);
    }
    return mw_err(c);
}

// What holds all boxes.
typedef struct {
    double left, right, top, bottom;
} bounds;

static bounds bounds_of(const mw_layout *l, size_t first)
{
    bounds u = {INFINITY, -INFINITY, INFINITY, -INFINITY};
    for (size_t i = first; i < l->n; i++) {
        const double *b = l->object[i].box;
        u.left = fmin(u.left, b[X]);
        u.right = fmax(u.right, b[X] + b[W]);
        u.top = fmin(u.top, b[Y]);
        u.bottom = fmax(u.bottom, b[Y] + b[H]);
    }
    return u;
}

// How far scaled boxes move down so that they do not leave the canvas.
static double vertical_move(const bounds *u, double s, double height, mw_layout_mode mode)
{
    double off = 0;
    if (mode == MW_FAITHFUL) {
        if (u->top * s + off < 0)
            off -= u->top * s;
        if (u->bottom * s + off >= height)
            off -= u->bottom * s - height; // the old bottom: wrong where `off` is not 0 any more
        return off;
    }
    if (u->top * s < 0)
        return -u->top * s;
    return u->bottom * s > height ? height - u->bottom * s : 0;
}

static void scale_all(mw_layout *l, size_t first, const bounds *u, mw_layout_mode mode)
{
    double s =
        fmin(fmin(l->canvas[0] / (u->right - u->left), l->canvas[1] / (u->bottom - u->top)), MOST_SCALE);
    double off = vertical_move(u, s, l->canvas[1], mode);
    for (size_t i = first; i < l->n; i++) {
        double *b = l->object[i].box;
        b[X] = (b[X] - u->left) * s;
        b[Y] = b[Y] * s + off;
        b[W] *= s;
        b[H] *= s;
        if (b[Y] < 0) {
            b[H] += mode == MW_FAITHFUL ? -b[Y] : b[Y];
            b[Y] = 0;
        }
    }
}

// Whole pixels. In strict mode a box keeps at least one each way.
static void round_box(double b[4], const double canvas[2], mw_layout_mode mode)
{
    for (int k = 0; k < 4; k++)
        b[k] = nearbyint(b[k]);
    for (int k = 0; k < 2 && mode == MW_STRICT; k++)
        if (b[k + 2] < 1) {
            b[k + 2] = 1;
            b[k] = fmin(b[k], canvas[k] - 1);
        }
}

static void drop_from(mw_layout *l, size_t first)
{
    while (l->n > first)
        free(l->object[--l->n].phrase);
}

mw_status mw_layout_filter(mw_ctx *c, const mw_layout_source *from, const json_t *boxes,
                           const mw_filter_options *o, mw_layout *out)
{
    size_t first = out->n;
    bool scale = o->scale;
    if (mw_err(c) || json_is_null(boxes))
        return mw_err(c);
    if (!json_is_array(boxes)) {
        char text[80];
        return mw_fail(c, from->code, "%s: the boxes are %s, expected a list", from->name,
                       mw_json_text_of(boxes, text, sizeof text));
    }
    if (json_array_size(boxes) > MW_LAYOUT_MAX_OBJECTS)
        return mw_fail(c, from->code, "%s: a layout has at most %d boxes, got %zu", from->name,
                       MW_LAYOUT_MAX_OBJECTS, json_array_size(boxes));
    if (keep(c, from, boxes, o, out, &scale) != MW_OK || out->n == first)
        return mw_err(c);
    bounds u = bounds_of(out, first);
    if (u.right == u.left) {
        drop_from(out, first);
        return MW_OK;
    }
    if (scale) {
        if (!o->scale && o->mode == MW_STRICT)
            mw_warn(c, "%s: a box leaves the canvas of %g x %g; all are scaled to fit", from->name,
                    out->canvas[0], out->canvas[1]);
        scale_all(out, first, &u, o->mode);
    }
    for (size_t i = first; i < out->n; i++)
        round_box(out->object[i].box, out->canvas, o->mode);
    return mw_err(c);
}
