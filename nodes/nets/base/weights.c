// weights.c: the named weights of one network: what it asks for, by name.
#include "nodes/nets/base/weights_internal.h"

#include "core/cl/device.h"
#include "core/io/describe.h"
#include "core/ops.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

mw_weights *mw_weights_new(mw_ctx *c, mw_weight_source source, const char *label, mw_dtype dtype)
{
    mw_weights *w = mw_alloc(c, sizeof *w);
    if (w) {
        pthread_mutex_init(&w->lock, NULL);
        w->path = mw_strdup(c, source.path ? source.path : "weights");
        w->label = mw_strdup(c, label);
    }
    if (mw_err(c) != MW_OK) {
        if (source.free)
            source.free(source.user);
        mw_weights_free(w);
        return NULL;
    }
    w->source = source;
    w->open = true;
    w->dtype = dtype;
    return w;
}

void mw_weights_free(mw_weights *w)
{
    if (!w)
        return;
    mw_weights_close_source(w);
    for (int s = 0; s < MW_MOST_STREAMS; s++)
        mw_weights_free_copy(w, &w->on[s]);
    for (size_t i = 0; i < w->n; i++)
        free(w->entries[i].name);
    free(w->entries);
    free(w->slots);
    free(w->path);
    free(w->label);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

const char *mw_weights_path(const mw_weights *w) { return w->path; }
mw_dtype mw_weights_dtype(const mw_weights *w) { return w->dtype; }
size_t mw_weights_bytes(const mw_weights *w) { return w->bytes; }
unsigned long mw_weights_revision(const mw_weights *w) { return atomic_load(&w->revision); }
void mw_weights_set_beside(mw_weights *w, size_t bytes) { w->beside = bytes; }

uint64_t mw_weights_room(const mw_ctx *c, const mw_weights *w)
{
    uint64_t limit = mw_memory_limit(c), held = w->bytes + w->beside;
    return limit > held ? limit - held : 0;
}
int64_t mw_weights_count(const mw_weights *w) { return w->count; }

// ---- the table of names

static size_t slot_of(const mw_weights *w, const char *name)
{
    size_t i = (size_t)XXH3_64bits(name, strlen(name)) & (w->nslots - 1);
    while (w->slots[i] && strcmp(w->entries[w->slots[i] - 1].name, name) != 0)
        i = (i + 1) & (w->nslots - 1);
    return i;
}

mw_weight_entry *mw_weights_lookup(const mw_weights *w, const char *name)
{
    if (!w->nslots)
        return NULL;
    uint32_t s = w->slots[slot_of(w, name)];
    return s ? &w->entries[s - 1] : NULL;
}

static bool grow(mw_ctx *c, mw_weights *w)
{
    size_t capacity = w->capacity ? 2 * w->capacity : 256;
    mw_weight_entry *e = mw_realloc(c, w->entries, capacity * sizeof *e);
    if (!e)
        return false;
    w->entries = e;
    uint32_t *slots = mw_alloc(c, 2 * capacity * sizeof *slots);
    if (!slots)
        return false;
    free(w->slots);
    w->slots = slots;
    w->nslots = 2 * capacity;
    w->capacity = capacity;
    for (size_t i = 0; i < w->n; i++)
        w->slots[slot_of(w, w->entries[i].name)] = (uint32_t)(i + 1);
    return true;
}

// Norms and biases are f32. A matrix that the file holds in f16 stays so: the same values in half the bytes.
static mw_dtype dtype_of(const mw_weights *w, const char *name, mw_weight_kind kind)
{
    const mw_weight_source *s = &w->source;
    if (kind == MW_WEIGHT_VECTOR)
        return MW_F32;
    bool matrix = kind == MW_WEIGHT_LINEAR || kind == MW_WEIGHT_CONV;
    return matrix && !s->patch && s->stored && s->stored(s->user, name, MW_F16) ? MW_F16 : w->dtype;
}

// Matrices and tables that the source holds in blocks stay in them, unless they are to be changed.
static bool stays_in_blocks(const mw_weights *w, mw_weight_entry *e)
{
    const mw_weight_source *s = &w->source;
    bool may = (e->kind == MW_WEIGHT_LINEAR || e->kind == MW_WEIGHT_TABLE) && e->ndim == 2;
    return may && !s->patch && s->blocks && s->blocks(s->user, e->name, &e->blocks) &&
        e->blocks.rows == e->shape[0] && e->blocks.columns == e->shape[1];
}

static void note(mw_ctx *c, mw_weights *w, const char *name, mw_weight_kind kind, int ndim,
                 const int64_t *shape)
{
    if (w->n == w->capacity && !grow(c, w))
        return;
    mw_weight_entry e = {.name = mw_strdup(c, name), .kind = kind, .ndim = ndim};
    if (!e.name)
        return;
    memcpy(e.shape, shape, (size_t)ndim * sizeof *shape);
    e.in_blocks = stays_in_blocks(w, &e);
    e.dtype = e.in_blocks ? MW_U8 : dtype_of(w, name, kind);
    size_t slot = slot_of(w, name);
    w->entries[w->n++] = e;
    w->slots[slot] = (uint32_t)w->n;
}

// ---- asking

static const char *text_of(int ndim, const int64_t *shape, char *buf, size_t size)
{
    size_t n = (size_t)snprintf(buf, size, "[");
    for (int i = 0; i < ndim && n < size; i++)
        n += (size_t)snprintf(buf + n, size - n, "%s%" PRId64, i ? "," : "", shape[i]);
    if (n < size)
        snprintf(buf + n, size - n, "]");
    return buf;
}

// Equal, but for ones at the end: a 1x1 convolution may be stored as a matrix and the other way round.
static bool fits(int na, const int64_t *a, int nb, const int64_t *b)
{
    for (int i = 0; i < na || i < nb; i++)
        if ((i < na ? a[i] : 1) != (i < nb ? b[i] : 1))
            return false;
    return true;
}

// Problems are collected: mw_weights_load reports them together.
// What the file calls it, where that is something else, behind the name that was asked for.
static const char *in_file(const mw_weights *w, const char *name, char *buf, size_t size)
{
    bool coarse;
    const mw_weight_source *s = &w->source;
    const char *stored = s->stored_as ? s->stored_as(s->user, name, &coarse) : name;
    *buf = 0;
    if (strcmp(stored, name) != 0)
        snprintf(buf, size, " (in the file: '%s')", stored);
    return buf;
}

static void check(mw_weights *w, const char *name, int ndim, const int64_t *shape)
{
    char want[96], got[96], there[160], sentence[512] = "";
    int n = 0;
    int64_t found[4] = {0};
    if (!w->source.find)
        return;
    if (!w->source.find(w->source.user, name, &n, found))
        snprintf(sentence, sizeof sentence, "tensor '%s'%s %s is missing", name,
                 in_file(w, name, there, sizeof there), text_of(ndim, shape, want, sizeof want));
    else if (!fits(ndim, shape, n, found))
        snprintf(sentence, sizeof sentence, "tensor '%s'%s has shape %s, but the config asks for %s", name,
                 in_file(w, name, there, sizeof there), text_of(n, found, got, sizeof got),
                 text_of(ndim, shape, want, sizeof want));
    if (*sentence)
        mw_few_add(&w->problems, sentence);
}

static mw_tensor *get(mw_ctx *c, mw_weights *w, const char *name, mw_weight_kind kind, int ndim,
                      const int64_t *shape)
{
    if (mw_err(c) != MW_OK)
        return NULL;
    mw_weight_entry *e = mw_weights_lookup(w, name);
    mw_weights_copy *here = mw_weights_here(c, w);
    bool ready = atomic_load(&here->ready);
    if (e && e->passing && !c->dry)
        return mw_weights_read_passing(c, w, e);
    if (e && !e->passing && (ready || (!c->dry && mw_weights_fetch(c, w) == MW_OK)))
        return here->tensors[e - w->entries];
    if (!c->dry || (!e && mw_weights_held(w, NULL))) {
        mw_fail(c, MW_E_RUN, "%s: %s: tensor '%s' was not asked for when the model was loaded", w->path,
                w->label, name);
        return NULL;
    }
    if (!e) {
        check(w, name, ndim, shape);
        note(c, w, name, kind, ndim, shape);
        e = mw_weights_lookup(w, name);
    }
    if (e && e->in_blocks)
        return mw_weight_blocks(c, &e->blocks, NULL, NULL);
    return e ? mw_tensor_new(c, e->dtype, ndim, shape) : NULL;
}

mw_tensor *mw_weight_linear(mw_ctx *c, mw_weights *w, const char *name, int64_t n, int64_t k)
{
    return get(c, w, name, MW_WEIGHT_LINEAR, 2, (int64_t[]){n, k});
}

mw_tensor *mw_weight_conv(mw_ctx *c, mw_weights *w, const char *name, int64_t o, int64_t i, int64_t kh,
                          int64_t kw)
{
    return get(c, w, name, MW_WEIGHT_CONV, 4, (int64_t[]){o, i, kh, kw});
}

mw_tensor *mw_weight_vector(mw_ctx *c, mw_weights *w, const char *name, int64_t n)
{
    return get(c, w, name, MW_WEIGHT_VECTOR, 1, (int64_t[]){n});
}

mw_tensor *mw_weight_table(mw_ctx *c, mw_weights *w, const char *name, int64_t rows, int64_t columns)
{
    return get(c, w, name, MW_WEIGHT_TABLE, 2, (int64_t[]){rows, columns});
}

mw_tensor *mw_weight_tensor(mw_ctx *c, mw_weights *w, const char *name, int ndim, const int64_t *shape)
{
    return get(c, w, name, MW_WEIGHT_TABLE, ndim, shape);
}

bool mw_weights_at(const mw_weights *w, size_t i, const char **name, int *ndim, int64_t shape[4])
{
    if (i >= w->n)
        return false;
    *name = w->entries[i].name;
    *ndim = w->entries[i].ndim;
    memcpy(shape, w->entries[i].shape, sizeof w->entries[i].shape);
    return true;
}

size_t mw_weights_bytes_at(const mw_ctx *c, const mw_weights *w, size_t i)
{
    return i < w->n ? mw_weight_bytes(c, &w->entries[i]) : 0;
}

void mw_weights_pass(mw_ctx *c, mw_weights *w, size_t i)
{
    if (i >= w->n || w->entries[i].passing)
        return;
    w->entries[i].passing = w->passing = true;
    w->bytes -= mw_weight_bytes(c, &w->entries[i]);
}
