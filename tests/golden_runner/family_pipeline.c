// family_pipeline.c: op pipeline_txt2img, pipeline_img2img: a whole model, from the prompt to the picture, by
// the nodes.
#include "tests/golden_runner/node_call.h"
#include "tests/golden_runner/parts.h"

#include "core/ops.h"
#include "nodes/nets/checkpoint/checkpoint.h"
#include "nodes/nets/base/nn.h"
#include "nodes/nets/sampling/sampler.h"

#include <stdlib.h>
#include <string.h>

// ---- the run

typedef struct {
    mw_ctx *c;
    golden_case *k;
    mw_checkpoint *model;
    mw_schedule *schedule;
    mw_tensor *prompt, *negative; // [1,77,D]
    double cfg, eta;
    int first; // step
} job;

static mw_tensor *text_states(job *j, const char *param, const char *ids_name, const char *states_name)
{
    mw_ctx *c = j->c;
    mw_value *out[3] = {NULL};
    const char *text = mw_json_string(c, j->k->name, j->k->params, param);
    if (!text)
        return NULL;
    GOLDEN_CALL(c, "text_encoder", out, {"model", golden_object(c, j->model->text_encoder)},
                {"prompt", mw_value_text(c, text, strlen(text))});
    mw_tensor *t = mw_value_as_tensor(out[0]);
    mw_value *ids = mw_value_get(mw_value_at(out[2], 0), "ids");
    int32_t v[4096];
    int64_t n = (int64_t)mw_value_count(ids);
    for (int64_t i = 0; i < n && i < 4096; i++)
        v[i] = (int32_t)mw_value_as_number(mw_value_at(ids, (size_t)i));
    if (mw_err(c) == MW_OK) {
        golden_give_i32(c, j->k, ids_name, 1, &n, v);
        golden_give_tensor(c, j->k, states_name, t);
        mw_scope_adopt(c, mw_retain(t));
    }
    golden_release_all(out, 3);
    return mw_err(c) == MW_OK ? t : NULL;
}

static mw_tensor *predict(job *j, mw_tensor *z, mw_tensor *states, double cfg, int step)
{
    mw_ctx *c = j->c;
    mw_value *out[2] = {NULL};
    GOLDEN_CALL(c, "unet", out, {"model", golden_object(c, j->model->unet)},
                {"latents", mw_value_tensor(c, z)}, {"embedding", mw_value_tensor(c, states)},
                {"negative", mw_value_tensor(c, j->negative)},
                {"schedule", mw_schedule_value(c, j->schedule)}, {"step", mw_value_number(c, step)},
                {"cfg", mw_value_number(c, cfg)});
    mw_tensor *y = mw_value_as_tensor(out[0]);
    if (mw_err(c) == MW_OK)
        mw_scope_adopt(c, mw_retain(y));
    golden_release_all(out, 2);
    return mw_err(c) == MW_OK ? y : NULL;
}

// Values of every step, joined.
typedef struct {
    const char *name;
    float *v;
    int64_t n;
} series;

static void record(mw_ctx *c, series *s, const mw_tensor *t)
{
    int64_t n = mw_numel(t);
    float *more = t ? mw_realloc(c, s->v, (size_t)(s->n + n) * sizeof *more) : NULL;
    if (!more)
        return;
    s->v = more;
    mw_tensor_read_f32(c, t, s->v + s->n);
    s->n += n;
}

static void give_series(job *j, series *s, const mw_tensor *like)
{
    int64_t shape[5] = {j->schedule->steps - j->first};
    for (int i = 0; like && i < 4; i++)
        shape[i + 1] = like->shape[i];
    if (mw_err(j->c) == MW_OK && like)
        golden_give_f32(j->c, j->k, s->name, 5, shape, s->v);
    free(s->v);
}

static mw_tensor *denoise(job *j, mw_tensor *z)
{
    mw_ctx *c = j->c;
    series uncond = {"noise_uncond", 0, 0}, cond = {"noise_cond", 0, 0}, guided = {"noise_guided", 0, 0},
           steps = {"step_latents", 0, 0};
    mw_sampler_state state = {0};
    for (int i = j->first; i < j->schedule->steps && mw_err(c) == MW_OK; i++) {
        record(c, &uncond, predict(j, z, j->negative, 1, i));
        record(c, &cond, predict(j, z, j->prompt, 1, i));
        mw_step_in in = {.latents = z, .noise_pred = predict(j, z, j->prompt, j->cfg, i), .ddim_eta = j->eta};
        mw_step_out out = {0};
        record(c, &guided, in.noise_pred);
        mw_sampler_step(c, j->schedule, i, &in, &state, &out);
        z = out.latents;
        record(c, &steps, z);
    }
    give_series(j, &uncond, z);
    give_series(j, &cond, z);
    give_series(j, &guided, z);
    give_series(j, &steps, z);
    return z;
}

static void decode(job *j, mw_tensor *z)
{
    mw_ctx *c = j->c;
    const mw_vae_model *m = &j->model->vae->model;
    mw_value *out[1] = {NULL};
    if (mw_err(c) != MW_OK)
        return;
    golden_give_planes(c, j->k, "image_raw", mw_vae_decode_plain(c, m, mw_vae_unscale(c, m, z), NULL));
    GOLDEN_CALL(c, "vae_decode", out, {"model", golden_object(c, j->model->vae)},
                {"latents", mw_value_tensor(c, z)});
    mw_tensor *image = mw_value_as_tensor(out[0]);
    if (image && image->ndim == 3)
        image = mw_reshape(c, image, MW_SHAPE(1, mw_dim(image, 0), mw_dim(image, 1), 3));
    golden_give_planes(c, j->k, "image", image);
    golden_release_all(out, 1);
}

// Latents of the case's picture, noised to the first step.
static mw_tensor *start_from_image(job *j)
{
    mw_ctx *c = j->c;
    golden_case *k = j->k;
    mw_value *out[1] = {NULL};
    mw_tensor *image = mw_affine(c, golden_input_channels_last(c, k, "image"), 0.5, 0.5);
    GOLDEN_CALL(c, "vae_encode", out, {"model", golden_object(c, j->model->vae)},
                {"image", mw_value_tensor(c, image)},
                {"noise", mw_value_tensor(c, golden_input_tensor(c, k, "posterior_noise", MW_F32))});
    mw_tensor *clean = mw_value_as_tensor(out[0]);
    j->first = mw_schedule_first_step(j->schedule, mw_json_number(c, k->name, k->params, "strength"));
    mw_tensor *noise = golden_input_tensor(c, k, "noise", MW_F32);
    mw_tensor *z = mw_err(c) == MW_OK ? mw_sampler_add_noise(c, j->schedule, j->first, clean, noise) : NULL;
    if (mw_err(c) == MW_OK) {
        int64_t n = j->schedule->steps - j->first;
        golden_give_tensor(c, k, "init_latents", clean);
        golden_give_tensor(c, k, "start_latents", z);
        golden_give_f64(c, k, "timesteps", 1, &n, j->schedule->timesteps + j->first);
    }
    golden_release_all(out, 1);
    return z;
}

static mw_schedule *make_schedule(mw_ctx *c, golden_case *k)
{
    const char *name = mw_json_string(c, k->name, k->params, "scheduler");
    int64_t steps = mw_json_int(c, k->name, k->params, "steps", 1, 1000);
    json_t *json = json_deep_copy(mw_json_object(c, k->name, k->params, "scheduler_config"));
    if (!name || !json)
        return NULL;
    bool whole = strstr(name, "Scheduler") != NULL; // "DDIM" or "DDIMScheduler"
    json_object_set_new(json, "_class_name", json_sprintf("%s%s", name, whole ? "" : "Scheduler"));
    mw_scheduler *s = mw_scheduler_new(c, json, k->name, NULL);
    mw_schedule *schedule = s ? mw_schedule_new(c, &s->config, s->config.sampler, (int)steps) : NULL;
    if (s)
        mw_object_release(&s->base);
    json_decref(json);
    return schedule;
}

static mw_status run(mw_ctx *c, golden_case *k)
{
    mw_checkpoint_options o = {.path = golden_model(c, k, NULL), .dtype = k->dtype};
    job j = {.c = c, .k = k, .schedule = make_schedule(c, k)};
    j.cfg = mw_json_number(c, k->name, k->params, "guidance_scale");
    j.eta = mw_json_has(k->params, "eta") ? mw_json_number(c, k->name, k->params, "eta") : 0;
    j.model = mw_err(c) == MW_OK ? mw_checkpoint_open(c, &o) : NULL;
    if (j.model) {
        j.prompt = text_states(&j, "prompt", "prompt_ids", "prompt_embeds");
        j.negative = text_states(&j, "negative_prompt", "negative_ids", "negative_prompt_embeds");
        bool from_image = strcmp(k->op, "pipeline_img2img") == 0;
        mw_tensor *z = from_image
            ? start_from_image(&j)
            : mw_affine(c, golden_input_tensor(c, k, "latents", MW_F32), j.schedule->init_noise_sigma, 0);
        decode(&j, denoise(&j, z));
        mw_object_release(&j.model->base);
    }
    mw_schedule_free(j.schedule);
    return mw_err(c);
}

const golden_family golden_pipeline = {{"pipeline_txt2img", "pipeline_img2img"}, true, run};
