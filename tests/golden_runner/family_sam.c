// family_sam.c: op lmd.sam: Segment Anything: prepared picture, its embedding, masks of prompts.
#include "tests/golden_runner/parts.h"

#include "nodes/nets/sam/sam_open.h"

#include <stdlib.h>
#include <string.h>

// What one case needs.
typedef struct {
    mw_sam *sam;
    mw_image_geometry g;
    mw_tensor *embedding;
} job;

static void prepare(mw_ctx *c, golden_case *k, job *j)
{
    const mw_image image = golden_input_image(c, k, "image");
    mw_tensor *pixels = image.rgb ? mw_image_prep_run(c, &j->sam->prep, &image, &j->g) : NULL;
    int32_t size[2] = {j->g.new_height, j->g.new_width};
    j->embedding = mw_sam_encode(c, &j->sam->model, pixels);
    if (mw_err(c) != MW_OK)
        return;
    mw_tensor *planes = mw_permute(c, pixels, (int[]){0, 3, 1, 2});
    golden_give_tensor(c, k, "pixel_values",
                       mw_reshape(c, planes, MW_SHAPE(3, mw_dim(planes, 2), mw_dim(planes, 3))));
    planes = mw_permute(c, j->embedding, (int[]){0, 3, 1, 2});
    golden_give_tensor(
        c, k, "image_embedding",
        mw_reshape(c, planes, MW_SHAPE(mw_dim(planes, 1), mw_dim(planes, 2), mw_dim(planes, 3))));
    golden_give_i32(c, k, "reshaped_size", 1, (int64_t[]){2}, size);
}

// The numbers of a nested list, in order; *n of them; free() them.
static double *flat(mw_ctx *c, const json_t *v, int *n)
{
    double *out = NULL;
    if (!json_is_array(v)) {
        out = mw_alloc(c, sizeof *out);
        if (out)
            *out = json_number_value(v);
        *n = 1;
        return out;
    }
    *n = 0;
    for (size_t i = 0; i < json_array_size(v) && mw_err(c) == MW_OK; i++) {
        int more;
        double *part = flat(c, json_array_get(v, i), &more);
        double *grown = part ? mw_realloc(c, out, (size_t)(*n + more) * sizeof *out) : NULL;
        if (grown) {
            out = grown;
            memcpy(out + *n, part, (size_t)more * sizeof *out);
            *n += more;
        }
        free(part);
    }
    return out;
}

static void give_scaled(mw_ctx *c, golden_case *k, const char *what, const char *variant, const double *xy,
                        int n, int per)
{
    const mw_st_entry *e = golden_wants(k, golden_text(c, k, "%s/%s", what, variant));
    if (e && e->count == (int64_t)n * per)
        golden_give_f64(c, k, e->name, e->ndim, e->shape, xy);
}

static void give_full(mw_ctx *c, golden_case *k, const char *variant, mw_tensor *full)
{
    int64_t n = mw_numel(full);
    float *v = mw_alloc(c, (size_t)n * sizeof *v);
    if (v && mw_tensor_read_f32(c, full, v) == MW_OK) {
        golden_give_tensor(c, k, golden_text(c, k, "logits_full/%s", variant), full);
        for (int64_t i = 0; i < n; i++)
            v[i] = v[i] > 0;
        golden_give_f32(c, k, golden_text(c, k, "mask_full/%s", variant), full->ndim, full->shape, v);
    }
    free(v);
}

static void run_variant(mw_ctx *c, golden_case *k, const job *j, const char *name, const json_t *v)
{
    int nboxes = 0, npoints = 0, nlabels = 0;
    const json_t *labels_json = json_object_get(v, "input_labels");
    double *boxes =
        json_object_get(v, "input_boxes") ? flat(c, json_object_get(v, "input_boxes"), &nboxes) : NULL;
    double *points =
        json_object_get(v, "input_points") ? flat(c, json_object_get(v, "input_points"), &npoints) : NULL;
    double *given = labels_json ? flat(c, labels_json, &nlabels) : NULL;
    int *labels = mw_alloc(c, (size_t)(npoints / 2 + 1) * sizeof *labels);
    bool several = !json_is_false(json_object_get(v, "multimask_output"));
    int n = boxes ? nboxes / 4 : (int)json_array_size(json_array_get(json_object_get(v, "input_points"), 0));
    if (mw_err(c) == MW_OK && n > 0) {
        for (int i = 0; i < npoints / 2; i++)
            labels[i] = i < nlabels ? (int)given[i] : MW_SAM_INSIDE;
        // Points of one prompt lie one level deeper than prompts; a single level is one prompt's points.
        const json_t *first = json_array_get(json_object_get(v, "input_points"), 0);
        if (!boxes && !json_is_array(json_array_get(json_array_get(first, 0), 0)))
            n = 1;
        mw_sam_to_model(&j->g, boxes, nboxes / 2);
        mw_sam_to_model(&j->g, points, npoints / 2);
        give_scaled(c, k, "input_boxes", name, boxes, nboxes / 4, 4);
        give_scaled(c, k, "input_points", name, points, npoints / 2, 2);
        mw_sam_prompt p = {
            .n = n, .npoints = npoints / 2 / n, .points = points, .labels = labels, .boxes = boxes};
        mw_tensor *masks, *scores;
        mw_sam_decode(c, &j->sam->model, j->embedding, &p, several, &masks, &scores);
        golden_give_tensor(c, k, golden_text(c, k, "pred_masks/%s", name), masks);
        golden_give_tensor(c, k, golden_text(c, k, "iou_scores/%s", name), scores);
        give_full(c, k, name, mw_sam_upscale(c, masks, &j->g));
    }
    free(boxes);
    free(points);
    free(given);
    free(labels);
}

static mw_status run(mw_ctx *c, golden_case *k)
{
    job j = {0};
    const char *name;
    json_t *v;
    const char *folder = golden_model(c, k, "sam");
    j.sam = folder ? mw_sam_open(c, folder, k->dtype) : NULL;
    if (j.sam)
        prepare(c, k, &j);
    json_object_foreach(json_object_get(k->params, "variants"), name, v)
    {
        if (mw_err(c) == MW_OK)
            run_variant(c, k, &j, name, v);
    }
    if (j.sam)
        mw_object_release(&j.sam->base);
    return mw_err(c);
}

const golden_family golden_sam = {{"lmd.sam"}, true, run};
