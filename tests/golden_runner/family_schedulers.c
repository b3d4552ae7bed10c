// family_schedulers.c: op scheduler_trajectory, scheduler_add_noise: samplers under a network that is a
// formula.
#include "tests/golden_runner/golden.h"

#include "core/ops.h"
#include "nodes/nets/sampling/sampler.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// The case's settings: what it names, over the defaults it lists.
static mw_scheduler *config_of(mw_ctx *c, const golden_case *k)
{
    json_t *all = mw_json_has(k->params, "config_defaults")
        ? json_copy(mw_json_object(c, k->name, k->params, "config_defaults"))
        : json_object();
    json_object_update(all, mw_json_object(c, k->name, k->params, "config"));
    mw_scheduler *s = mw_err(c) ? NULL : mw_scheduler_new(c, all, k->name, NULL);
    json_decref(all);
    return s;
}

// Entry i of x and noise at timestep i. out: room for two arrays of x's size, noisy and velocity.
static void add_noises(mw_ctx *c, golden_case *k, mw_schedule *s, mw_tensor *x, mw_tensor *noise, float *out)
{
    const int32_t *t = golden_input_i32(c, k, "timesteps");
    int64_t items = mw_dim(x, 0), n = mw_numel(x), each = n / items;
    if (t && golden_input(c, k, "timesteps")->count != items)
        mw_fail(c, MW_E_FILE, "%s: timesteps must be one for each item of x", k->name);
    for (int64_t i = 0; i < items && !mw_err(c); i++) {
        if (t[i] < 0 || t[i] >= s->train) {
            mw_fail(c, MW_E_FILE, "%s: timestep %d is not in 0..%d", k->name, t[i], s->train - 1);
            return;
        }
        s->timesteps[0] = t[i];
        mw_tensor *xi = mw_slice(c, x, 0, i, 1), *ni = mw_slice(c, noise, 0, i, 1);
        mw_tensor_read_f32(c, mw_sampler_add_noise(c, s, 0, xi, ni), out + i * each);
        mw_tensor_read_f32(c, mw_sampler_velocity(c, s, 0, xi, ni), out + n + i * each);
    }
    golden_give_f32(c, k, "noisy", x->ndim, x->shape, out);
    golden_give_f32(c, k, "velocity", x->ndim, x->shape, out + n);
}

static void add_noise(mw_ctx *c, golden_case *k, const mw_scheduler *config)
{
    mw_schedule *s = mw_schedule_new(c, &config->config, MW_DDPM, 1);
    mw_tensor *x = golden_input_tensor(c, k, "x", k->dtype);
    mw_tensor *noise = golden_input_tensor(c, k, "noise", k->dtype);
    float *out = mw_numel(x) ? mw_alloc(c, (size_t)mw_numel(x) * 2 * sizeof *out) : NULL;
    if (s && noise && out)
        add_noises(c, k, s, x, noise, out);
    free(out);
    mw_schedule_free(s);
}

static void give_tables(mw_ctx *c, golden_case *k, const mw_schedule *s)
{
    golden_give_f64(c, k, "timesteps", 1, (int64_t[]){s->steps}, s->timesteps);
    golden_give_f64(c, k, "alphas_cumprod", 1, (int64_t[]){s->train}, s->alpha_bar);
    golden_give_f64(c, k, "init_noise_sigma", 1, (int64_t[]){1}, &s->init_noise_sigma);
    if (s->sigmas)
        golden_give_f64(c, k, "sigmas", 1, (int64_t[]){s->nsigmas}, s->sigmas);
}

// A * input + B * sin(pi t / 1000)
static mw_tensor *network(mw_ctx *c, const golden_case *k, const mw_schedule *s, int step, mw_tensor *x)
{
    double A = mw_json_number(c, k->name, k->params, "A"), B = mw_json_number(c, k->name, k->params, "B");
    float wave = (float)sin(3.14159265358979323846 * s->timesteps[step] / 1000);
    return mw_affine(c, x, mw_schedule_input_scale(s, step) * A, B * wave);
}

static void run_steps(mw_ctx *c, golden_case *k, const mw_schedule *s, mw_tensor *x, float *trajectory,
                      float *pictures)
{
    mw_tensor *noise = golden_has(k, "noise") ? golden_input_tensor(c, k, "noise", k->dtype) : NULL;
    mw_sampler_state state = {0};
    size_t n = (size_t)mw_numel(x);
    mw_step_in in = {.order = 4};
    if (mw_json_has(k->params, "eta"))
        in.ddim_eta = mw_json_number(c, k->name, k->params, "eta");
    if (mw_json_has(k->params, "use_clipped_model_output"))
        in.use_clipped_model_output = mw_json_bool(c, k->name, k->params, "use_clipped_model_output");
    mw_tensor_read_f32(c, x, trajectory);
    for (int i = 0; i < s->steps && !mw_err(c); i++) {
        mw_step_out out;
        in.latents = x;
        in.noise_pred = network(c, k, s, i, x);
        if (noise && i < mw_dim(noise, 0))
            in.variance_noise = mw_reshape(c, mw_slice(c, noise, 0, i, 1), x->ndim, x->shape);
        mw_sampler_step(c, s, i, &in, &state, &out);
        x = out.latents;
        if (mw_err(c))
            return;
        mw_tensor_read_f32(c, x, trajectory + n * (size_t)(i + 1));
        mw_tensor_read_f32(c, out.pred_original, pictures + n * (size_t)i);
    }
}

// shape[0] is room for the number of entries; the rest is that of the latents.
static void give_trajectory(mw_ctx *c, golden_case *k, const mw_schedule *s, const mw_tensor *x)
{
    int64_t shape[1 + MW_MAXDIM];
    size_t n = (size_t)mw_numel(x);
    float *trajectory = mw_alloc(c, n * (size_t)(2 * s->steps + 1) * sizeof *trajectory + 1);
    float *pictures = trajectory ? trajectory + n * (size_t)(s->steps + 1) : NULL;
    if (!trajectory)
        return;
    run_steps(c, k, s, mw_affine(c, (mw_tensor *)x, s->init_noise_sigma, 0), trajectory, pictures);
    for (int i = 0; i < x->ndim; i++)
        shape[1 + i] = x->shape[i];
    if (!mw_err(c)) {
        shape[0] = s->steps + 1;
        golden_give_f32(c, k, "trajectory", x->ndim + 1, shape, trajectory);
        shape[0] = s->steps;
        golden_give_f32(c, k, "pred_original", x->ndim + 1, shape, pictures);
        golden_give_f32(c, k, "final", x->ndim, shape + 1, pictures - n);
    }
    free(trajectory);
}

static void trajectory(mw_ctx *c, golden_case *k, const mw_scheduler *config)
{
    const char *name = mw_json_string(c, k->name, k->params, "scheduler");
    int64_t steps = mw_json_int(c, k->name, k->params, "steps", 1, 1000);
    mw_sampler sampler = name ? mw_sampler_by_name(name) : MW_SAMPLERS;
    if (name && sampler == MW_SAMPLERS)
        mw_fail(c, MW_E_FILE, "%s: no sampler is called %s", k->name, name);
    if (mw_err(c))
        return;
    mw_schedule *s = mw_schedule_new(c, &config->config, sampler, (int)steps);
    mw_tensor *x = golden_input_tensor(c, k, "latents", k->dtype);
    if (s)
        give_tables(c, k, s);
    if (s && x)
        give_trajectory(c, k, s, x);
    mw_schedule_free(s);
}

static mw_status run(mw_ctx *c, golden_case *k)
{
    mw_scheduler *config = config_of(c, k);
    if (config) {
        if (!strcmp(k->op, "scheduler_add_noise"))
            add_noise(c, k, config);
        else
            trajectory(c, k, config);
        mw_object_release(&config->base);
    }
    return mw_err(c);
}

const golden_family golden_schedulers = {{"scheduler_trajectory", "scheduler_add_noise"}, true, run};
