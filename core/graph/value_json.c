// value_json.c: values as JSON text and back, by jansson.
#include "core/graph/value_json.h"
#include "core/base/library_memory.h"

#include "core/base/text.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static mw_value *from_json(mw_ctx *c, const json_t *j);

static mw_value *list_from_json(mw_ctx *c, const json_t *j)
{
    mw_value *v = mw_value_list(c);
    for (size_t i = 0; v && i < json_array_size(j) && !mw_err(c); i++)
        mw_value_push(c, v, from_json(c, json_array_get(j, i)));
    return v;
}

static mw_value *map_from_json(mw_ctx *c, const json_t *j)
{
    mw_value *v = mw_value_map(c);
    const char *key;
    json_t *item;
    json_object_foreach((json_t *)j, key, item)
    {
        if (!v || mw_err(c))
            break;
        mw_value_set(c, v, key, from_json(c, item));
    }
    return v;
}

static mw_value *from_json(mw_ctx *c, const json_t *j)
{
    switch (json_typeof(j)) {
    case JSON_NULL: return mw_value_nil(c);
    case JSON_TRUE: return mw_value_bool(c, true);
    case JSON_FALSE: return mw_value_bool(c, false);
    case JSON_INTEGER:
    case JSON_REAL: return mw_value_number(c, json_number_value(j));
    case JSON_STRING: return mw_value_text(c, json_string_value(j), json_string_length(j));
    case JSON_ARRAY: return list_from_json(c, j);
    case JSON_OBJECT: return map_from_json(c, j);
    }
    return NULL;
}

mw_value *mw_value_from_json(mw_ctx *c, const char *what, const char *text, size_t length)
{
    json_error_t e;
    size_t mark = mw_byte_order_mark(text, length);
    text += mark;
    length -= mark;
    json_t *j = json_loadb(text, length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &e);
    if (mw_library_memory_check(c)) {
        json_decref(j);
        return NULL;
    }
    if (!j) {
        mw_fail(c, MW_E_FILE, "%s: line %d, column %d: %s", what, e.line, e.column, e.text);
        return NULL;
    }
    mw_value *v = from_json(c, j);
    json_decref(j);
    if (v && !mw_err(c))
        return v;
    mw_value_release(v);
    return NULL;
}

static json_t *number_to_json(double x)
{
    if (!isfinite(x))
        return json_null();
    return x == floor(x) && fabs(x) < 9007199254740992.0 ? json_integer((json_int_t)x) : json_real(x);
}

// Dimension `dim` of row-major data; *data is moved past what was taken.
static json_t *array_to_json(const mw_tensor *t, int dim, const float **data)
{
    if (dim == t->ndim)
        return number_to_json(*(*data)++);
    json_t *list = json_array();
    for (int64_t i = 0; list && i < t->shape[dim]; i++)
        json_array_append_new(list, array_to_json(t, dim + 1, data));
    return list;
}

static json_t *tensor_to_json(mw_ctx *c, mw_tensor *t)
{
    if (!mw_numel(t))
        return json_array(); // sizes beside a 0 may be of any length
    float *data = mw_alloc(c, (size_t)mw_numel(t) * sizeof *data);
    const float *next = data;
    json_t *j = data && !mw_tensor_read_f32(c, t, data) ? array_to_json(t, 0, &next) : NULL;
    free(data);
    return j;
}

static json_t *to_json(mw_ctx *c, const mw_value *v)
{
    json_t *j = NULL;
    size_t n = mw_value_count(v);
    switch (mw_value_kind(v)) {
    case MW_NIL: return json_null();
    case MW_BOOL: return json_boolean(mw_value_as_bool(v));
    case MW_NUMBER: return number_to_json(mw_value_as_number(v));
    case MW_TEXT:
        j = json_stringn(mw_value_as_text(v), mw_value_text_length(v));
        return j ? j : json_string("(text that is not UTF-8)");
    case MW_TENSOR: return tensor_to_json(c, mw_value_as_tensor(v));
    case MW_OBJECT: return json_pack("{ss}", "object", mw_value_as_object(v)->type->name);
    case MW_LIST:
        j = json_array();
        for (size_t i = 0; j && i < n && !mw_err(c); i++)
            json_array_append_new(j, to_json(c, mw_value_at(v, i)));
        return j;
    case MW_MAP:
        j = json_object();
        for (size_t i = 0; j && i < n && !mw_err(c); i++)
            json_object_set_new(j, mw_value_key_at(v, i), to_json(c, mw_value_at(v, i)));
        return j;
    }
    return j;
}

char *mw_value_to_json(mw_ctx *c, const mw_value *v, int indent)
{
    json_t *j = to_json(c, v);
    size_t flags = JSON_ENCODE_ANY | JSON_REAL_PRECISION(15) | (indent ? JSON_INDENT(indent) : JSON_COMPACT);
    char *text = j ? json_dumps(j, flags) : NULL;
    json_decref(j);
    return mw_library_memory_check(c) ? (free(text), NULL) : text;
}
