// json.c: bounded JSON files and typed fields, over jansson.
#include "core/io/json.h"

#include "core/base/file.h"
#include "core/base/library_memory.h"
#include "core/base/text.h"
#include "core/io/file_kind.h"

#include <stdio.h>
#include <stdlib.h>
#include <math.h>
#include <string.h>

// jansson recurses for each level, so the depth is known before it starts. Returns where the limit is passed,
// or size.
static size_t too_deep_at(const char *text, size_t size)
{
    int depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < size; i++) {
        char ch = text[i];
        if (quoted) {
            if (ch == '\\')
                i++;
            else if (ch == '"')
                quoted = false;
        } else if (ch == '"')
            quoted = true;
        else if ((ch == '[' || ch == '{') && ++depth > MW_JSON_MAX_DEPTH)
            return i;
        else if (ch == ']' || ch == '}')
            depth--;
    }
    return size;
}

// The last bytes of the line that ends at `at`, as much as buf takes.
static const char *excerpt(const char *text, size_t size, size_t at, char *buf, size_t room)
{
    size_t end = at < size ? at : size, from = end;
    while (from > 0 && end - from < room - 1 && text[from - 1] != '\n')
        from--;
    while (from < end && ((unsigned char)text[from] & 0xc0) == 0x80)
        from++;
    return mw_printable_n(text + from, end - from, buf, room);
}

// Whole numbers beyond 64 bits stand in published files ("model_max_length": 10^30). They are read as reals;
// all others become integers again.
static json_t *whole_again(json_t *v)
{
    const char *key;
    size_t i;
    json_t *item;
    if (json_is_real(v) && json_real_value(v) == floor(json_real_value(v)) &&
        fabs(json_real_value(v)) < 0x1p53) {
        json_t *whole = json_integer((json_int_t)json_real_value(v));
        json_decref(v);
        return whole;
    }
    json_object_foreach(v, key, item) json_object_set_new_nocheck(v, key, whole_again(json_incref(item)));
    json_array_foreach(v, i, item) json_array_set_new(v, i, whole_again(json_incref(item)));
    return v;
}

static json_t *load_with_huge_numbers(const char *text, size_t size, json_error_t *e)
{
    json_t *v = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, e);
    return v ? whole_again(v) : NULL;
}

json_t *mw_json_parse(mw_ctx *c, const char *text, size_t size, const char *name)
{
    if (mw_err(c) != MW_OK)
        return NULL;
    if (size >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) {
        text += 3;
        size -= 3;
    }
    if (too_deep_at(text, size) < size) {
        mw_fail(c, MW_E_FILE, "%s: nested deeper than %d levels", name, MW_JSON_MAX_DEPTH);
        return NULL;
    }
    json_error_t e;
    json_t *v = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &e);
    if (!v && json_error_code(&e) == json_error_numeric_overflow)
        v = load_with_huge_numbers(text, size, &e);
    if (mw_library_memory_check(c)) {
        mw_fail_context(c, "%s", name);
        json_decref(v);
        return NULL;
    }
    if (v)
        return v;
    char what[JSON_ERROR_TEXT_LENGTH], near[64];
    mw_fail(c, MW_E_FILE, "%s:%d:%d: is no valid JSON: %s, at the end of `%s`", name, e.line, e.column,
            mw_printable(e.text, what, sizeof what),
            excerpt(text, size, e.position > 0 ? (size_t)e.position : 0, near, sizeof near));
    return NULL;
}

json_t *mw_json_load(mw_ctx *c, const char *path)
{
    size_t n = 0;
    char *text = mw_file_read(c, path, MW_JSON_MAX_BYTES, &n);
    const char *kind = text ? mw_file_kind(text, n) : NULL;
    if (kind)
        mw_fail(c, MW_E_FILE, "%s: is no JSON but %s", path, kind);
    json_t *v = text ? mw_json_parse(c, text, n, path) : NULL;
    free(text);
    if (v && !json_is_object(v)) {
        mw_fail(c, MW_E_FILE, "%s: must hold a JSON object, holds a %s", path,
                json_is_array(v)      ? "list"
                    : json_is_null(v) ? "null"
                                      : "single value");
        json_decref(v);
        return NULL;
    }
    return v;
}

const char *mw_json_text_of(const json_t *v, char *buf, size_t size)
{
    char *all = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(15));
    mw_printable(all ? all : "", buf, size);
    free(all);
    return buf;
}

static void wrong(mw_ctx *c, const char *where, const json_t *o, const char *key, const char *must)
{
    char got[64];
    const json_t *v = json_object_get(o, key);
    if (v)
        mw_fail(c, MW_E_FILE, "%s: '%s' must be %s, got %s", where, key, must,
                mw_json_text_of(v, got, sizeof got));
    else
        mw_fail(c, MW_E_FILE, "%s: '%s' is missing; it must be %s", where, key, must);
}

// "a whole number from 1 to 8" into buf, or "whole numbers ..." for the items of a list.
static const char *int_range(char *buf, size_t size, bool items, int64_t low, int64_t high)
{
    const char *what = items ? "whole numbers" : "a whole number";
    if (high == INT64_MAX)
        snprintf(buf, size, "%s of at least %lld", what, (long long)low);
    else
        snprintf(buf, size, "%s from %lld to %lld", what, (long long)low, (long long)high);
    return buf;
}

static bool int_in(const json_t *v, int64_t low, int64_t high)
{
    return json_is_integer(v) && json_integer_value(v) >= low && json_integer_value(v) <= high;
}

bool mw_json_has(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    return v && !json_is_null(v);
}

int64_t mw_json_int(mw_ctx *c, const char *where, const json_t *o, const char *key, int64_t low, int64_t high)
{
    const json_t *v = json_object_get(o, key);
    char must[100];
    if (mw_err(c) != MW_OK)
        return 0;
    if (int_in(v, low, high))
        return json_integer_value(v);
    wrong(c, where, o, key, int_range(must, sizeof must, false, low, high));
    return 0;
}

double mw_json_number(mw_ctx *c, const char *where, const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    if (mw_err(c) != MW_OK)
        return 0;
    if (json_is_number(v))
        return json_number_value(v);
    wrong(c, where, o, key, "a number");
    return 0;
}

bool mw_json_bool(mw_ctx *c, const char *where, const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    if (mw_err(c) != MW_OK)
        return false;
    if (!json_is_boolean(v))
        wrong(c, where, o, key, "true or false");
    return json_is_true(v);
}

const char *mw_json_string(mw_ctx *c, const char *where, const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    if (mw_err(c) != MW_OK)
        return NULL;
    if (!json_is_string(v))
        wrong(c, where, o, key, "a text");
    return json_string_value(v);
}

json_t *mw_json_object(mw_ctx *c, const char *where, const json_t *o, const char *key)
{
    json_t *v = json_object_get(o, key);
    if (mw_err(c) != MW_OK)
        return NULL;
    if (json_is_object(v))
        return v;
    wrong(c, where, o, key, "an object");
    return NULL;
}

json_t *mw_json_list(mw_ctx *c, const char *where, const json_t *o, const char *key)
{
    json_t *v = json_object_get(o, key);
    if (mw_err(c) != MW_OK)
        return NULL;
    if (json_is_array(v))
        return v;
    wrong(c, where, o, key, "a list");
    return NULL;
}

int mw_json_ints(mw_ctx *c, const char *where, const json_t *o, const char *key, int64_t low, int64_t high,
                 int64_t *out, int max)
{
    const json_t *list = json_object_get(o, key);
    char must[140], items[100];
    if (mw_err(c) != MW_OK)
        return 0;
    size_t n = json_array_size(list), good = 0;
    bool fits = json_is_array(list) && n <= (size_t)max;
    for (; fits && good < n && int_in(json_array_get(list, good), low, high); good++)
        out[good] = json_integer_value(json_array_get(list, good));
    if (fits && good == n)
        return (int)n;
    snprintf(must, sizeof must, "a list of at most %d %s", max,
             int_range(items, sizeof items, true, low, high));
    wrong(c, where, o, key, must);
    return 0;
}
