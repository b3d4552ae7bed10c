// family_sam_refine.c: op lmd.sam_refine: an object's mask from an attention map or a box, by Segment
// Anything.
#include "tests/golden_runner/parts.h"

#include "nodes/nets/sam/sam_pick.h"

#include <stdlib.h>

typedef struct {
    const mw_sam *sam;
    mw_image image;
    int h, w; // of the latents
} job;

static const char *text_of(const json_t *v, const char *key)
{
    const char *s = json_string_value(json_object_get(v, key));
    return s ? s : "";
}

static double number(const json_t *v, const char *key) { return json_number_value(json_object_get(v, key)); }

static void give(mw_ctx *c, golden_case *k, const char *name, const mw_sam_pick *p)
{
    int64_t n = p->n, h = p->h, w = p->w;
    float *v = mw_alloc(c, (size_t)(n * h * w) * sizeof *v);
    for (int64_t i = 0; v && i < n * h * w; i++)
        v[i] = p->candidates[i];
    if (v) {
        golden_give_f32(c, k, golden_text(c, k, "candidates/%s", name), 3, (int64_t[]){n, h, w}, v);
        golden_give_f32(c, k, golden_text(c, k, "mask/%s", name), 2, (int64_t[]){h, w},
                        v + p->chosen * h * w);
        golden_give_f32(c, k, golden_text(c, k, "confidence/%s", name), 1, &n, p->confidence);
        golden_give_f64(c, k, golden_text(c, k, "overlap/%s", name), 1, &n, p->overlap);
    }
    free(v);
}

// From the attention map: its peak as a point, or its mask's bounds as a box.
static void by_attention(mw_ctx *c, golden_case *k, const job *j, const json_t *v, mw_sam_pick p)
{
    const char *name = text_of(v, "name"), *input = golden_text(c, k, "attn/%s", name);
    const mw_st_entry *e = golden_input(c, k, input);
    const float *attn = golden_input_f32(c, k, input);
    bool by_box = json_is_true(json_object_get(v, "use_box_input"));
    if (!attn || e->ndim != 2)
        return;
    int h = (int)e->shape[0], w = (int)e->shape[1], label = MW_SAM_INSIDE, bounds[4];
    double *map = mw_alloc(c, 2 * (size_t)(h * w) * sizeof *map), point[2], box[4];
    uint8_t *coarse = mw_alloc(c, (size_t)(h * w));
    for (int i = 0; map && i < h * w; i++)
        map[i] = attn[i];
    double *smooth = map ? map + h * w : NULL;
    double x = (double)j->image.width / w, y = (double)j->image.height / h;
    if (map && coarse &&
        mw_map_mask(c, map, h, w, number(v, "gaussian_sigma"),
                    number(v, by_box ? "mask_th_for_box" : "mask_th_for_point"),
                    by_box ? (int)number(v, "n_erode_dilate") : 0, smooth, coarse) == MW_OK) {
        int peak = mw_map_peak(smooth, h * w);
        point[0] = peak % w * x;
        point[1] = peak / w * y;
        mw_mask_bounds(coarse, h, w, 1, bounds);
        for (int i = 0; i < 4; i++)
            box[i] = bounds[i] * (i % 2 ? y : x);
        p.npoints = by_box ? 0 : 1;
        p.points = point;
        p.labels = &label;
        p.box = by_box ? box : NULL;
        p.coarse = coarse;
        p.coarse_h = h;
        p.coarse_w = w;
        if (mw_sam_pick_mask(c, j->sam, &j->image, &p) == MW_OK)
            give(c, k, name, &p);
        free(p.candidates);
    }
    free(map);
    free(coarse);
}

// From a box in 0..1, rounded to pixels.
static void by_box(mw_ctx *c, golden_case *k, const job *j, const json_t *v, mw_sam_pick p)
{
    double given[4], box[4];
    int cells[4];
    uint8_t *coarse = mw_alloc(c, (size_t)(j->h * j->w));
    for (size_t i = 0; i < 4; i++)
        given[i] = json_number_value(json_array_get(json_object_get(v, "box"), i));
    mw_box_cells(given, j->image.height, j->image.width, cells);
    for (int i = 0; i < 4; i++)
        box[i] = cells[i];
    mw_box_cells(given, j->h, j->w, cells);
    p.box = box;
    p.coarse = coarse;
    p.coarse_h = j->h;
    p.coarse_w = j->w;
    if (coarse) {
        mw_box_mask(cells, j->h, j->w, coarse);
        if (mw_sam_pick_mask(c, j->sam, &j->image, &p) == MW_OK)
            give(c, k, text_of(v, "name"), &p);
        free(p.candidates);
    }
    free(coarse);
}

static mw_status run(mw_ctx *c, golden_case *k)
{
    int64_t size[2] = {0};
    size_t i;
    json_t *v;
    const char *folder = golden_model(c, k, "sam");
    mw_sam *sam = folder ? mw_sam_open(c, folder, k->dtype) : NULL;
    mw_json_ints(c, k->name, k->params, "latent_size", 1, 4096, size, 2);
    job j = {sam, golden_input_image(c, k, "image"), (int)size[0], (int)size[1]};
    json_array_foreach(json_object_get(k->params, "variants"), i, v)
    {
        mw_sam_pick p = {.h = j.h, .w = j.w};
        p.min_confidence = number(v, "min_confidence");
        p.min_overlap = number(v, "min_iou");
        bool attention = text_of(v, "route")[0] == 'a';
        if (mw_err(c) == MW_OK)
            (attention ? by_attention : by_box)(c, k, &j, v, p);
    }
    if (sam)
        mw_object_release(&sam->base);
    return mw_err(c);
}

const golden_family golden_sam_refine = {{"lmd.sam_refine"}, true, run};
