// safetensors_write.c: writes a safetensors file.
#include "core/io/safetensors_internal.h"

#include "core/base/text.h"

#include <stdlib.h>
#include <string.h>

// A tensor with its size and place.
typedef struct {
    const mw_st_out *t;
    size_t bytes, number;
} item;

// Wide dtypes first, so that every tensor starts at a multiple of its own width; else in the order given.
static int by_width(const void *a, const void *b)
{
    const item *x = a, *y = b;
    int d = mw_st_dtype_bits(y->t->dtype) - mw_st_dtype_bits(x->t->dtype);
    return d ? d : x->number < y->number ? -1 : 1;
}

static bool measure(const mw_st_out *t, size_t *bytes)
{
    *bytes = (size_t)mw_st_dtype_bits(t->dtype) / 8;
    for (int i = 0; i < t->ndim; i++)
        if (t->shape[i] < 0 || __builtin_mul_overflow(*bytes, (size_t)t->shape[i], bytes))
            return false;
    return mw_st_dtype_bits(t->dtype) % 8 == 0;
}

static json_t *describe(const item *it, size_t begin)
{
    json_t *shape = json_array();
    for (int i = 0; i < it->t->ndim; i++)
        json_array_append_new(shape, json_integer(it->t->shape[i]));
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", mw_st_dtype_name(it->t->dtype), "shape", shape,
                     "data_offsets", (json_int_t)begin, (json_int_t)(begin + it->bytes));
}

static json_t *make_header(mw_ctx *c, const char *path, const item *items, size_t n,
                           const char *const *metadata)
{
    json_t *header = json_object(), *texts = metadata && *metadata ? json_object() : NULL;
    bool good = header != NULL;
    for (const char *const *m = metadata; texts && m[0]; m += 2)
        good = good && !json_object_set_new(texts, m[0], json_string(m[1]));
    if (texts)
        good = !json_object_set_new(header, "__metadata__", texts) && good;
    size_t at = 0;
    for (size_t i = 0; good && i < n; i++) {
        char shown[100];
        if (json_object_get(header, items[i].t->name)) {
            mw_fail(c, MW_E_ARG, "%s: two tensors are called '%s'", path,
                    mw_printable(items[i].t->name, shown, sizeof shown));
            break;
        }
        good = !json_object_set_new(header, items[i].t->name, describe(&items[i], at));
        at += items[i].bytes;
    }
    if (!good)
        mw_fail(c, MW_E_ARG, "%s: a tensor's name or a metadata text is no valid UTF-8, or memory is out",
                path);
    return header;
}

static void write_all(mw_ctx *c, const char *path, const item *items, size_t n, const char *const *metadata,
                      mw_st_make make, void *user)
{
    json_t *header = make_header(c, path, items, n, metadata);
    char *text = mw_err(c) == MW_OK ? json_dumps(header, JSON_COMPACT) : NULL;
    json_decref(header);
    if (!text) {
        mw_fail(c, MW_E_MEMORY, "%s: out of host memory for its header", path);
        return;
    }
    size_t length = strlen(text);
    uint64_t padded = (length + 7) / 8 * 8;
    if (padded > MW_ST_MAX_HEADER)
        mw_fail(c, MW_E_ARG, "%s: a header of %zu bytes is over the format's limit", path, length);
    mw_file_writer *w = mw_file_begin(c, path);
    mw_file_put(c, w, &padded, sizeof padded);
    mw_file_put(c, w, text, length);
    mw_file_put(c, w, "       ", (size_t)padded - length);
    for (size_t i = 0; i < n && mw_err(c) == MW_OK && !mw_cancelled(c); i++) {
        const mw_st_out *t = items[i].t;
        const void *data = t->data || !make ? t->data : make(c, user, t);
        mw_file_put(c, w, data, items[i].bytes);
    }
    mw_file_commit(c, w);
    free(text);
}

mw_status mw_st_write(mw_ctx *c, const char *path, const mw_st_out *tensors, size_t n,
                      const char *const *metadata)
{
    return mw_st_write_made(c, path, tensors, n, metadata, NULL, NULL);
}

mw_status mw_st_write_made(mw_ctx *c, const char *path, const mw_st_out *tensors, size_t n,
                           const char *const *metadata, mw_st_make make, void *user)
{
    if (mw_err(c) != MW_OK)
        return mw_err(c);
    item *items = mw_alloc(c, n * sizeof *items);
    for (size_t i = 0; items && i < n; i++) {
        items[i] = (item){.t = &tensors[i], .number = i};
        if (!measure(&tensors[i], &items[i].bytes))
            mw_fail(c, MW_E_ARG,
                    "%s: tensor %zu can't be written: its shape or dtype %s has no size in bytes", path, i,
                    mw_st_dtype_name(tensors[i].dtype));
    }
    if (mw_err(c) == MW_OK) {
        qsort(items, n, sizeof *items, by_width);
        write_all(c, path, items, n, metadata, make, user);
    }
    free(items);
    return mw_err(c);
}
