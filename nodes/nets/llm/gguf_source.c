// gguf_source.c: the tensors of a GGUF file under transformers' names, rows of q and k in its order.
#include "nodes/nets/llm/gguf_source.h"

#include "core/base/file.h"
#include "core/base/text.h"
#include "nodes/nets/llm/gguf_names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    char *name; // what networks ask for
    const mw_gguf_tensor *t;
    mw_block_rows rows;
} item;

typedef struct {
    mw_gguf *g;
    const mw_gguf_architecture *a;
    item *items; // by name
    size_t n;
} source;

// ---- making

// The number of heads that the rows of q or k are cut into; 0 where the file's order is that of the network.
static int64_t heads_of(mw_ctx *c, const mw_gguf *g, const mw_gguf_architecture *a, const char *name)
{
    char key[80];
    bool q = strstr(name, ".self_attn.q_proj."), k = strstr(name, ".self_attn.k_proj.");
    if (!a->pairs_neighbours || !(q || k))
        return 0;
    snprintf(key, sizeof key, "%s.attention.head_count", a->name);
    int64_t heads = mw_gguf_need_int(c, g, key, 1, 1 << 14);
    if (q)
        return heads;
    snprintf(key, sizeof key, "%s.attention.head_count_kv", a->name);
    return mw_gguf_int(c, g, key, heads, 1, 1 << 14);
}

static void bad_tensor(mw_ctx *c, const source *s, const item *it, const char *why)
{
    char shown[100];
    mw_fail(c, MW_E_FILE, "%s: tensor '%s': %s", mw_gguf_path(s->g),
            mw_printable(it->t->name, shown, sizeof shown), why);
}

static void take(mw_ctx *c, source *s, const mw_gguf_architecture *a, item *it)
{
    char why[160];
    const mw_gguf_tensor *t = it->t;
    const mw_ggml_facts *f = mw_ggml_type_facts(t->type);
    it->name = mw_gguf_hf_name(c, a, t->name);
    int64_t heads = it->name ? heads_of(c, s->g, a, it->name) : 0;
    int64_t columns = t->ndim < 1 || (heads && t->ndim == 1) ? 1 : t->shape[t->ndim - 1];
    int64_t rows = columns ? t->count / columns : 0;
    it->rows = (mw_block_rows){.type = t->type,
                               .rows = rows,
                               .columns = columns,
                               .row_bytes = rows ? t->bytes / (size_t)rows : 0,
                               .data = t->data,
                               .group = heads ? rows / heads : 0};
    if (mw_err(c) != MW_OK)
        return;
    if (!f->decodes) {
        snprintf(why, sizeof why, "weights of the type %s are not supported", f->name);
        bad_tensor(c, s, it, why);
    } else if (heads && (rows % heads || it->rows.group % 2 || t->ndim > 2)) {
        snprintf(why, sizeof why, "its %lld rows are no pairs of rows for each of %lld heads",
                 (long long)rows, (long long)heads);
        bad_tensor(c, s, it, why);
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const item *)a)->name, ((const item *)b)->name);
}

static void fill(mw_ctx *c, source *s)
{
    size_t n = 0;
    const mw_gguf_architecture *a = s->a = mw_gguf_read_architecture(c, s->g);
    while (mw_gguf_at(s->g, n))
        n++;
    s->items = a ? mw_alloc(c, (n + 1) * sizeof *s->items) : NULL;
    while (s->items && s->n < n && mw_err(c) == MW_OK) {
        s->items[s->n].t = mw_gguf_at(s->g, s->n);
        take(c, s, a, &s->items[s->n++]);
    }
    if (mw_err(c) != MW_OK)
        return;
    qsort(s->items, n, sizeof *s->items, by_name);
    for (size_t i = 1; i < n; i++)
        if (!by_name(&s->items[i - 1], &s->items[i]))
            bad_tensor(c, s, &s->items[i], "is the same weight as another");
}

static void release(void *user)
{
    source *s = user;
    for (size_t i = 0; i < s->n; i++)
        free(s->items[i].name);
    free(s->items);
    mw_gguf_close(s->g);
    free(s);
}

// ---- as a mw_weight_source

static const item *lookup(const source *s, const char *name)
{
    item key = {.name = (char *)name};
    return bsearch(&key, s->items, s->n, sizeof key, by_name);
}

static bool find(void *user, const char *name, int *ndim, int64_t shape[4])
{
    const item *it = lookup(user, name);
    if (!it)
        return false;
    *ndim = it->t->ndim;
    memcpy(shape, it->t->shape, sizeof it->t->shape);
    return true;
}

static mw_status read_f32(mw_ctx *c, void *user, const char *name, float *out)
{
    const source *s = user;
    const item *it = lookup(s, name);
    if (!it)
        return mw_fail(c, MW_E_FILE, "%s: tensor '%s' is missing", mw_gguf_path(s->g), name);
    const mw_block_rows *b = &it->rows;
    if (b->group)
        for (int64_t r = 0; r < b->rows; r++)
            mw_ggml_decode(b->type, mw_block_row(b, r), out + r * b->columns, b->columns);
    else
        mw_ggml_decode(b->type, b->data, out, it->t->count);
    mw_file_forget(it->t->data, it->t->bytes);
    return mw_err(c);
}

static const void *stored(void *user, const char *name, mw_dtype dtype)
{
    const item *it = lookup(user, name);
    bool same = it && !it->rows.group && it->t->type == (dtype == MW_F16 ? MW_GGML_F16 : MW_GGML_F32);
    return same ? it->t->data : NULL;
}

static bool blocks(void *user, const char *name, mw_block_rows *out)
{
    const item *it = lookup(user, name);
    if (it && it->t->ndim == 2)
        *out = it->rows;
    return it && it->t->ndim == 2;
}

static void stored_read(void *user, const char *name)
{
    const item *it = lookup(user, name);
    if (it)
        mw_file_forget(it->t->data, it->t->bytes);
}

static const char *name_at(void *user, size_t i)
{
    const source *s = user;
    return i < s->n ? s->items[i].name : NULL;
}

static const char *stored_as(void *user, const char *name, bool *coarse)
{
    static _Thread_local char missing[160];
    const source *s = user;
    const item *it = lookup(s, name);
    *coarse = it && it->t->type >= MW_GGML_I8 && it->t->type <= MW_GGML_I64;
    return it ? it->t->name : mw_gguf_stored_name(s->a, name, missing, sizeof missing);
}

mw_status mw_gguf_source(mw_ctx *c, mw_gguf *g, mw_weight_source *out)
{
    source *s = mw_alloc(c, sizeof *s);
    *out = (mw_weight_source){0};
    if (!s) {
        mw_gguf_close(g);
        return mw_err(c);
    }
    s->g = g;
    fill(c, s);
    if (mw_err(c) != MW_OK) {
        release(s);
        return mw_err(c);
    }
    *out = (mw_weight_source){.user = s,
                              .path = mw_gguf_path(g),
                              .find = find,
                              .read_f32 = read_f32,
                              .stored = stored,
                              .stored_read = stored_read,
                              .blocks = blocks,
                              .name_at = name_at,
                              .stored_as = stored_as,
                              .free = release};
    return MW_OK;
}
