// energy_function.c: an energy that a graph's own function computes from the maps of the phrases.
#include "nodes/nets/guidance/energy_function.h"

#include "nodes/nets/guidance/energy_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- layout:inside(phrase, map), layout:outside(phrase, map)

typedef struct region {
    char *phrase, *name; // "two red balls", "a red ball": either finds it
    double (*box)[4];
    int nboxes;
} region;

// Owns all it needs: a script may keep it longer than the node runs.
typedef struct regions {
    mw_function f;
    bool outside, wrapped;
    region *item;
    size_t n;
} regions;

static void free_regions(mw_object *o)
{
    regions *r = (regions *)o;
    for (size_t i = 0; r->item && i < r->n; i++) {
        free(r->item[i].phrase);
        free(r->item[i].name);
        free(r->item[i].box);
    }
    free(r->item);
    free(r);
}

static const mw_object_type regions_type = {.name = "function", .free = free_regions};

static const region *find_region(mw_ctx *c, const regions *r, const char *method, const char *phrase)
{
    char known[400] = "";
    size_t used = 0;
    for (size_t i = 0; i < r->n; i++) {
        if (!strcmp(r->item[i].phrase, phrase) || !strcmp(r->item[i].name, phrase))
            return &r->item[i];
        if (used < sizeof known)
            used += (size_t)snprintf(known + used, sizeof known - used, "%s\"%s\"", i ? ", " : "",
                                     r->item[i].phrase);
    }
    mw_fail(c, MW_E_ARG, "%s: the layout has no phrase \"%.100s\"; it has %s", method, phrase, known);
    return NULL;
}

static mw_value *region_mask(mw_ctx *c, mw_function *f, const mw_value *args)
{
    const regions *r = (const regions *)f;
    const char *method = r->outside ? "layout:outside" : "layout:inside";
    const mw_value *phrase = mw_value_at(args, 1);
    mw_tensor *map = mw_value_as_tensor(mw_value_at(args, 2));
    if (mw_value_count(args) != 3 || mw_value_kind(phrase) != MW_TEXT || !map || map->ndim < 2 ||
        mw_numel(map) == 0) {
        mw_fail(c, MW_E_ARG, "%s(phrase, map): takes the phrase and the map [..,h,w] of one of the maps",
                method);
        return NULL;
    }
    const region *found = find_region(c, r, method, mw_value_as_text(phrase));
    int64_t h = mw_dim(map, -2), w = mw_dim(map, -1);
    if (h > 4096 || w > 4096)
        mw_fail(c, MW_E_SHAPE, "%s: a map has at most 4096 x 4096 cells", method);
    float *mask = mw_err(c) == MW_OK ? mw_alloc(c, (size_t)(h * w) * sizeof *mask) : NULL;
    if (!mask)
        return NULL;
    mw_cells_mask((const double(*)[4])found->box, found->nboxes, (int)h, (int)w, r->wrapped, mask);
    for (int64_t i = 0; r->outside && i < h * w; i++)
        mask[i] = 1 - mask[i];
    mw_value *v = mw_value_tensor(c, mw_tensor_from_f32(c, MW_F32, MW_SHAPE(h, w), mask));
    free(mask);
    return v;
}

static void copy_region(mw_ctx *c, const mw_energy_call *e, size_t i, region *to)
{
    const mw_spec_group *g = &e->spec->group[i];
    const mw_energy_phrase *p = &e->phrases->phrase[i];
    to->phrase = mw_strdup(c, g->phrase);
    to->name = mw_strdup(c, e->spec->object[g->first].phrase);
    to->nboxes = p->nboxes;
    to->box = mw_alloc(c, (size_t)p->nboxes * sizeof *to->box);
    if (to->box)
        memcpy(to->box, p->box, (size_t)p->nboxes * sizeof *to->box);
}

static mw_value *regions_value(mw_ctx *c, const mw_energy_call *e, bool outside)
{
    size_t n = (size_t)e->phrases->n;
    regions *r = mw_alloc(c, sizeof *r);
    if (!r)
        return NULL;
    r->f = (mw_function){.object = {.type = &regions_type}, .call = region_mask};
    atomic_init(&r->f.object.refs, 1);
    r->outside = outside;
    r->wrapped = e->wrapped_boxes;
    r->item = mw_alloc(c, n * sizeof *r->item);
    r->n = r->item ? n : 0;
    for (size_t i = 0; i < r->n; i++)
        copy_region(c, e, i, &r->item[i]);
    return mw_value_object(c, &r->f.object);
}

static mw_value *layout_value(mw_ctx *c, const mw_energy_call *e)
{
    mw_value *v = mw_value_map(c);
    for (size_t i = 0; v && i < mw_value_count(e->layout); i++)
        mw_value_set(c, v, mw_value_key_at(e->layout, i), mw_value_retain(mw_value_at(e->layout, i)));
    if (v && mw_err(c) == MW_OK)
        mw_value_set(c, v, "inside", regions_value(c, e, false));
    if (v && mw_err(c) == MW_OK)
        mw_value_set(c, v, "outside", regions_value(c, e, true));
    return v;
}

// ---- the maps of the phrases

// [1, length, phrases]: 1 / tokens where a token is the phrase's.
static mw_tensor *mean_of_tokens(mw_ctx *c, const mw_energy_call *e, int64_t length)
{
    int n = e->phrases->n;
    float *v = mw_alloc(c, (size_t)length * (size_t)n * sizeof *v);
    for (int i = 0; v && i < n; i++) {
        const mw_energy_phrase *p = &e->phrases->phrase[i];
        for (int t = 0; t < p->ntokens; t++) {
            if (p->token[t] < 0 || p->token[t] >= length)
                mw_fail(c, MW_E_ARG, "token %d of \"%.100s\" is not among the %lld that the embedding has",
                        p->token[t], e->spec->group[i].phrase, (long long)length);
            else
                v[(int64_t)p->token[t] * n + i] += 1 / (float)p->ntokens;
        }
    }
    mw_tensor *t = v && mw_err(c) == MW_OK ? mw_tensor_from_f32(c, MW_F32, MW_SHAPE(1, length, n), v) : NULL;
    free(v);
    return t;
}

static void push_text(mw_ctx *c, mw_value *map, const char *key, const char *text)
{
    mw_value_set(c, map, key, mw_value_text(c, text, strlen(text)));
}

// One layer's map [1,heads,h*w,L] as an entry for each phrase.
static void push_layer(mw_ctx *c, const mw_energy_call *e, const mw_guided_layer *l, mw_tensor *map,
                       mw_value *list)
{
    char got[64];
    if (!map || map->ndim != 4 || mw_dim(map, 0) != 1 || mw_dim(map, 2) != (int64_t)l->h * l->w) {
        mw_fail(c, MW_E_SHAPE, "the map of %s must be [1,heads,%d,L], got %s", l->path, l->h * l->w,
                mw_shape_text(map, got, sizeof got));
        return;
    }
    mw_tensor *columns = mw_energy_columns(c, map, mean_of_tokens(c, e, mw_dim(map, 3)));
    for (int i = 0; i < e->phrases->n && mw_err(c) == MW_OK; i++) {
        mw_tensor *one = mw_slice(c, columns, 3, i, 1);
        mw_value *entry = mw_value_map(c);
        push_text(c, entry, "phrase", e->spec->group[i].phrase);
        push_text(c, entry, "layer", l->path);
        mw_value_set(c, entry, "map",
                     mw_value_tensor(c, mw_reshape(c, one, MW_SHAPE(mw_dim(map, 1), l->h, l->w))));
        mw_value_push(c, list, entry);
    }
}

// ---- the energy

static mw_tensor *energy_of(mw_ctx *c, const mw_value *result)
{
    mw_tensor *t = mw_value_as_tensor(result);
    char got[64] = "";
    if (mw_err(c) != MW_OK)
        return NULL;
    if (t && mw_numel(t) == 1)
        return mw_reshape(c, t, MW_SHAPE(1));
    mw_fail(c, MW_E_SCRIPT, "the energy function must return a tensor of one number, got a %s %s",
            mw_kind_name(mw_value_kind(result)), t ? mw_shape_text(t, got, sizeof got) : "");
    return NULL;
}

mw_tensor *mw_energy_of_function(mw_ctx *c, const mw_energy_call *e, mw_tensor *const *maps)
{
    if (mw_err(c) != MW_OK)
        return NULL;
    mw_scope_begin(c);
    mw_value *args = mw_value_list(c), *list = mw_value_list(c);
    for (int i = 0; i < e->nlayers && mw_err(c) == MW_OK; i++)
        push_layer(c, e, &e->layer[i], maps[i], list);
    mw_value_push(c, args, list);
    mw_value_push(c, args, mw_err(c) == MW_OK ? layout_value(c, e) : NULL);
    mw_value *result = mw_function_call(c, e->function, args);
    mw_tensor *t = mw_scope_end(c, energy_of(c, result));
    mw_value_release(args);
    mw_value_release(result);
    return t;
}
