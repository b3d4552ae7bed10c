// latent_compose.c: latents of objects drawn alone, laid over those of the background.
#include "core/graph/node.h"
#include "core/ops.h"
#include "nodes/nets/base/batch.h"
#include "nodes/nets/layout/boxes.h"
#include "nodes/nets/layout/latent_compose.h"
#include "nodes/nets/layout/layout_geometry.h"
#include "nodes/nets/layout/layout_value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BACKGROUND, OBJECTS, STEP, MODE };
enum { MOST = 4096 };

static const mw_port in[] = {
    [BACKGROUND] = {.name = "background",
                    .type = "latents",
                    .doc = "[1,4,h,w] the noise that the whole picture starts from"},
    [OBJECTS] = {.name = "objects",
                 .type = "list",
                 .doc = "{ { latents = [1,4,h,w] at this step, mask = [h,w], shift = { dx, dy } as "
                        "object_shift gives it, or "
                        "none "
                        "}, ... }"},
    [STEP] = {.name = "step",
              .type = "integer",
              .def = "0",
              .max = 100000,
              .doc = "0: the start, where the bounds of the masks are laid on the background too; later "
                     "steps hold the "
                     "objects on "
                     "zeros"},
    [MODE] = {.name = "mode",
              .type = "choice",
              .def = "\"strict\"",
              .choices = "strict|faithful",
              .doc = "faithful lets the zeros that a shift brings in onto the background, as the published "
                     "code does"},
    {.name = NULL},
};

enum { OUT_LATENTS, OUT_FROZEN, OUT_OWNER };
static const mw_out out[] = {
    [OUT_LATENTS] = {.name = "latents",
                     .type = "latents",
                     .doc = "[1,4,h,w] larger objects under smaller ones"},
    [OUT_FROZEN] = {.name = "frozen", .type = "mask", .doc = "[h,w] 1 where an object is"},
    [OUT_OWNER] = {.name = "owner",
                   .type = "tensor",
                   .doc = "[h,w] number of the object that is there, from 1, else 0"},
    {.name = NULL},
};

// One entry of `objects`: its latents; the mask is free()d by the caller.
static mw_tensor *read_object(mw_ctx *c, const mw_value *v, size_t index, const mw_tensor *like,
                              mw_composed_object *o, uint8_t **mask)
{
    int h = 0, w = 0;
    char got[64], port[48];
    mw_tensor *z = mw_value_as_tensor(mw_value_get(v, "latents"));
    if (!mw_same_shape(z, like)) {
        mw_fail(c, MW_E_SHAPE, "'objects' entry %zu: its latents must be as the background's, got %s",
                index + 1, z ? mw_shape_text(z, got, sizeof got) : "none");
        return NULL;
    }
    snprintf(port, sizeof port, "objects[%zu].mask", index + 1);
    *mask = mw_mask_read(c, port, mw_value_get(v, "mask"), &h, &w);
    if (mw_err(c) == MW_OK && (!*mask || h != mw_dim(like, 2) || w != mw_dim(like, 3))) {
        mw_fail(c, MW_E_SHAPE, "'objects' entry %zu: its mask must have the latents' %lld x %lld cells",
                index + 1, (long long)mw_dim(like, 2), (long long)mw_dim(like, 3));
        return NULL;
    }
    *o = (mw_composed_object){.mask = *mask};
    snprintf(port, sizeof port, "objects[%zu].shift", index + 1);
    if (!mw_shift_read(c, port, mw_value_get(v, "shift"), h, w, &o->dx, &o->dy) && mw_err(c) == MW_OK)
        o->dx = o->dy = 0;
    return mw_cast(c, z, MW_F32);
}

// The latents that `source` says of every cell, from part[0] (the background) and those behind it.
static mw_tensor *gather(mw_ctx *c, int nparts, mw_tensor **part, const int32_t *source)
{
    mw_tensor *like = part[0];
    int64_t channels = mw_dim(like, 1), cells = mw_dim(like, 2) * mw_dim(like, 3), n = channels * cells;
    int32_t *ids = mw_alloc(c, (size_t)n * sizeof *ids);
    for (int64_t i = 0; ids && i < n; i++) {
        int32_t at = source[i % cells] - 1; // element 0 of what is gathered from is a zero
        ids[i] = at < 0 ? 0 : (int32_t)(1 + (at / cells * channels + i / cells) * cells + at % cells);
    }
    for (int i = 0; i < nparts; i++)
        part[i] = mw_reshape(c, part[i], MW_SHAPE(n, 1));
    mw_tensor *two[2] = {mw_full(c, MW_F32, MW_SHAPE(1, 1), 0), mw_batch_join(c, nparts, part)};
    mw_tensor *y = ids && mw_err(c) == MW_OK
        ? mw_embedding(c, mw_concat(c, 2, two, 0), mw_tensor_from_i32(c, MW_SHAPE(n), ids), MW_F32)
        : NULL;
    free(ids);
    return mw_reshape(c, y, like->ndim, like->shape);
}

static void give(mw_ctx *c, int h, int w, mw_tensor *latents, const int32_t *owner, mw_value **o)
{
    uint8_t *frozen = mw_alloc(c, (size_t)h * (size_t)w);
    for (int i = 0; frozen && i < h * w; i++)
        frozen[i] = owner[i] > 0;
    o[OUT_LATENTS] = mw_value_tensor(c, latents);
    o[OUT_FROZEN] = frozen ? mw_mask_value(c, frozen, h, w) : NULL;
    o[OUT_OWNER] = mw_value_tensor(c, mw_tensor_from_i32(c, 2, (int64_t[]){h, w}, owner));
    free(frozen);
}

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    mw_tensor *back = mw_cast(c, mw_value_as_tensor(i[BACKGROUND]), MW_F32);
    size_t n = mw_value_count(i[OBJECTS]);
    bool start = mw_value_as_number(i[STEP]) == 0;
    char got[64];
    if (!back || back->ndim != 4 || mw_dim(back, 0) != 1)
        return mw_fail(c, MW_E_SHAPE, "'background' must be [1,4,h,w], got %s",
                       mw_shape_text(back, got, sizeof got));
    if (n > MOST || (int64_t)(n + 1) * mw_numel(back) >= INT32_MAX)
        return mw_fail(c, MW_E_ARG, "'objects' has %zu entries; %d are the most, and fewer of large latents",
                       n, MOST);
    int h = (int)mw_dim(back, 2), w = (int)mw_dim(back, 3);
    size_t cells = (size_t)h * (size_t)w;
    mw_composed_object *object = mw_alloc(c, (n + 1) * sizeof *object);
    mw_tensor **part = mw_alloc(c, (n + 1) * sizeof(mw_tensor *));
    uint8_t **mask = mw_alloc(c, (n + 1) * sizeof *mask);
    int32_t *source = mw_alloc(c, cells * sizeof *source), *owner = mw_alloc(c, cells * sizeof *owner);
    for (size_t k = 0; k < n && mw_err(c) == MW_OK; k++)
        part[k + 1] = read_object(c, mw_value_at(i[OBJECTS], k), k, back, &object[k], &mask[k]);
    mw_layout_mode mode = mw_layout_mode_of(i[MODE]);
    if (mw_err(c) == MW_OK &&
        mw_latents_compose(c, object, (int)n, h, w, start, mode, source, owner) == MW_OK) {
        part[0] = back;
        give(c, h, w, gather(c, (int)n + 1, part, source), owner, o);
    }
    for (size_t k = 0; mask && k < n; k++)
        free(mask[k]);
    free(object);
    free(part);
    free(mask);
    free(source);
    free(owner);
    return mw_err(c);
}

const mw_node_type mw_node_latent_compose = {
    .name = "latent_compose",
    .version = 1,
    .doc = "Latents of objects drawn alone, moved to where they belong and laid over the background's. "
           "LLM-grounded "
           "Diffusion, section 3.3.",
    .in = in,
    .out = out,
    .run = run,
};
