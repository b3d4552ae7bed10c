// gguf.c: one GGUF file: header and metadata read and checked.
#include "core/io/gguf_internal.h"

#include "core/io/file_kind.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    size_t bytes;
} kinds[MW_GGUF_KINDS] = {
    [MW_GGUF_U8] = {"u8", 1},   [MW_GGUF_I8] = {"i8", 1},       [MW_GGUF_U16] = {"u16", 2},
    [MW_GGUF_I16] = {"i16", 2}, [MW_GGUF_U32] = {"u32", 4},     [MW_GGUF_I32] = {"i32", 4},
    [MW_GGUF_F32] = {"f32", 4}, [MW_GGUF_BOOL] = {"bool", 1},   [MW_GGUF_TEXT] = {"text", 0},
    [MW_GGUF_U64] = {"u64", 8}, [MW_GGUF_ARRAY] = {"array", 0}, [MW_GGUF_I64] = {"i64", 8},
    [MW_GGUF_F64] = {"f64", 8},
};

const char *mw_gguf_kind_name(mw_gguf_kind k) { return kinds[k].name; }
size_t mw_gguf_kind_bytes(uint32_t k) { return k < MW_GGUF_KINDS ? kinds[k].bytes : 0; }

// ---- header

static void read_header(mw_gguf_reader *r, uint64_t *ntensors, uint64_t *nvalues)
{
    mw_gguf *g = r->g;
    uint32_t version;
    if (g->map.size < 4 || memcmp(g->map.data, MW_GGUF_MAGIC, 4)) {
        const char *kind = mw_file_kind(g->map.data, g->map.size);
        mw_fail(r->c, MW_E_FILE, "%s: is no GGUF file%s%s", g->path,
                kind ? " but " : ": the first bytes must be GGUF", kind ? kind : "");
        return;
    }
    r->at = 4;
    if (!mw_gguf_read_u32(r, &version, "the version"))
        return;
    if (version && !(version & 0xffff))
        mw_fail(r->c, MW_E_FILE, "%s: is a big-endian GGUF file; only little-endian ones are supported",
                g->path);
    else if (version != 2 && version != MW_GGUF_VERSION)
        mw_fail(r->c, MW_E_FILE, "%s: is a GGUF file of version %u; only 2 and 3 are supported", g->path,
                version);
    g->version = (int)version;
    if (mw_err(r->c) == MW_OK && mw_gguf_read_u64(r, ntensors, "the number of tensors"))
        mw_gguf_read_u64(r, nvalues, "the number of keys");
    // What each entry takes at least.
    if (mw_err(r->c) == MW_OK && (*nvalues > mw_gguf_left(r) / 13 || *ntensors > mw_gguf_left(r) / 24))
        mw_fail(r->c, MW_E_FILE, "%s: is cut short or damaged: %llu keys and %llu tensors in %zu bytes",
                g->path, (unsigned long long)*nvalues, (unsigned long long)*ntensors, g->map.size);
}

// ---- metadata

#define bad_value(r, v, ...) mw_gguf_fail((r)->c, (r)->g, (v)->key, __VA_ARGS__)

// Texts of an array: each is stepped over, and where it begins is noted.
static void read_texts(mw_gguf_reader *r, mw_gguf_value *v)
{
    const char *text;
    size_t size, begin = r->at;
    if (v->count > mw_gguf_left(r) / 8) {
        bad_value(r, v, "%llu texts in the file's last %zu bytes", (unsigned long long)v->count,
                  mw_gguf_left(r));
        return;
    }
    uint32_t *at = mw_alloc(r->c, (size_t)v->count * sizeof *at + 1);
    v->at = at;
    for (uint64_t i = 0; at && i < v->count; i++) {
        if (r->at - begin > UINT32_MAX) {
            bad_value(r, v, "an array of texts longer than 4 GiB is not supported");
            return;
        }
        at[i] = (uint32_t)(r->at - begin);
        if (!mw_gguf_read_text(r, &text, &size, "a text of an array"))
            return;
    }
}

static void check_bools(mw_gguf_reader *r, const mw_gguf_value *v)
{
    for (uint64_t i = 0; i < v->count; i++)
        if (v->data[i] > 1) {
            bad_value(r, v, "a truth value must be 0 or 1, got %d", v->data[i]);
            return;
        }
}

// The values of v, whose kind and count are known, are stepped over.
static void read_items(mw_gguf_reader *r, mw_gguf_value *v)
{
    size_t bytes = kinds[v->kind].bytes;
    v->data = r->g->map.data + r->at;
    if (v->kind == MW_GGUF_TEXT) {
        read_texts(r, v);
        return;
    }
    if (v->count > mw_gguf_left(r) / bytes) {
        bad_value(r, v, "%llu values of %zu bytes in the file's last %zu bytes", (unsigned long long)v->count,
                  bytes, mw_gguf_left(r));
        return;
    }
    r->at += (size_t)v->count * bytes;
    if (v->kind == MW_GGUF_BOOL)
        check_bools(r, v);
}

static void read_array(mw_gguf_reader *r, mw_gguf_value *v)
{
    uint32_t kind;
    v->array = true;
    if (!mw_gguf_read_u32(r, &kind, "the kind of an array") ||
        !mw_gguf_read_u64(r, &v->count, "the length of an array"))
        return;
    if (kind == MW_GGUF_ARRAY)
        bad_value(r, v, "arrays of arrays are not supported");
    else if (kind >= MW_GGUF_KINDS)
        bad_value(r, v, "an array of the unknown kind %u", kind);
    else {
        v->kind = (mw_gguf_kind)kind;
        read_items(r, v);
    }
}

static void read_value(mw_gguf_reader *r, mw_gguf_value *v)
{
    const char *key, *text = "";
    size_t length, size = 0;
    uint32_t kind;
    if (!mw_gguf_read_name(r, &key, &length, "a key") || !mw_gguf_read_u32(r, &kind, "the kind of a value"))
        return;
    *v = (mw_gguf_value){.kind = (mw_gguf_kind)kind, .count = 1, .data = r->g->map.data + r->at};
    if (kind == MW_GGUF_TEXT && !mw_gguf_read_text(r, &text, &size, "a text"))
        return;
    if (!(v->key = mw_gguf_own_name(r->c, key, length, text, size)))
        return;
    if (kind >= MW_GGUF_KINDS)
        bad_value(r, v, "is of the unknown kind %u", kind);
    else if (kind == MW_GGUF_ARRAY)
        read_array(r, v);
    else if (kind != MW_GGUF_TEXT)
        read_items(r, v);
}

static void read_values(mw_gguf_reader *r, uint64_t n)
{
    mw_gguf *g = r->g;
    while (g->nvalues < n && mw_err(r->c) == MW_OK) {
        mw_gguf_value *more = mw_gguf_grown(r->c, g->values, g->nvalues, sizeof *more);
        if (!more)
            return;
        g->values = more;
        more[g->nvalues] = (mw_gguf_value){0};
        read_value(r, &more[g->nvalues++]);
    }
}

static int by_key(const void *a, const void *b)
{
    return strcmp((*(mw_gguf_value *const *)a)->key, (*(mw_gguf_value *const *)b)->key);
}

static void sort_values(mw_gguf_reader *r)
{
    mw_gguf *g = r->g;
    g->values_by_key = mw_alloc(r->c, (g->nvalues + 1) * sizeof *g->values_by_key);
    for (size_t i = 0; g->values_by_key && i < g->nvalues; i++)
        g->values_by_key[i] = &g->values[i];
    if (g->values_by_key)
        qsort(g->values_by_key, g->nvalues, sizeof *g->values_by_key, by_key);
    for (size_t i = 1; g->values_by_key && i < g->nvalues; i++)
        if (!by_key(&g->values_by_key[i - 1], &g->values_by_key[i])) {
            bad_value(r, g->values_by_key[i], "is there twice");
            return;
        }
}

static void read_alignment(mw_gguf_reader *r)
{
    mw_gguf *g = r->g;
    const mw_gguf_value *v = mw_gguf_find(g, MW_GGUF_ALIGNMENT_KEY);
    g->alignment = mw_gguf_int(r->c, g, MW_GGUF_ALIGNMENT_KEY, MW_GGUF_ALIGNMENT, 1, INT64_C(1) << 31);
    if (v && mw_err(r->c) == MW_OK && g->alignment & (g->alignment - 1))
        bad_value(r, v, "must be a power of two, got %lld", (long long)g->alignment);
}

// ---- the whole

static void read_all(mw_gguf_reader *r)
{
    uint64_t ntensors = 0, nvalues = 0;
    read_header(r, &ntensors, &nvalues);
    if (mw_err(r->c) == MW_OK)
        read_values(r, nvalues);
    if (mw_err(r->c) == MW_OK)
        sort_values(r);
    if (mw_err(r->c) == MW_OK)
        read_alignment(r);
    if (mw_err(r->c) == MW_OK)
        mw_gguf_read_tensors(r, ntensors);
}

mw_gguf *mw_gguf_open_one(mw_ctx *c, const char *path)
{
    mw_gguf *g = mw_err(c) == MW_OK ? mw_alloc(c, sizeof *g) : NULL;
    if (!g)
        return NULL;
    g->path = mw_strdup(c, path);
    if (g->path && mw_file_map(c, path, &g->map))
        read_all(&(mw_gguf_reader){c, g, 0});
    if (mw_err(c) == MW_OK)
        return g;
    mw_gguf_close(g);
    return NULL;
}

mw_gguf *mw_gguf_open(mw_ctx *c, const char *path)
{
    mw_gguf *g = mw_gguf_open_one(c, path);
    if (g)
        mw_gguf_open_parts(c, g);
    if (mw_err(c) == MW_OK)
        return g;
    mw_gguf_close(g);
    return NULL;
}

void mw_gguf_close(mw_gguf *g)
{
    if (!g)
        return;
    for (size_t i = 0; i < g->nvalues; i++) {
        free((char *)g->values[i].key);
        free((uint32_t *)g->values[i].at);
    }
    for (size_t i = 0; i < g->nown; i++)
        free((char *)g->tensors[i].name);
    for (size_t i = 0; i < g->nparts; i++)
        mw_gguf_close(g->parts[i]);
    free(g->parts);
    free(g->values);
    free(g->values_by_key);
    free(g->tensors);
    free(g->tensors_by_name);
    mw_file_unmap(&g->map);
    free(g->path);
    free(g);
}

const char *mw_gguf_path(const mw_gguf *g) { return g->path; }
int mw_gguf_version(const mw_gguf *g) { return g->version; }
int64_t mw_gguf_alignment(const mw_gguf *g) { return g->alignment; }

size_t mw_gguf_bytes(const mw_gguf *g)
{
    size_t bytes = g->map.size;
    for (size_t i = 0; i < g->nparts; i++)
        bytes += g->parts[i]->map.size;
    return bytes;
}

const mw_gguf_value *mw_gguf_value_at(const mw_gguf *g, size_t i)
{
    return i < g->nvalues ? &g->values[i] : NULL;
}

const mw_gguf_value *mw_gguf_find(const mw_gguf *g, const char *key)
{
    mw_gguf_value wanted = {.key = key}, *p = &wanted;
    mw_gguf_value **found = bsearch(&p, g->values_by_key, g->nvalues, sizeof p, by_key);
    return found ? *found : NULL;
}
