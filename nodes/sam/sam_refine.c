// sam_refine.c: an object's mask in a picture, by Segment Anything.
#include "core/graph/node.h"
#include "nodes/nets/layout/boxes.h"
#include "core/graph/picture.h"
#include "nodes/nets/sam/sam_pick.h"

#include <math.h>
#include <stdlib.h>

enum { MODEL, IMAGE, BOX, POINT, MASK, DENSE, CELL, CONFIDENCE, OVERLAP, OTHERWISE };

static const mw_port in[] = {
    [MODEL] = {.name = "model", .type = "sam", .alias = "sam", .doc = "a Segment Anything model"},
    [IMAGE] = {.name = "image", .type = "image", .doc = "[H,W,3] in 0..1"},
    [BOX] = {.name = "box",
             .type = "list",
             .def = "null",
             .unit = "pixels",
             .doc = "{ x, y, width, height } around the object"},
    [POINT] = {.name = "point",
               .type = "list",
               .def = "null",
               .alias = "points",
               .unit = "pixels",
               .doc = "{ x, y } on the object, or a list of such; { x, y, 0 } is a point beside it"},
    [MASK] = {.name = "mask",
              .type = "mask",
              .def = "null",
              .alias = "coarse",
              .doc = "[h,w] roughly the object, over the whole picture: candidates are held against it; "
                     "without box and "
                     "point its "
                     "bounds, one cell larger, are the box"},
    [DENSE] = {.name = "dense",
               .type = "bool",
               .def = "false",
               .doc = "the mask is shown to the network too"},
    [CELL] = {.name = "cell",
              .type = "integer",
              .def = "8",
              .min = 1,
              .max = 1024,
              .unit = "pixels",
              .doc = "side of a cell of the result: 8 for latents, 1 for pixels"},
    [CONFIDENCE] = {.name = "min_confidence",
                    .type = "number",
                    .def = "0.85",
                    .min = -1e9,
                    .max = 1e9,
                    .alias = "discourage_mask_below_confidence",
                    .doc = "a candidate that the network trusts less is taken last"},
    [OVERLAP] = {.name = "min_iou",
                 .type = "number",
                 .def = "0.25",
                 .min = -1e9,
                 .max = 1e9,
                 .alias = "discourage_mask_below_coarse_iou",
                 .doc = "so is one that overlaps the mask less"},
    [OTHERWISE] =
        {.name = "otherwise",
         .type = "mask",
         .def = "null",
         .doc = "taken, with a warning, where the network finds nothing or nothing points at the object"},
    {.name = NULL},
};

enum { OUT_MASK, OUT_CONFIDENCE, OUT_IOU, OUT_CANDIDATES };
static const mw_out out[] = {
    [OUT_MASK] = {.name = "mask", .type = "mask", .doc = "[H / cell, W / cell] 1 on the object, else 0"},
    [OUT_CONFIDENCE] = {.name = "confidence",
                        .type = "number",
                        .doc = "the network's guess of the mask's overlap with the truth"},
    [OUT_IOU] = {.name = "iou", .type = "number", .doc = "overlap with the coarse mask; 1 without one"},
    [OUT_CANDIDATES] = {.name = "candidates",
                        .type = "tensor",
                        .doc = "[n, H / cell, W / cell] all masks that the network offered"},
    {.name = NULL},
};

// ---- the prompt

typedef struct {
    double *xy, box[4];
    int *labels, n;
} prompt;

static void read_point(mw_ctx *c, const mw_value *v, prompt *p)
{
    double n[3] = {0, 0, MW_SAM_INSIDE};
    size_t count = mw_value_count(v);
    bool ok = count == 2 || count == 3;
    for (size_t i = 0; ok && i < count; i++) {
        mw_value *e = mw_value_at(v, i);
        n[i] = mw_value_as_number(e);
        ok = mw_value_kind(e) == MW_NUMBER && isfinite(n[i]);
    }
    if (!ok || (n[2] != MW_SAM_INSIDE && n[2] != MW_SAM_OUTSIDE)) {
        mw_fail(c, MW_E_ARG,
                "'point' must be { x, y } in pixels, or { x, y, 0 } for a point beside the object");
        return;
    }
    p->xy[2 * p->n] = n[0];
    p->xy[2 * p->n + 1] = n[1];
    p->labels[p->n++] = (int)n[2];
}

static void read_points(mw_ctx *c, const mw_value *v, prompt *p)
{
    bool many = mw_value_kind(mw_value_at(v, 0)) == MW_LIST;
    size_t n = many ? mw_value_count(v) : 1;
    p->xy = mw_alloc(c, 2 * n * sizeof *p->xy);
    p->labels = mw_alloc(c, n * sizeof *p->labels);
    for (size_t i = 0; i < n && mw_err(c) == MW_OK && mw_value_kind(v) != MW_NIL; i++)
        read_point(c, many ? mw_value_at(v, i) : v, p);
}

// The bounds of the coarse mask as a box in pixels. False when it is empty.
static bool box_of_mask(mw_ctx *c, const mw_sam_pick *k, const mw_image *image, double box[4])
{
    int cells[4];
    if (!k->coarse) {
        mw_fail(c, MW_E_ARG, "one of 'box', 'point' and 'mask' must be given");
        return false;
    }
    if (!mw_mask_bounds(k->coarse, k->coarse_h, k->coarse_w, 1, cells))
        return false;
    for (int i = 0; i < 4; i++)
        box[i] =
            cells[i] * (i % 2 ? (double)image->height / k->coarse_h : (double)image->width / k->coarse_w);
    return true;
}

// What points beside the picture points at nothing the network could know.
static void check_prompt(mw_ctx *c, const prompt *p, bool boxed, const mw_image *image)
{
    const double *b = p->box;
    if (boxed && !(b[0] <= image->width && b[1] <= image->height && b[2] >= 0 && b[3] >= 0))
        mw_fail(c, MW_E_ARG, "'box' lies off the picture of %d x %d", image->width, image->height);
    for (int i = 0; i < p->n && mw_err(c) == MW_OK; i++) {
        const double *at = p->xy + 2 * i;
        if (!(at[0] >= 0 && at[0] <= image->width && at[1] >= 0 && at[1] <= image->height))
            mw_fail(c, MW_E_ARG, "'point' { %g, %g } lies off the picture of %d x %d", at[0], at[1],
                    image->width, image->height);
    }
}

// False when nothing points at the object.
static bool read_prompt(mw_ctx *c, mw_value *const *i, const mw_image *image, prompt *p, mw_sam_pick *k)
{
    read_points(c, i[POINT], p);
    bool boxed = mw_box_read(c, "box", i[BOX], p->box);
    if (mw_err(c) == MW_OK && !boxed && !p->n)
        boxed = box_of_mask(c, k, image, p->box);
    if (mw_err(c) == MW_OK)
        check_prompt(c, p, boxed, image);
    k->npoints = p->n;
    k->points = p->xy;
    k->labels = p->labels;
    k->box = boxed ? p->box : NULL;
    return boxed || p->n;
}

// ---- the node

static void give(mw_ctx *c, const mw_sam_pick *k, mw_value **o)
{
    size_t cells = (size_t)k->h * (size_t)k->w;
    float *v = mw_alloc(c, (size_t)k->n * cells * sizeof *v);
    for (size_t n = 0; v && n < (size_t)k->n * cells; n++)
        v[n] = k->candidates[n];
    o[OUT_MASK] = mw_mask_value(c, k->candidates + (size_t)k->chosen * cells, k->h, k->w);
    o[OUT_CONFIDENCE] = mw_value_number(c, (double)k->confidence[k->chosen]);
    o[OUT_IOU] = mw_value_number(c, k->overlap[k->chosen]);
    o[OUT_CANDIDATES] =
        v ? mw_value_tensor(c, mw_tensor_from_f32(c, MW_F32, MW_SHAPE(k->n, k->h, k->w), v)) : NULL;
    free(v);
}

// The mask for want of one of the network's.
static void give_other(mw_ctx *c, const uint8_t *other, const mw_sam_pick *k, const char *why, mw_value **o)
{
    mw_warn(c, "sam_refine: %s; 'otherwise' is taken", why);
    mw_value_release(o[OUT_MASK]);
    o[OUT_MASK] = mw_mask_value(c, other, k->h, k->w);
    for (int i = 1; i <= 2; i++)
        o[i] = o[i] ? o[i] : mw_value_number(c, 0);
}

// other: [k->h][k->w] or NULL.
static mw_status refine(mw_ctx *c, const mw_sam *s, mw_value *const *i, const mw_image *image, mw_sam_pick *k,
                        const uint8_t *other, mw_value **o)
{
    prompt p = {0};
    bool pointed = read_prompt(c, i, image, &p, k);
    if (!pointed && other && mw_err(c) == MW_OK)
        give_other(c, other, k, "'mask' is empty: it points at nothing", o);
    else if (!pointed && mw_err(c) == MW_OK)
        mw_fail(c, MW_E_ARG, "'mask' is empty: it points at nothing");
    else if (mw_err(c) == MW_OK && mw_sam_pick_mask(c, s, image, k) == MW_OK) {
        give(c, k, o);
        int cells = k->h * k->w;
        if (other && !mw_mask_area(k->candidates + (size_t)k->chosen * (size_t)cells, cells))
            give_other(c, other, k, "the network finds nothing there", o);
    }
    free(k->candidates);
    free(p.xy);
    free(p.labels);
    return mw_err(c);
}

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    const mw_sam *s = (const mw_sam *)mw_value_as_object(i[MODEL]);
    mw_tensor *t = mw_picture_squeeze(c, mw_picture_batch(c, "image", mw_value_as_tensor(i[IMAGE])));
    if (mw_err(c) == MW_OK && t->ndim != 3)
        mw_fail(c, MW_E_SHAPE, "'image' must be one picture, got %lld", (long long)mw_dim(t, 0));
    mw_image image;
    if (mw_picture_bytes(c, t, &image) != MW_OK)
        return mw_err(c);
    int cell = (int)mw_value_as_number(i[CELL]), h = 0, w = 0;
    mw_sam_pick k = {.dense = mw_value_as_bool(i[DENSE]),
                     .h = image.height > cell ? image.height / cell : 1,
                     .w = image.width > cell ? image.width / cell : 1,
                     .min_confidence = mw_value_as_number(i[CONFIDENCE]),
                     .min_overlap = mw_value_as_number(i[OVERLAP])};
    uint8_t *coarse = mw_mask_read(c, "mask", i[MASK], &k.coarse_h, &k.coarse_w);
    uint8_t *other = mw_mask_read(c, "otherwise", i[OTHERWISE], &h, &w);
    k.coarse = coarse;
    if (other && (h != k.h || w != k.w))
        mw_fail(c, MW_E_SHAPE, "'otherwise' must be as the result, [%d,%d], got [%d,%d]", k.h, k.w, h, w);
    if (mw_err(c) == MW_OK)
        refine(c, s, i, &image, &k, other, o);
    free(coarse);
    free(other);
    mw_image_free(&image);
    return mw_err(c);
}

const mw_node_type mw_node_sam_refine = {
    .name = "sam_refine",
    .version = 2,
    .doc = "The mask of an object that a box, points or a coarse mask point at: the largest of the network's "
           "candidates that "
           "it trusts and that fits the coarse mask.",
    .in = in,
    .out = out,
    .run = run,
};
