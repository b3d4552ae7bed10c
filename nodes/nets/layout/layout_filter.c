// layout_filter.c: which boxes are kept, and where they go on the canvas.
#include "nodes/nets/layout/layout_filter.h"

#include "core/base/text.h"
#include "nodes/nets/layout/layout_clip.h"
#include "nodes/nets/layout/layout_entries.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

enum { X, Y, W, H };
static const double MOST_SCALE = 3;

// ---- names

// How two names compare: case folded, without an article in front, blanks as one, no full stop; free() it.
// NULL when memory is out.
static char *compared(const char *name)
{
    static const char *const articles[] = {"an ", "a ", "the "};
    char *folded = (char *)utf8proc_NFKC_Casefold((const utf8proc_uint8_t *)name), *to = folded;
    const char *from = folded;
    for (size_t i = 0; folded && i < sizeof articles / sizeof *articles; i++)
        if (strncmp(folded, articles[i], strlen(articles[i])) == 0)
            from = folded + strlen(articles[i]);
    for (; folded && *from; from++)
        if (*from != ' ' || (to > folded && to[-1] != ' '))
            *to++ = *from;
    while (to > folded && strchr(". ", to[-1]))
        to--;
    if (folded)
        *to = 0;
    return folded;
}

static bool is_background(const char *name, size_t length, const char *background)
{
    char *copy = strndup(name, length), *a = copy ? compared(copy) : NULL, *b = compared(background);
    bool same = a && b && *a && strcmp(a, b) == 0;
    free(copy);
    free(a);
    free(b);
    return same;
}

// A letter, digit or picture sign; not blanks, dots and dashes alone.
static bool says_something(const char *name, size_t length)
{
    for (size_t at = 0; at < length;) {
        utf8proc_int32_t x;
        utf8proc_ssize_t n =
            utf8proc_iterate((const utf8proc_uint8_t *)name + at, (utf8proc_ssize_t)(length - at), &x);
        utf8proc_category_t k = n > 0 ? utf8proc_category(x) : UTF8PROC_CATEGORY_CN;
        if ((k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_NO) || k == UTF8PROC_CATEGORY_SO)
            return true;
        at += n > 0 ? (size_t)n : 1;
    }
    return false;
}

// Full stops at the end of a name go, in strict mode blanks around it as well.
static void trim(const char **name, size_t *length, mw_layout_mode mode)
{
    const char *gone = mode == MW_STRICT ? ". \t\r\n" : ".";
    if (mode == MW_STRICT)
        *name += strspn(*name, gone + 1);
    *length = strlen(*name);
    while (*length > 0 && strchr(gone, (*name)[*length - 1]))
        --*length;
}

// ---- which boxes are kept

static bool covers(const double b[4], const double canvas[2])
{
    return b[W] >= canvas[0] && b[H] >= canvas[1];
}

static bool sticks_out(const double b[4], const double canvas[2])
{
    return b[X] < 0 || b[Y] < 0 || b[X] + b[W] > canvas[0] || b[Y] + b[H] > canvas[1];
}

// The box as the published code keeps it; one that sticks out sets *scale.
static mw_status keep_faithful(mw_ctx *c, const mw_layout_entry *b, mw_layout *out, bool *scale)
{
    const char *name = b->name;
    size_t length;
    if (!b->has_box || b->at[W] <= 0 || b->at[H] <= 0 || covers(b->at, out->canvas) ||
        b->at[X] > out->canvas[0] || b->at[Y] > out->canvas[1])
        return MW_OK;
    *scale |= sticks_out(b->at, out->canvas);
    trim(&name, &length, MW_FAITHFUL);
    return mw_layout_add(c, out, name, length, b->at);
}

static mw_status keep_strict(mw_ctx *c, const mw_layout_source *from, const mw_filter_options *o, size_t i,
                             mw_layout_entry *b, mw_layout *out)
{
    const char *name = b->name, *why = NULL;
    size_t length;
    char shown[80], what[120];
    trim(&name, &length, MW_STRICT);
    snprintf(what, sizeof what, "box %zu, \"%s\"", i + 1, mw_printable_n(name, length, shown, sizeof shown));
    if (!says_something(name, length))
        return mw_fail(c, from->code, "%s: the name of box %zu has no letters: \"%s\"", from->name, i + 1,
                       mw_printable(b->name, shown, sizeof shown));
    if (!b->has_box)
        why = "it has no coordinates";
    else if (b->at[W] <= 0 || b->at[H] <= 0)
        why = "it has no area";
    else if (covers(b->at, out->canvas) && is_background(name, length, o->background))
        why = "it is the background, as large as the canvas";
    if (why)
        mw_layout_warn(c, from, "%s, is left out: %s", what, why);
    else if (mw_layout_clip(c, from, what, out->canvas, b->at) == MW_OK)
        mw_layout_add(c, out, name, length, b->at);
    return mw_err(c);
}

static mw_status keep(mw_ctx *c, const mw_layout_source *from, const json_t *entries,
                      const mw_filter_options *o, mw_layout *out, bool *scale)
{
    for (size_t i = 0; i < json_array_size(entries) && !mw_err(c); i++) {
        mw_layout_entry b;
        if (mw_layout_entry_read(c, from, o->mode, i, json_array_get(entries, i), &b) != MW_OK)
            return mw_err(c);
        if (o->mode == MW_STRICT)
            keep_strict(c, from, o, i, &b, out);
        else
            keep_faithful(c, &b, out, scale);
    }
    return mw_err(c);
}

// ---- where they go

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

// How far scaled boxes move down so that they do not leave the canvas. In faithful mode they may leave it
// above and below at once: then it is wrong, since the old bottom counts.
static double vertical_move(const bounds *u, double s, double height)
{
    double off = u->top * s < 0 ? -u->top * s : 0;
    return u->bottom * s + off >= height ? off + height - u->bottom * s : off;
}

static void scale_all(mw_layout *l, size_t first, const bounds *u)
{
    double s =
        fmin(fmin(l->canvas[0] / (u->right - u->left), l->canvas[1] / (u->bottom - u->top)), MOST_SCALE);
    double off = vertical_move(u, s, l->canvas[1]);
    for (size_t i = first; i < l->n; i++) {
        double *b = l->object[i].box;
        b[X] = (b[X] - u->left) * s;
        b[Y] = b[Y] * s + off;
        b[W] *= s;
        b[H] *= s;
        if (b[Y] < 0) { // it grows by what should be cut
            b[H] -= b[Y];
            b[Y] = 0;
        }
    }
}

// Whole pixels. In strict mode a box keeps at least one each way, and stays on the canvas.
static void round_box(double b[4], const double canvas[2], mw_layout_mode mode)
{
    for (int k = 0; k < 4; k++)
        b[k] = nearbyint(b[k]);
    for (int k = 0; k < 2 && mode == MW_STRICT; k++) {
        b[k + 2] = fmax(b[k + 2], 1);
        b[k] = fmin(b[k], canvas[k] - 1);
        b[k + 2] = fmin(b[k + 2], canvas[k] - b[k]);
    }
}

static void drop_from(mw_layout *l, size_t first)
{
    while (l->n > first)
        free(l->object[--l->n].phrase);
}

static mw_status place(mw_ctx *c, const mw_layout_source *from, const json_t *entries,
                       const mw_filter_options *o, mw_layout *out)
{
    size_t first = out->n;
    bool scale = o->scale;
    if (json_array_size(entries) > MW_LAYOUT_MAX_OBJECTS)
        return mw_fail(c, from->code, "%s: a layout has at most %d boxes, got %zu", from->name,
                       MW_LAYOUT_MAX_OBJECTS, json_array_size(entries));
    if (keep(c, from, entries, o, out, &scale) != MW_OK || out->n == first)
        return mw_err(c);
    bounds u = bounds_of(out, first);
    if (u.right == u.left) {
        drop_from(out, first);
        return MW_OK;
    }
    if (scale)
        scale_all(out, first, &u);
    for (size_t i = first; i < out->n; i++)
        round_box(out->object[i].box, out->canvas, o->mode);
    return mw_err(c);
}

mw_status mw_layout_filter(mw_ctx *c, const mw_layout_source *from, json_t *boxes, const mw_filter_options *o,
                           mw_layout *out)
{
    json_t *entries = mw_layout_entries(c, from, o->mode, boxes);
    if (entries)
        place(c, from, entries, o, out);
    json_decref(entries);
    return mw_err(c);
}
