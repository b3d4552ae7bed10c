// grounding.c: boxes and phrases as the tokens that GLIGEN's gated layers attend to.
#include "core/graph/node.h"
#include "core/ops.h"
#include "nodes/nets/layout/boxes.h"
#include "nodes/nets/checkpoint/model.h"
#include "nodes/nets/unet/position_net.h"

#include <stdlib.h>
#include <string.h>

enum { MODEL, BOXES, PHRASES, CANVAS };

static const mw_port in[] = {
    [MODEL] = {.name = "model", .type = "unet", .doc = "a checkpoint with gated layers, or its unet"},
    [BOXES] = {.name = "boxes",
               .type = "list",
               .unit = "pixels",
               .doc = "{ { x, y, width, height }, ... } on the canvas"},
    [PHRASES] = {.name = "phrases",
                 .type = "embedding",
                 .doc = "[n,P] one for each box: the pooled output of text_encoder for the list of phrases"},
    [CANVAS] = {.name = "canvas",
                .type = "list",
                .def = "[512, 512]",
                .unit = "pixels",
                .doc = "{ width, height } that the boxes refer to"},
    {.name = NULL},
};

enum { OUT_GROUNDING, OUT_OBJECTS, OUT_NULL };
static const mw_out out[] = {
    [OUT_GROUNDING] = {.name = "grounding",
                       .type = "any",
                       .doc = "{ objects, null }, for unet and box_attention_guide"},
    [OUT_OBJECTS] = {.name = "objects",
                     .type = "tensor",
                     .doc = "[1,30,D] tokens of the boxes and, in the other slots, of nothing"},
    [OUT_NULL] = {.name = "null", .type = "tensor", .doc = "[1,30,D] tokens of nothing"},
    {.name = NULL},
};

// [1,30,P]: the first n phrases, then zeros.
static mw_tensor *padded(mw_ctx *c, mw_tensor *phrases, int64_t n)
{
    int64_t width = mw_dim(phrases, 1), left = MW_GROUNDING_SLOTS - n;
    mw_tensor *first = mw_slice(c, mw_cast(c, phrases, MW_F32), 0, 0, n);
    float *zeros = left ? mw_alloc(c, (size_t)(left * width) * sizeof *zeros) : NULL;
    mw_tensor *parts[2] = {first, zeros ? mw_tensor_from_f32(c, MW_F32, MW_SHAPE(left, width), zeros) : NULL};
    free(zeros);
    mw_tensor *all = left ? mw_concat(c, 2, parts, 0) : first;
    return mw_reshape(c, all, MW_SHAPE(1, MW_GROUNDING_SLOTS, width));
}

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    const mw_unet_model *m = &((const mw_unet *)mw_value_as_object(i[MODEL]))->model;
    double box[MW_GROUNDING_SLOTS * 4] = {0}, used[MW_GROUNDING_SLOTS] = {0}, none[MW_GROUNDING_SLOTS] = {0};
    mw_tensor *phrases = mw_value_as_tensor(i[PHRASES]);
    size_t n = mw_value_count(i[BOXES]);
    char got[64];
    if (!phrases || phrases->ndim != 2 || mw_dim(phrases, 0) != (int64_t)n || n < 1)
        return mw_fail(c, MW_E_SHAPE, "'phrases' must be [%zu,P], one for each box, got %s", n,
                       mw_shape_text(phrases, got, sizeof got));
    if (n > MW_GROUNDING_SLOTS) {
        mw_warn(c, "grounding: %zu boxes: the model takes the first %d", n, MW_GROUNDING_SLOTS);
        n = MW_GROUNDING_SLOTS;
    }
    for (size_t k = 0; k < n; k++) {
        if (mw_box_on_canvas(c, mw_value_at(i[BOXES], k), i[CANVAS], box + 4 * k) != MW_OK) {
            mw_fail_context(c, "'boxes', entry %zu", k + 1);
            return mw_err(c);
        }
        used[k] = 1;
    }
    mw_grounding g = {.pictures = 1, .slots = MW_GROUNDING_SLOTS, .box = box, .mask = used};
    g.phrase = padded(c, phrases, (int64_t)n);
    mw_tensor *objects = mw_position_net(c, m, &g);
    g.mask = none;
    mw_tensor *null = mw_position_net(c, m, &g);
    o[OUT_GROUNDING] = mw_value_map(c);
    mw_value_set(c, o[OUT_GROUNDING], "objects", mw_value_tensor(c, objects));
    mw_value_set(c, o[OUT_GROUNDING], "null", mw_value_tensor(c, null));
    o[OUT_OBJECTS] = mw_value_tensor(c, objects);
    o[OUT_NULL] = mw_value_tensor(c, null);
    return mw_err(c);
}

const mw_node_type mw_node_grounding = {
    .name = "grounding",
    .version = 1,
    .doc = "Boxes and phrases as the tokens that GLIGEN's gated layers attend to (arXiv 2301.07093, eq. 5).",
    .in = in,
    .out = out,
    .run = run,
};
