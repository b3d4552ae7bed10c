// family_owlvit.c: op lmd.owlvit: OWL-ViT: prepared picture, features of both towers, logits, boxes, what is
// kept.
#include "tests/golden_runner/parts.h"
#include "core/ops.h"

#include "nodes/nets/owlvit/detections.h"
#include "nodes/nets/owlvit/owlvit.h"

#include <stdlib.h>
#include <string.h>

// Queries whose first id is 0 are unused: they take part in no comparison. Columns of the used ones: [n,
// used].
static mw_tensor *used_columns(mw_ctx *c, mw_tensor *logits, const int32_t *ids, int64_t Q, int64_t L,
                               int *label)
{
    mw_tensor *all = NULL;
    int used = 0;
    for (int64_t q = 0; q < Q; q++) {
        mw_tensor *column = mw_slice(c, logits, 1, q, 1);
        if (ids[q * L] == 0)
            continue;
        label[used++] = (int)q;
        all = all ? mw_concat(c, 2, (mw_tensor *[]){all, column}, 1) : column;
    }
    return all;
}

// scores, labels, boxes, kept of n places.
static void give_detections(mw_ctx *c, golden_case *k, mw_tensor *logits, mw_tensor *boxes, const int *label,
                            const mw_image *image)
{
    int64_t n = mw_dim(logits, 0), Q = mw_dim(logits, 1);
    double threshold = mw_json_number(c, k->name, k->params, "threshold");
    float *l = mw_alloc(c, (size_t)(n * Q) * sizeof *l), *b = mw_alloc(c, (size_t)(n * 4) * sizeof *b);
    double *corners = mw_alloc(c, (size_t)(n * 4) * sizeof *corners),
           *scores = mw_alloc(c, (size_t)n * sizeof *scores);
    int32_t *labels = mw_alloc(c, (size_t)n * sizeof *labels), *kept = mw_alloc(c, (size_t)n * sizeof *kept);
    if (mw_err(c) == MW_OK && mw_tensor_read_f32(c, logits, l) == MW_OK &&
        mw_tensor_read_f32(c, boxes, b) == MW_OK) {
        for (int64_t i = 0; i < n; i++) {
            mw_detection d = mw_detection_of(l + i * Q, (int)Q, b + i * 4, image->width, image->height);
            memcpy(corners + i * 4, d.box, sizeof d.box);
            scores[i] = d.score;
            labels[i] = label[d.label];
            kept[i] = d.score > threshold;
        }
        golden_give_f64(c, k, "boxes", 2, (int64_t[]){n, 4}, corners);
        golden_give_f64(c, k, "scores", 1, &n, scores);
        golden_give_i32(c, k, "labels", 1, &n, labels);
        golden_give_i32(c, k, "kept", 1, &n, kept);
    }
    free(l);
    free(b);
    free(corners);
    free(scores);
    free(labels);
    free(kept);
}

static void detect(mw_ctx *c, golden_case *k, const mw_owlvit *m)
{
    mw_image_geometry g;
    mw_image image = golden_input_image(c, k, "image");
    const mw_st_entry *e = golden_input(c, k, "input_ids");
    const int32_t *ids = golden_input_i32(c, k, "input_ids");
    mw_tensor *pixels = image.rgb ? mw_image_prep_run(c, &m->prep, &image, &g) : NULL, *logits, *boxes;
    if (!pixels || !ids)
        return;
    int64_t Q = e->shape[0], L = e->shape[1], side = m->vision.image;
    mw_tensor *text = mw_owlvit_text(c, m, ids, golden_input_i32(c, k, "attention_mask"), Q, L),
              *features = mw_owlvit_image(c, m, pixels);
    int *label = mw_alloc(c, (size_t)Q * sizeof *label);
    if (label && mw_owlvit_detect(c, m, features, text, &logits, &boxes) == MW_OK) {
        mw_tensor *planes = mw_permute(c, pixels, (int[]){0, 3, 1, 2});
        golden_give_tensor(c, k, "pixel_values", mw_reshape(c, planes, MW_SHAPE(3, side, side)));
        golden_give_tensor(c, k, "text_embeds", text);
        golden_give_tensor(c, k, "image_features",
                           mw_reshape(c, features, MW_SHAPE(mw_dim(features, 1), mw_dim(features, 2))));
        golden_give_tensor(c, k, "pred_boxes", boxes);
        logits = used_columns(c, logits, ids, Q, L, label);
        golden_give_tensor(c, k, "logits", logits);
        give_detections(c, k, logits, boxes, label, &image);
    }
    free(label);
}

static mw_status run(mw_ctx *c, golden_case *k)
{
    const char *folder = golden_model(c, k, "owlvit");
    mw_owlvit *m = folder ? mw_owlvit_open(c, folder, k->dtype) : NULL;
    if (m) {
        detect(c, k, m);
        mw_object_release(&m->base);
    }
    return mw_err(c);
}

const golden_family golden_owlvit = {{"lmd.owlvit"}, true, run};
