// lora.c: low-rank changes of a model's weights, bound to a model and merged when its weights are read.
#include "nodes/nets/lora/lora_internal.h"

#include "core/base/nearest.h"
#include "core/base/pathname.h"
#include "core/io/file_kind.h"
#include "core/ops.h"
#include "nodes/nets/checkpoint/ldm_names.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void free_modules(mw_lora *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->modules[i].name);
        free(l->modules[i].key);
        free(l->modules[i].weight);
    }
    free(l->modules);
}

void mw_lora_release(mw_lora *l)
{
    if (!l || atomic_fetch_sub(&l->refs, 1) > 1)
        return;
    free_modules(l);
    mw_files_release(l->files);
    free(l->path);
    free(l);
}

// ---- binding

// The weights of a part by the key of their module.
typedef struct target {
    char key[MW_LORA_NAME_MAX];
    const char *weight;
} target;

typedef struct targets {
    target *list; // sorted by key
    size_t n;
} targets;

static int by_key(const void *a, const void *b)
{
    return strcmp(((const target *)a)->key, ((const target *)b)->key);
}

static mw_source *source_of(const mw_checkpoint *k, mw_lora_part p)
{
    return p == MW_LORA_UNET ? k->unet_source : k->text_source[p - MW_LORA_TEXT];
}

static targets list_targets(mw_ctx *c, const mw_source *s)
{
    targets t = {.n = 0};
    size_t count = 0;
    const char *name;
    int ndim;
    int64_t shape[4];
    while (mw_source_name_at(s, count))
        count++;
    t.list = mw_alloc(c, count * sizeof *t.list);
    for (size_t i = 0; t.list && (name = mw_source_name_at(s, i)); i++) {
        char module[MW_LORA_NAME_MAX];
        size_t n = strlen(name), end = strlen(".weight");
        if (n <= end || n >= sizeof module || strcmp(name + n - end, ".weight") != 0 ||
            !mw_source_find(s, name, &ndim, shape) || ndim < 2)
            continue;
        snprintf(module, sizeof module, "%.*s", (int)(n - end), name);
        mw_lora_module_key(module, t.list[t.n].key);
        t.list[t.n++].weight = name;
    }
    if (t.n)
        qsort(t.list, t.n, sizeof *t.list, by_key);
    return t;
}

static const target *find_target(const targets *t, const char *key)
{
    target wanted;
    snprintf(wanted.key, sizeof wanted.key, "%s", key);
    return t->n ? bsearch(&wanted, t->list, t->n, sizeof wanted, by_key) : NULL;
}

// Equal, but for ones at the end.
static bool same_sizes(int na, const int64_t *a, int nb, const int64_t *b)
{
    for (int i = 0; i < na || i < nb; i++)
        if ((i < na ? a[i] : 1) != (i < nb ? b[i] : 1))
            return false;
    return true;
}

// down [r, I, kh, kw], up [O, r]; or, with a factor in the middle, down [r, I], mid [r, r, kh, kw], up [O,
// r].
static void check_shape(mw_ctx *c, const mw_lora *l, const mw_lora_module *m, int ndim, const int64_t *shape)
{
    const mw_st_entry *down = m->factor[MW_LORA_DOWN], *up = m->factor[MW_LORA_UP],
                      *mid = m->factor[MW_LORA_MID];
    int64_t r = down->shape[0], want_down[4] = {r, shape[1]}, want_mid[4] = {r, r};
    for (int i = 2; i < ndim; i++)
        (mid ? want_mid : want_down)[i] = shape[i];
    bool fits = same_sizes(up->ndim, up->shape, 2, (int64_t[]){shape[0], r}) &&
        same_sizes(down->ndim, down->shape, mid ? 2 : ndim, want_down) &&
        (!mid || (ndim == 4 && same_sizes(mid->ndim, mid->shape, 4, want_mid)));
    if (fits)
        return;
    char text[96] = "";
    for (int i = 0; i < ndim; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%lld", i ? "," : "",
                 (long long)shape[i]);
    mw_fail(c, MW_E_FILE,
            "%s: module '%s' of the %s: its factors of rank %lld do not fit the model's weight '%s' [%s]; is "
            "the LoRA "
            "for another kind of model?",
            l->path, m->name, mw_lora_part_name(m->part), (long long)r, m->weight, text);
}

static void bind(mw_ctx *c, const mw_lora *l, mw_lora_module *m, const targets *t, const mw_checkpoint *k)
{
    char key[MW_LORA_NAME_MAX], hint[512];
    const target *found = find_target(t, m->key);
    if (!found && m->part == MW_LORA_UNET &&
        mw_ldm_unet_name(m->key, '_', k->unet_config.down[0].layers, key, sizeof key))
        found = find_target(t, key);
    if (!found) {
        mw_nearest near = {.wrong = m->key};
        for (size_t i = 0; i < t->n; i++)
            mw_nearest_offer(&near, t->list[i].key);
        mw_fail(c, MW_E_FILE, "%s: module '%s' matches nothing in the %s of %s%s", l->path, m->name,
                mw_lora_part_name(m->part), k->path, mw_nearest_hint(&near, hint, sizeof hint));
        return;
    }
    int ndim;
    int64_t shape[4];
    m->weight = mw_strdup(c, found->weight);
    if (m->weight && mw_source_find(source_of(k, m->part), m->weight, &ndim, shape))
        check_shape(c, l, m, ndim, shape);
}

static int by_weight(const void *pa, const void *pb)
{
    const mw_lora_module *a = pa, *b = pb;
    return a->part != b->part ? (a->part < b->part ? -1 : 1) : strcmp(a->weight, b->weight);
}

static void bind_all(mw_ctx *c, mw_lora *l, const mw_checkpoint *k)
{
    targets t[MW_LORA_PARTS] = {0};
    for (size_t i = 0; i < l->n && mw_err(c) == MW_OK; i++) {
        mw_lora_module *m = &l->modules[i];
        mw_source *s = m->part == MW_LORA_TEXT_2 && k->ntext < 2 ? NULL : source_of(k, m->part);
        if (!s) {
            mw_fail(c, MW_E_FILE,
                    "%s: module '%s' is for a second text encoder, which %s has not (an SDXL LoRA?)", l->path,
                    m->name, k->path);
            break;
        }
        if (!t[m->part].list)
            t[m->part] = list_targets(c, s);
        if (mw_err(c) == MW_OK)
            bind(c, l, m, &t[m->part], k);
    }
    for (int p = 0; p < MW_LORA_PARTS; p++)
        free(t[p].list);
    if (mw_err(c) != MW_OK)
        return;
    qsort(l->modules, l->n, sizeof *l->modules, by_weight);
    for (size_t i = 1; i < l->n; i++)
        if (by_weight(&l->modules[i - 1], &l->modules[i]) == 0)
            mw_fail(c, MW_E_FILE, "%s: modules '%s' and '%s' both change the weight '%s'", l->path,
                    l->modules[i - 1].name, l->modules[i].name, l->modules[i].weight);
}

// The file itself, or that of a folder; free() it.
static char *weights_in(mw_ctx *c, const char *path)
{
    static const char *const names[] = {"pytorch_lora_weights.safetensors", "adapter_model.safetensors"};
    if (!mw_path_is_folder(path))
        return mw_strdup(c, path);
    for (int i = 0; i < 2; i++) {
        char *file = mw_path_join(c, path, names[i]);
        if (file && mw_path_exists(file))
            return file;
        free(file);
    }
    mw_fail(c, MW_E_FILE, "%s: a folder without %s or %s", path, names[0], names[1]);
    return NULL;
}

mw_lora *mw_lora_open(mw_ctx *c, const char *path, const mw_checkpoint *model)
{
    mw_lora *l = mw_err(c) == MW_OK ? mw_alloc(c, sizeof *l) : NULL;
    if (!l)
        return NULL;
    atomic_init(&l->refs, 1);
    l->path = weights_in(c, path);
    const char *kind = l->path ? mw_file_kind_at(c, l->path) : NULL;
    if (kind)
        mw_fail(c, MW_E_FILE, "%s: is no LoRA but %s", l->path, kind);
    l->files = mw_err(c) == MW_OK ? mw_files_open(c, l->path) : NULL;
    if (l->files && mw_lora_read(c, l) == MW_OK && mw_lora_read_scales(c, l) == MW_OK)
        bind_all(c, l, model);
    if (mw_err(c) == MW_OK)
        return l;
    mw_lora_release(l);
    return NULL;
}

// ---- merging

static void check_finite(mw_ctx *c, const mw_st_entry *e, const float *values)
{
    for (int64_t i = 0; i < e->count; i++)
        if (!isfinite(values[i])) {
            mw_fail(c, MW_E_FILE, "%s: tensor '%.200s' of the LoRA holds %g at position %lld", e->file,
                    e->name, (double)values[i], (long long)i);
            return;
        }
}

static mw_tensor *factor(mw_ctx *c, const mw_st_entry *e, int ndim, const int64_t *shape)
{
    mw_tensor *t = NULL;
    float *values = mw_alloc(c, (size_t)e->count * sizeof *values);
    if (values && mw_st_read_f32(c, e, values) == MW_OK)
        check_finite(c, e, values);
    if (values && mw_err(c) == MW_OK)
        t = mw_tensor_from_f32(c, MW_F32, ndim, shape, values);
    free(values);
    return t;
}

// The product of the lower factors, [r, elements of one output].
static mw_tensor *lower(mw_ctx *c, const mw_lora_module *m)
{
    const mw_st_entry *down = m->factor[MW_LORA_DOWN], *mid = m->factor[MW_LORA_MID];
    int64_t r = down->shape[0], inputs = down->count / r;
    mw_tensor *d = factor(c, down, MW_SHAPE(r, inputs));
    if (!mid)
        return d;
    mw_tensor *t = factor(c, mid, 4, mid->shape);                                    // [r, r', kh, kw]
    t = mw_matmul(c, mw_contiguous(c, mw_permute(c, t, (int[]){0, 2, 3, 1})), d, 1); // [r, kh, kw, I]
    return mw_reshape(c, mw_contiguous(c, mw_permute(c, t, (int[]){0, 3, 1, 2})), MW_SHAPE(r, -1));
}

static const mw_lora_module *find_module(const mw_lora *l, mw_lora_part part, const char *weight)
{
    mw_lora_module wanted = {.part = part, .weight = (char *)weight};
    return bsearch(&wanted, l->modules, l->n, sizeof wanted, by_weight);
}

mw_status mw_lora_add(mw_ctx *c, const mw_lora *l, int part, double strength, const char *name, int ndim,
                      const int64_t *shape, float *values)
{
    const mw_lora_module *m = find_module(l, (mw_lora_part)part, name);
    if (!m || mw_err(c) != MW_OK)
        return mw_err(c);
    int64_t n = 1;
    for (int i = 0; i < ndim; i++)
        n *= shape[i];
    mw_scope_begin(c);
    mw_tensor *up = factor(c, m->factor[MW_LORA_UP], MW_SHAPE(shape[0], m->factor[MW_LORA_DOWN]->shape[0]));
    mw_tensor *change = mw_matmul(c, up, lower(c, m), strength * m->scale);
    float *host = change ? mw_alloc(c, (size_t)n * sizeof *host) : NULL;
    if (host && mw_tensor_read_f32(c, change, host) == MW_OK)
        for (int64_t i = 0; i < n && mw_err(c) == MW_OK; i++) {
            if (!isfinite(host[i]))
                mw_fail(c, MW_E_FILE,
                        "%s: module '%s' of the LoRA changes a weight by %g: its factors are too large",
                        l->path, m->name, (double)host[i]);
            values[i] += host[i];
        }
    free(host);
    mw_scope_end(c, NULL);
    return mw_err(c);
}

// A LoRA as a change of one part's source.
typedef struct merge {
    mw_lora *lora; // one share
    mw_lora_part part;
    double strength;
} merge;

static mw_status apply(mw_ctx *c, void *user, const char *name, int ndim, const int64_t *shape, float *values)
{
    const merge *m = user;
    return mw_lora_add(c, m->lora, (int)m->part, m->strength, name, ndim, shape, values);
}

static void free_merge(void *user)
{
    merge *m = user;
    mw_lora_release(m->lora);
    free(m);
}

// The part's source with the LoRA on top; NULL where it changes nothing there.
static mw_source *patched(mw_ctx *c, mw_lora *l, mw_checkpoint *k, mw_lora_part part, double strength)
{
    bool changes = false;
    for (size_t i = 0; i < l->n; i++)
        changes = changes || l->modules[i].part == part;
    merge *m = changes && strength != 0 ? mw_alloc(c, sizeof *m) : NULL;
    if (!m)
        return NULL;
    atomic_fetch_add(&l->refs, 1);
    *m = (merge){l, part, strength};
    return mw_source_patched(c, source_of(k, part),
                             (mw_patch){.user = m, .apply = apply, .free = free_merge});
}

mw_checkpoint *mw_lora_apply(mw_ctx *c, mw_lora *l, mw_checkpoint *model, double strength,
                             double text_strength)
{
    if (!l || !model)
        return NULL;
    mw_source *text[2], *unet = patched(c, l, model, MW_LORA_UNET, strength);
    for (int i = 0; i < 2; i++)
        text[i] = patched(c, l, model, i ? MW_LORA_TEXT_2 : MW_LORA_TEXT, text_strength);
    return mw_checkpoint_with(c, model, unet, text, NULL);
}
