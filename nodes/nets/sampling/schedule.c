// schedule.c: a sampler's settings resolved, and its times.
#include "nodes/nets/sampling/schedule_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double *setting(const mw_scheduler_config *cfg, mw_sampler sampler, mw_setting i)
{
    const mw_setting_info *a = mw_setting_about(i);
    bool asked = cfg->asked >> i & 1, given = cfg->given >> i & 1;
    // What a checkpoint says for another sampler's sake does not bind this one.
    return asked || (given && (a->has >> sampler & 1)) ? &cfg->value[i] : NULL;
}

static mw_status refuse(mw_ctx *c, mw_setting i, mw_sampler sampler)
{
    if (i >= MW_SET_USE_KARRAS_SIGMAS && i <= MW_SET_SIGMA_MAX)
        return mw_fail(c, MW_E_ARG,
                       "sampler %s has no noise levels to spread: '%s' is for euler, euler_ancestral, "
                       "dpmpp_2m, uni_pc and lms",
                       mw_sampler_id(sampler), mw_setting_about(i)->name);
    return mw_fail(c, MW_E_ARG, "'%s' is no setting of sampler %s", mw_setting_about(i)->name,
                   mw_sampler_id(sampler));
}

static mw_status resolve(mw_ctx *c, mw_schedule *s, const mw_scheduler_config *cfg)
{
    for (int i = 0; i < MW_SETTINGS; i++) {
        const mw_setting_info *a = mw_setting_about((mw_setting)i);
        const double *v = setting(cfg, s->sampler, (mw_setting)i);
        double def = mw_setting_default((mw_setting)i, s->sampler);
        if ((cfg->asked >> i & 1) && !((a->has | a->can) >> s->sampler & 1) && *v != def)
            return refuse(c, (mw_setting)i, s->sampler);
        s->set[i] = v ? *v : def;
    }
    int solver = (int)s->set[MW_SET_SOLVER_TYPE];
    if (s->sampler == MW_UNI_PC && solver < MW_SOLVER_BH1)
        s->set[MW_SET_SOLVER_TYPE] = MW_SOLVER_BH2;
    if (s->sampler == MW_DPMPP_2M && solver >= MW_SOLVER_BH1)
        s->set[MW_SET_SOLVER_TYPE] = MW_SOLVER_MIDPOINT;
    memcpy(s->disable_corrector, cfg->disable_corrector, sizeof s->disable_corrector);
    return mw_err(c);
}

static mw_status check_solver(mw_ctx *c, const mw_schedule *s)
{
    int algorithm = (int)s->set[MW_SET_ALGORITHM_TYPE];
    if (algorithm < MW_SOLVER_EPS)
        return mw_err(c);
    if (mw_schedule_is(s, MW_SET_FINAL_SIGMAS_TYPE, MW_FINAL_ZERO))
        return mw_fail(c, MW_E_ARG,
                       "algorithm_type dpmsolver and sde-dpmsolver need final_sigmas_type = sigma_min");
    if (algorithm == MW_SOLVER_SDE_EPS && s->set[MW_SET_SOLVER_ORDER] > 2)
        return mw_fail(c, MW_E_ARG, "algorithm_type sde-dpmsolver has solver_order 1 and 2 only");
    return mw_err(c);
}

// Combinations that have no meaning.
static mw_status check(mw_ctx *c, const mw_schedule *s)
{
    const mw_setting kinds[] = {MW_SET_USE_KARRAS_SIGMAS, MW_SET_USE_EXPONENTIAL_SIGMAS,
                                MW_SET_USE_BETA_SIGMAS, MW_SET_USE_LU_LAMBDAS};
    int n = 0, betas = (int)s->set[MW_SET_BETA_SCHEDULE];
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        n += mw_schedule_on(s, kinds[i]);
    if (n > 1)
        return mw_fail(c, MW_E_ARG,
                       "only one of use_karras_sigmas, use_exponential_sigmas, use_beta_sigmas and "
                       "use_lu_lambdas can be on");
    if (s->sampler == MW_PNDM && mw_schedule_is(s, MW_SET_PREDICTION_TYPE, MW_PREDICT_SAMPLE))
        return mw_fail(c, MW_E_ARG,
                       "prediction_type sample is not supported by sampler pndm: epsilon or v_prediction");
    if (s->sampler != MW_DDPM && (betas == MW_BETAS_SIGMOID || betas == MW_BETAS_LAPLACE))
        return mw_fail(c, MW_E_ARG,
                       "beta_schedule sigmoid and laplace are not supported by sampler %s, only by ddpm",
                       mw_sampler_id(s->sampler));
    if (s->set[MW_SET_SIGMA_MIN] >= s->set[MW_SET_SIGMA_MAX])
        return mw_fail(c, MW_E_ARG, "sigma_min %g is not below sigma_max %g", s->set[MW_SET_SIGMA_MIN],
                       s->set[MW_SET_SIGMA_MAX]);
    return check_solver(c, s);
}

// The noise that a picture starts from.
static double start_level(const mw_schedule *s)
{
    double highest = 0;
    if (!mw_schedule_is_sigma_space(s))
        return 1;
    for (int i = 0; i < s->nsigmas; i++)
        highest = fmax(highest, s->sigmas[i]);
    return mw_schedule_is(s, MW_SET_TIMESTEP_SPACING, MW_SPACING_LEADING) ? sqrt(highest * highest + 1)
                                                                          : highest;
}

static mw_status fill(mw_ctx *c, mw_schedule *s, const mw_scheduler_config *cfg)
{
    bool has_sigmas = mw_schedule_is_sigma_space(s) || mw_schedule_is_multistep(s);
    size_t room = (size_t)s->asked + 16;
    if (resolve(c, s, cfg) || check(c, s))
        return mw_err(c);
    s->train = (int)s->set[MW_SET_NUM_TRAIN_TIMESTEPS];
    if (s->asked > s->train)
        return mw_fail(c, MW_E_ARG, "%d steps are more than the model's %d timesteps", s->asked, s->train);
    if (cfg->trained_betas && cfg->ntrained != s->train)
        return mw_fail(c, MW_E_ARG, "trained_betas has %d entries, num_train_timesteps is %d", cfg->ntrained,
                       s->train);
    s->alpha_bar = mw_alloc(c, (size_t)s->train * sizeof(double));
    s->timesteps = mw_alloc(c, room * sizeof(double));
    s->sigmas = has_sigmas ? mw_alloc(c, room * sizeof(double)) : NULL;
    if (mw_err(c) || mw_schedule_betas(c, s, cfg->trained_betas) || mw_schedule_times(c, s))
        return mw_err(c);
    s->init_noise_sigma = start_level(s);
    return mw_err(c);
}

mw_schedule *mw_schedule_new(mw_ctx *c, const mw_scheduler_config *cfg, mw_sampler sampler, int steps)
{
    if (steps < 1 || steps > 1000) {
        mw_fail(c, MW_E_ARG, "the number of steps must be 1..1000, got %d", steps);
        return NULL;
    }
    mw_schedule *s = mw_alloc(c, sizeof *s);
    if (!s)
        return NULL;
    s->sampler = sampler;
    s->asked = steps;
    if (fill(c, s, cfg)) {
        mw_schedule_free(s);
        return NULL;
    }
    return s;
}

void mw_schedule_free(mw_schedule *s)
{
    if (!s)
        return;
    free(s->timesteps);
    free(s->sigmas);
    free(s->alpha_bar);
    free(s);
}

mw_status mw_schedule_check_step(mw_ctx *c, const mw_schedule *s, int64_t step)
{
    if (step < 0 || step >= s->steps)
        return mw_fail(c, MW_E_ARG, "step %lld is out of range: the schedule has steps 0..%d",
                       (long long)step, s->steps - 1);
    return mw_err(c);
}

double mw_schedule_input_scale(const mw_schedule *s, int step)
{
    return mw_schedule_is_sigma_space(s) ? 1 / sqrt(s->sigmas[step] * s->sigmas[step] + 1) : 1;
}

double mw_schedule_alpha_bar(const mw_schedule *s, int step)
{
    return s->sigmas ? 1 / (s->sigmas[step] * s->sigmas[step] + 1) : s->alpha_bar[(int)s->timesteps[step]];
}

void mw_schedule_mix(const mw_schedule *s, int step, double *signal, double *noise)
{
    double bar = mw_schedule_alpha_bar(s, step);
    *signal = sqrt(bar);
    *noise = s->sigmas ? s->sigmas[step] * *signal : sqrt(1 - bar);
    if (mw_schedule_is_sigma_space(s)) {
        *signal = 1;
        *noise = s->sigmas[step];
    }
}

int mw_schedule_first_step(const mw_schedule *s, double strength)
{
    int made = (int)(s->asked * strength), first = s->asked - made;
    if (s->sampler == MW_PNDM && mw_schedule_on(s, MW_SET_SKIP_PRK_STEPS))
        first += first > 0; // past the call that repeats the first step
    else if (s->sampler == MW_PNDM)
        first = first < 3 ? 4 * first : first + 9; // four calls for each step of the warm-up
    return first < s->steps ? first : s->steps;
}

bool mw_schedule_is_stochastic(const mw_schedule *s)
{
    int algorithm = (int)s->set[MW_SET_ALGORITHM_TYPE];
    return s->sampler == MW_EULER_ANCESTRAL || s->sampler == MW_DDPM ||
        (s->sampler == MW_DPMPP_2M && (algorithm == MW_SOLVER_SDE_PP || algorithm == MW_SOLVER_SDE_EPS));
}
