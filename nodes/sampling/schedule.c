// schedule.c: which times a run visits, and by which sampler's rules.
#include "core/graph/node.h"
#include "nodes/nets/sampling/schedule.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER(n, t, low, high, words)                                                                       \
    {                                                                                                        \
        .name = n, .type = t, .def = "null", .min = low, .max = high, .doc = words                           \
    }
#define BOOL(n, words)                                                                                       \
    {                                                                                                        \
        .name = n, .type = "bool", .def = "null", .doc = words                                               \
    }
#define CHOICE(n, list, words)                                                                               \
    {                                                                                                        \
        .name = n, .type = "choice", .def = "null", .choices = list, .doc = words                            \
    }

// Spellings of ComfyUI, A1111, stable-diffusion.cpp and diffusers.
#define SAMPLERS                                                                                             \
    "auto|ddim=DDIMScheduler|ddpm=DDPMScheduler|euler=k_euler=EulerDiscreteScheduler|"                       \
    "euler_ancestral=euler_a=Euler a=k_euler_a=EulerAncestralDiscreteScheduler|"                             \
    "dpmpp_2m=dpm++2m=DPM++ 2M=k_dpmpp_2m=DPMSolverMultistepScheduler|dpmpp_2m_heun=DPM++ 2M Heun|"          \
    "dpmpp_2m_sde=dpmpp_2m_sde_gpu=dpm++2m_sde=DPM++ 2M SDE|"                                                \
    "dpmpp_2m_sde_heun=dpmpp_2m_sde_heun_gpu=DPM++ 2M SDE "                                                  \
    "heun|uni_pc=UniPC=UniPCMultistepScheduler|uni_pc_bh2|"                                                  \
    "lms=k_lms=LMSDiscreteScheduler|pndm=PNDMScheduler|plms|ddim_trailing|"                                  \
    "euler_karras=Euler Karras|lms_karras=LMS Karras|dpmpp_2m_karras=DPM++ 2M Karras|"                       \
    "dpmpp_2m_sde_karras=DPM++ 2M SDE Karras|dpmpp_2m_sde_heun_karras=DPM++ 2M SDE Heun Karras|"             \
    "dpmpp_2m_sde_exponential=DPM++ 2M SDE Exponential|"                                                     \
    "dpmpp_2m_sde_heun_exponential=DPM++ 2M SDE Heun Exponential"
#define SCHEDULERS                                                                                           \
    "normal=automatic=uniform=discrete|karras|exponential|beta|lu|sgm_uniform=SGM Uniform=simple=trailing|"  \
    "ddim_uniform=ddim=leading|linspace"

// The settings, from FIRST_SETTING on, are found by their names.
enum { MODEL, SAMPLER, STEPS, SCHEDULER, FIRST_SETTING };
static const mw_port in[] = {
    [MODEL] = {.name = "model",
               .type = "scheduler",
               .def = "null",
               .doc = "a checkpoint, whose settings are used; none: those of SD 1"},
    [SAMPLER] = {.name = "sampler",
                 .type = "choice",
                 .def = "\"auto\"",
                 .choices = SAMPLERS,
                 .doc =
                     "the method; auto: that of the model folder's scheduler class, ddim for a single file"},
    [STEPS] = {.name = "steps",
               .type = "integer",
               .min = 1,
               .max = 1000,
               .alias = "num_inference_steps",
               .unit = "steps",
               .doc = "how many steps are made"},
    [SCHEDULER] = {.name = "scheduler",
                   .type = "choice",
                   .def = "\"normal\"",
                   .choices = SCHEDULERS,
                   .doc = "how the noise levels are spread; normal: as the checkpoint's settings say"},
    NUMBER("num_train_timesteps", "integer", 1, 100000, "timesteps the network was trained on"),
    NUMBER("beta_start", "number", 0, 1, "noise added at the first training step"),
    NUMBER("beta_end", "number", 0, 1, "noise added at the last training step"),
    CHOICE("beta_schedule", "linear|scaled_linear|squaredcos_cap_v2|sigmoid|laplace",
           "the way from one to the other"),
    {.name = "trained_betas",
     .type = "list",
     .def = "null",
     .doc = "the noise added at each training step, in full"},
    CHOICE("prediction_type", "epsilon|v_prediction|sample=original_sample", "what the network predicts"),
    CHOICE("timestep_spacing", "leading|linspace|trailing", "which of the training timesteps are visited"),
    NUMBER("steps_offset", "integer", 0, 100000, "added to the timesteps of leading spacing"),
    BOOL("rescale_betas_zero_snr", "rescale the betas so that the last training step is pure noise"),
    BOOL("clip_sample", "clip the expected picture (DDIM, DDPM); not for latents"),
    NUMBER("clip_sample_range", "number", 1e-6, 1e6, "to plus and minus this"),
    BOOL("thresholding", "clip the expected picture to a quantile of its values; not for latents"),
    NUMBER("dynamic_thresholding_ratio", "number", 0, 1, "the quantile"),
    NUMBER("sample_max_value", "number", 1e-6, 1e6, "its upper limit"),
    BOOL("set_alpha_to_one",
         "the time before the first is the clean picture (DDIM, PNDM), not training step 0"),
    BOOL("skip_prk_steps", "PNDM without Runge-Kutta warm-up, as latents want it"),
    CHOICE("variance_type", "fixed_small|fixed_small_log|fixed_large|fixed_large_log", "DDPM's noise"),
    CHOICE("interpolation_type", "linear|log_linear", "noise levels between timesteps (Euler)"),
    CHOICE("timestep_type", "discrete|continuous", "what a v-predicting network is given as time (Euler)"),
    BOOL("use_karras_sigmas", "noise levels after Karras et al. 2022, eq. 5, rho = 7"),
    BOOL("use_exponential_sigmas", "noise levels evenly spaced in their logarithm"),
    BOOL("use_beta_sigmas", "noise levels at quantiles of Beta(0.6, 0.6)"),
    BOOL("use_lu_lambdas", "evenly spaced in log signal-to-noise (DPM-Solver++)"),
    NUMBER("sigma_min", "number", 1e-9, 1e9, "lowest noise level of such a spread"),
    NUMBER("sigma_max", "number", 1e-9, 1e9, "highest noise level of such a spread"),
    CHOICE("final_sigmas_type", "zero|sigma_min", "the noise level the last step goes to"),
    NUMBER("solver_order", "integer", 1, 3, "order of DPM-Solver++ and UniPC"),
    CHOICE("algorithm_type", "dpmsolver++=deis|sde-dpmsolver++|dpmsolver|sde-dpmsolver",
           "form of DPM-Solver"),
    CHOICE("solver_type", "midpoint=logrho|heun|bh1|bh2", "second-order form of DPM-Solver++; B(h) of UniPC"),
    BOOL("lower_order_final", "lower orders at the end of short runs"),
    BOOL("euler_at_final", "first order at the last step (DPM-Solver++)"),
    NUMBER("lambda_min_clipped", "number", -INFINITY, INFINITY,
           "leave out times of less log signal-to-noise (DPM-Solver++)"),
    BOOL("predict_x0", "UniPC on pictures, not on noise"),
    {.name = "disable_corrector", .type = "list", .def = "null", .doc = "steps that UniPC does not correct"},
    {.name = NULL},
};

enum { OUT_SCHEDULE, OUT_STEPS, OUT_TIMESTEPS, OUT_SIGMAS };
static const mw_out out[] = {
    [OUT_SCHEDULE] = {.name = "schedule",
                      .type = "schedule",
                      .doc = "{ sampler, step_node, steps, num_inference_steps, timesteps, sigmas, "
                             "init_noise_sigma, stochastic, "
                             "alphas_cumprod, config }"},
    [OUT_STEPS] =
        {.name = "steps",
         .type = "integer",
         .doc = "calls of the network, which is how many step nodes to run; PNDM makes more than asked for"},
    [OUT_TIMESTEPS] = {.name = "timesteps", .type = "list", .doc = "the time of each call"},
    [OUT_SIGMAS] = {.name = "sigmas",
                    .type = "list",
                    .doc = "the noise level of each call and one more; empty for samplers without"},
    {.name = NULL},
};

static void ask(mw_scheduler_config *cfg, mw_setting s, double value)
{
    cfg->value[s] = value;
    cfg->asked |= (uint64_t)1 << s;
}

// Settings that are part of a sampler's name.
static const struct {
    const char *id;
    mw_sampler sampler;
    struct {
        mw_setting what;
        int value;
    } set[2];
    int nset;
} named[] = {
    {"dpmpp_2m_heun", MW_DPMPP_2M, {{MW_SET_SOLVER_TYPE, MW_SOLVER_HEUN}}, 1},
    {"dpmpp_2m_sde", MW_DPMPP_2M, {{MW_SET_ALGORITHM_TYPE, MW_SOLVER_SDE_PP}}, 1},
    {"dpmpp_2m_sde_heun",
     MW_DPMPP_2M,
     {{MW_SET_ALGORITHM_TYPE, MW_SOLVER_SDE_PP}, {MW_SET_SOLVER_TYPE, MW_SOLVER_HEUN}},
     2},
    {"uni_pc_bh2", MW_UNI_PC, {{MW_SET_SOLVER_TYPE, MW_SOLVER_BH2}}, 1},
    {"plms", MW_PNDM, {{MW_SET_SKIP_PRK_STEPS, 1}}, 1},
    {"ddim_trailing", MW_DDIM, {{MW_SET_TIMESTEP_SPACING, MW_SPACING_TRAILING}}, 1},
};

// Cut `suffix` off the end of name, if it is there.
static bool cut(char *name, const char *suffix)
{
    size_t n = strlen(name), m = strlen(suffix);
    if (n <= m || strcmp(name + n - m, suffix))
        return false;
    name[n - m] = 0;
    return true;
}

// The sampler of the checkpoint's scheduler class, with all its settings.
static mw_sampler take_auto(mw_ctx *c, const mw_scheduler *model)
{
    mw_sampler s = model ? model->config.sampler : MW_DDIM;
    if (s == MW_SAMPLERS)
        mw_fail(c, MW_E_ARG,
                "sampler = \"auto\": the model's scheduler class \"%.60s\" is not supported; name a sampler "
                "(ddim, "
                "euler, dpmpp_2m, ...)",
                model->class_name ? model->class_name : "(none)");
    else
        mw_log(c, MW_LOG_INFO, "schedule: sampler auto is %s%s%s", mw_sampler_id(s),
               model && model->class_name ? ", of the model's " : "",
               model && model->class_name ? model->class_name : "");
    return s;
}

static mw_sampler take_sampler(mw_ctx *c, mw_scheduler_config *cfg, const mw_scheduler *model,
                               const char *given)
{
    char name[64];
    if (!strcmp(given, "auto"))
        return take_auto(c, model);
    if (model && model->config.sampler == MW_SAMPLERS && model->class_name)
        mw_warn(c,
                "schedule: the model's scheduler class %.60s is not supported; its settings are used with "
                "sampler %s",
                model->class_name, given);
    strncpy(name, given, sizeof name - 1);
    name[sizeof name - 1] = 0;
    if (cut(name, "_karras"))
        ask(cfg, MW_SET_USE_KARRAS_SIGMAS, 1);
    else if (cut(name, "_exponential"))
        ask(cfg, MW_SET_USE_EXPONENTIAL_SIGMAS, 1);
    // Whether noise is added follows from the name, so that a script can tell; not from the checkpoint.
    if (cfg->value[MW_SET_ALGORITHM_TYPE] == MW_SOLVER_SDE_PP)
        cfg->value[MW_SET_ALGORITHM_TYPE] = MW_SOLVER_PP;
    else if (cfg->value[MW_SET_ALGORITHM_TYPE] == MW_SOLVER_SDE_EPS)
        cfg->value[MW_SET_ALGORITHM_TYPE] = MW_SOLVER_EPS;
    for (size_t i = 0; i < sizeof named / sizeof *named; i++) {
        if (strcmp(named[i].id, name))
            continue;
        for (int k = 0; k < named[i].nset; k++)
            ask(cfg, named[i].set[k].what, named[i].set[k].value);
        return named[i].sampler;
    }
    return mw_sampler_by_name(name);
}

static void take_scheduler(mw_scheduler_config *cfg, const char *name)
{
    static const struct {
        const char *name;
        mw_setting what;
        int value;
    } kinds[] = {
        {"karras", MW_SET_USE_KARRAS_SIGMAS, 1},
        {"exponential", MW_SET_USE_EXPONENTIAL_SIGMAS, 1},
        {"beta", MW_SET_USE_BETA_SIGMAS, 1},
        {"lu", MW_SET_USE_LU_LAMBDAS, 1},
        {"sgm_uniform", MW_SET_TIMESTEP_SPACING, MW_SPACING_TRAILING},
        {"ddim_uniform", MW_SET_TIMESTEP_SPACING, MW_SPACING_LEADING},
        {"linspace", MW_SET_TIMESTEP_SPACING, MW_SPACING_LINSPACE},
    };
    const mw_setting spreads[] = {MW_SET_USE_KARRAS_SIGMAS, MW_SET_USE_EXPONENTIAL_SIGMAS,
                                  MW_SET_USE_BETA_SIGMAS, MW_SET_USE_LU_LAMBDAS};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kinds[i].name, name))
            continue;
        // A spread that is named replaces the checkpoint's.
        for (size_t k = 0; k < sizeof spreads / sizeof *spreads && kinds[i].what >= MW_SET_USE_KARRAS_SIGMAS;
             k++)
            cfg->given &= ~((uint64_t)1 << spreads[k]);
        ask(cfg, kinds[i].what, kinds[i].value);
    }
}

static void suggest(mw_scheduler_config *cfg, mw_setting s, double value)
{
    if (!(cfg->given >> s & 1))
        cfg->value[s] = value;
    cfg->given |= (uint64_t)1 << s;
}

// What a model of latents needs where its file is silent, or speaks of pixels. The folder's own PNDM warms up
// unless the file says otherwise, as diffusers' does.
static void fit_latents(mw_ctx *c, mw_scheduler_config *cfg, bool own_class)
{
    suggest(cfg, MW_SET_CLIP_SAMPLE, 0);
    if (!own_class)
        suggest(cfg, MW_SET_SKIP_PRK_STEPS, 1);
    if (cfg->value[MW_SET_CLIP_SAMPLE] != 0)
        mw_warn(c,
                "schedule: the checkpoint's clip_sample = true is for pixels and is not applied to latents; "
                "say clip_sample = true to have it");
    cfg->value[MW_SET_CLIP_SAMPLE] = 0;
}

static void take_betas(mw_ctx *c, mw_scheduler_config *cfg, const mw_value *list, double **betas)
{
    size_t n = mw_value_count(list);
    *betas = mw_alloc(c, (n + 1) * sizeof **betas);
    for (size_t i = 0; i < n && *betas; i++) {
        double x = (*betas)[i] = mw_value_as_number(mw_value_at(list, i));
        if (mw_value_kind(mw_value_at(list, i)) != MW_NUMBER || !(x >= 0 && x <= 1))
            mw_fail(c, MW_E_ARG, "'trained_betas' entry %zu must be a number from 0 to 1", i + 1);
    }
    cfg->trained_betas = *betas;
    cfg->ntrained = (int)n;
}

static void take_disabled(mw_ctx *c, mw_scheduler_config *cfg, const mw_value *list)
{
    for (size_t i = 0; i < mw_value_count(list); i++) {
        double x = mw_value_as_number(mw_value_at(list, i));
        if (mw_value_kind(mw_value_at(list, i)) != MW_NUMBER || !(x >= 0 && x < MW_SAMPLER_MAXSTEPS))
            mw_fail(c, MW_E_ARG, "'disable_corrector' entry %zu must be a step from 0 to %d", i + 1,
                    MW_SAMPLER_MAXSTEPS - 1);
        else
            cfg->disable_corrector[(int)x / 64] |= (uint64_t)1 << ((int)x % 64);
    }
}

static void take_settings(mw_ctx *c, mw_scheduler_config *cfg, mw_value *const *i, double **betas)
{
    for (int k = FIRST_SETTING; in[k].name && !mw_err(c); k++) {
        mw_setting s = mw_setting_by_name(in[k].name);
        if (mw_value_kind(i[k]) == MW_NIL)
            continue;
        if (s != MW_SETTINGS)
            mw_scheduler_config_set(c, cfg, s, i[k]);
        else if (!strcmp(in[k].name, "trained_betas"))
            take_betas(c, cfg, i[k], betas);
        else
            take_disabled(c, cfg, i[k]);
    }
}

static mw_status give(mw_ctx *c, const mw_schedule *s, mw_value **o)
{
    o[OUT_SCHEDULE] = mw_schedule_value(c, s);
    o[OUT_STEPS] = mw_value_number(c, s->steps);
    o[OUT_TIMESTEPS] = mw_value_retain(mw_value_get(o[OUT_SCHEDULE], "timesteps"));
    o[OUT_SIGMAS] = s->sigmas ? mw_value_retain(mw_value_get(o[OUT_SCHEDULE], "sigmas")) : mw_value_list(c);
    return mw_err(c);
}

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    mw_scheduler_config cfg;
    double *betas = NULL;
    const char *name = mw_value_as_text(i[SAMPLER]);
    mw_scheduler *model = (mw_scheduler *)mw_value_as_object(i[MODEL]);
    if (model) {
        cfg = model->config;
        cfg.given |= cfg.asked; // what a checkpoint's loader found out binds as its file does
        cfg.asked = 0;
        fit_latents(c, &cfg, !strcmp(name, "auto"));
    } else {
        mw_scheduler_config_stable_diffusion(&cfg);
    }
    mw_sampler sampler = take_sampler(c, &cfg, model, name);
    take_scheduler(&cfg, mw_value_as_text(i[SCHEDULER]));
    take_settings(c, &cfg, i, &betas);
    mw_schedule *s = mw_err(c) ? NULL : mw_schedule_new(c, &cfg, sampler, (int)mw_value_as_number(i[STEPS]));
    if (s)
        give(c, s, o);
    mw_schedule_free(s);
    free(betas);
    return mw_err(c);
}

const mw_node_type mw_node_schedule = {
    .name = "schedule",
    .version = 2,
    .flags = MW_NODE_HOST | MW_NODE_LITERAL,
    .doc = "The times a run visits and the noise levels there. Settings have diffusers' names; they override "
           "those "
           "of the "
           "checkpoint.",
    .in = in,
    .out = out,
    .run = run,
};
