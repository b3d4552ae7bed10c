// scheduler_config.h: the settings of a sampler as scheduler_config.json names them, and the handle that
// carries them.
//
// One table (mw_setting_info) says of every setting its name, type, range and which samplers have it; reading
// JSON, overriding by a node's parameter and showing a schedule all follow from it. Values are doubles: truth
// values are 0 and 1, choices count from 0 in the order of their list, and NAN stands for null where that is
// allowed.
#ifndef MW_SCHEDULER_CONFIG_H
#define MW_SCHEDULER_CONFIG_H

#include "core/graph/value.h"

#include <jansson.h>

typedef enum {
    MW_DDIM,
    MW_DDPM,
    MW_EULER,
    MW_EULER_ANCESTRAL,
    MW_DPMPP_2M,
    MW_UNI_PC,
    MW_LMS,
    MW_PNDM,
    MW_SAMPLERS // how many there are; also: none of them
} mw_sampler;

typedef enum {
    MW_SET_NUM_TRAIN_TIMESTEPS,
    MW_SET_BETA_START,
    MW_SET_BETA_END,
    MW_SET_BETA_SCHEDULE,
    MW_SET_PREDICTION_TYPE,
    MW_SET_TIMESTEP_SPACING,
    MW_SET_STEPS_OFFSET,
    MW_SET_RESCALE_BETAS_ZERO_SNR,
    MW_SET_CLIP_SAMPLE,
    MW_SET_CLIP_SAMPLE_RANGE,
    MW_SET_THRESHOLDING,
    MW_SET_DYNAMIC_THRESHOLDING_RATIO,
    MW_SET_SAMPLE_MAX_VALUE,
    MW_SET_SET_ALPHA_TO_ONE,
    MW_SET_SKIP_PRK_STEPS,
    MW_SET_VARIANCE_TYPE,
    MW_SET_INTERPOLATION_TYPE,
    MW_SET_TIMESTEP_TYPE,
    MW_SET_USE_KARRAS_SIGMAS,
    MW_SET_USE_EXPONENTIAL_SIGMAS,
    MW_SET_USE_BETA_SIGMAS,
    MW_SET_USE_LU_LAMBDAS,
    MW_SET_SIGMA_MIN,
    MW_SET_SIGMA_MAX,
    MW_SET_FINAL_SIGMAS_TYPE,
    MW_SET_SOLVER_ORDER,
    MW_SET_ALGORITHM_TYPE,
    MW_SET_SOLVER_TYPE,
    MW_SET_LOWER_ORDER_FINAL,
    MW_SET_EULER_AT_FINAL,
    MW_SET_LAMBDA_MIN_CLIPPED,
    MW_SET_PREDICT_X0,
    MW_SETTINGS
} mw_setting;

// What the choices count as.
enum { MW_BETAS_LINEAR, MW_BETAS_SCALED_LINEAR, MW_BETAS_COSINE, MW_BETAS_SIGMOID, MW_BETAS_LAPLACE };
enum { MW_PREDICT_EPSILON, MW_PREDICT_V, MW_PREDICT_SAMPLE };
enum { MW_SPACING_LEADING, MW_SPACING_LINSPACE, MW_SPACING_TRAILING };
enum { MW_VARIANCE_SMALL, MW_VARIANCE_SMALL_LOG, MW_VARIANCE_LARGE, MW_VARIANCE_LARGE_LOG };
enum { MW_INTERPOLATE_LINEAR, MW_INTERPOLATE_LOG_LINEAR };
enum { MW_TIMESTEP_DISCRETE, MW_TIMESTEP_CONTINUOUS };
enum { MW_FINAL_ZERO, MW_FINAL_SIGMA_MIN };
enum { MW_SOLVER_PP, MW_SOLVER_SDE_PP, MW_SOLVER_EPS, MW_SOLVER_SDE_EPS }; // dpmsolver++ ... sde-dpmsolver
enum { MW_SOLVER_MIDPOINT, MW_SOLVER_HEUN, MW_SOLVER_BH1, MW_SOLVER_BH2 };

typedef enum { MW_SETTING_INT, MW_SETTING_NUMBER, MW_SETTING_BOOL, MW_SETTING_CHOICE } mw_setting_kind;

typedef struct mw_setting_info {
    const char *name;
    mw_setting_kind kind;
    double def;          // NAN: null, the setting is off
    double low, high;    // of numbers
    const char *choices; // "a|b=alias|c", as a port's
    unsigned has;        // bit per mw_sampler: whose class knows it
    unsigned can;        // further samplers where it works when a user asks for it
} mw_setting_info;

const mw_setting_info *mw_setting_about(mw_setting s);
// MW_SETTINGS when no setting has that name.
mw_setting mw_setting_by_name(const char *name);
// What an unnamed setting is for this sampler (clip_sample is on for DDIM, timestep_spacing differs, ...).
double mw_setting_default(mw_setting s, mw_sampler sampler);
// The spelling of a choice's value into buf; returns buf.
const char *mw_setting_choice(mw_setting s, double value, char *buf, size_t size);

// Does a value of this kind fit? Then *out is what it counts as. text is read for MW_TEXT, number for the
// others.
bool mw_setting_fits(mw_setting s, mw_kind kind, double number, const char *text, double *out);
// "one of a, b", "a number from 0 to 1", into buf; returns buf. For messages.
const char *mw_setting_wants(mw_setting s, char *buf, size_t size);

// "ddim", "dpmpp_2m"; and back, from that or a class name ("DDIMScheduler"); MW_SAMPLERS when unknown.
const char *mw_sampler_id(mw_sampler s);
mw_sampler mw_sampler_by_name(const char *name);

#define MW_SAMPLER_MAXSTEPS 1024

typedef struct mw_scheduler_config {
    mw_sampler sampler; // what "auto" means: that of the class; MW_SAMPLERS when it is none of ours
    uint64_t given;     // bit per setting: named by the file
    uint64_t asked;     // bit per setting: named by the user, and refused where the sampler has no such thing
    double value[MW_SETTINGS]; // meaningful where given or asked
    // steps after which UniPC's corrector is off, a bit each
    uint64_t disable_corrector[MW_SAMPLER_MAXSTEPS / 64];
    const double *trained_betas; // borrowed; NULL when the file has none
    int ntrained;
} mw_scheduler_config;

// No setting named: every sampler's own defaults.
void mw_scheduler_config_init(mw_scheduler_config *cfg);
// The published settings of SD 1 and 2, for a schedule without a model.
void mw_scheduler_config_stable_diffusion(mw_scheduler_config *cfg);
// Have a setting as if the file named it; value must fit.
void mw_scheduler_config_give(mw_scheduler_config *cfg, mw_setting s, double value);
// Override one setting. MW_E_ARG, naming it and what is accepted, when the value does not fit.
mw_status mw_scheduler_config_set(mw_ctx *c, mw_scheduler_config *cfg, mw_setting s, const mw_value *v);

// A checkpoint's scheduler: what the `schedule` node takes as `model`.
typedef struct mw_scheduler {
    mw_object base; // "scheduler"
    mw_scheduler_config config;
    double *betas;    // owned: config.trained_betas
    char *class_name; // owned: diffusers' class, known or not; NULL where none is named
} mw_scheduler;

// From a parsed scheduler_config.json; `file` is for messages. Settings whose value is not supported are
// refused by name, unknown keys are warned of. class: that which a pipeline's index names, and which decides;
// NULL: the file's "_class_name". NULL with MW_E_FILE. One share.
mw_scheduler *mw_scheduler_new(mw_ctx *c, const json_t *json, const char *file, const char *class);
// From the file itself. Reads -Infinity too, which published files hold though JSON has no such word.
mw_scheduler *mw_scheduler_load(mw_ctx *c, const char *path, const char *class);

#endif
