// attention_mask.c: a mask of the object that a token's cross-attention shows.
#include "core/graph/node.h"
#include "core/ops.h"
#include "nodes/nets/layout/boxes.h"
#include "nodes/nets/layout/layout_value.h"
#include "nodes/nets/pictures/mask_ops.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAPS, TOKEN, LAYER, FROM_STEP, SIGMA, THRESHOLD, ERODE, BOX, CANVAS, WIDTH, HEIGHT, LIKE, MODE };

static const mw_port in[] = {
    [MAPS] = {.name = "maps",
              .type = "any",
              .doc = "the maps of each step, a list: of tensors [1,heads,h*w,L], or of unet's maps by layer"},
    [TOKEN] = {.name = "token",
               .type = "integer",
               .max = 100000,
               .doc = "which column: the token's position, from 0 (the begin token)"},
    [LAYER] = {.name = "layer",
               .type = "text",
               .def = "null",
               .doc = "where the maps have several layers: which"},
    [FROM_STEP] = {.name = "from_step",
                   .type = "integer",
                   .def = "null",
                   .max = 100000,
                   .alias = "attn_aggregation_step_start",
                   .unit = "steps",
                   .doc = "steps before this one are left out of the mean; null: a fifth of all"},
    [SIGMA] = {.name = "sigma",
               .type = "number",
               .def = "1.5",
               .max = 100,
               .alias = "gaussian_sigma|mask_sigma",
               .unit = "cells",
               .doc = "width of the smoothing"},
    [THRESHOLD] =
        {.name = "threshold",
         .type = "number",
         .def = "0.25",
         .max = 1,
         .alias = "mask_threshold",
         .doc = "of the smoothed map, its least as 0 and its most as 1; what is over it is the object"},
    [ERODE] = {.name = "erode_dilate",
               .type = "integer",
               .def = "0",
               .max = 100,
               .alias = "n_erode_dilate_mask_for_box",
               .doc = "so often the mask loses its rim, and gains one again: specks go"},
    [BOX] = {.name = "box",
             .type = "list",
             .def = "null",
             .unit = "pixels",
             .doc = "{ x, y, width, height } on the canvas: the mask where the attention gives none"},
    [CANVAS] = {.name = "canvas",
                .type = "list",
                .def = "[512, 512]",
                .unit = "pixels",
                .doc = "{ width, height } of the picture that box, point and "
                       "bounds refer to"},
    [WIDTH] = {.name = "width",
               .type = "integer",
               .def = "null",
               .min = 1,
               .max = 8192,
               .unit = "cells",
               .doc = "of the mask; null: the map's"},
    [HEIGHT] = {.name = "height",
                .type = "integer",
                .def = "null",
                .min = 1,
                .max = 8192,
                .unit = "cells",
                .doc = "of the mask; null: the map's"},
    [LIKE] = {.name = "like",
              .type = "latents",
              .def = "null",
              .doc = "latents whose sides the mask gets, instead of both"},
    [MODE] = {.name = "mode",
              .type = "choice",
              .def = "\"strict\"",
              .choices = "strict|faithful",
              .doc =
                  "faithful takes the corner of the brightest cell as the point, as the published code does"},
    {.name = NULL},
};

enum { OUT_MASK, OUT_COARSE, OUT_MAP, OUT_POINT, OUT_BOUNDS };
static const mw_out out[] = {
    [OUT_MASK] = {.name = "mask", .type = "mask", .doc = "[height,width] 1 on the object, else 0"},
    [OUT_COARSE] = {.name = "coarse", .type = "mask", .doc = "[h,w] the same at the map's size"},
    [OUT_MAP] = {.name = "map", .type = "tensor", .doc = "[h,w] the smoothed map, from 0 to 1"},
    [OUT_POINT] =
        {.name = "point",
         .type = "list",
         .doc = "{ x, y } on the canvas: the middle of the brightest cell; nothing where all are alike"},
    [OUT_BOUNDS] = {.name = "bounds",
                    .type = "list",
                    .doc =
                        "{ x, y, width, height } on the canvas around the mask, a cell larger on each side"},
    {.name = NULL},
};

// ---- the mean map

// The tensor of one step.
static mw_tensor *map_at(mw_ctx *c, const mw_value *v, const mw_value *layer, size_t step)
{
    if (mw_value_kind(v) == MW_MAP && mw_value_kind(layer) != MW_NIL)
        v = mw_value_get(v, mw_value_as_text(layer));
    else if (mw_value_kind(v) == MW_MAP && mw_value_count(v) == 1)
        v = mw_value_at(v, 0);
    else if (mw_value_kind(v) == MW_MAP && mw_err(c) == MW_OK)
        mw_fail(c, MW_E_ARG, "'maps' have %zu layers: 'layer' must say which", mw_value_count(v));
    mw_tensor *t = mw_value_as_tensor(v);
    char got[64];
    if (mw_err(c) == MW_OK && (!t || t->ndim != 4 || mw_dim(t, 0) != 1 || mw_numel(t) == 0))
        mw_fail(c, MW_E_SHAPE, "'maps' of step %zu%s%s must be [1,heads,h*w,L], got %s", step,
                mw_value_kind(layer) == MW_TEXT ? ", layer " : "", mw_value_as_text(layer),
                t ? mw_shape_text(t, got, sizeof got) : "nothing");
    return t;
}

// Mean over the steps from `from` on, then over the heads: [h*w] f32.
static mw_tensor *mean_map(mw_ctx *c, mw_value *const *i, size_t from, size_t steps)
{
    const mw_value *maps = i[MAPS];
    int64_t token = (int64_t)mw_value_as_number(i[TOKEN]);
    mw_tensor *sum = NULL;
    for (size_t s = from; s < steps && mw_err(c) == MW_OK; s++) {
        const mw_value *v = mw_value_kind(maps) == MW_LIST ? mw_value_at(maps, s) : maps;
        mw_tensor *t = map_at(c, v, i[LAYER], s);
        if (t && token >= mw_dim(t, 3)) {
            mw_fail(c, MW_E_ARG, "'token' must be 0 to %lld, as the maps have columns, got %lld",
                    (long long)mw_dim(t, 3) - 1, (long long)token);
            return NULL;
        }
        t = mw_slice(c, mw_cast(c, t, MW_F32), 3, token, 1);
        if (sum && t && !mw_same_shape(sum, t))
            mw_fail(c, MW_E_SHAPE, "'maps' of step %zu have another shape than those before", s);
        sum = sum ? mw_add(c, sum, t) : t;
    }
    mw_tensor *mean = mw_mean(c, mw_affine(c, sum, 1.0 / (double)(steps - from), 0), 1, false);
    return mw_reshape(c, mean, MW_SHAPE(-1));
}

// ---- sizes

// What a result has to do with the map: sides of both in cells, of the canvas in pixels.
typedef struct {
    int h, w, height, width;
    double canvas[2];
} sizes;

static int given(const mw_value *v, int def)
{
    return mw_value_kind(v) == MW_NIL ? def : (int)mw_value_as_number(v);
}

// The sides of n cells whose ratio is that of the result.
static mw_status find_sizes(mw_ctx *c, mw_value *const *i, int64_t n, sizes *s)
{
    for (size_t k = 0; k < 2; k++) {
        mw_value *e = mw_value_at(i[CANVAS], k);
        s->canvas[k] = mw_value_as_number(e);
        if (mw_value_count(i[CANVAS]) != 2 || !(s->canvas[k] >= 1 && s->canvas[k] <= 1e6))
            return mw_fail(c, MW_E_ARG, "'canvas' must be { width, height }, in pixels");
    }
    const mw_tensor *like = mw_value_as_tensor(i[LIKE]);
    s->width = given(i[WIDTH], like ? (int)mw_dim(like, -1) : 0);
    s->height = given(i[HEIGHT], like ? (int)mw_dim(like, -2) : 0);
    bool sized = s->width && s->height;
    double ratio = sized ? (double)s->width / s->height : s->canvas[0] / s->canvas[1];
    if (!sized || !mw_map_sides(n, s->height, s->width, &s->h, &s->w)) {
        s->w = (int)lround(sqrt((double)n * ratio));
        s->h = s->w > 0 ? (int)(n / s->w) : 0;
    }
    if ((int64_t)s->w * s->h != n)
        return mw_fail(c, MW_E_SHAPE,
                       "maps of %lld cells do not have the sides' ratio of the result, %g to 1", (long long)n,
                       ratio);
    s->width = s->width ? s->width : s->w;
    s->height = s->height ? s->height : s->h;
    return mw_err(c);
}

// ---- the node

// Room for one run.
typedef struct {
    float *raw;
    double *map, *smooth;
    uint8_t *coarse, *mask;
} room;

// The box's mask in place of an empty one.
static void use_box(mw_ctx *c, mw_value *const *i, const sizes *s, uint8_t **mask)
{
    if (mw_value_kind(i[BOX]) == MW_NIL) {
        mw_fail(c, MW_E_NUMBER,
                "the attention shows no object: the mask is empty, and there is no 'box' to take");
        return;
    }
    mw_warn(c, "attention_mask: the attention of token %d gives an empty mask; the box is taken",
            (int)mw_value_as_number(i[TOKEN]));
    free(*mask);
    *mask = mw_box_mask_read(c, i[BOX], i[CANVAS], s->height, s->width, mw_layout_mode_of(i[MODE]));
}

// into: how far into its cell the point lies, in cells.
static void give_places(mw_ctx *c, const sizes *s, const room *r, double into, mw_value **o)
{
    double x = s->canvas[0] / s->w, y = s->canvas[1] / s->h;
    int n = s->h * s->w, peak = mw_map_peak(r->smooth, n), b[4];
    bool empty = mw_mask_area(r->coarse, n) == 0, flat = true;
    for (int k = 0; k < n && flat; k++)
        flat = !(r->smooth[k] < r->smooth[peak]);
    double point[2] = {(peak % s->w + into) * x, (peak / s->w + into) * y};
    o[OUT_POINT] = flat ? mw_value_nil(c) : mw_numbers_value(c, point, 2);
    mw_mask_bounds(r->coarse, s->h, s->w, 1, b);
    double bounds[4] = {b[0] * x, b[1] * y, (b[2] - b[0]) * x, (b[3] - b[1]) * y};
    o[OUT_BOUNDS] = empty ? mw_value_nil(c) : mw_numbers_value(c, bounds, 4);
}

static mw_value *normalised(mw_ctx *c, const sizes *s, room *r)
{
    int n = s->h * s->w;
    double low = r->smooth[0], high = low;
    for (int k = 1; k < n; k++) {
        low = fmin(low, r->smooth[k]);
        high = fmax(high, r->smooth[k]);
    }
    for (int k = 0; k < n; k++)
        r->raw[k] = high > low ? (float)((r->smooth[k] - low) / (high - low)) : 0;
    return mw_value_tensor(c, mw_tensor_from_f32(c, MW_F32, MW_SHAPE(s->h, s->w), r->raw));
}

static mw_status make(mw_ctx *c, mw_value *const *i, const sizes *s, room *r, mw_value **o)
{
    int n = s->h * s->w;
    for (int k = 0; k < n; k++) {
        if (!isfinite(r->raw[k]))
            return mw_fail(c, MW_E_NUMBER, "the attention maps hold %g", (double)r->raw[k]);
        r->map[k] = (double)r->raw[k];
    }
    if (mw_map_mask(c, r->map, s->h, s->w, mw_value_as_number(i[SIGMA]), mw_value_as_number(i[THRESHOLD]),
                    (int)mw_value_as_number(i[ERODE]), r->smooth, r->coarse) != MW_OK)
        return mw_err(c);
    mw_mask_nearest(r->coarse, s->h, s->w, r->mask, s->height, s->width);
    if (mw_mask_area(r->coarse, n) == 0)
        use_box(c, i, s, &r->mask);
    if (mw_err(c) != MW_OK)
        return mw_err(c);
    o[OUT_MASK] = mw_mask_value(c, r->mask, s->height, s->width);
    o[OUT_COARSE] = mw_mask_value(c, r->coarse, s->h, s->w);
    o[OUT_MAP] = normalised(c, s, r);
    give_places(c, s, r, mw_layout_mode_of(i[MODE]) == MW_STRICT ? 0.5 : 0, o);
    return mw_err(c);
}

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    size_t steps = mw_value_kind(i[MAPS]) == MW_LIST ? mw_value_count(i[MAPS]) : 1;
    size_t from = (size_t)given(i[FROM_STEP], (int)(steps / 5));
    if (from >= steps)
        return mw_fail(c, MW_E_ARG, "'from_step' %zu leaves none of the %zu steps", from, steps);
    mw_tensor *mean = mean_map(c, i, from, steps);
    sizes s = {0};
    if (!mean || find_sizes(c, i, mw_dim(mean, 0), &s) != MW_OK)
        return mw_err(c);
    size_t n = (size_t)s.h * (size_t)s.w, cells = (size_t)s.height * (size_t)s.width;
    room r = {.raw = mw_alloc(c, n * sizeof(float)),
              .map = mw_alloc(c, n * sizeof(double)),
              .smooth = mw_alloc(c, n * sizeof(double)),
              .coarse = mw_alloc(c, n),
              .mask = mw_alloc(c, cells)};
    if (mw_err(c) == MW_OK && mw_tensor_read_f32(c, mean, r.raw) == MW_OK)
        make(c, i, &s, &r, o);
    free(r.raw);
    free(r.map);
    free(r.smooth);
    free(r.coarse);
    free(r.mask);
    return mw_err(c);
}

const mw_node_type mw_node_attention_mask = {
    .name = "attention_mask",
    .version = 2,
    .doc = "The object that a token's cross-attention shows (Lian et al. 2023): mean over steps and heads, "
           "smoothed, over a "
           "threshold. The finer mask by its nearest cells, without a segmentation network, is this engine's "
           "own.",
    .in = in,
    .out = out,
    .run = run,
};
