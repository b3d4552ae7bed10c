// jinja_value.c: the values of a template's expressions: making them, what they are equal to, what is in
// them.
#include "nodes/nets/jinja/jinja_internal.h"

#include <string.h>

mw_jinja_value mw_jinja_bool(bool b) { return (mw_jinja_value){.kind = MW_JINJA_BOOL, .b = b}; }

mw_jinja_value mw_jinja_int(int64_t i) { return (mw_jinja_value){.kind = MW_JINJA_INT, .i = i}; }

mw_jinja_value mw_jinja_float(double f) { return (mw_jinja_value){.kind = MW_JINJA_FLOAT, .f = f}; }

// ---- texts

mw_jinja_value mw_jinja_string_new(mw_jinja_memory *m, const char *text, size_t size,
                                   const unsigned char *foreign)
{
    mw_jinja_string *s = mw_jinja_alloc(m, sizeof *s);
    char *copy = mw_jinja_alloc(m, size + 1);
    unsigned char *marks = foreign ? mw_jinja_alloc(m, size + 1) : NULL;
    if (!s || !copy || (foreign && !marks))
        return (mw_jinja_value){0};
    if (size)
        memcpy(copy, text, size);
    if (marks && size)
        memcpy(marks, foreign, size);
    *s = (mw_jinja_string){copy, marks, size};
    return (mw_jinja_value){.kind = MW_JINJA_STRING, .s = s};
}

mw_jinja_value mw_jinja_words(mw_jinja_run *r, const char *text)
{
    return mw_jinja_string_new(&r->m, text, strlen(text), NULL);
}

mw_jinja_value mw_jinja_part(mw_jinja_run *r, const mw_jinja_string *s, size_t begin, size_t end)
{
    return mw_jinja_string_new(&r->m, s->text + begin, end - begin, s->foreign ? s->foreign + begin : NULL);
}

size_t mw_jinja_characters(const mw_jinja_string *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->size; i++)
        n += (s->text[i] & 0xC0) != 0x80;
    return n;
}

size_t mw_jinja_byte_of(const mw_jinja_string *s, size_t character)
{
    for (size_t i = 0; i < s->size; i++)
        if ((s->text[i] & 0xC0) != 0x80 && character-- == 0)
            return i;
    return s->size;
}

// ---- lists and dicts

mw_jinja_value mw_jinja_list_new(mw_jinja_memory *m)
{
    mw_jinja_list *list = mw_jinja_alloc(m, sizeof *list);
    return list ? (mw_jinja_value){.kind = MW_JINJA_LIST, .list = list} : (mw_jinja_value){0};
}

void mw_jinja_push(mw_jinja_memory *m, mw_jinja_value list, mw_jinja_value item)
{
    if (list.kind != MW_JINJA_LIST)
        return;
    mw_jinja_value *grown = mw_jinja_grow(m, list.list->item, list.list->n, sizeof item);
    if (!grown)
        return;
    list.list->item = grown;
    grown[list.list->n++] = item;
}

mw_jinja_value mw_jinja_dict_new(mw_jinja_memory *m)
{
    mw_jinja_dict *d = mw_jinja_alloc(m, sizeof *d);
    return d ? (mw_jinja_value){.kind = MW_JINJA_DICT, .dict = d} : (mw_jinja_value){0};
}

const mw_jinja_value *mw_jinja_get(const mw_jinja_dict *d, mw_jinja_value key)
{
    for (size_t i = 0; i < d->n; i++)
        if (mw_jinja_equal(d->key[i], key))
            return &d->item[i];
    return NULL;
}

const mw_jinja_value *mw_jinja_get_name(const mw_jinja_dict *d, const char *name)
{
    size_t size = strlen(name);
    for (size_t i = 0; i < d->n; i++)
        if (d->key[i].kind == MW_JINJA_STRING && d->key[i].s->size == size &&
            memcmp(d->key[i].s->text, name, size) == 0)
            return &d->item[i];
    return NULL;
}

void mw_jinja_set(mw_jinja_memory *m, mw_jinja_dict *d, mw_jinja_value key, mw_jinja_value item)
{
    const mw_jinja_value *old = mw_jinja_get(d, key);
    if (old) {
        d->item[old - d->item] = item;
        return;
    }
    mw_jinja_value *keys = mw_jinja_grow(m, d->key, d->n, sizeof key),
                   *items = keys ? mw_jinja_grow(m, d->item, d->n, sizeof item) : NULL;
    if (!items)
        return;
    d->key = keys;
    d->item = items;
    keys[d->n] = key;
    items[d->n++] = item;
}

static mw_jinja_value text_of_json(mw_jinja_memory *m, const char *text, size_t size, bool foreign)
{
    unsigned char *marks = foreign ? mw_jinja_alloc(m, size + 1) : NULL;
    if (marks)
        memset(marks, 1, size);
    return mw_jinja_string_new(m, text, size, marks);
}

mw_jinja_value mw_jinja_of_json(mw_jinja_memory *m, const json_t *v, bool foreign)
{
    mw_jinja_value out = {0};
    const char *key;
    json_t *item;
    size_t i;
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        out = mw_jinja_dict_new(m);
        json_object_foreach((json_t *)v, key, item)
        {
            if (out.kind == MW_JINJA_DICT)
                mw_jinja_set(m, out.dict, text_of_json(m, key, strlen(key), foreign),
                             mw_jinja_of_json(m, item, foreign));
        }
        return out;
    case JSON_ARRAY:
        out = mw_jinja_list_new(m);
        json_array_foreach(v, i, item) mw_jinja_push(m, out, mw_jinja_of_json(m, item, foreign));
        return out;
    case JSON_STRING: return text_of_json(m, json_string_value(v), json_string_length(v), foreign);
    case JSON_INTEGER: return mw_jinja_int(json_integer_value(v));
    case JSON_REAL: return mw_jinja_float(json_real_value(v));
    case JSON_TRUE:
    case JSON_FALSE: return mw_jinja_bool(json_is_true(v));
    case JSON_NULL: break;
    }
    return (mw_jinja_value){.kind = MW_JINJA_NONE};
}

// ---- what they are

bool mw_jinja_true(mw_jinja_value v)
{
    switch (v.kind) {
    case MW_JINJA_UNDEFINED:
    case MW_JINJA_NONE: return false;
    case MW_JINJA_BOOL: return v.b;
    case MW_JINJA_INT: return v.i != 0;
    case MW_JINJA_FLOAT: return v.f != 0;
    case MW_JINJA_STRING: return v.s->size > 0;
    case MW_JINJA_LIST: return v.list->n > 0;
    case MW_JINJA_DICT: return v.dict->n > 0;
    default: return true;
    }
}

bool mw_jinja_is_number(mw_jinja_value v)
{
    return v.kind == MW_JINJA_BOOL || v.kind == MW_JINJA_INT || v.kind == MW_JINJA_FLOAT;
}

int64_t mw_jinja_as_int(mw_jinja_value v) { return v.kind == MW_JINJA_BOOL ? v.b : v.i; }

double mw_jinja_as_number(mw_jinja_value v)
{
    return v.kind == MW_JINJA_FLOAT ? v.f : (double)mw_jinja_as_int(v);
}

static bool equal(mw_jinja_value a, mw_jinja_value b, int depth);

static bool same_items(const mw_jinja_list *a, const mw_jinja_list *b, int depth)
{
    bool same = a->n == b->n && a->tuple == b->tuple;
    for (size_t i = 0; same && i < a->n; i++)
        same = equal(a->item[i], b->item[i], depth);
    return same;
}

static bool equal(mw_jinja_value a, mw_jinja_value b, int depth)
{
    if (--depth < 0)
        return false;
    if (mw_jinja_is_number(a) && mw_jinja_is_number(b))
        return a.kind == MW_JINJA_FLOAT || b.kind == MW_JINJA_FLOAT
            ? mw_jinja_as_number(a) == mw_jinja_as_number(b)
            : mw_jinja_as_int(a) == mw_jinja_as_int(b);
    if (a.kind != b.kind)
        return false;
    bool same = a.kind == MW_JINJA_DICT && a.dict->n == b.dict->n;
    switch (a.kind) {
    case MW_JINJA_UNDEFINED:
    case MW_JINJA_NONE: return true;
    case MW_JINJA_STRING: return a.s->size == b.s->size && memcmp(a.s->text, b.s->text, a.s->size) == 0;
    case MW_JINJA_LIST: return same_items(a.list, b.list, depth);
    case MW_JINJA_DICT:
        for (size_t i = 0; same && i < a.dict->n; i++) {
            const mw_jinja_value *other = mw_jinja_get(b.dict, a.dict->key[i]);
            same = other && equal(a.dict->item[i], *other, depth);
        }
        return same;
    case MW_JINJA_NAMESPACE: return a.dict == b.dict;
    case MW_JINJA_LOOP: return a.loop == b.loop;
    case MW_JINJA_MACRO: return a.macro == b.macro;
    case MW_JINJA_FUNCTION: return strcmp(a.name, b.name) == 0;
    default: return false;
    }
}

bool mw_jinja_equal(mw_jinja_value a, mw_jinja_value b) { return equal(a, b, MW_JINJA_DEPTH); }

int mw_jinja_order(mw_jinja_run *r, mw_jinja_value a, mw_jinja_value b)
{
    if (mw_jinja_is_number(a) && mw_jinja_is_number(b)) {
        double x = mw_jinja_as_number(a), y = mw_jinja_as_number(b);
        return (x > y) - (x < y);
    }
    if (a.kind == MW_JINJA_STRING && b.kind == MW_JINJA_STRING) {
        size_t n = a.s->size < b.s->size ? a.s->size : b.s->size;
        int order = memcmp(a.s->text, b.s->text, n);
        return order ? (order > 0) - (order < 0) : (a.s->size > b.s->size) - (a.s->size < b.s->size);
    }
    if (a.kind == MW_JINJA_LIST && b.kind == MW_JINJA_LIST) {
        int order = 0;
        if (++r->depth > MW_JINJA_DEPTH)
            mw_jinja_wrong(r, "values nested deeper than %d", MW_JINJA_DEPTH);
        for (size_t i = 0; i < a.list->n && i < b.list->n && !order && !mw_err(r->c); i++)
            if (!mw_jinja_equal(a.list->item[i], b.list->item[i]))
                order = mw_jinja_order(r, a.list->item[i], b.list->item[i]);
        r->depth--;
        return order ? order : (a.list->n > b.list->n) - (a.list->n < b.list->n);
    }
    mw_jinja_wrong(r, "%s and %s have no order", mw_jinja_kind_name(a), mw_jinja_kind_name(b));
    return 0;
}

const char *mw_jinja_kind_name(mw_jinja_value v)
{
    static const char *const names[] = {
        [MW_JINJA_UNDEFINED] = "what is undefined",
        [MW_JINJA_NONE] = "none",
        [MW_JINJA_BOOL] = "a truth value",
        [MW_JINJA_INT] = "a whole number",
        [MW_JINJA_FLOAT] = "a number",
        [MW_JINJA_STRING] = "a text",
        [MW_JINJA_LIST] = "a list",
        [MW_JINJA_DICT] = "a dictionary",
        [MW_JINJA_NAMESPACE] = "a namespace",
        [MW_JINJA_LOOP] = "a loop",
        [MW_JINJA_MACRO] = "a macro",
        [MW_JINJA_FUNCTION] = "a function",
        [MW_JINJA_METHOD] = "a method",
    };
    return names[v.kind];
}

static void push_characters(mw_jinja_run *r, mw_jinja_value list, const mw_jinja_string *s)
{
    for (size_t i = 0, end; i < s->size && !mw_err(r->c); i = end) {
        end = i + 1;
        while (end < s->size && (s->text[end] & 0xC0) == 0x80)
            end++;
        mw_jinja_push(&r->m, list, mw_jinja_part(r, s, i, end));
    }
}

const mw_jinja_list *mw_jinja_items_of(mw_jinja_run *r, mw_jinja_value v)
{
    static const mw_jinja_list nothing;
    if (v.kind == MW_JINJA_LIST)
        return v.list;
    mw_jinja_value list = mw_jinja_list_new(&r->m);
    if (v.kind == MW_JINJA_STRING)
        push_characters(r, list, v.s);
    else if (v.kind == MW_JINJA_DICT)
        for (size_t i = 0; i < v.dict->n; i++)
            mw_jinja_push(&r->m, list, v.dict->key[i]);
    else if (v.kind != MW_JINJA_UNDEFINED)
        mw_jinja_wrong(r, "%s has no items to go through", mw_jinja_kind_name(v));
    return mw_err(r->c) || list.kind != MW_JINJA_LIST ? &nothing : list.list;
}
