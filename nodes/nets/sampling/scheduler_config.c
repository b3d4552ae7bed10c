// scheduler_config.c: the table of sampler settings, and their defaults.
#include "nodes/nets/sampling/scheduler_config.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define BIT(s) (1u << (s))
#define ALL (BIT(MW_SAMPLERS) - 1)
#define MULTISTEP (BIT(MW_DPMPP_2M) | BIT(MW_UNI_PC))
#define SPREAD (BIT(MW_EULER) | BIT(MW_LMS) | MULTISTEP)
#define CLIPPED (BIT(MW_DDIM) | BIT(MW_DDPM))

#define INT(d, l, h) MW_SETTING_INT, d, l, h, NULL
#define NUMBER(d, l, h) MW_SETTING_NUMBER, d, l, h, NULL
#define BOOL(d) MW_SETTING_BOOL, d, 0, 1, NULL
#define CHOICE(list) MW_SETTING_CHOICE, 0, 0, 0, list

static const mw_setting_info settings[MW_SETTINGS] = {
    [MW_SET_NUM_TRAIN_TIMESTEPS] = {"num_train_timesteps", INT(1000, 1, 100000), ALL, 0},
    [MW_SET_BETA_START] = {"beta_start", NUMBER(0.0001, 0, 1), ALL, 0},
    [MW_SET_BETA_END] = {"beta_end", NUMBER(0.02, 0, 1), ALL, 0},
    [MW_SET_BETA_SCHEDULE] = {"beta_schedule",
                              CHOICE("linear|scaled_linear|squaredcos_cap_v2|sigmoid|laplace"), ALL, 0},
    [MW_SET_PREDICTION_TYPE] = {"prediction_type", CHOICE("epsilon|v_prediction|sample=original_sample"), ALL,
                                0},
    [MW_SET_TIMESTEP_SPACING] = {"timestep_spacing", CHOICE("leading|linspace|trailing"), ALL, 0},
    [MW_SET_STEPS_OFFSET] = {"steps_offset", INT(0, 0, 100000), ALL, 0},
    [MW_SET_RESCALE_BETAS_ZERO_SNR] = {"rescale_betas_zero_snr", BOOL(0),
                                       CLIPPED | BIT(MW_EULER) | BIT(MW_EULER_ANCESTRAL) | MULTISTEP, 0},
    [MW_SET_CLIP_SAMPLE] = {"clip_sample", BOOL(1), CLIPPED, 0},
    [MW_SET_CLIP_SAMPLE_RANGE] = {"clip_sample_range", NUMBER(1, 1e-6, 1e6), CLIPPED, 0},
    [MW_SET_THRESHOLDING] = {"thresholding", BOOL(0), CLIPPED | MULTISTEP, 0},
    [MW_SET_DYNAMIC_THRESHOLDING_RATIO] = {"dynamic_thresholding_ratio", NUMBER(0.995, 0, 1),
                                           CLIPPED | MULTISTEP, 0},
    [MW_SET_SAMPLE_MAX_VALUE] = {"sample_max_value", NUMBER(1, 1e-6, 1e6), CLIPPED | MULTISTEP, 0},
    [MW_SET_SET_ALPHA_TO_ONE] = {"set_alpha_to_one", BOOL(1), BIT(MW_DDIM) | BIT(MW_PNDM), 0},
    [MW_SET_SKIP_PRK_STEPS] = {"skip_prk_steps", BOOL(0), BIT(MW_PNDM), 0},
    [MW_SET_VARIANCE_TYPE] = {"variance_type",
                              CHOICE("fixed_small|fixed_small_log|fixed_large|fixed_large_log"), BIT(MW_DDPM),
                              0},
    [MW_SET_INTERPOLATION_TYPE] = {"interpolation_type", CHOICE("linear|log_linear"), BIT(MW_EULER), 0},
    [MW_SET_TIMESTEP_TYPE] = {"timestep_type", CHOICE("discrete|continuous"), BIT(MW_EULER), 0},
    [MW_SET_USE_KARRAS_SIGMAS] = {"use_karras_sigmas", BOOL(0), SPREAD, BIT(MW_EULER_ANCESTRAL)},
    [MW_SET_USE_EXPONENTIAL_SIGMAS] = {"use_exponential_sigmas", BOOL(0), SPREAD, BIT(MW_EULER_ANCESTRAL)},
    [MW_SET_USE_BETA_SIGMAS] = {"use_beta_sigmas", BOOL(0), SPREAD, BIT(MW_EULER_ANCESTRAL)},
    [MW_SET_USE_LU_LAMBDAS] = {"use_lu_lambdas", BOOL(0), BIT(MW_DPMPP_2M), 0},
    [MW_SET_SIGMA_MIN] = {"sigma_min", NUMBER(NAN, 1e-9, 1e9), BIT(MW_EULER) | BIT(MW_UNI_PC),
                          BIT(MW_EULER_ANCESTRAL) | BIT(MW_LMS) | BIT(MW_DPMPP_2M)},
    [MW_SET_SIGMA_MAX] = {"sigma_max", NUMBER(NAN, 1e-9, 1e9), BIT(MW_EULER) | BIT(MW_UNI_PC),
                          BIT(MW_EULER_ANCESTRAL) | BIT(MW_LMS) | BIT(MW_DPMPP_2M)},
    [MW_SET_FINAL_SIGMAS_TYPE] = {"final_sigmas_type", CHOICE("zero|sigma_min"), BIT(MW_EULER) | MULTISTEP,
                                  0},
    [MW_SET_SOLVER_ORDER] = {"solver_order", INT(2, 1, 3), MULTISTEP, 0},
    [MW_SET_ALGORITHM_TYPE] = {"algorithm_type",
                               CHOICE("dpmsolver++=deis|sde-dpmsolver++|dpmsolver|sde-dpmsolver"),
                               BIT(MW_DPMPP_2M), 0},
    [MW_SET_SOLVER_TYPE] = {"solver_type", CHOICE("midpoint=logrho|heun|bh1|bh2"), MULTISTEP, 0},
    [MW_SET_LOWER_ORDER_FINAL] = {"lower_order_final", BOOL(1), MULTISTEP, 0},
    [MW_SET_EULER_AT_FINAL] = {"euler_at_final", BOOL(0), BIT(MW_DPMPP_2M), 0},
    [MW_SET_LAMBDA_MIN_CLIPPED] = {"lambda_min_clipped", NUMBER(NAN, -1e300, 1e300), BIT(MW_DPMPP_2M), 0},
    [MW_SET_PREDICT_X0] = {"predict_x0", BOOL(1), BIT(MW_UNI_PC), 0},
};

static const struct {
    const char *id, *class_name;
} samplers[MW_SAMPLERS] = {
    [MW_DDIM] = {"ddim", "DDIMScheduler"},
    [MW_DDPM] = {"ddpm", "DDPMScheduler"},
    [MW_EULER] = {"euler", "EulerDiscreteScheduler"},
    [MW_EULER_ANCESTRAL] = {"euler_ancestral", "EulerAncestralDiscreteScheduler"},
    [MW_DPMPP_2M] = {"dpmpp_2m", "DPMSolverMultistepScheduler"},
    [MW_UNI_PC] = {"uni_pc", "UniPCMultistepScheduler"},
    [MW_LMS] = {"lms", "LMSDiscreteScheduler"},
    [MW_PNDM] = {"pndm", "PNDMScheduler"},
};

const mw_setting_info *mw_setting_about(mw_setting s) { return &settings[s]; }

mw_setting mw_setting_by_name(const char *name)
{
    for (int s = 0; s < MW_SETTINGS; s++)
        if (!strcmp(settings[s].name, name))
            return (mw_setting)s;
    return MW_SETTINGS;
}

double mw_setting_default(mw_setting s, mw_sampler sampler)
{
    if (s == MW_SET_TIMESTEP_SPACING)
        return sampler == MW_DDIM || sampler == MW_DDPM || sampler == MW_PNDM ? MW_SPACING_LEADING
                                                                              : MW_SPACING_LINSPACE;
    if (s == MW_SET_SET_ALPHA_TO_ONE)
        return sampler == MW_DDIM;
    if (s == MW_SET_SOLVER_TYPE)
        return sampler == MW_UNI_PC ? MW_SOLVER_BH2 : MW_SOLVER_MIDPOINT;
    return settings[s].def;
}

const char *mw_sampler_id(mw_sampler s) { return s < MW_SAMPLERS ? samplers[s].id : "unknown"; }

mw_sampler mw_sampler_by_name(const char *name)
{
    for (int s = 0; s < MW_SAMPLERS; s++)
        if (!strcmp(samplers[s].id, name) || !strcmp(samplers[s].class_name, name))
            return (mw_sampler)s;
    return MW_SAMPLERS;
}

// The entry of a list "a|b=alias|c" at p, of which *length is its name's; the one after it.
static const char *entry(const char *p, size_t *length)
{
    *length = strcspn(p, "|=");
    p += strcspn(p, "|");
    return p + (*p == '|');
}

const char *mw_setting_choice(mw_setting s, double value, char *buf, size_t size)
{
    const char *p = settings[s].choices ? settings[s].choices : "", *next;
    size_t n = 0;
    for (int i = 0; *(next = entry(p, &n)) && i < (int)value; i++)
        p = next;
    snprintf(buf, size, "%.*s", (int)n, p);
    return buf;
}

// The number of a choice by its name or an alias of it; -1 when the text is none of them.
static int choice_index(const char *choices, const char *text)
{
    size_t n = strlen(text), length;
    int i = 0;
    for (const char *p = choices, *next; *p; p = next, i++) {
        next = entry(p, &length);
        for (const char *word = p; word < next; word += length + 1) {
            length = strcspn(word, "|=");
            if (length == n && !strncmp(word, text, n))
                return i;
        }
    }
    return -1;
}

// The choices without their aliases, for messages: "a, b, c".
static const char *choice_list(const char *choices, char *buf, size_t size)
{
    size_t used = 0, n;
    buf[0] = 0;
    for (const char *p = choices, *next; *p && used < size; p = next) {
        next = entry(p, &n);
        used += (size_t)snprintf(buf + used, size - used, "%s%.*s", used ? ", " : "", (int)n, p);
    }
    return buf;
}

void mw_scheduler_config_init(mw_scheduler_config *cfg)
{
    memset(cfg, 0, sizeof *cfg);
    cfg->sampler = MW_SAMPLERS;
}

void mw_scheduler_config_give(mw_scheduler_config *cfg, mw_setting s, double value)
{
    cfg->value[s] = value;
    cfg->given |= (uint64_t)1 << s;
}

void mw_scheduler_config_stable_diffusion(mw_scheduler_config *cfg)
{
    mw_scheduler_config_init(cfg);
    cfg->sampler = MW_PNDM;
    mw_scheduler_config_give(cfg, MW_SET_BETA_START, 0.00085);
    mw_scheduler_config_give(cfg, MW_SET_BETA_END, 0.012);
    mw_scheduler_config_give(cfg, MW_SET_BETA_SCHEDULE, MW_BETAS_SCALED_LINEAR);
    mw_scheduler_config_give(cfg, MW_SET_CLIP_SAMPLE, 0);
    mw_scheduler_config_give(cfg, MW_SET_SET_ALPHA_TO_ONE, 0);
    mw_scheduler_config_give(cfg, MW_SET_SKIP_PRK_STEPS, 1);
    mw_scheduler_config_give(cfg, MW_SET_STEPS_OFFSET, 1);
}

bool mw_setting_fits(mw_setting s, mw_kind kind, double number, const char *text, double *out)
{
    const mw_setting_info *a = &settings[s];
    *out = number;
    if (a->kind == MW_SETTING_CHOICE) {
        int i = kind == MW_TEXT ? choice_index(a->choices, text) : -1;
        *out = i;
        return i >= 0;
    }
    if (a->kind == MW_SETTING_BOOL)
        return kind == MW_BOOL;
    return kind == MW_NUMBER && number >= a->low && number <= a->high &&
        (a->kind == MW_SETTING_NUMBER || number == floor(number));
}

const char *mw_setting_wants(mw_setting s, char *buf, size_t size)
{
    const mw_setting_info *a = &settings[s];
    char list[256];
    if (a->kind == MW_SETTING_CHOICE)
        snprintf(buf, size, "one of %s", choice_list(a->choices, list, sizeof list));
    else if (a->kind == MW_SETTING_BOOL)
        snprintf(buf, size, "true or false");
    else
        snprintf(buf, size, "a %s from %g to %g", a->kind == MW_SETTING_INT ? "whole number" : "number",
                 a->low, a->high);
    return buf;
}

mw_status mw_scheduler_config_set(mw_ctx *c, mw_scheduler_config *cfg, mw_setting s, const mw_value *v)
{
    mw_kind kind = mw_value_kind(v);
    double x = kind == MW_BOOL ? mw_value_as_bool(v) : mw_value_as_number(v);
    char wants[320];
    if (!mw_setting_fits(s, kind, x, mw_value_as_text(v), &cfg->value[s]))
        return mw_fail(c, MW_E_ARG, "'%s' must be %s, got a %s", settings[s].name,
                       mw_setting_wants(s, wants, sizeof wants), mw_kind_name(kind));
    cfg->asked |= (uint64_t)1 << s;
    return mw_err(c);
}
