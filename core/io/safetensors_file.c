// safetensors_file.c: one safetensors file: header checked, tensors found.
#include "core/io/safetensors_internal.h"

#include "core/base/text.h"
#include "core/io/file_kind.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "tensor bytes are used as they lie in the file");

static const struct {
    const char *name;
    int bits;
} dtypes[MW_ST_DTYPES] = {
    [MW_ST_BOOL] = {"BOOL", 8},
    [MW_ST_F4] = {"F4", 4},
    [MW_ST_F6_E2M3] = {"F6_E2M3", 6},
    [MW_ST_F6_E3M2] = {"F6_E3M2", 6},
    [MW_ST_U8] = {"U8", 8},
    [MW_ST_I8] = {"I8", 8},
    [MW_ST_F8_E5M2] = {"F8_E5M2", 8},
    [MW_ST_F8_E4M3] = {"F8_E4M3", 8},
    [MW_ST_F8_E8M0] = {"F8_E8M0", 8},
    [MW_ST_F8_E4M3FNUZ] = {"F8_E4M3FNUZ", 8},
    [MW_ST_F8_E5M2FNUZ] = {"F8_E5M2FNUZ", 8},
    [MW_ST_I16] = {"I16", 16},
    [MW_ST_U16] = {"U16", 16},
    [MW_ST_F16] = {"F16", 16},
    [MW_ST_BF16] = {"BF16", 16},
    [MW_ST_I32] = {"I32", 32},
    [MW_ST_U32] = {"U32", 32},
    [MW_ST_F32] = {"F32", 32},
    [MW_ST_C64] = {"C64", 64},
    [MW_ST_F64] = {"F64", 64},
    [MW_ST_I64] = {"I64", 64},
    [MW_ST_U64] = {"U64", 64},
};

const char *mw_st_dtype_name(mw_st_dtype d) { return dtypes[d].name; }
int mw_st_dtype_bits(mw_st_dtype d) { return dtypes[d].bits; }

// Record that one tensor's entry is wrong.
#define bad_tensor(c, f, name, ...) bad_tensor_at((c), (f), (name), (mw_format((c), __VA_ARGS__)))
static void bad_tensor_at(mw_ctx *c, const mw_st_file *f, const char *name, char *why)
{
    char shown[100];
    if (why)
        mw_fail(c, MW_E_FILE, "%s: tensor '%s': %s", f->path, mw_printable(name, shown, sizeof shown), why);
    free(why);
}

// Do the first bytes read as text? The length of a header never does: its last bytes are zero.
static bool begins_with_text(const mw_st_file *f)
{
    utf8proc_ssize_t n = f->map.size < 64 ? (utf8proc_ssize_t)f->map.size : 64, at = 0;
    while (at < n) {
        utf8proc_int32_t point;
        utf8proc_ssize_t length = utf8proc_iterate(f->map.data + at, n - at, &point);
        if (length <= 0)
            return at > n - 4 && (size_t)n < f->map.size; // a character cut by the limit
        if (utf8proc_category(point) == UTF8PROC_CATEGORY_CC && point != '\t' && point != '\r' &&
            point != '\n')
            return false;
        at += length;
    }
    return at > 0;
}

// What the file is instead; `why` is said where that is not known.
static void no_safetensors(mw_ctx *c, const mw_st_file *f, char *why)
{
    const char *kind = mw_file_kind(f->map.data, f->map.size);
    char shown[60];
    if (kind)
        mw_fail(c, MW_E_FILE, "%s: is no safetensors file but %s", f->path, kind);
    else if (begins_with_text(f))
        mw_fail(c, MW_E_FILE, "%s: is no safetensors file but a text: \"%s\"", f->path,
                mw_printable_n((const char *)f->map.data, f->map.size, shown, sizeof shown));
    else if (why)
        mw_fail(c, MW_E_FILE, "%s: is no safetensors file: %s", f->path, why);
    free(why);
}

// The bytes of the header; 0 with an error pending.
static size_t header_size(mw_ctx *c, const mw_st_file *f)
{
    uint64_t n;
    size_t size = f->map.size;
    if (size < sizeof n) {
        no_safetensors(c, f, mw_format(c, "%zu bytes hold no header length", size));
        return 0;
    }
    memcpy(&n, f->map.data, sizeof n);
    // The format has the header begin with a brace: no blanks, no byte order mark.
    const uint8_t *text = f->map.data + sizeof n;
    if (n > MW_ST_MAX_HEADER)
        no_safetensors(c, f,
                       mw_format(c, "header length %llu is over the format's limit of %u bytes",
                                 (unsigned long long)n, MW_ST_MAX_HEADER));
    else if (n > size - sizeof n && (size == sizeof n || *text == '{'))
        mw_fail(c, MW_E_FILE,
                "%s: is cut short or no safetensors file: a header of %llu bytes in a file of %zu", f->path,
                (unsigned long long)n, size);
    else if (!n)
        no_safetensors(c, f, mw_format(c, "the header is empty"));
    else if (size - sizeof n >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
        no_safetensors(c, f,
                       mw_format(c, "a byte order mark stands before the header, which must begin with '{'"));
    else if (*text != '{')
        no_safetensors(c, f, mw_format(c, "the header must begin with '{'"));
    return mw_err(c) == MW_OK ? (size_t)n : 0;
}

// The header as JSON; *data_at is where the tensors' bytes begin.
static json_t *read_header(mw_ctx *c, mw_st_file *f, size_t *data_at)
{
    size_t n = header_size(c, f);
    if (!n)
        return NULL;
    *data_at = sizeof(uint64_t) + n;
    json_t *header = mw_json_parse(c, (const char *)f->map.data + sizeof(uint64_t), n, f->path);
    if (!header)
        mw_fail_context(c, "safetensors header");
    return header;
}

static void check_metadata(mw_ctx *c, const mw_st_file *f)
{
    json_t *all = json_object_get(f->header, "__metadata__"), *v;
    const char *key;
    if (!all || json_is_null(all))
        return;
    if (!json_is_object(all)) {
        mw_fail(c, MW_E_FILE, "%s: __metadata__ must be an object of texts", f->path);
        return;
    }
    json_object_foreach(all, key, v)
    {
        char shown[60], got[60];
        if (!json_is_string(v)) {
            mw_fail(c, MW_E_FILE, "%s: __metadata__ '%s' must be a text, got %s", f->path,
                    mw_printable(key, shown, sizeof shown), mw_json_text_of(v, got, sizeof got));
            return;
        }
    }
}

static bool parse_dtype(const json_t *info, mw_st_dtype *out)
{
    const char *name = json_string_value(json_object_get(info, "dtype"));
    for (int d = 0; name && d < MW_ST_DTYPES; d++)
        if (!strcmp(name, dtypes[d].name)) {
            *out = (mw_st_dtype)d;
            return true;
        }
    return false;
}

// Items of a list as numbers from 0; false when one is something else.
static bool parse_sizes(const json_t *list, int64_t *out)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *v = json_array_get(list, i);
        if (!json_is_integer(v) || json_integer_value(v) < 0)
            return false;
        out[i] = json_integer_value(v);
    }
    return json_is_array(list);
}

// Elements and bytes of a shape; false when a product passes 64 bits or the bytes are not whole.
static bool measure(mw_st_entry *e)
{
    int64_t bits;
    e->count = 1;
    for (int i = 0; i < e->ndim; i++)
        if (__builtin_mul_overflow(e->count, e->shape[i], &e->count))
            return false;
    if (__builtin_mul_overflow(e->count, (int64_t)dtypes[e->dtype].bits, &bits) || bits % 8)
        return false;
    e->bytes = (size_t)(bits / 8);
    return true;
}

// Fills e from its header entry, its shape into `shape`; data is checked against the file by check_cover.
static void parse_entry(mw_ctx *c, mw_st_file *f, const char *name, const json_t *info, mw_st_entry *e,
                        int64_t *shape, size_t data_at)
{
    const json_t *dims = json_object_get(info, "shape"), *range = json_object_get(info, "data_offsets");
    int64_t at[2];
    char got[60];
    *e = (mw_st_entry){.name = name, .file = f->path, .ndim = (int)json_array_size(dims), .shape = shape};
    if (!json_is_object(info))
        bad_tensor(c, f, name, "its entry is no object");
    else if (!json_object_get(info, "dtype"))
        bad_tensor(c, f, name, "'dtype' is missing");
    else if (!parse_dtype(info, &e->dtype))
        bad_tensor(c, f, name, "unknown dtype %s",
                   mw_json_text_of(json_object_get(info, "dtype"), got, sizeof got));
    else if (!parse_sizes(dims, shape))
        bad_tensor(c, f, name, "'shape' must be a list of whole numbers, got %s",
                   dims ? mw_json_text_of(dims, got, sizeof got) : "nothing");
    else if (json_array_size(range) != 2 || !parse_sizes(range, at))
        bad_tensor(c, f, name, "'data_offsets' must be two whole numbers, got %s",
                   range ? mw_json_text_of(range, got, sizeof got) : "nothing");
    else if (!measure(e))
        bad_tensor(c, f, name, "%s of shape %s has no size in whole bytes below 2^63", dtypes[e->dtype].name,
                   mw_json_text_of(dims, got, sizeof got));
    else if (at[1] < at[0] || (uint64_t)at[1] > f->map.size - data_at)
        bad_tensor(c, f, name, "its bytes %lld to %lld are not within the file's %zu bytes of data",
                   (long long)at[0], (long long)at[1], f->map.size - data_at);
    else if ((uint64_t)(at[1] - at[0]) != e->bytes)
        bad_tensor(c, f, name, "%s of shape %s needs %zu bytes, its offsets hold %lld", dtypes[e->dtype].name,
                   mw_json_text_of(dims, got, sizeof got), e->bytes, (long long)(at[1] - at[0]));
    else
        e->data = f->map.data + data_at + at[0];
}

static int by_place(const void *a, const void *b)
{
    const mw_st_entry *x = a, *y = b;
    if (x->data != y->data)
        return x->data < y->data ? -1 : 1;
    return x->bytes < y->bytes ? -1 : x->bytes > y->bytes;
}

// Tensors must lie one behind the other from the first byte of data to the last.
static void check_cover(mw_ctx *c, mw_st_file *f, size_t data_at)
{
    const uint8_t *at = f->map.data + data_at, *end = f->map.data + f->map.size;
    qsort(f->entries, f->count, sizeof *f->entries, by_place);
    for (size_t i = 0; i < f->count; i++) {
        const mw_st_entry *e = &f->entries[i];
        if (e->data != at) {
            bad_tensor(c, f, e->name,
                       e->data < at ? "its bytes overlap another tensor's"
                                    : "unused bytes lie in front of its data");
            return;
        }
        at += e->bytes;
    }
    if (at != end)
        mw_fail(c, MW_E_FILE, "%s: %zu bytes behind the last tensor belong to none", f->path,
                (size_t)(end - at));
}

mw_status mw_st_file_open(mw_ctx *c, mw_st_file *f, const char *path)
{
    size_t data_at = 0, dims = 0, i = 0;
    const char *name;
    json_t *info;
    f->path = mw_strdup(c, path);
    if (!f->path || !mw_file_map(c, path, &f->map))
        return mw_err(c);
    f->header = read_header(c, f, &data_at);
    if (mw_err(c) != MW_OK)
        return mw_err(c);
    check_metadata(c, f);
    json_object_foreach(f->header, name, info) dims += json_array_size(json_object_get(info, "shape"));
    f->entries = mw_alloc(c, json_object_size(f->header) * sizeof *f->entries);
    f->shapes = mw_alloc(c, dims * sizeof *f->shapes);
    if (mw_err(c) != MW_OK)
        return mw_err(c);
    int64_t *shape = f->shapes;
    json_object_foreach(f->header, name, info)
    {
        if (!strcmp(name, "__metadata__"))
            continue;
        parse_entry(c, f, name, info, &f->entries[i], shape, data_at);
        if (mw_err(c) != MW_OK)
            return mw_err(c);
        shape += f->entries[i++].ndim;
    }
    f->count = i;
    check_cover(c, f, data_at);
    return mw_err(c);
}

void mw_st_file_close(mw_st_file *f)
{
    mw_file_unmap(&f->map);
    json_decref(f->header);
    free(f->shapes);
    free(f->entries);
    free(f->path);
}
