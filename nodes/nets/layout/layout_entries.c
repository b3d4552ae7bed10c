// layout_entries.c: the shapes in which language models write a name and its box.
#include "nodes/nets/layout/layout_entries.h"

#include "core/io/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double FARTHEST = 1e9;

// Names that keys go by in strict mode; the first is the published one. NULL ends a row.
static const char *const name_keys[] = {"name", "phrase", "label", "object", "caption", NULL};
static const char *const box_keys[] = {"bounding_box", "box", "bbox", "bounding box", "coordinates", NULL};
static const char *const side_keys[4][3] = {
    {"x", "left", NULL}, {"y", "top", NULL}, {"width", "w", NULL}, {"height", "h", NULL}};

static json_t *field(const json_t *map, const char *const *keys, mw_layout_mode mode)
{
    json_t *v = json_object_get(map, *keys);
    while (!v && mode == MW_STRICT && *++keys)
        v = json_object_get(map, *keys);
    return v;
}

// What Python takes for false.
static bool is_false(const json_t *v)
{
    return !v || json_is_null(v) || json_is_false(v) || (json_is_number(v) && json_number_value(v) == 0) ||
        (json_is_string(v) && json_string_length(v) == 0) || (json_is_array(v) && json_array_size(v) == 0) ||
        (json_is_object(v) && json_object_size(v) == 0);
}

static mw_status bad(mw_ctx *c, const mw_layout_source *from, size_t i, const json_t *got, const char *want)
{
    char text[80];
    return mw_fail(c, from->code, "%s: box %zu is %s, expected %s", from->name, i + 1,
                   mw_json_text_of(got, text, sizeof text), want);
}

// ---- the list

// A name and its box, not a list of such.
static bool stands_alone(const json_t *v)
{
    return json_is_object(v) ? field(v, name_keys, MW_STRICT) != NULL
                             : json_array_size(v) > 1 && json_is_string(json_array_get(v, 0)) &&
            !json_is_string(json_array_get(v, 1));
}

// {"a cat": [x, y, w, h], ...}
static json_t *by_name(const json_t *map)
{
    json_t *list = json_array(), *box;
    const char *name;
    json_object_foreach((json_t *)(uintptr_t)map, name, box)
        json_array_append_new(list, json_pack("[s,O]", name, box));
    return list;
}

json_t *mw_layout_entries(mw_ctx *c, const mw_layout_source *from, mw_layout_mode mode, json_t *boxes)
{
    char text[80];
    if (mw_err(c))
        return NULL;
    if (is_false(boxes) && !json_is_number(boxes) && !json_is_boolean(boxes))
        return json_array();
    if (mode == MW_STRICT && stands_alone(boxes))
        return json_pack("[O]", boxes);
    if (mode == MW_STRICT && json_is_object(boxes))
        return by_name(boxes);
    if (json_is_array(boxes))
        return json_incref(boxes);
    mw_fail(c, from->code, "%s: the boxes are %s, expected a list", from->name,
            mw_json_text_of(boxes, text, sizeof text));
    return NULL;
}

// ---- one entry

// A number, in strict mode also one that is written as a text; false when it is none up to 1e9.
static bool coordinate(const json_t *v, mw_layout_mode mode, double *out)
{
    const char *text = mode == MW_STRICT ? json_string_value(v) : NULL;
    char *end = NULL;
    *out = text ? strtod(text, &end) : json_number_value(v);
    bool number =
        text ? end != text && end[strspn(end, " \t")] == 0 && !strpbrk(text, "xXnN") : json_is_number(v);
    return number && fabs(*out) <= FARTHEST;
}

// Four coordinates of a list, from item `first` on, or of a dictionary.
static bool coordinates(const json_t *box, size_t first, mw_layout_mode mode, double at[4])
{
    for (size_t k = 0; k < 4; k++) {
        const json_t *v =
            json_is_array(box) ? json_array_get(box, first + k) : field(box, side_keys[k], mode);
        if (!coordinate(v, mode, &at[k]))
            return false;
    }
    return !json_is_array(box) || json_array_size(box) == first + 4;
}

// Takes the entry apart: its name, and what holds the coordinates from item *first on; NULL: nothing does.
static const json_t *box_of(const json_t *entry, mw_layout_mode mode, const json_t **name, size_t *first)
{
    size_t n = json_array_size(entry);
    *first = 0;
    if (json_is_object(entry)) {
        *name = field(entry, name_keys, mode);
        const json_t *box = field(entry, box_keys, mode);
        return box || mode == MW_FAITHFUL || !field(entry, side_keys[0], mode) ? box : entry;
    }
    *name = json_array_get(entry, 0);
    *first = mode == MW_STRICT && n == 5;
    return *first ? entry : json_array_get(entry, 1);
}

mw_status mw_layout_entry_read(mw_ctx *c, const mw_layout_source *from, mw_layout_mode mode, size_t i,
                               const json_t *entry, mw_layout_entry *out)
{
    const json_t *name = NULL;
    size_t first = 0, n = json_array_size(entry);
    const json_t *box = box_of(entry, mode, &name, &first);
    bool fits = json_is_object(entry) || n == 2 || (mode == MW_STRICT && (n == 1 || n == 5));
    if (!fits || !json_is_string(name) || (!box && mode == MW_FAITHFUL))
        return bad(c, from, i, entry, "('name', [x, y, width, height])");
    if (strlen(json_string_value(name)) != json_string_length(name))
        return bad(c, from, i, entry, "a name without zero bytes");
    if (json_string_length(name) > MW_LAYOUT_MAX_PHRASE)
        return mw_fail(c, from->code, "%s: the name of box %zu has %zu bytes, more than %d", from->name,
                       i + 1, json_string_length(name), MW_LAYOUT_MAX_PHRASE);
    *out = (mw_layout_entry){.name = json_string_value(name), .has_box = !is_false(box)};
    if (!out->has_box)
        return MW_OK;
    if (!json_is_array(box) && !(mode == MW_STRICT && json_is_object(box)))
        return bad(c, from, i, entry, "('name', [x, y, width, height])");
    if (!coordinates(box, first, mode, out->at))
        return bad(c, from, i, entry, "four coordinates x, y, width, height that are numbers up to 1e9");
    return MW_OK;
}
