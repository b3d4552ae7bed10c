// family_lmd_guidance.c: op lmd.guidance_step: single calls of the guidance of latents.
#include "tests/golden_runner/lmd_layout.h"
#include "tests/golden_runner/parts.h"

#include "core/ops.h"
#include "nodes/nets/guidance/guidance.h"
#include "nodes/nets/sampling/schedule.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LAYERS = 16, ITERATIONS = 64 };

typedef struct {
    mw_ctx *c;
    golden_case *k;
    mw_unet_model unet;
    mw_guided_layer layer[LAYERS];
    const char *key[LAYERS];
    int nlayers;
    mw_energy_targets *plan;
    const char *variant; // of the call in progress
    bool first;          // it is the first: the case wants its maps
    double energy[ITERATIONS];
    float *gradients; // ITERATIONS of them, as they come
    int64_t numel;
    int n;
    double scale; // of the stored gradients
} job;

static void load(job *j)
{
    mw_ctx *c = j->c;
    const char *folder = golden_model(c, j->k, "unet");
    char *path = NULL;
    json_t *json = golden_config(c, folder, &path);
    if (json && mw_unet_config_read(c, json, path, &j->unet.config) == MW_OK) {
        mw_weight_source w = golden_weights(c, folder, "diffusion_pytorch_model", &mw_rule_unet);
        j->unet.weights = mw_err(c) == MW_OK ? mw_weights_new(c, w, "unet", j->k->dtype) : NULL;
    }
    if (j->unet.weights)
        mw_unet_load(c, &j->unet);
    json_decref(json);
    free(path);
}

static void find_layers(job *j, const mw_tensor *latents)
{
    const json_t *keys = json_object_get(j->k->params, "keys");
    for (j->nlayers = 0; j->nlayers < (int)json_array_size(keys) && j->nlayers < LAYERS; j->nlayers++) {
        j->key[j->nlayers] = json_string_value(json_array_get(keys, (size_t)j->nlayers));
        mw_guided_layer_find(j->c, &j->unet.config, j->key[j->nlayers], (int)mw_dim(latents, 2),
                             (int)mw_dim(latents, 3), &j->layer[j->nlayers]);
    }
}

static mw_schedule *schedule(job *j, int steps)
{
    mw_ctx *c = j->c;
    const char *folder = golden_model(c, j->k, "scheduler");
    char *path = folder ? mw_format(c, "%s/scheduler_config.json", folder) : NULL;
    mw_scheduler *settings = path ? mw_scheduler_load(c, path, NULL) : NULL;
    mw_schedule *s = settings ? mw_schedule_new(c, &settings->config, MW_DDIM, steps) : NULL;
    if (settings)
        mw_object_release(&settings->base);
    free(path);
    return s;
}

static mw_tensor *energy(mw_ctx *c, void *user, mw_tensor *const *maps)
{
    return mw_energy(c, ((const job *)user)->plan, maps);
}

static void trace(mw_ctx *c, void *user, mw_tensor *e, mw_tensor *gradient, mw_tensor *const *maps)
{
    job *j = user;
    float v = 0;
    if (j->n == ITERATIONS)
        return;
    for (int i = 0; i < j->nlayers && j->n == 0 && j->first; i++)
        golden_give_tensor(c, j->k, golden_text(c, j->k, "attn/%s", j->key[i]), maps[i]);
    mw_tensor_read_f32(c, e, &v);
    j->energy[j->n] = (double)v;
    mw_tensor_read_f32(c, mw_affine(c, gradient, j->scale, 0), j->gradients + j->n * j->numel);
    j->n++;
}

// max_iter: a number, or a list whose last entry serves all later steps.
static int iterations(const json_t *v, size_t step)
{
    size_t n = json_array_size(v);
    return (int)json_integer_value(n ? json_array_get(v, step < n ? step : n - 1) : v);
}

static double of(const job *j, const char *key)
{
    return mw_json_number(j->c, j->k->name, j->k->params, key);
}

static void make_plan(job *j, const json_t *v)
{
    mw_ctx *c = j->c;
    mw_energy_options o = mw_energy_defaults(MW_ENERGY_CODE);
    mw_energy_layer layer[LAYERS];
    golden_phrases p = golden_phrases_of(c, j->k, json_object_get(j->k->params, "boxes"),
                                         json_object_get(j->k->params, "object_positions"),
                                         json_object_get(j->k->params, "word_token_indices"));
    bool ref = json_is_true(json_object_get(v, "ref"));
    o.wrapped_boxes = true;
    o.fg_top_p = of(j, "fg_top_p");
    o.bg_top_p = of(j, "bg_top_p");
    o.fg_weight = of(j, "fg_weight");
    o.omega = of(j, "bg_weight");
    o.lambda = ref ? of(j, "ref_ca_loss_weight") : 0;
    for (int i = 0; i < j->nlayers; i++)
        layer[i] = (mw_energy_layer){j->layer[i].h, j->layer[i].w,
                                     ref ? golden_lmd_reference(c, j->k, &p, "", j->key[i]) : NULL};
    mw_tensor *text = golden_input_tensor(c, j->k, "cond_embeddings", MW_F32);
    mw_energy_picture picture = {p.phrase, p.n};
    j->plan = mw_energy_targets_new(c, &o, &picture, 1, mw_dim(text, 1), layer, j->nlayers);
}

static void give(job *j, mw_tensor *z)
{
    mw_ctx *c = j->c;
    golden_case *k = j->k;
    int64_t n = j->n, shape[4] = {n, mw_dim(z, 1), mw_dim(z, 2), mw_dim(z, 3)};
    golden_give_tensor(c, k, golden_text(c, k, "latents_out/%s", j->variant), z);
    golden_give_f64(c, k, golden_text(c, k, "losses/%s", j->variant), 1, &n, j->energy);
    golden_give_f32(c, k, golden_text(c, k, "grad/%s", j->variant), 4, shape, j->gradients);
}

static void one(job *j, const json_t *v)
{
    mw_ctx *c = j->c;
    int64_t step = json_integer_value(json_object_get(v, "index"));
    double e = json_number_value(json_object_get(v, "loss_in"));
    mw_schedule *s = schedule(j, (int)json_integer_value(json_object_get(v, "steps")));
    mw_tensor *z = golden_input_tensor(c, j->k, "latents", MW_F32), *gradient;
    j->n = 0;
    j->scale = of(j, "loss_scale");
    make_plan(j, v);
    if (s && mw_schedule_check_step(c, s, step) == MW_OK) {
        bool done = step >= json_integer_value(json_object_get(v, "max_index_step"));
        mw_guidance g = {.unet = &j->unet,
                         .call = {.t = &s->timesteps[step],
                                  .text = golden_input_tensor(c, j->k, "cond_embeddings", MW_F32)},
                         .input_scale = mw_schedule_input_scale(s, (int)step),
                         .layer = j->layer,
                         .nlayers = j->nlayers,
                         .energy = energy,
                         .user = j,
                         .strength = j->scale * sqrt(1 - mw_schedule_alpha_bar(s, (int)step)),
                         .iterations = done ? 0 : iterations(json_object_get(v, "max_iter"), (size_t)step),
                         .threshold = json_number_value(json_object_get(v, "loss_threshold")),
                         .trace = trace,
                         .trace_user = j};
        z = mw_guide(c, &g, z, &e, &gradient);
        if (mw_err(c) == MW_OK)
            give(j, z);
    }
    mw_energy_targets_free(j->plan);
    j->plan = NULL;
    mw_schedule_free(s);
}

static mw_status run(mw_ctx *c, golden_case *k)
{
    job j = {.c = c, .k = k};
    size_t i;
    json_t *v;
    load(&j);
    mw_tensor *z = golden_input_tensor(c, k, "latents", MW_F32);
    j.numel = mw_numel(z);
    j.gradients = mw_alloc(c, (size_t)ITERATIONS * (size_t)(j.numel + 1) * sizeof *j.gradients);
    if (mw_err(c) == MW_OK)
        find_layers(&j, z);
    json_array_foreach(json_object_get(k->params, "variants"), i, v)
    {
        j.variant = json_string_value(json_object_get(v, "name"));
        j.first = i == 0;
        mw_scope_begin(c);
        if (mw_err(c) == MW_OK && j.variant)
            one(&j, v);
        mw_scope_end(c, NULL);
    }
    free(j.gradients);
    mw_weights_free(j.unet.weights);
    return mw_err(c);
}

const golden_family golden_lmd_guidance = {{"lmd.guidance_step"}, true, run};
