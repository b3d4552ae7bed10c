// source.c: the entries of a checkpoint under the names that networks ask for, with LoRA deltas on top.
#include "nodes/nets/base/source.h"

#include "core/base/file.h"
#include "nodes/nets/base/quantized.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct mw_files {
    mw_st *st;
    atomic_int refs;
};

typedef struct item {
    char *name; // what networks ask for
    const mw_st_entry *stored;
    const mw_st_entry *scale; // what the stored values are multiplied by; NULL: nothing
    int piece, pieces;        // rows [piece*n/pieces, (piece+1)*n/pieces)
    bool transpose;
} item;

struct mw_source {
    mw_files *files;
    item *items; // sorted by name
    size_t n, capacity;
    mw_source *base; // a patched source has no items of its own
    mw_patch patch;
    atomic_int refs;
};

mw_files *mw_files_open(mw_ctx *c, const char *path)
{
    mw_files *f = mw_alloc(c, sizeof *f);
    if (!f)
        return NULL;
    atomic_init(&f->refs, 1);
    f->st = mw_st_open(c, path);
    if (f->st)
        return f;
    free(f);
    return NULL;
}

mw_files *mw_files_retain(mw_files *f)
{
    atomic_fetch_add(&f->refs, 1);
    return f;
}

void mw_files_release(mw_files *f)
{
    if (!f || atomic_fetch_sub(&f->refs, 1) > 1)
        return;
    mw_st_close(f->st);
    free(f);
}

const mw_st *mw_files_st(const mw_files *f) { return f->st; }

// ---- making

static bool add(mw_ctx *c, mw_source *s, const char *name, const mw_st_entry *e, mw_name_piece how, int piece)
{
    if (e->ndim > 4 || (how.transpose && e->ndim != 2) ||
        (how.pieces > 1 && (e->ndim < 1 || e->shape[0] % how.pieces))) {
        mw_fail(c, MW_E_FILE, "%s: tensor '%s' has a shape that no such weight can have (%d dimensions)",
                e->file, e->name, e->ndim);
        return false;
    }
    if (s->n == s->capacity) {
        size_t capacity = s->capacity ? 2 * s->capacity : 512;
        item *items = mw_realloc(c, s->items, capacity * sizeof *items);
        if (!items)
            return false;
        s->items = items;
        s->capacity = capacity;
    }
    char *own = mw_strdup(c, name);
    if (own)
        s->items[s->n++] = (item){own, e, NULL, piece, how.pieces, how.transpose};
    return own;
}

// All names of one stored entry.
static bool take(mw_ctx *c, mw_source *s, const mw_name_rule *rule, const mw_st_entry *e)
{
    char name[MW_NAME_MAX];
    size_t skip = strlen(rule->prefix);
    if (strncmp(e->name, rule->prefix, skip) != 0 || (rule->ignore && rule->ignore(rule, e->name + skip)))
        return true;
    mw_name_piece how = {.pieces = 1};
    for (int piece = 0; piece < how.pieces; piece++) {
        bool known = rule->translate(rule, e->name + skip, piece, &how, name, sizeof name);
        if (!known)
            how = (mw_name_piece){.pieces = 1};
        if (!add(c, s, known ? name : e->name, e, how, piece))
            return false;
    }
    return true;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const item *)a)->name, ((const item *)b)->name);
}

static item *lookup_own(const mw_source *s, const char *name)
{
    item key = {.name = (char *)name};
    return s->n ? bsearch(&key, s->items, s->n, sizeof key, by_name) : NULL;
}

// Gives the scale to the weight beside it. False where there is none that it fits.
static bool give_scale(const mw_source *s, const item *scale, size_t module)
{
    char name[MW_NAME_MAX + 16];
    snprintf(name, sizeof name, "%.*s%sweight", (int)module, scale->name, module ? "." : "");
    item *weight = lookup_own(s, name);
    if (!weight || weight->scale || weight->pieces > 1 || !mw_scale_fits(weight->stored, scale->stored))
        return false;
    weight->scale = scale->stored;
    return true;
}

// Entries that say how others are meant are no weights themselves.
static void take_companions(mw_ctx *c, mw_source *s)
{
    size_t n = 0, module = 0;
    bool *gone = mw_alloc(c, s->n + 1);
    for (size_t i = 0; gone && i < s->n; i++) {
        mw_companion what = mw_companion_of(s->items[i].name, s->items[i].stored, &module);
        gone[i] = what == MW_IDLE_MARK || (what == MW_WEIGHT_SCALE && give_scale(s, &s->items[i], module));
    }
    for (size_t i = 0; gone && i < s->n; i++)
        if (gone[i])
            free(s->items[i].name);
        else
            s->items[n++] = s->items[i];
    s->n = gone ? n : s->n;
    free(gone);
}

mw_source *mw_source_new(mw_ctx *c, mw_files *files, const mw_name_rule *rule)
{
    mw_source *s = mw_alloc(c, sizeof *s);
    if (!s)
        return NULL;
    atomic_init(&s->refs, 1);
    s->files = mw_files_retain(files);
    const mw_st_entry *e;
    bool ok = true;
    for (size_t i = 0; ok && (e = mw_st_at(files->st, i)); i++)
        ok = take(c, s, rule, e);
    if (s->n)
        qsort(s->items, s->n, sizeof *s->items, by_name);
    for (size_t i = 1; ok && i < s->n; i++)
        if (strcmp(s->items[i - 1].name, s->items[i].name) == 0) {
            mw_fail(c, MW_E_FILE, "%s: tensors '%s' and '%s' are both the weight '%s'", mw_st_path(files->st),
                    s->items[i - 1].stored->name, s->items[i].stored->name, s->items[i].name);
            ok = false;
        }
    if (ok) {
        take_companions(c, s);
        return s;
    }
    mw_source_release(s);
    return NULL;
}

mw_source *mw_source_patched(mw_ctx *c, mw_source *base, mw_patch patch)
{
    mw_source *s = mw_alloc(c, sizeof *s);
    if (!s) {
        patch.free(patch.user);
        return NULL;
    }
    atomic_init(&s->refs, 1);
    s->base = mw_source_retain(base);
    s->patch = patch;
    return s;
}

mw_source *mw_source_retain(mw_source *s)
{
    atomic_fetch_add(&s->refs, 1);
    return s;
}

void mw_source_release(mw_source *s)
{
    if (!s || atomic_fetch_sub(&s->refs, 1) > 1)
        return;
    for (size_t i = 0; i < s->n; i++)
        free(s->items[i].name);
    free(s->items);
    mw_files_release(s->files);
    if (s->patch.free)
        s->patch.free(s->patch.user);
    mw_source_release(s->base);
    free(s);
}

// ---- asking

static const mw_source *bottom(const mw_source *s)
{
    while (s->base)
        s = s->base;
    return s;
}

static const item *lookup(const mw_source *s, const char *name) { return lookup_own(bottom(s), name); }

bool mw_source_find(const mw_source *s, const char *name, int *ndim, int64_t shape[4])
{
    if (s->base) {
        if (!mw_source_find(s->base, name, ndim, shape))
            return false;
        if (s->patch.rows && *ndim)
            shape[0] = s->patch.rows(s->patch.user, name, shape[0]);
        return true;
    }
    const item *e = lookup(s, name);
    if (!e)
        return false;
    *ndim = e->stored->ndim;
    for (int i = 0; i < *ndim; i++)
        shape[i] = e->stored->shape[e->transpose ? *ndim - 1 - i : i];
    if (e->pieces > 1)
        shape[0] /= e->pieces;
    return true;
}

const char *mw_source_name_at(const mw_source *s, size_t i)
{
    s = bottom(s);
    return i < s->n ? s->items[i].name : NULL;
}

const char *mw_source_path(const mw_source *s) { return mw_st_path(bottom(s)->files->st); }

// ---- as a mw_weight_source

// The values as they are stored, times their scale.
static mw_status read_scaled(mw_ctx *c, const mw_st_entry *e, const mw_st_entry *scale, float *out)
{
    if (mw_st_read_f32(c, e, out) == MW_OK && scale)
        mw_scale_apply(c, e, scale, out);
    return mw_err(c);
}

static mw_status read_transposed(mw_ctx *c, const item *i, float *out)
{
    const mw_st_entry *e = i->stored;
    int64_t rows = e->shape[0], columns = e->shape[1];
    float *raw = mw_alloc(c, (size_t)e->count * sizeof *raw);
    if (raw && read_scaled(c, e, i->scale, raw) == MW_OK)
        for (int64_t x = 0; x < columns; x++)
            for (int64_t y = 0; y < rows; y++)
                out[x * rows + y] = raw[y * columns + x];
    free(raw);
    return mw_err(c);
}

// The piece of the stored entry that the item stands for.
static mw_st_entry piece_of(const item *e)
{
    mw_st_entry part = *e->stored;
    part.count /= e->pieces;
    part.bytes /= (size_t)e->pieces;
    part.data += (size_t)e->piece * part.bytes;
    return part;
}

static mw_status read_f32(mw_ctx *c, void *user, const char *name, float *out)
{
    const item *e = lookup(user, name);
    if (!e)
        return mw_fail(c, MW_E_FILE, "%s: tensor '%s' is missing", mw_source_path(user), name);
    mw_st_entry part = piece_of(e);
    if (e->transpose)
        read_transposed(c, e, out);
    else
        read_scaled(c, &part, e->scale, out);
    mw_file_forget(part.data, part.bytes);
    return mw_err(c);
}

static const void *stored(void *user, const char *name, mw_dtype dtype)
{
    const item *e = lookup(user, name);
    mw_st_dtype wanted = dtype == MW_F16 ? MW_ST_F16 : MW_ST_F32;
    return e && !e->transpose && e->stored->dtype == wanted ? piece_of(e).data : NULL;
}

bool mw_source_blocks(void *user, const char *name, mw_block_rows *out)
{
    const item *e = lookup(user, name);
    if (!e || ((mw_source *)user)->base || e->transpose || e->scale || e->stored->ndim != 2)
        return false;
    mw_st_dtype d = e->stored->dtype;
    mw_st_entry part = piece_of(e);
    int64_t columns = e->stored->shape[1];
    *out = (mw_block_rows){.type = d == MW_ST_BF16 ? MW_GGML_BF16
                               : d == MW_ST_F16    ? MW_GGML_F16
                                                   : MW_GGML_F32,
                           .rows = e->stored->shape[0] / e->pieces,
                           .columns = columns,
                           .row_bytes = (size_t)columns * (size_t)mw_st_dtype_bits(d) / 8,
                           .data = part.data};
    return d == MW_ST_BF16 || d == MW_ST_F16 || d == MW_ST_F32;
}

static void stored_read(void *user, const char *name)
{
    const item *e = lookup(user, name);
    if (e)
        mw_file_forget(piece_of(e).data, piece_of(e).bytes);
}

static mw_status apply_patches(mw_ctx *c, void *user, const char *name, int ndim, const int64_t *shape,
                               float *values)
{
    mw_source *s = user;
    if (!s->base || apply_patches(c, s->base, name, ndim, shape, values) != MW_OK)
        return mw_err(c);
    return s->patch.apply(c, s->patch.user, name, ndim, shape, values);
}

static const char *stored_as(void *user, const char *name, bool *coarse)
{
    const item *e = lookup(user, name);
    *coarse = e && mw_is_coarse(e->stored->dtype);
    return e ? e->stored->name : name;
}

static bool find(void *user, const char *name, int *ndim, int64_t shape[4])
{
    return mw_source_find(user, name, ndim, shape);
}

static const char *name_at(void *user, size_t i) { return mw_source_name_at(user, i); }
static void release(void *user) { mw_source_release(user); }

mw_weight_source mw_source_weights(mw_source *s)
{
    return (mw_weight_source){.user = mw_source_retain(s),
                              .path = mw_source_path(s),
                              .find = find,
                              .read_f32 = read_f32,
                              .stored = stored,
                              .stored_read = stored_read,
                              .stored_as = stored_as,
                              .name_at = s->base ? NULL : name_at, // what is unused was said of the base
                              .patch = s->base ? apply_patches : NULL,
                              .free = release};
}
