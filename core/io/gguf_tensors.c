// gguf_tensors.c: the table of a GGUF file's tensors: shapes, types, places.
#include "core/io/gguf_internal.h"

#include "core/base/text.h"

#include <stdlib.h>
#include <string.h>

#define bad_tensor(r, t, ...) bad_tensor_at((r)->c, (r)->g, (t), mw_format((r)->c, __VA_ARGS__))
static void bad_tensor_at(mw_ctx *c, const mw_gguf *g, const mw_gguf_tensor *t, char *why)
{
    char shown[100];
    if (why)
        mw_fail(c, MW_E_FILE, "%s: tensor '%s': %s", g->path, mw_printable(t->name, shown, sizeof shown),
                why);
    free(why);
}

// Sides, the fastest first in the file; weights and bytes.
static void measure(mw_gguf_reader *r, mw_gguf_tensor *t, const uint64_t *sides)
{
    const mw_ggml_facts *f = mw_ggml_type_facts(t->type);
    int64_t bytes = 0;
    bool fits = true;
    t->count = 1;
    for (int i = 0; i < MW_GGUF_DIMS; i++) {
        uint64_t side = i < t->ndim ? sides[t->ndim - 1 - i] : 1;
        fits = fits && side <= INT64_MAX && !__builtin_mul_overflow(t->count, (int64_t)side, &t->count);
        t->shape[i] = (int64_t)side;
    }
    int64_t columns = t->ndim ? t->shape[t->ndim - 1] : 1;
    if (!fits || __builtin_mul_overflow(t->count / f->block, f->bytes, &bytes))
        bad_tensor(r, t, "a shape of %llu %llu %llu %llu has no size below 2^63",
                   (unsigned long long)t->shape[0], (unsigned long long)t->shape[1],
                   (unsigned long long)t->shape[2], (unsigned long long)t->shape[3]);
    else if (columns % f->block)
        bad_tensor(r, t, "rows of %lld are no whole blocks of %s, which hold %d", (long long)columns, f->name,
                   f->block);
    t->bytes = mw_err(r->c) == MW_OK ? (size_t)bytes : 0;
}

// *offset counts from the first tensor's place, which is known only behind the table.
static void read_tensor(mw_gguf_reader *r, mw_gguf_tensor *t, uint64_t *offset)
{
    const char *name;
    size_t length;
    uint32_t ndim, type;
    uint64_t sides[MW_GGUF_DIMS];
    if (!mw_gguf_read_name(r, &name, &length, "the name of a tensor") ||
        !mw_gguf_read_u32(r, &ndim, "the dimensions of a tensor") ||
        !(t->name = mw_gguf_own_name(r->c, name, length, "", 0)))
        return;
    if (ndim > MW_GGUF_DIMS) {
        bad_tensor(r, t, "%u dimensions; at most %d are supported", ndim, MW_GGUF_DIMS);
        return;
    }
    t->ndim = (int)ndim;
    if (!mw_gguf_read_bytes(r, sides, ndim * sizeof *sides, "the shape of a tensor") ||
        !mw_gguf_read_u32(r, &type, "the type of a tensor") ||
        !mw_gguf_read_u64(r, offset, "the place of a tensor"))
        return;
    t->type = (mw_ggml_type)type;
    if (!mw_ggml_type_facts(type))
        bad_tensor(r, t, "is of the unknown type %u", type);
    else if (*offset % (uint64_t)r->g->alignment)
        bad_tensor(r, t, "its place %llu is no multiple of the alignment %lld", (unsigned long long)*offset,
                   (long long)r->g->alignment);
    else
        measure(r, t, sides);
}

// The tensors' bytes begin at the first multiple of the alignment behind the table.
static void place_tensors(mw_gguf_reader *r, const uint64_t *offsets)
{
    mw_gguf *g = r->g;
    size_t step = (size_t)g->alignment, begin = (r->at + step - 1) / step * step;
    size_t room = begin < g->map.size ? g->map.size - begin : 0;
    for (size_t i = 0; i < g->ntensors; i++) {
        mw_gguf_tensor *t = &g->tensors[i];
        if (t->bytes > room || offsets[i] > room - t->bytes) {
            bad_tensor(r, t, "its %zu bytes from %llu on are not within the file's %zu bytes of data",
                       t->bytes, (unsigned long long)offsets[i], room);
            return;
        }
        t->data = g->map.data + (t->bytes ? begin + (size_t)offsets[i] : 0);
    }
}

static void read_table(mw_gguf_reader *r, uint64_t n)
{
    mw_gguf *g = r->g;
    uint64_t *offsets = NULL;
    while (g->ntensors < n && mw_err(r->c) == MW_OK) {
        mw_gguf_tensor *more = mw_gguf_grown(r->c, g->tensors, g->ntensors, sizeof *more);
        g->tensors = more ? more : g->tensors;
        uint64_t *wider = more ? mw_gguf_grown(r->c, offsets, g->ntensors, sizeof *wider) : NULL;
        offsets = wider ? wider : offsets;
        if (!wider)
            break;
        more[g->ntensors] = (mw_gguf_tensor){0};
        read_tensor(r, &more[g->ntensors], &offsets[g->ntensors]);
        g->nown = ++g->ntensors;
    }
    if (mw_err(r->c) == MW_OK)
        place_tensors(r, offsets);
    free(offsets);
}

static int by_place(const void *a, const void *b)
{
    const mw_gguf_tensor *x = *(mw_gguf_tensor *const *)a, *y = *(mw_gguf_tensor *const *)b;
    if (x->data != y->data)
        return x->data < y->data ? -1 : 1;
    return x->bytes < y->bytes ? -1 : x->bytes > y->bytes;
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(mw_gguf_tensor *const *)a)->name, (*(mw_gguf_tensor *const *)b)->name);
}

static void check_overlap(mw_gguf_reader *r)
{
    mw_gguf *g = r->g;
    mw_gguf_tensor **list = mw_alloc(r->c, (g->ntensors + 1) * sizeof *list);
    for (size_t i = 0; list && i < g->ntensors; i++)
        list[i] = &g->tensors[i];
    if (list)
        qsort(list, g->ntensors, sizeof *list, by_place);
    for (size_t i = 1; list && i < g->ntensors; i++)
        if (list[i]->data < list[i - 1]->data + list[i - 1]->bytes)
            bad_tensor(r, list[i], "its bytes overlap those of tensor '%s'", list[i - 1]->name);
    free(list);
}

bool mw_gguf_sort_tensors(mw_ctx *c, mw_gguf *g)
{
    mw_gguf_tensor **list = mw_realloc(c, g->tensors_by_name, (g->ntensors + 1) * sizeof *list);
    if (!list)
        return false;
    g->tensors_by_name = list;
    for (size_t i = 0; i < g->ntensors; i++)
        list[i] = &g->tensors[i];
    qsort(list, g->ntensors, sizeof *list, by_name);
    for (size_t i = 1; i < g->ntensors; i++)
        if (!by_name(&list[i - 1], &list[i]))
            bad_tensor_at(c, g, list[i], mw_strdup(c, "is there twice"));
    return mw_err(c) == MW_OK;
}

void mw_gguf_read_tensors(mw_gguf_reader *r, uint64_t n)
{
    read_table(r, n);
    if (mw_err(r->c) == MW_OK)
        check_overlap(r);
    if (mw_err(r->c) == MW_OK)
        mw_gguf_sort_tensors(r->c, r->g);
}

const mw_gguf_tensor *mw_gguf_at(const mw_gguf *g, size_t i)
{
    return i < g->ntensors ? &g->tensors[i] : NULL;
}

const mw_gguf_tensor *mw_gguf_tensor_find(const mw_gguf *g, const char *name)
{
    mw_gguf_tensor wanted = {.name = name}, *key = &wanted;
    mw_gguf_tensor **found = bsearch(&key, g->tensors_by_name, g->ntensors, sizeof key, by_name);
    return found ? *found : NULL;
}
