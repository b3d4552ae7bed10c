// detect.c: finds in a picture what texts name.
#include "core/graph/node.h"
#include "nodes/nets/layout/boxes.h"
#include "nodes/nets/owlvit/detections.h"
#include "nodes/nets/owlvit/owlvit.h"
#include "core/graph/picture.h"

#include <stdlib.h>
#include <string.h>

enum { MODEL, IMAGE, TEXT, THRESHOLD, NMS, CLASS_AWARE };

static const mw_port in[] = {
    [MODEL] = {.name = "model", .type = "owlvit", .doc = "an OWL-ViT model"},
    [IMAGE] = {.name = "image", .type = "image", .doc = "[H,W,3] in 0..1"},
    [TEXT] = {.name = "text",
              .type = "texts",
              .alias = "texts|queries",
              .doc = "what to look for: \"a photo of a cat\", or a list of such; each box goes to the text "
                     "that fits it "
                     "best"},
    [THRESHOLD] =
        {.name = "threshold", .type = "number", .def = "0.15", .max = 1, .doc = "boxes must score more"},
    [NMS] = {.name = "nms",
             .type = "number",
             .def = "0.15",
             .max = 2,
             .alias = "nms_threshold",
             .doc = "a box that overlaps a better one so much (intersection / union) is dropped; 2: none is"},
    [CLASS_AWARE] = {.name = "class_aware",
                     .type = "bool",
                     .def = "true",
                     .doc = "only boxes of the same text hide each other"},
    {.name = NULL},
};

enum { OUT_BOXES, OUT_COUNT };
static const mw_out out[] = {
    [OUT_BOXES] = {.name = "boxes",
                   .type = "list",
                   .doc = "a list of { text, label (its place in the list, from 1), score, box = { x, y, "
                          "width, height } in "
                          "pixels }, by "
                          "text where class_aware, the best first"},
    [OUT_COUNT] = {.name = "count", .type = "integer", .doc = "how many"},
    {.name = NULL},
};

// ---- queries

// The i-th text.
static const mw_value *query(const mw_value *v, size_t i)
{
    return mw_value_kind(v) == MW_LIST ? mw_value_at(v, i) : v;
}

// [Q,P] of all texts.
static mw_tensor *embed(mw_ctx *c, const mw_owlvit *m, const mw_value *texts, size_t Q)
{
    size_t L = (size_t)m->text.config.positions;
    int32_t *ids = mw_alloc(c, Q * L * sizeof *ids);
    for (size_t i = 0; ids && i < Q; i++) {
        const mw_value *v = query(texts, i);
        if (!mw_owlvit_ids(c, m, mw_value_as_text(v), mw_value_text_length(v), ids + i * L) &&
            mw_err(c) == MW_OK)
            mw_warn(c, "detect: text %zu is longer than %zu tokens: its end is lost", i + 1, L);
    }
    mw_tensor *t = ids && mw_err(c) == MW_OK ? mw_owlvit_text(c, m, ids, NULL, (int64_t)Q, (int64_t)L) : NULL;
    free(ids);
    return t;
}

// ---- boxes

static mw_value *box_value(mw_ctx *c, const mw_detection *d, const mw_value *texts)
{
    const mw_value *text = query(texts, (size_t)d->label);
    const double box[4] = {d->box[0], d->box[1], d->box[2] - d->box[0], d->box[3] - d->box[1]};
    mw_value *map = mw_value_map(c);
    mw_value_set(c, map, "text", mw_value_text(c, mw_value_as_text(text), mw_value_text_length(text)));
    mw_value_set(c, map, "label", mw_value_number(c, d->label + 1));
    mw_value_set(c, map, "score", mw_value_number(c, d->score));
    mw_value_set(c, map, "box", mw_numbers_value(c, box, 4));
    return map;
}

// Those that score more than the threshold; returns how many. d: room for all places.
static size_t found(mw_ctx *c, mw_tensor *logits, mw_tensor *boxes, const mw_image *image, double threshold,
                    mw_detection *d)
{
    size_t n = (size_t)mw_dim(logits, 0), Q = (size_t)mw_dim(logits, 1), count = 0;
    float *l = mw_alloc(c, n * Q * sizeof *l), *b = mw_alloc(c, n * 4 * sizeof *b);
    if (l && b && mw_tensor_read_f32(c, logits, l) == MW_OK && mw_tensor_read_f32(c, boxes, b) == MW_OK)
        for (size_t k = 0; k < n; k++) {
            d[count] = mw_detection_of(l + k * Q, (int)Q, b + k * 4, image->width, image->height);
            count += d[count].score > threshold;
        }
    free(l);
    free(b);
    return count;
}

static void give(mw_ctx *c, mw_value *const *i, const mw_detection *d, size_t n, mw_value **o)
{
    double(*box)[4] = mw_alloc(c, (n + 1) * sizeof *box), *score = mw_alloc(c, (n + 1) * sizeof *score);
    int *label = mw_alloc(c, (n + 1) * sizeof *label);
    size_t *kept = mw_alloc(c, (n + 1) * sizeof *kept), count = 0;
    for (size_t k = 0; k < n && mw_err(c) == MW_OK; k++) {
        memcpy(box[k], d[k].box, sizeof box[k]);
        score[k] = d[k].score;
        label[k] = d[k].label;
    }
    if (mw_err(c) == MW_OK)
        count =
            mw_suppress(c, (const double(*)[4])box, score, mw_value_as_bool(i[CLASS_AWARE]) ? label : NULL, n,
                        mw_value_as_number(i[NMS]), kept);
    o[OUT_BOXES] = mw_value_list(c);
    for (size_t k = 0; k < count; k++)
        mw_value_push(c, o[OUT_BOXES], box_value(c, &d[kept[k]], i[TEXT]));
    o[OUT_COUNT] = mw_value_number(c, (double)count);
    free(box);
    free(score);
    free(label);
    free(kept);
}

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    const mw_owlvit *m = (const mw_owlvit *)mw_value_as_object(i[MODEL]);
    size_t Q = mw_value_kind(i[TEXT]) == MW_LIST ? mw_value_count(i[TEXT]) : 1;
    mw_tensor *t = mw_picture_squeeze(c, mw_picture_batch(c, "image", mw_value_as_tensor(i[IMAGE])));
    mw_image image;
    if (mw_err(c) == MW_OK && t->ndim != 3)
        mw_fail(c, MW_E_SHAPE, "'image' must be one picture, got %lld", (long long)mw_dim(t, 0));
    if (mw_err(c) == MW_OK && Q < 1)
        mw_fail(c, MW_E_ARG, "'text' is an empty list");
    if (mw_picture_bytes(c, t, &image) != MW_OK)
        return mw_err(c);
    mw_image_geometry g;
    mw_tensor *logits, *boxes, *text = embed(c, m, i[TEXT], Q);
    mw_tensor *features = mw_owlvit_image(c, m, mw_image_prep_run(c, &m->prep, &image, &g));
    if (mw_owlvit_detect(c, m, features, text, &logits, &boxes) == MW_OK) {
        mw_detection *d = mw_alloc(c, (size_t)mw_dim(logits, 0) * sizeof *d);
        size_t n = d ? found(c, logits, boxes, &image, mw_value_as_number(i[THRESHOLD]), d) : 0;
        give(c, i, d, n, o);
        free(d);
    }
    mw_image_free(&image);
    return mw_err(c);
}

const mw_node_type mw_node_detect = {
    .name = "detect",
    .version = 1,
    .doc = "Boxes around what texts name, by an open-vocabulary detector; boxes that show the same thing "
           "twice are "
           "dropped. The "
           "defaults are those of the published evaluation of layout-guided pictures (Lian et al. 2023).",
    .in = in,
    .out = out,
    .run = run,
};
