// layout_value.c: layouts taken from values, with every check, and given as values.
#include "nodes/nets/layout/layout_value.h"

#include "core/base/nearest.h"
#include "core/base/text.h"
#include "core/graph/seed.h"
#include "nodes/nets/layout/layout_clip.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const double LARGEST_CANVAS = 65536;
static const char blanks[] = " \t\r\n"; // around a phrase; in strict mode they go

// "name: object 3 ('a star')" for messages.
typedef struct {
    mw_ctx *c;
    const mw_layout_source *from;
    char place[160];
} reader;

#define WRONG(r, ...) wrong((r), __FILE__, __LINE__, __VA_ARGS__)
__attribute__((format(printf, 4, 5))) static mw_status wrong(reader *r, const char *file, int line,
                                                             const char *fmt, ...)
{
    char text[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return mw_fail_at(r->c, r->from->code, file, line, "%s%s: %s", r->from->name, r->place, text);
}

static mw_status known_keys(reader *r, const mw_value *map, const char *const *keys)
{
    for (size_t i = 0; i < mw_value_count(map); i++) {
        const char *key = mw_value_key_at(map, i);
        mw_nearest n = {.wrong = key};
        bool known = false;
        for (const char *const *k = keys; *k; k++) {
            known |= strcmp(key, *k) == 0;
            mw_nearest_offer(&n, *k);
        }
        char hint[120], shown[80];
        if (!known)
            return WRONG(r, "'%s' is unknown%s", mw_printable(key, shown, sizeof shown),
                         mw_nearest_hint(&n, hint, sizeof hint));
    }
    return MW_OK;
}

static mw_status numbers(reader *r, const char *what, const mw_value *v, int n, double *out)
{
    if (mw_value_kind(v) != MW_LIST || mw_value_count(v) != (size_t)n)
        return WRONG(r, "%s must be %d numbers, got %s of %zu", what, n, mw_kind_name(mw_value_kind(v)),
                     mw_value_count(v));
    for (int i = 0; i < n; i++) {
        const mw_value *x = mw_value_at(v, (size_t)i);
        out[i] = mw_value_as_number(x);
        if (mw_value_kind(x) != MW_NUMBER || !isfinite(out[i]))
            return WRONG(r, "number %d of %s is %s, expected a finite number", i + 1, what,
                         mw_value_kind(x) == MW_NUMBER ? "not finite" : mw_kind_name(mw_value_kind(x)));
    }
    return MW_OK;
}

static mw_status check_box(reader *r, const double canvas[2], mw_layout_mode mode, double b[4])
{
    if (!(b[2] > 0 && b[3] > 0))
        return WRONG(r, "a box of %g x %g has no area", b[2], b[3]);
    return mode == MW_FAITHFUL ? MW_OK : mw_layout_clip(r->c, r->from, r->place + strlen(": "), canvas, b);
}

// The object that was added last.
static mw_status take_seed(reader *r, const mw_value *v, mw_layout *out)
{
    if (mw_err(r->c) || mw_value_kind(v) == MW_NIL)
        return mw_err(r->c);
    mw_value *seed = mw_seed_value(r->c, v);
    if (!seed)
        return WRONG(r, "'seed' must be a whole number from -2^63 to 2^64-1, got %s",
                     mw_kind_name(mw_value_kind(v)));
    out->object[out->n - 1].seeded = true;
    out->object[out->n - 1].seed = mw_seed_bits(seed);
    mw_value_release(seed);
    return MW_OK;
}

static mw_status take_object(reader *r, size_t i, const mw_value *o, mw_layout_mode mode, mw_layout *out)
{
    static const char *const keys[] = {"phrase", "box", "seed", NULL};
    const mw_value *phrase = mw_value_get(o, "phrase");
    const char *text = mw_value_as_text(phrase);
    char shown[80];
    double box[4];
    snprintf(r->place, sizeof r->place, ": object %zu", i + 1);
    if (mw_value_kind(o) != MW_MAP)
        return WRONG(r, "it must be {phrase = ..., box = {x, y, width, height}}, got %s",
                     mw_kind_name(mw_value_kind(o)));
    if (known_keys(r, o, keys) != MW_OK)
        return mw_err(r->c);
    if (mw_value_kind(phrase) != MW_TEXT)
        return WRONG(r, "'phrase' must be a text, got %s", mw_kind_name(mw_value_kind(phrase)));
    if (mw_value_text_length(phrase) > MW_LAYOUT_MAX_PHRASE)
        return WRONG(r, "'phrase' has %zu bytes, more than %d", mw_value_text_length(phrase),
                     MW_LAYOUT_MAX_PHRASE);
    if (mode == MW_STRICT)
        text += strspn(text, blanks);
    if (text[strspn(text, blanks)] == 0 || strlen(mw_value_as_text(phrase)) != mw_value_text_length(phrase))
        return WRONG(r, "'phrase' must have letters, and no zero byte");
    size_t length = strlen(text);
    if (mode == MW_FAITHFUL && text[length - 1] == ' ')
        return WRONG(
            r, "a 'phrase' that ends in a blank has no last word in faithful mode; strict takes it off");
    while (mode == MW_STRICT && strchr(blanks, text[length - 1]))
        length--;
    snprintf(r->place, sizeof r->place, ": object %zu ('%s')", i + 1,
             mw_printable(text, shown, sizeof shown));
    if (numbers(r, "'box'", mw_value_get(o, "box"), 4, box) != MW_OK ||
        check_box(r, out->canvas, mode, box) != MW_OK)
        return mw_err(r->c);
    mw_layout_add(r->c, out, text, length, box);
    return take_seed(r, mw_value_get(o, "seed"), out);
}

static char *text_of(reader *r, const mw_value *map, const char *key)
{
    const mw_value *v = mw_value_get(map, key);
    if (mw_value_kind(v) != MW_NIL && mw_value_kind(v) != MW_TEXT)
        WRONG(r, "'%s' must be a text, got %s", key, mw_kind_name(mw_value_kind(v)));
    else if (strlen(mw_value_as_text(v)) != mw_value_text_length(v))
        WRONG(r, "'%s' must have no zero byte", key);
    return mw_strdup(r->c, mw_value_as_text(v));
}

static mw_status take_canvas(reader *r, const mw_value *v, double canvas[2])
{
    canvas[0] = canvas[1] = MW_LAYOUT_CANVAS;
    if (mw_value_kind(v) == MW_NIL || numbers(r, "'canvas'", v, 2, canvas) != MW_OK)
        return mw_err(r->c);
    if (!(canvas[0] >= 1 && canvas[1] >= 1 && canvas[0] <= LARGEST_CANVAS && canvas[1] <= LARGEST_CANVAS))
        return WRONG(r, "'canvas' must be a width and a height from 1 to %g, got %g x %g", LARGEST_CANVAS,
                     canvas[0], canvas[1]);
    return MW_OK;
}

mw_layout_mode mw_layout_mode_of(const mw_value *v)
{
    return strcmp(mw_value_as_text(v), "faithful") == 0 ? MW_FAITHFUL : MW_STRICT;
}

mw_status mw_layout_from_value(mw_ctx *c, const mw_layout_source *from, const mw_value *v,
                               mw_layout_mode mode, mw_layout *out)
{
    static const char *const keys[] = {"objects", "background", "negative", "canvas", NULL};
    reader r = {.c = c, .from = from};
    const mw_value *objects = mw_value_get(v, "objects");
    *out = (mw_layout){0};
    if (mw_err(c))
        return mw_err(c);
    if (mw_value_kind(v) != MW_MAP)
        return WRONG(&r, "a layout must be {objects = {...}, ...}, got %s", mw_kind_name(mw_value_kind(v)));
    if (known_keys(&r, v, keys) != MW_OK || take_canvas(&r, mw_value_get(v, "canvas"), out->canvas) != MW_OK)
        return mw_err(c);
    out->background = text_of(&r, v, "background");
    out->negative = text_of(&r, v, "negative");
    // an empty table of Lua may be a list or a map
    if (mw_value_kind(objects) != MW_LIST &&
        !(mw_value_kind(objects) == MW_MAP && mw_value_count(objects) == 0))
        return WRONG(&r, "'objects' must be a list of {phrase = ..., box = {x, y, width, height}}, got %s",
                     mw_kind_name(mw_value_kind(objects)));
    if (mw_value_count(objects) > MW_LAYOUT_MAX_OBJECTS)
        return WRONG(&r, "a layout has at most %d boxes, got %zu", MW_LAYOUT_MAX_OBJECTS,
                     mw_value_count(objects));
    for (size_t i = 0; i < mw_value_count(objects) && !mw_err(c); i++)
        take_object(&r, i, mw_value_at(objects, i), mode, out);
    return mw_err(c);
}

static mw_value *numbers_value(mw_ctx *c, const double *x, int n)
{
    mw_value *list = mw_value_list(c);
    for (int i = 0; i < n && !mw_err(c); i++)
        mw_value_push(c, list, mw_value_number(c, x[i]));
    return list;
}

static mw_value *text_value(mw_ctx *c, const char *text) { return mw_value_text(c, text, strlen(text)); }

static mw_value *seed_value(mw_ctx *c, uint64_t seed)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRIu64, seed);
    mw_value *text = text_value(c, digits), *v = text ? mw_seed_value(c, text) : NULL;
    mw_value_release(text);
    return v;
}

mw_value *mw_layout_value(mw_ctx *c, const mw_layout *l)
{
    mw_value *map = mw_value_map(c), *objects = mw_value_list(c);
    for (size_t i = 0; i < l->n && !mw_err(c); i++) {
        mw_value *o = mw_value_map(c);
        mw_value_set(c, o, "phrase", text_value(c, l->object[i].phrase));
        mw_value_set(c, o, "box", numbers_value(c, l->object[i].box, 4));
        if (l->object[i].seeded)
            mw_value_set(c, o, "seed", seed_value(c, l->object[i].seed));
        mw_value_push(c, objects, o);
    }
    mw_value_set(c, map, "objects", objects);
    mw_value_set(c, map, "background", text_value(c, l->background ? l->background : ""));
    mw_value_set(c, map, "negative", text_value(c, l->negative ? l->negative : ""));
    mw_value_set(c, map, "canvas", numbers_value(c, l->canvas, 2));
    if (!mw_err(c))
        return map;
    mw_value_release(map);
    return NULL;
}
