// torch_file.c: the tensors and plain values of a file that torch.save wrote.
#include "core/io/torch_file.h"

#include "core/base/file.h"
#include "core/base/text.h"
#include "core/io/pickle.h"
#include "core/io/zip.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A pickle may name one value in many places: so deep, so many and so long are the names that are made.
enum { MAX_DEPTH = 32, MAX_NAMED = 1 << 20, MAX_NAMES = 64 << 20 };

struct mw_pt {
    char *path;
    mw_mapping map;
    mw_zip zip;
    mw_pickle pickle;
    char *folder; // what stands in front of the archive's names
    mw_pt_tensor *tensors;
    mw_pt_plain *plain;
    size_t ntensors, nplain, names; // names: bytes
};

// The names of the values at hand.
typedef struct {
    mw_ctx *c;
    mw_pt *f;
    char *name;
    size_t room;
} walker;

static mw_status fail(mw_ctx *c, const mw_pt *f, const char *why)
{
    return mw_fail(c, MW_E_FILE, "%s: %s", f->path, why);
}

static const mw_zip_entry *entry(mw_ctx *c, const mw_pt *f, const char *name, size_t size)
{
    char *path = mw_format(c, "%s/%.*s", f->folder, (int)size, name);
    const mw_zip_entry *e = path ? mw_zip_find(&f->zip, path) : NULL;
    free(path);
    return e;
}

// The archive has one folder; what torch.save writes has "data.pkl" in it.
static mw_status find_pickle(mw_ctx *c, mw_pt *f, const mw_zip_entry **pickle)
{
    for (size_t i = 0; i < f->zip.n && !f->folder; i++) {
        const char *slash = strchr(f->zip.entries[i].name, '/');
        if (slash && strcmp(slash, "/data.pkl") == 0)
            f->folder = mw_format(c, "%.*s", (int)(slash - f->zip.entries[i].name), f->zip.entries[i].name);
    }
    if (!f->folder)
        return fail(c, f, "is a zip archive, but none that torch.save made: no data.pkl is in it");
    if (entry(c, f, "constants.pkl", 13))
        return fail(c, f, "is a TorchScript archive, a program, which is not supported");
    const mw_zip_entry *order = entry(c, f, "byteorder", 9);
    if (order && (order->size != 6 || memcmp(order->data, "little", 6) != 0))
        return fail(c, f, "its numbers have their highest byte first, which is not supported");
    *pickle = entry(c, f, "data.pkl", 8);
    return mw_err(c);
}

// ---- names

static bool grow(mw_ctx *c, void **items, size_t n, size_t size)
{
    if (n & (n - 1))
        return true;
    void *more = mw_realloc(c, *items, (n ? 2 * n : 1) * size);
    *items = more ? more : *items;
    return more != NULL;
}

// Puts a key behind the name at hand of n bytes; its new length, SIZE_MAX on failure.
static size_t put_key(walker *w, size_t n, int depth, const char *key, size_t size)
{
    if (n + size + 2 > w->room) {
        size_t room = 2 * (n + size + 2);
        char *name = mw_realloc(w->c, w->name, room);
        if (!name)
            return SIZE_MAX;
        w->name = name;
        w->room = room;
    }
    if (depth)
        w->name[n++] = '.';
    memcpy(w->name + n, key, size);
    w->name[n + size] = 0;
    return n + size;
}

static char *copy_name(walker *w, size_t n)
{
    w->f->names += n + 1;
    if (w->f->names > MAX_NAMES || w->f->ntensors + w->f->nplain > MAX_NAMED) {
        fail(w->c, w->f, "its pickle names more values than any model has");
        return NULL;
    }
    return mw_strdup(w->c, w->name);
}

static mw_status add_tensor(walker *w, size_t n, size_t key, int depth, const mw_pickle_tensor *t)
{
    mw_pt *f = w->f;
    char *path = mw_format(w->c, "data/%.*s", (int)t->storage.key.size, t->storage.key.at);
    const mw_zip_entry *e = path ? entry(w->c, f, path, strlen(path)) : NULL;
    char shown[100];
    mw_printable(path ? path : "", shown, sizeof shown);
    free(path);
    if (mw_err(w->c) != MW_OK)
        return mw_err(w->c);
    if (!e)
        return mw_fail(w->c, MW_E_FILE, "%s: the data '%s' of a tensor is not in the archive", f->path,
                       shown);
    int64_t bytes;
    if (__builtin_mul_overflow(t->storage.count, mw_st_dtype_bits(t->storage.dtype) / 8, &bytes) ||
        (uint64_t)bytes != e->size)
        return mw_fail(w->c, MW_E_FILE,
                       "%s: the data '%s' of a tensor has %zu bytes, not those of %" PRId64 " elements of %s",
                       f->path, shown, e->size, t->storage.count, mw_st_dtype_name(t->storage.dtype));
    if (!grow(w->c, (void **)&f->tensors, f->ntensors, sizeof *f->tensors))
        return mw_err(w->c);
    char *name = copy_name(w, n);
    if (name)
        f->tensors[f->ntensors++] = (mw_pt_tensor){.name = name,
                                                   .key = name + key,
                                                   .depth = depth,
                                                   .dtype = t->storage.dtype,
                                                   .ndim = t->ndim,
                                                   .shape = t->shape,
                                                   .strides = t->strides,
                                                   .count = t->count,
                                                   .storage = e->data,
                                                   .storage_bytes = e->size,
                                                   .offset = t->offset};
    return mw_err(w->c);
}

static mw_status add_plain(walker *w, size_t n, size_t key, int depth, const mw_pickle_value *v)
{
    mw_pt *f = w->f;
    if (!grow(w->c, (void **)&f->plain, f->nplain, sizeof *f->plain))
        return mw_err(w->c);
    char *name = copy_name(w, n);
    mw_pt_plain p = {.name = name, .key = name + key, .depth = depth};
    switch (v->kind) {
    case MW_PICKLE_BOOL:
    case MW_PICKLE_INT:
        p.kind = v->kind == MW_PICKLE_BOOL ? MW_PT_BOOL : MW_PT_INTEGER;
        p.integer = v->integer;
        p.number = (double)v->integer;
        break;
    case MW_PICKLE_FLOAT:
        p.kind = MW_PT_NUMBER;
        p.number = v->number;
        break;
    case MW_PICKLE_TEXT:
        p.kind = MW_PT_TEXT;
        p.text = name ? strndup(v->text.at, v->text.size) : NULL;
        f->names += v->text.size;
        if (name && !p.text)
            mw_fail(w->c, MW_E_MEMORY, "out of host memory");
        break;
    default: break;
    }
    if (name)
        f->plain[f->nplain++] = p;
    return mw_err(w->c);
}

// All values below place `at`, whose name has n bytes, the innermost key from `key` on.
static mw_status walk(walker *w, int32_t at, size_t n, size_t key, int depth)
{
    const mw_pickle *p = &w->f->pickle;
    const mw_pickle_value *v = &p->values[at];
    if (v->kind == MW_PICKLE_TENSOR)
        return add_tensor(w, n, key, depth, &p->tensors[v->tensor]);
    if (v->kind < MW_PICKLE_TUPLE)
        return add_plain(w, n, key, depth, v);
    if (v->kind > MW_PICKLE_TENSOR)
        return fail(w->c, w->f, "its pickle is damaged or hostile: a member that is no value");
    if (depth == MAX_DEPTH)
        return fail(w->c, w->f, "its pickle is nested deeper than any model's");
    int64_t place = 0;
    for (int32_t i = v->first; i >= 0 && mw_err(w->c) == MW_OK; i = p->links[i].next, place++) {
        const mw_pickle_value *k = v->kind == MW_PICKLE_DICT ? &p->values[p->links[i].key] : NULL;
        char digits[24];
        mw_pickle_text text = {digits, 0};
        if (k && k->kind == MW_PICKLE_TEXT)
            text = k->text;
        else
            text.size = (size_t)snprintf(digits, sizeof digits, "%" PRId64, k ? k->integer : place);
        size_t longer = put_key(w, n, depth, text.at, text.size);
        if (longer != SIZE_MAX)
            walk(w, p->links[i].value, longer, longer - text.size, depth + 1);
        w->f->names += 1; // empty containers count too
        if (w->f->names > MAX_NAMES)
            fail(w->c, w->f, "its pickle names more values than any model has");
    }
    return mw_err(w->c);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static mw_status check_names(mw_ctx *c, const mw_pt *f)
{
    size_t n = 0;
    const char **names = mw_alloc(c, (f->ntensors + f->nplain) * sizeof *names);
    char shown[100];
    for (size_t i = 0; names && i < f->ntensors; i++)
        names[n++] = f->tensors[i].name;
    for (size_t i = 0; names && i < f->nplain; i++)
        names[n++] = f->plain[i].name;
    if (n)
        qsort(names, n, sizeof *names, by_name);
    for (size_t i = 1; i < n; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            mw_fail(c, MW_E_FILE, "%s: two values are both '%s'", f->path,
                    mw_printable(names[i], shown, sizeof shown));
    free(names);
    return mw_err(c);
}

// ---- files

static mw_status read_file(mw_ctx *c, mw_pt *f)
{
    const mw_zip_entry *pickle = NULL;
    if (f->map.size >= 2 && f->map.data[0] == 0x80 && f->map.data[1] >= 1 && f->map.data[1] <= 5)
        return fail(
            c, f,
            "is a pickle without an archive around it, as PyTorch wrote before 1.6, which is not read: "
            "save it anew with a later PyTorch, or as .safetensors");
    if (f->map.size < 4 || memcmp(f->map.data, "PK", 2) != 0)
        return fail(c, f, "is no file of torch.save: a zip archive is expected");
    if (mw_zip_open(c, f->path, f->map.data, f->map.size, &f->zip) || find_pickle(c, f, &pickle) ||
        mw_pickle_read(c, f->path, pickle->data, pickle->size, &f->pickle))
        return mw_err(c);
    walker w = {.c = c, .f = f};
    if (put_key(&w, 0, 0, "", 0) != SIZE_MAX)
        walk(&w, f->pickle.root, 0, 0, 0);
    free(w.name);
    return mw_err(c) == MW_OK ? check_names(c, f) : mw_err(c);
}

mw_pt *mw_pt_open(mw_ctx *c, const char *path)
{
    mw_pt *f = mw_err(c) == MW_OK ? mw_alloc(c, sizeof *f) : NULL;
    if (!f)
        return NULL;
    f->pickle.root = -1;
    f->path = mw_strdup(c, path);
    if (f->path && mw_file_map(c, path, &f->map))
        read_file(c, f);
    if (mw_err(c) == MW_OK)
        return f;
    mw_pt_close(f);
    return NULL;
}

void mw_pt_close(mw_pt *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->ntensors; i++)
        free((char *)(uintptr_t)f->tensors[i].name);
    for (size_t i = 0; i < f->nplain; i++) {
        free((char *)(uintptr_t)f->plain[i].name);
        free((char *)(uintptr_t)f->plain[i].text);
    }
    free(f->tensors);
    free(f->plain);
    mw_pickle_free(&f->pickle);
    mw_zip_close(&f->zip);
    mw_file_unmap(&f->map);
    free(f->folder);
    free(f->path);
    free(f);
}

size_t mw_pt_count(const mw_pt *f) { return f->ntensors; }

const mw_pt_tensor *mw_pt_at(const mw_pt *f, size_t i) { return i < f->ntensors ? &f->tensors[i] : NULL; }
const mw_pt_plain *mw_pt_plain_at(const mw_pt *f, size_t i) { return i < f->nplain ? &f->plain[i] : NULL; }

const mw_pt_tensor *mw_pt_find(const mw_pt *f, const char *name)
{
    for (size_t i = 0; i < f->ntensors; i++)
        if (strcmp(f->tensors[i].name, name) == 0)
            return &f->tensors[i];
    return NULL;
}

const mw_pt_plain *mw_pt_find_plain(const mw_pt *f, const char *name)
{
    for (size_t i = 0; i < f->nplain; i++)
        if (strcmp(f->plain[i].name, name) == 0)
            return &f->plain[i];
    return NULL;
}

// ---- elements

static bool is_plain(const mw_pt_tensor *t)
{
    int64_t step = 1;
    for (int i = t->ndim - 1; i >= 0; i--) {
        if (t->shape[i] != 1 && t->strides[i] != step)
            return false;
        step *= t->shape[i];
    }
    return true;
}

// The elements one behind the other.
static void gather(const mw_pt_tensor *t, size_t size, uint8_t *out)
{
    int64_t at[MW_PICKLE_DIMS] = {0};
    for (int64_t i = 0; i < t->count; i++, out += size) {
        int64_t from = t->offset;
        for (int d = 0; d < t->ndim; d++)
            from += at[d] * t->strides[d];
        memcpy(out, t->storage + (size_t)from * size, size);
        for (int d = t->ndim - 1; d >= 0 && ++at[d] == t->shape[d]; d--)
            at[d] = 0;
    }
}

mw_status mw_pt_read_f32(mw_ctx *c, const mw_pt *f, const mw_pt_tensor *t, float *out)
{
    size_t size = (size_t)mw_st_dtype_bits(t->dtype) / 8;
    if (mw_err(c) != MW_OK || !t->count)
        return mw_err(c);
    uint8_t *own = is_plain(t) ? NULL : mw_alloc(c, (size_t)t->count * size);
    if (own)
        gather(t, size, own);
    mw_st_entry e = {.name = t->name,
                     .file = f->path,
                     .dtype = t->dtype,
                     .ndim = t->ndim,
                     .shape = t->shape,
                     .count = t->count,
                     .data = own ? own : t->storage + (size_t)t->offset * size,
                     .bytes = (size_t)t->count * size};
    if (mw_err(c) == MW_OK)
        mw_st_read_f32(c, &e, out);
    free(own);
    return mw_err(c);
}
