// weights.c: the named weights of one network, from checkpoint entries to prepared device tensors.
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

static void close_source(mw_weights *w)
{
    if (w->open && w->source.free)
        w->source.free(w->source.user);
    w->open = false;
}

void mw_weights_free(mw_weights *w)
{
    if (!w)
        return;
    close_source(w);
    for (size_t i = 0; i < w->n; i++) {
        free(w->entries[i].name);
        mw_release(w->entries[i].tensor);
    }
    free(w->entries);
    free(w->slots);
    free(w->path);
    free(w->label);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

const char *mw_weights_path(const mw_weights *w) { return w->path; }
mw_dtype mw_weights_dtype(const mw_weights *w) { return w->dtype; }
size_t mw_weights_held(const mw_weights *w) { return atomic_load(&w->ready) ? w->bytes : 0; }
size_t mw_weights_bytes(const mw_weights *w) { return w->bytes; }
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

static void note(mw_ctx *c, mw_weights *w, const char *name, mw_weight_kind kind, int ndim,
                 const int64_t *shape)
{
    if (w->n == w->capacity && !grow(c, w))
        return;
    mw_weight_entry e = {
        .name = mw_strdup(c, name), .kind = kind, .dtype = dtype_of(w, name, kind), .ndim = ndim};
    if (!e.name)
        return;
    memcpy(e.shape, shape, (size_t)ndim * sizeof *shape);
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
static void check(mw_weights *w, const char *name, int ndim, const int64_t *shape)
{
    char want[96], got[96], sentence[512] = "";
    int n = 0;
    int64_t found[4] = {0};
    if (!w->source.find)
        return;
    if (!w->source.find(w->source.user, name, &n, found))
        snprintf(sentence, sizeof sentence, "tensor '%s' %s is missing", name,
                 text_of(ndim, shape, want, sizeof want));
    else if (!fits(ndim, shape, n, found))
        snprintf(sentence, sizeof sentence, "tensor '%s' has shape %s, but the config asks for %s", name,
                 text_of(n, found, got, sizeof got), text_of(ndim, shape, want, sizeof want));
    if (*sentence)
        mw_few_add(&w->problems, sentence);
}

static bool load_all(mw_ctx *c, mw_weights *w);

static mw_tensor *get(mw_ctx *c, mw_weights *w, const char *name, mw_weight_kind kind, int ndim,
                      const int64_t *shape)
{
    if (mw_err(c) != MW_OK)
        return NULL;
    mw_weight_entry *e = mw_weights_lookup(w, name);
    bool ready = atomic_load(&w->ready);
    if (e && (ready || (!c->dry && load_all(c, w))))
        return e->tensor;
    if (!c->dry || ready) {
        mw_fail(c, MW_E_RUN, "%s: %s: tensor '%s' was not asked for when the model was loaded", w->path,
                w->label, name);
        return NULL;
    }
    if (!e) {
        check(w, name, ndim, shape);
        note(c, w, name, kind, ndim, shape);
        e = mw_weights_lookup(w, name);
    }
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

// ---- loading

// Neither NaN nor infinity may get in, and f16 must be able to hold the values.
static void check_values(mw_ctx *c, const mw_weights *w, const mw_weight_entry *e, const float *v, int64_t n)
{
    float limit = e->dtype == MW_F16 ? 65504.0f : INFINITY;
    for (int64_t i = 0; i < n; i++)
        if (!(fabsf(v[i]) < INFINITY)) {
            mw_fail(c, MW_E_FILE, "%s: %s: tensor '%s' holds %g at position %" PRId64, w->path, w->label,
                    e->name, (double)v[i], i);
            return;
        } else if (fabsf(v[i]) > limit) {
            mw_fail(c, MW_E_NUMBER, "%s: %s: tensor '%s' holds %g, too large for f16; use dtype f32", w->path,
                    w->label, e->name, (double)v[i]);
            return;
        }
}

int64_t mw_weight_numel(const mw_weight_entry *e)
{
    int64_t n = 1;
    for (int i = 0; i < e->ndim; i++)
        n *= e->shape[i];
    return n;
}

// NaN or infinity among values of any alignment; eight bytes at a time: an exponent of all ones, plus one,
// carries into the sign's bit.
static bool any_not_finite(const unsigned char *p, size_t bytes, mw_dtype dtype)
{
    bool half = dtype == MW_F16;
    const uint64_t exponents = half ? 0x7c007c007c007c00 : 0x7f8000007f800000;
    const uint64_t ones = half ? 0x0400040004000400 : 0x0080000000800000;
    const uint64_t carries = half ? 0x8000800080008000 : 0x8000000080000000;
    uint64_t wrong = 0;
    for (size_t i = 0; i < bytes; i += sizeof wrong) {
        uint64_t some = 0;
        memcpy(&some, p + i, bytes - i < sizeof some ? bytes - i : sizeof some);
        wrong |= (some & exponents) + ones;
    }
    return wrong & carries;
}

// The values as they lie in the file, where they need no change on their way to the device; else NULL.
static const void *plain_values(const mw_weights *w, const mw_weight_entry *e)
{
    const mw_weight_source *s = &w->source;
    if (s->patch || !s->stored)
        return NULL;
    const void *p = s->stored(s->user, e->name, e->dtype);
    size_t bytes = (size_t)mw_weight_numel(e) * mw_dtype_size(e->dtype);
    return p && any_not_finite(p, bytes, e->dtype) ? NULL : p; // NULL: read_values says which
}

// The values on the host, patched and checked; free() them.
static float *read_values(mw_ctx *c, const mw_weights *w, const mw_weight_entry *e)
{
    const mw_weight_source *s = &w->source;
    float *values = mw_alloc(c, (size_t)mw_weight_numel(e) * sizeof *values);
    if (values && s->read_f32(c, s->user, e->name, values) == MW_OK && s->patch)
        s->patch(c, s->user, e->name, e->ndim, e->shape, values);
    if (mw_err(c) == MW_OK)
        check_values(c, w, e, values, mw_weight_numel(e));
    return values;
}

static void load_one(mw_ctx *c, mw_weights *w, mw_weight_entry *e)
{
    const void *plain = plain_values(w, e);
    float *values = plain ? NULL : read_values(c, w, e);
    mw_scope_begin(c);
    mw_tensor *t = NULL;
    if (plain)
        t = mw_tensor_from_bytes(c, e->dtype, e->ndim, e->shape, plain);
    else if (mw_err(c) == MW_OK)
        t = mw_tensor_from_f32(c, e->dtype, e->ndim, e->shape, values);
    if (e->kind == MW_WEIGHT_LINEAR)
        t = mw_prepare_linear(c, t);
    else if (e->kind == MW_WEIGHT_CONV)
        t = mw_prepare_conv2d(c, t);
    e->tensor = mw_err(c) == MW_OK ? mw_retain(t) : NULL;
    mw_scope_end(c, NULL);
    free(values);
    if (plain && w->source.stored_read)
        w->source.stored_read(w->source.user, e->name);
    if (e->tensor)
        e->tensor->label = e->name;
}

// What will never fit is refused before anything of it is read.
static void check_room(mw_ctx *c, const mw_weights *w)
{
    char needs[32], limit[32];
    uint64_t bytes = 0, most = c->stream ? mw_device_memory(c).limit : 0;
    for (size_t i = 0; i < w->n; i++) {
        uint64_t n = mw_dtype_size(w->entries[i].dtype);
        for (int d = 0; d < w->entries[i].ndim; d++)
            n *= (uint64_t)w->entries[i].shape[d];
        bytes += n;
    }
    if (most && bytes > most)
        mw_fail(c, MW_E_MEMORY,
                "%s: its weights need %s of device memory, the limit is %s; %sa larger --memory may do",
                w->label, mw_bytes_text(bytes, needs, sizeof needs), mw_bytes_text(most, limit, sizeof limit),
                w->dtype == MW_F32 ? "--dtype f16 or " : "");
}

// Read everything, once; threads that come meanwhile wait. After a failure nothing is held and the next ask
// tries again.
static bool load_all(mw_ctx *c, mw_weights *w)
{
    pthread_mutex_lock(&w->lock);
    bool done = atomic_load(&w->ready);
    if (!done)
        check_room(c, w);
    for (size_t i = 0; !done && i < w->n && mw_err(c) == MW_OK && !mw_cancelled(c); i++)
        load_one(c, w, &w->entries[i]);
    for (size_t i = 0; mw_err(c) != MW_OK && i < w->n; i++) {
        mw_release(w->entries[i].tensor);
        w->entries[i].tensor = NULL;
    }
    if (!done && mw_err(c) == MW_OK) {
        close_source(w);
        atomic_store(&w->ready, 1);
    }
    pthread_mutex_unlock(&w->lock);
    return mw_err(c) == MW_OK;
}

mw_status mw_weights_fetch(mw_ctx *c, mw_weights *w)
{
    if (mw_err(c) == MW_OK && !atomic_load(&w->ready))
        load_all(c, w);
    return mw_err(c);
}

mw_status mw_weight_set(mw_ctx *c, mw_weights *w, const char *name, mw_tensor *values)
{
    char have[96], want[96];
    if (!values || mw_weights_fetch(c, w) != MW_OK)
        return mw_err(c);
    const mw_weight_entry *e = mw_weights_lookup(w, name);
    if (!e)
        return mw_fail(c, MW_E_ARG, "%s has no weight '%s'", w->label, name);
    if (!mw_same_shape(e->tensor, values))
        return mw_fail(c, MW_E_SHAPE, "%s: '%s' is %s and cannot become %s", w->label, name,
                       mw_shape_text(e->tensor, want, sizeof want), mw_shape_text(values, have, sizeof have));
    return e->tensor->packing ? mw_prepare_again(c, e->tensor, values) : mw_write(c, e->tensor, values);
}

void mw_weights_forget_twins(mw_weights *w)
{
    for (size_t i = 0; i < w->n; i++)
        mw_forget_twin(w->entries[i].tensor);
}
