// guided_batch.c: how many pictures guided_sample may draw as one batch.
#include "core/graph/node.h"
#include "nodes/nets/checkpoint/checkpoint.h"
#include "nodes/nets/clip/clip_tokenizer.h"
#include "nodes/nets/guidance/guidance.h"
#include "nodes/nets/unet/position_net.h"
#include "nodes/nets/unet/size_conditions.h"

#include <stdlib.h>
#include <string.h>

enum { MODEL, LATENTS, LAYERS, CAPTURE };
enum { MOST_LAYERS = 256, MOST = 8, SHARE = 4 };

static const mw_port in[] = {
    [MODEL] = {.name = "model", .type = "checkpoint", .doc = "a checkpoint"},
    [LATENTS] = {.name = "latents", .type = "latents", .doc = "[B,4,h,w] of the size of the pictures"},
    [LAYERS] = {.name = "layers",
                .type = "list",
                .def = "null",
                .doc = "cross-attentions that are guided, as box_attention_guide has them"},
    [CAPTURE] = {.name = "capture",
                 .type = "list",
                 .def = "[]",
                 .doc = "cross-attentions whose maps are wanted, as unet has them"},
    {.name = NULL},
};

static const mw_out out[] = {
    {.name = "pictures", .type = "integer", .doc = "how many, at least 1"},
    {.name = NULL},
};

// Maps as the node unet hands them out.
typedef struct {
    mw_guided_layer layer[MOST_LAYERS];
    mw_tensor *map[MOST_LAYERS]; // a share each
    int n;
} captured;

static bool want_map(void *user, const char *path)
{
    const captured *k = user;
    for (int i = 0; i < k->n; i++)
        if (strcmp(k->layer[i].path, path) == 0)
            return true;
    return false;
}

static void take_map(mw_ctx *c, void *user, const char *path, mw_tensor *probs)
{
    (void)c;
    captured *k = user;
    for (int i = 0; i < k->n; i++)
        if (strcmp(k->layer[i].path, path) == 0 && !k->map[i])
            k->map[i] = mw_retain(probs);
}

// What the network gets for n pictures of `texts` texts each, without elements.
static mw_unet_in dry_input(mw_ctx *c, const mw_unet_config *f, const mw_tensor *like, int64_t length,
                            int64_t n, int64_t texts, double *numbers)
{
    mw_unet_in u = {.t = numbers};
    int64_t items = f->text_time ? n * texts : n;
    u.latents = mw_tensor_new(c, MW_F32, MW_SHAPE(items, mw_dim(like, 1), mw_dim(like, 2), mw_dim(like, 3)));
    u.text = mw_tensor_new(c, MW_F32, MW_SHAPE(n * texts, length, f->context));
    if (f->text_time) {
        u.time_ids = numbers;
        u.ntime_ids = MW_TIME_IDS;
        u.pooled = mw_tensor_new(c, MW_F32, MW_SHAPE(items, f->add_width - MW_TIME_IDS * f->time_id_width));
    }
    if (f->gated)
        u.objs = mw_tensor_new(c, MW_F32, MW_SHAPE(n * texts, MW_GROUNDING_SLOTS, f->context));
    return u;
}

// Bytes beside the weights that a picture takes of a batch: in guidance with everything kept, or in a
// denoising step with its maps, whichever is more.
static uint64_t bytes_of_one(mw_ctx *c, const mw_checkpoint *m, const mw_tensor *like,
                             const mw_guided_layer *layer, int nlayers, captured *maps)
{
    const mw_unet_model *unet = &m->unet->model;
    int64_t length = mw_clip_tokenizer_length(m->tokenizer[0]->tokenizer);
    double numbers[2 * MW_TIME_IDS] = {0};
    bool was = c->dry;
    c->dry = true;
    mw_scope_begin(c);
    mw_guidance g = {.unet = unet, .input_scale = 1, .layer = layer, .nlayers = nlayers};
    g.call = dry_input(c, &unet->config, like, length, 1, 1, numbers);
    uint64_t guided = mw_guidance_bytes(c, &g, 1);
    mw_dry_begin();
    mw_unet_in u = dry_input(c, &unet->config, like, length, 1, 2, numbers);
    mw_unet_taps taps = {.user = maps, .want_map = want_map, .map = take_map, .first = 1};
    u.taps = &taps;
    mw_unet_forward(c, unet, &u);
    uint64_t step = mw_dry_peak();
    for (int i = 0; i < maps->n; i++)
        mw_release(maps->map[i]);
    mw_scope_end(c, NULL);
    c->dry = was;
    return guided > step ? guided : step;
}

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    const mw_checkpoint *m = (const mw_checkpoint *)mw_value_as_object(i[MODEL]);
    const mw_tensor *like = mw_value_as_tensor(i[LATENTS]);
    if (!like || like->ndim != 4 || mw_numel(like) == 0)
        return mw_fail(c, MW_E_SHAPE, "'latents' must be [B,4,h,w]");
    mw_weights *w = m->unet->model.weights;
    mw_guided_layer *layer = mw_alloc(c, MOST_LAYERS * sizeof *layer);
    captured *maps = mw_alloc(c, sizeof *maps);
    uint64_t bytes = 0;
    if (layer && maps && mw_weights_fetch(c, w) == MW_OK) {
        const mw_unet_config *f = &m->unet->model.config;
        int h = (int)mw_dim(like, 2), v = (int)mw_dim(like, 3);
        int n = mw_guided_layers_read(c, f, i[LAYERS], h, v, layer, MOST_LAYERS);
        if (mw_value_count(i[CAPTURE]) && mw_err(c) == MW_OK)
            maps->n = mw_guided_layers_read(c, f, i[CAPTURE], h, v, maps->layer, MOST_LAYERS);
        bytes = mw_err(c) == MW_OK ? bytes_of_one(c, m, like, layer, n, maps) : 0;
    }
    free(layer);
    free(maps);
    uint64_t fit = mw_weights_room(c, w) / SHARE / (bytes + 1);
    o[0] = mw_value_number(c, fit < 1 ? 1 : fit > MOST ? MOST : (double)fit);
    return mw_err(c);
}

const mw_node_type mw_node_guided_batch = {
    .name = "guided_batch",
    .version = 1,
    .doc = "How many pictures guided_sample may draw as one batch: 8 at most, of which half the memory that "
           "the limit "
           "leaves beside the model's weights holds the work.",
    .in = in,
    .out = out,
    .run = run,
};
