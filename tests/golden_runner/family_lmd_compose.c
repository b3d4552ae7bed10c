// family_lmd_compose.c: op lmd.compose, lmd.blend_noise: latents of objects mixed, moved and laid over each
// other, by the nodes.
#include "tests/golden_runner/node_call.h"

#include "tests/golden_runner/golden.h"

#include <stdlib.h>
#include <string.h>

enum { OBJECTS = 16 };

static mw_value *numbers(mw_ctx *c, const double *v, int n)
{
    mw_value *list = mw_value_list(c);
    for (int i = 0; i < n; i++)
        mw_value_push(c, list, mw_value_number(c, v[i]));
    return list;
}

// A normalised box x0, y0, x1, y1 on a canvas of 1024 x 1024, where all its bits stay.
static mw_value *box_value(mw_ctx *c, const json_t *v)
{
    double b[4], side = 1024;
    for (size_t i = 0; i < 4; i++)
        b[i] = json_number_value(json_array_get(v, i)) * side;
    return numbers(c, (double[]){b[0], b[1], b[2] - b[0], b[3] - b[1]}, 4);
}

static mw_value *canvas(mw_ctx *c) { return numbers(c, (double[]){1024, 1024}, 2); }
static mw_value *text(mw_ctx *c, const char *s) { return mw_value_text(c, s, strlen(s)); }

static mw_value *input_value(mw_ctx *c, golden_case *k, const char *name)
{
    return mw_value_tensor(c, golden_input_tensor(c, k, name, MW_F32));
}

// ---- noise

static void blend(mw_ctx *c, golden_case *k, const json_t *v)
{
    const char *name = json_string_value(json_object_get(v, "name"));
    const json_t *boxes = json_object_get(v, "boxes");
    const char *back = golden_text(c, k, "noise_bg/%s", name);
    golden_give_tensor(c, k, golden_text(c, k, "latents_bg/%s", name),
                       golden_input_tensor(c, k, back, MW_F32));
    for (size_t i = 0; i < json_array_size(boxes) && mw_err(c) == MW_OK; i++) {
        mw_value *out[1] = {NULL};
        GOLDEN_CALL(c, "blend_latents", out, {"latents", input_value(c, k, back)},
                    {"over", input_value(c, k, golden_text(c, k, "noise_fg/%s/%zu", name, i))},
                    {"box", box_value(c, json_array_get(boxes, i))}, {"canvas", canvas(c)},
                    {"ratio", mw_value_number(c, json_number_value(json_object_get(v, "ratio")))});
        golden_give_tensor(c, k, golden_text(c, k, "latents/%s/%zu", name, i), mw_value_as_tensor(out[0]));
        golden_release_all(out, 1);
    }
}

// ---- composition

typedef struct {
    mw_tensor *latents; // [steps,1,4,h,w]
    mw_value *mask, *shift;
} object;

static mw_value *mask_value(mw_ctx *c, golden_case *k, int i)
{
    return input_value(c, k, golden_text(c, k, "mask/%d", i));
}

// The box of object i among those of all phrases.
static const json_t *box_of(const golden_case *k, int i)
{
    const json_t *phrases = json_object_get(k->params, "overall_bboxes");
    for (size_t p = 0; p < json_array_size(phrases); p++) {
        const json_t *boxes = json_array_get(phrases, p);
        if (i < (int)json_array_size(boxes))
            return json_array_get(boxes, (size_t)i);
        i -= (int)json_array_size(boxes);
    }
    return NULL;
}

static void read_object(mw_ctx *c, golden_case *k, int i, object *o)
{
    o->latents = golden_input_tensor(c, k, golden_text(c, k, "latents_all/%d", i), MW_F32);
    o->mask = mask_value(c, k, i);
    if (json_is_true(json_object_get(k->params, "align")))
        GOLDEN_CALL(
            c, "object_shift", &o->shift, {"mask", mw_value_retain(o->mask)},
            {"box", box_value(c, box_of(k, i))}, {"canvas", canvas(c)}, {"mode", text(c, "faithful")},
            {"horizontal_only", mw_value_bool(c, json_is_true(json_object_get(k->params, "horizontal")))});
}

static mw_value *entry(mw_ctx *c, const object *o, int64_t step)
{
    mw_value *map = mw_value_map(c);
    mw_tensor *z = mw_slice(c, o->latents, 0, step, 1);
    z = mw_reshape(c, z, MW_SHAPE(1, mw_dim(z, 2), mw_dim(z, 3), mw_dim(z, 4)));
    mw_value_set(c, map, "latents", mw_value_tensor(c, z));
    mw_value_set(c, map, "mask", mw_value_retain(o->mask));
    if (o->shift)
        mw_value_set(c, map, "shift", mw_value_retain(o->shift));
    return map;
}

static void compose_step(mw_ctx *c, golden_case *k, const object *o, int n, int64_t step, float *all)
{
    mw_value *out[3] = {NULL}, *list = mw_value_list(c);
    for (int i = 0; i < n; i++)
        mw_value_push(c, list, entry(c, &o[i], step));
    GOLDEN_CALL(c, "latent_compose", out, {"background", input_value(c, k, "latents_bg")}, {"objects", list},
                {"step", mw_value_number(c, (double)step)}, {"mode", text(c, "faithful")});
    if (mw_err(c) == MW_OK) {
        mw_tensor *z = mw_value_as_tensor(out[0]);
        mw_tensor_read_f32(c, z, all + step * mw_numel(z));
        golden_give_tensor(c, k, "frozen_mask", mw_value_as_tensor(out[1]));
        golden_give_tensor(c, k, "foreground_indices", mw_value_as_tensor(out[2]));
    }
    golden_release_all(out, 3);
}

// Masks where they end up, from a composition of that object's mask alone.
static void give_moved(mw_ctx *c, golden_case *k, const object *o, int i)
{
    mw_value *out[3] = {NULL}, *list = mw_value_list(c);
    mw_value_push(c, list, entry(c, o, 0));
    GOLDEN_CALL(c, "latent_compose", out, {"background", input_value(c, k, "latents_bg")}, {"objects", list});
    golden_give_tensor(c, k, golden_text(c, k, "mask_shifted/%d", i), mw_value_as_tensor(out[1]));
    golden_release_all(out, 3);
}

static void compose(mw_ctx *c, golden_case *k)
{
    object o[OBJECTS] = {0};
    int n = (int)mw_json_int(c, k->name, k->params, "n", 0, OBJECTS);
    const mw_st_entry *want = golden_wants(k, "composed");
    for (int i = 0; i < n && mw_err(c) == MW_OK; i++)
        read_object(c, k, i, &o[i]);
    float *all = want ? mw_alloc(c, (size_t)want->count * sizeof *all) : NULL;
    for (int64_t s = 0; all && s < want->shape[0] && mw_err(c) == MW_OK; s++)
        compose_step(c, k, o, n, s, all);
    if (all && mw_err(c) == MW_OK)
        golden_give_f32(c, k, "composed", want->ndim, want->shape, all);
    for (int i = 0; i < n; i++) {
        if (mw_err(c) == MW_OK && o[i].shift)
            give_moved(c, k, &o[i], i);
        mw_value_release(o[i].mask);
        mw_value_release(o[i].shift);
    }
    free(all);
}

static mw_status run(mw_ctx *c, golden_case *k)
{
    size_t i;
    json_t *v;
    if (strcmp(k->op, "lmd.compose") == 0) {
        compose(c, k);
        return mw_err(c);
    }
    json_array_foreach(json_object_get(k->params, "variants"), i, v) { blend(c, k, v); }
    return mw_err(c);
}

const golden_family golden_lmd_compose = {{"lmd.compose", "lmd.blend_noise"}, true, run};
