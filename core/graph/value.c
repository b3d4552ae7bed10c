// value.c: the values on a graph's wires.
#include "core/graph/value.h"

#include <stdlib.h>
#include <string.h>

typedef struct entries {
    size_t count, room;
    mw_value **items;
    char **keys;     // of a map; NULL in a list
    uint32_t *index; // of a map beyond INDEX_FROM entries: open addressing, entry number + 1; 2 * room slots
} entries;

struct mw_value {
    mw_kind kind;
    atomic_int refs;
    union {
        bool b;
        double x;
        struct {
            char *utf8;
            size_t length;
        } text;
        mw_tensor *tensor;
        mw_object *object;
        entries e;
    };
};

enum { INDEX_FROM = 16 };

static mw_value *fresh(mw_ctx *c, mw_kind kind)
{
    mw_value *v = mw_alloc(c, sizeof *v);
    if (!v)
        return NULL;
    v->kind = kind;
    atomic_init(&v->refs, 1);
    return v;
}

mw_value *mw_value_nil(mw_ctx *c) { return fresh(c, MW_NIL); }

mw_value *mw_value_bool(mw_ctx *c, bool b)
{
    mw_value *v = fresh(c, MW_BOOL);
    if (v)
        v->b = b;
    return v;
}

mw_value *mw_value_number(mw_ctx *c, double x)
{
    mw_value *v = fresh(c, MW_NUMBER);
    if (v)
        v->x = x;
    return v;
}

mw_value *mw_value_text(mw_ctx *c, const char *utf8, size_t length)
{
    mw_value *v = fresh(c, MW_TEXT);
    char *copy = v ? mw_alloc(c, length + 1) : NULL;
    if (!copy) {
        free(v);
        return NULL;
    }
    memcpy(copy, utf8, length);
    v->text.utf8 = copy;
    v->text.length = length;
    return v;
}

mw_value *mw_value_tensor(mw_ctx *c, mw_tensor *t)
{
    mw_value *v = t ? fresh(c, MW_TENSOR) : NULL;
    if (v)
        v->tensor = mw_retain(t);
    return v;
}

mw_value *mw_value_object(mw_ctx *c, mw_object *o)
{
    mw_value *v = o ? fresh(c, MW_OBJECT) : NULL;
    if (v)
        v->object = o;
    else
        mw_object_release(o);
    return v;
}

mw_value *mw_value_list(mw_ctx *c) { return fresh(c, MW_LIST); }

mw_value *mw_value_map(mw_ctx *c) { return fresh(c, MW_MAP); }

static bool grow(mw_ctx *c, entries *e, bool keyed)
{
    if (e->count < e->room)
        return true;
    size_t room = e->room ? 2 * e->room : 4;
    mw_value **items = mw_realloc(c, e->items, room * sizeof *items);
    if (!items)
        return false;
    e->items = items;
    if (keyed) {
        char **keys = mw_realloc(c, e->keys, room * sizeof *keys);
        if (!keys)
            return false;
        e->keys = keys;
        free(e->index);
        e->index = NULL;
    }
    e->room = room;
    return true;
}

mw_status mw_value_push(mw_ctx *c, mw_value *list, mw_value *item)
{
    if (list && item && list->kind == MW_LIST && grow(c, &list->e, false)) {
        list->e.items[list->e.count++] = item;
        return mw_err(c);
    }
    mw_value_release(item);
    return mw_err(c) ? mw_err(c) : mw_fail(c, MW_E_ARG, "an item can be added to a list only");
}

// ---- maps

static size_t key_slot(const entries *e, const char *key)
{
    uint64_t h = 14695981039346656037u; // FNV-1a
    for (const unsigned char *p = (const unsigned char *)key; *p; p++)
        h = (h ^ *p) * 1099511628211u;
    size_t mask = 2 * e->room - 1, i = (size_t)(h ^ h >> 32) & mask;
    while (e->index[i] && strcmp(e->keys[e->index[i] - 1], key))
        i = (i + 1) & mask;
    return i;
}

static void build_index(entries *e)
{
    e->index = calloc(2 * e->room, sizeof *e->index);
    for (size_t i = 0; e->index && i < e->count; i++)
        e->index[key_slot(e, e->keys[i])] = (uint32_t)i + 1;
}

// Position of key, or count. The index is built by the writer only, so that readers on several threads change
// nothing.
static size_t find(const entries *e, const char *key)
{
    if (e->index) {
        uint32_t n = e->index[key_slot(e, key)];
        return n ? n - 1 : e->count;
    }
    size_t i = 0;
    while (i < e->count && strcmp(e->keys[i], key))
        i++;
    return i;
}

mw_status mw_value_set(mw_ctx *c, mw_value *map, const char *key, mw_value *item)
{
    if (!map || !item || map->kind != MW_MAP) {
        mw_value_release(item);
        return mw_err(c) ? mw_err(c) : mw_fail(c, MW_E_ARG, "'%s' can be set in a map only", key);
    }
    entries *e = &map->e;
    size_t at = find(e, key);
    if (at < e->count) {
        mw_value_release(e->items[at]);
        e->items[at] = item;
        return mw_err(c);
    }
    char *copy = mw_strdup(c, key);
    if (!copy || !grow(c, e, true)) {
        free(copy);
        mw_value_release(item);
        return mw_err(c);
    }
    e->keys[e->count] = copy;
    e->items[e->count++] = item;
    if (e->index)
        e->index[key_slot(e, copy)] = (uint32_t)e->count;
    else if (e->count > INDEX_FROM)
        build_index(e);
    return mw_err(c);
}

// ---- shares

mw_value *mw_value_retain(mw_value *v)
{
    if (v)
        atomic_fetch_add(&v->refs, 1);
    return v;
}

static void release_entries(entries *e)
{
    for (size_t i = 0; i < e->count; i++) {
        mw_value_release(e->items[i]);
        if (e->keys)
            free(e->keys[i]);
    }
    free(e->items);
    free(e->keys);
    free(e->index);
}

void mw_value_release(mw_value *v)
{
    if (!v || atomic_fetch_sub(&v->refs, 1) != 1)
        return;
    switch (v->kind) {
    case MW_TEXT: free(v->text.utf8); break;
    case MW_TENSOR: mw_release(v->tensor); break;
    case MW_OBJECT: mw_object_release(v->object); break;
    case MW_LIST:
    case MW_MAP: release_entries(&v->e); break;
    case MW_NIL:
    case MW_BOOL:
    case MW_NUMBER: break;
    }
    free(v);
}

void mw_object_retain(mw_object *o)
{
    if (o)
        atomic_fetch_add(&o->refs, 1);
}

void mw_object_release(mw_object *o)
{
    if (o && atomic_fetch_sub(&o->refs, 1) == 1)
        o->type->free(o);
}

// ---- accessors

static bool is(const mw_value *v, mw_kind k) { return v && v->kind == k; }

static bool has_entries(const mw_value *v) { return is(v, MW_LIST) || is(v, MW_MAP); }

mw_kind mw_value_kind(const mw_value *v) { return v ? v->kind : MW_NIL; }

const char *mw_kind_name(mw_kind k)
{
    static const char *const names[] = {"nil",    "boolean", "number", "string",
                                        "tensor", "list",    "map",    "object"};
    return names[k];
}

bool mw_value_as_bool(const mw_value *v) { return is(v, MW_BOOL) && v->b; }

double mw_value_as_number(const mw_value *v) { return is(v, MW_NUMBER) ? v->x : 0; }

const char *mw_value_as_text(const mw_value *v) { return is(v, MW_TEXT) ? v->text.utf8 : ""; }

size_t mw_value_text_length(const mw_value *v) { return is(v, MW_TEXT) ? v->text.length : 0; }

mw_tensor *mw_value_as_tensor(const mw_value *v) { return is(v, MW_TENSOR) ? v->tensor : NULL; }

mw_object *mw_value_as_object(const mw_value *v) { return is(v, MW_OBJECT) ? v->object : NULL; }

size_t mw_value_count(const mw_value *v) { return has_entries(v) ? v->e.count : 0; }

mw_value *mw_value_at(const mw_value *v, size_t i) { return i < mw_value_count(v) ? v->e.items[i] : NULL; }

const char *mw_value_key_at(const mw_value *v, size_t i)
{
    return is(v, MW_MAP) && i < v->e.count ? v->e.keys[i] : "";
}

mw_value *mw_value_get(const mw_value *map, const char *key)
{
    if (!is(map, MW_MAP))
        return NULL;
    size_t i = find(&map->e, key);
    return i < map->e.count ? map->e.items[i] : NULL;
}

size_t mw_value_bytes(const mw_value *v)
{
    if (!v)
        return 0;
    size_t bytes = sizeof *v;
    if (v->kind == MW_TEXT)
        bytes += v->text.length + 1;
    else if (v->kind == MW_TENSOR)
        bytes += (size_t)mw_numel(v->tensor) * mw_dtype_size(v->tensor->dtype);
    for (size_t i = 0; i < mw_value_count(v); i++)
        bytes += mw_value_bytes(v->e.items[i]) + sizeof(void *) * 2;
    return bytes;
}

size_t mw_value_object_bytes(const mw_value *v)
{
    const mw_object *o = mw_value_as_object(v);
    size_t bytes = o && o->type->bytes ? o->type->bytes(o, NULL) : 0;
    for (size_t i = 0; i < mw_value_count(v); i++)
        bytes += mw_value_object_bytes(v->e.items[i]);
    return bytes;
}

unsigned long mw_value_revision(const mw_value *v)
{
    const mw_object *o = mw_value_as_object(v);
    unsigned long last = o && o->type->revision ? o->type->revision(o) : 0;
    for (size_t i = 0; i < mw_value_count(v); i++) {
        unsigned long one = mw_value_revision(v->e.items[i]);
        last = one > last ? one : last;
    }
    return last;
}
