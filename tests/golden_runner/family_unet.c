// family_unet.c: op unet_forward_backward, unet_gligen_forward_backward, unet_attention_maps: one call of a
// UNet, its blocks and attention maps.
#include "tests/golden_runner/parts.h"

#include "core/ops.h"
#include "core/tensor/tape.h"
#include "nodes/nets/unet/position_net.h"

#include <stdlib.h>
#include <string.h>

static void load(mw_ctx *c, golden_case *k, mw_unet_model *m)
{
    const char *folder = golden_model(c, k, NULL);
    char *path;
    json_t *json = golden_config(c, folder, &path);
    if (json && mw_unet_config_read(c, json, path, &m->config) == MW_OK) {
        mw_weight_source w = golden_weights(c, folder, "diffusion_pytorch_model", &mw_rule_unet);
        m->weights = mw_err(c) == MW_OK ? mw_weights_new(c, w, "unet", k->dtype) : NULL;
    }
    if (m->weights)
        mw_unet_load(c, m);
    json_decref(json);
    free(path);
}

enum { MAPS = 64 };

// What the callbacks know.
typedef struct {
    mw_ctx *c;
    golden_case *k;
    const mw_unet_config *config;
    double loss;                           // sum of weights * maps over the guided layers
    mw_tensor *maps[MAPS], *weights[MAPS]; // of the guided layers: what the loss is made of
    int nmaps;
} recorder;

static const char *name_of(const recorder *r, const char *kind, const char *path)
{
    return golden_text(r->c, r->k, "%s/%s", kind, path);
}

// Does the name, a path or a short form of one ("mid", "up.1.0.0"), mean the cross-attention `path`?
static bool means(const recorder *r, const char *name, const char *path)
{
    char full[128];
    if (!name || mw_err(r->c))
        return false;
    if (mw_unet_layer_path(r->c, r->config, name, full, sizeof full) == MW_OK)
        return strcmp(full, path) == 0;
    mw_err_clear(r->c);
    return false;
}

// The i-th name "<kind>/<cross-attention>" in `tensors` that means the one at `path`; NULL behind the last.
static const char *map_name(const recorder *r, const mw_st *tensors, const char *kind, const char *path,
                            int i)
{
    size_t n = strlen(kind);
    for (size_t at = 0; tensors && at < mw_st_count(tensors); at++) {
        const char *name = mw_st_at(tensors, at)->name;
        if (strncmp(name, kind, n) == 0 && name[n] == '/' && means(r, name + n + 1, path) && i-- == 0)
            return name;
    }
    return NULL;
}

static bool want_map(void *user, const char *path)
{
    const recorder *r = user;
    return map_name(r, r->k->expected, "attn", path, 0) != NULL;
}

static bool want_guided(void *user, const char *path)
{
    const recorder *r = user;
    size_t i;
    json_t *v;
    json_array_foreach(json_object_get(r->k->params, "guided_layers"), i, v)
    {
        if (means(r, json_string_value(v), path))
            return true;
    }
    return false;
}

static void add_loss(recorder *r, const char *path, mw_tensor *probs)
{
    const char *name = map_name(r, r->k->inputs, "attn_w", path, 0);
    if (!name)
        name = name_of(r, "attn_w", path); // which is then reported as missing
    if (name && r->nmaps < MAPS) {
        r->maps[r->nmaps] = mw_retain(probs);
        r->weights[r->nmaps++] = mw_retain(golden_input_tensor(r->c, r->k, name, MW_F32));
    }
    const float *w = golden_input_f32(r->c, r->k, name);
    int64_t n = mw_numel(probs);
    float *p = mw_alloc(r->c, (size_t)n * sizeof *p);
    if (w && p && golden_input(r->c, r->k, name)->count == n && mw_tensor_read_f32(r->c, probs, p) == MW_OK)
        for (int64_t i = 0; i < n; i++)
            r->loss += (double)w[i] * (double)p[i];
    free(p);
}

static void take_map(mw_ctx *c, void *user, const char *path, mw_tensor *probs)
{
    recorder *r = user;
    const char *name;
    for (int i = 0; (name = map_name(r, r->k->expected, "attn", path, i)); i++)
        golden_give_tensor(c, r->k, name, probs);
}

static void take_guided(mw_ctx *c, void *user, const char *path, mw_tensor *probs)
{
    (void)c;
    add_loss(user, path, probs);
}

static void take_act(mw_ctx *c, void *user, const char *module, mw_tensor *x)
{
    recorder *r = user;
    const char *name = name_of(r, "act", module);
    if (!name || x->ndim == 4)
        golden_give_planes(c, r->k, name, x);
    else
        golden_give_tensor(c, r->k, name, x);
}

// Values of an input as doubles; free() them.
static double *doubles(mw_ctx *c, golden_case *k, const char *name)
{
    const mw_st_entry *e = golden_input(c, k, name);
    const float *v = golden_input_f32(c, k, name);
    double *d = e && v ? mw_alloc(c, (size_t)e->count * sizeof *d) : NULL;
    for (int64_t i = 0; d && i < e->count; i++)
        d[i] = (double)v[i];
    return d;
}

// sum(G * output) and its gradients, or those of the loss over maps.
static void forward_and_back(mw_ctx *c, golden_case *k, const mw_unet_model *m, mw_unet_in *in)
{
    mw_tensor *wrt[2] = {in->latents, in->text}, *grads[2];
    if (mw_tape_begin(c, false) != MW_OK)
        return;
    mw_watch(c, wrt[0]);
    mw_watch(c, wrt[1]);
    mw_tensor *y = mw_unet_forward(c, m, in);
    golden_give_tensor(c, k, "output", y);
    if (golden_wants(k, "grad_latents")) {
        mw_tensor *seed = golden_input_tensor(c, k, "G", MW_F32);
        mw_backward(c, 1, &y, &seed, 2, wrt, grads);
        golden_give_tensor(c, k, "grad_latents", grads[0]);
        golden_give_tensor(c, k, "grad_encoder_hidden_states", grads[1]);
    }
    mw_tape_end(c);
}

// The loss over maps as guidance takes it: forward only as far as the last guided map, blocks made again.
static void guided_gradient(mw_ctx *c, golden_case *k, const mw_unet_model *m, const mw_unet_in *in)
{
    recorder r = {.c = c, .k = k, .config = &m->config};
    mw_unet_taps taps = {.user = &r, .want_map = want_guided, .map = take_guided};
    mw_unet_in part = *in;
    mw_tensor *grad;
    part.taps = &taps;
    part.maps_only = true;
    if (mw_tape_begin(c, true) != MW_OK)
        return;
    mw_watch(c, part.latents);
    mw_unet_forward(c, m, &part);
    mw_backward(c, r.nmaps, r.maps, r.weights, 1, &part.latents, &grad);
    golden_give_tensor(c, k, "attn_grad_latents", grad);
    golden_give_f64(c, k, "loss", 1, (int64_t[]){1}, &r.loss);
    mw_tape_end(c);
    for (int i = 0; i < r.nmaps; i++) {
        mw_release(r.maps[i]);
        mw_release(r.weights[i]);
    }
}

// The grounding tokens of a gated model; and its output without them.
static void ground(mw_ctx *c, golden_case *k, const mw_unet_model *m, mw_unet_in *in)
{
    double *box = doubles(c, k, "gligen.boxes"), *mask = doubles(c, k, "gligen.masks");
    mw_tensor *phrase = golden_input_tensor(c, k, "gligen.positive_embeddings", MW_F32);
    mw_unet_in plain = *in;
    plain.taps = NULL;
    if (mw_err(c) == MW_OK) {
        mw_grounding g = {mw_dim(phrase, 0), mw_dim(phrase, 1), box, mask, phrase};
        golden_give_tensor(c, k, "output_fuser_off", mw_unet_forward(c, m, &plain));
        in->objs = mw_position_net(c, m, &g);
        golden_give_tensor(c, k, "objs", in->objs);
    }
    free(box);
    free(mask);
}

static mw_status run(mw_ctx *c, golden_case *k)
{
    mw_unet_model m = {0};
    recorder r = {.c = c, .k = k, .config = &m.config};
    mw_unet_taps taps = {.user = &r, .want_map = want_map, .map = take_map, .act = take_act};
    load(c, k, &m);
    double *t = doubles(c, k, "timestep"), *ids = NULL;
    mw_unet_in in = {.latents = golden_input_tensor(c, k, "latents", MW_F32),
                     .t = t,
                     .text = golden_input_tensor(c, k, "encoder_hidden_states", MW_F32),
                     .taps = &taps};
    if (mw_err(c) == MW_OK && m.config.text_time) {
        ids = doubles(c, k, "time_ids");
        in.pooled = golden_input_tensor(c, k, "text_embeds", MW_F32);
        in.time_ids = ids;
        in.ntime_ids = ids ? (int)golden_input(c, k, "time_ids")->shape[1] : 0;
    }
    if (mw_err(c) == MW_OK && m.config.gated)
        ground(c, k, &m, &in);
    if (mw_err(c) == MW_OK)
        forward_and_back(c, k, &m, &in);
    if (mw_err(c) == MW_OK && json_object_get(k->params, "guided_layers"))
        guided_gradient(c, k, &m, &in);
    free(t);
    free(ids);
    mw_weights_free(m.weights);
    return mw_err(c);
}

const golden_family golden_unet = {
    {"unet_forward_backward", "unet_gligen_forward_backward", "unet_attention_maps"}, true, run};
