// schedule_value.c: a schedule as plain data on a wire, and back.
#include "nodes/nets/sampling/schedule_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static mw_value *numbers(mw_ctx *c, const double *x, int n)
{
    mw_value *list = mw_value_list(c);
    for (int i = 0; i < n && list; i++)
        mw_value_push(c, list, mw_value_number(c, x[i]));
    return list;
}

static mw_value *text(mw_ctx *c, const char *s) { return mw_value_text(c, s, strlen(s)); }

static mw_value *config_value(mw_ctx *c, const mw_schedule *s)
{
    mw_value *map = mw_value_map(c), *disabled = mw_value_list(c);
    char buf[64];
    for (int i = 0; i < MW_SETTINGS; i++) {
        const mw_setting_info *a = mw_setting_about((mw_setting)i);
        double x = s->set[i];
        if (isnan(x) || !((a->has | a->can) >> s->sampler & 1))
            continue;
        mw_value_set(c, map, a->name,
                     a->kind == MW_SETTING_CHOICE
                         ? text(c, mw_setting_choice((mw_setting)i, x, buf, sizeof buf))
                         : a->kind == MW_SETTING_BOOL ? mw_value_bool(c, x != 0)
                                                      : mw_value_number(c, x));
    }
    for (int i = 0; i < MW_SAMPLER_MAXSTEPS; i++)
        if (s->disable_corrector[i / 64] >> (i % 64) & 1)
            mw_value_push(c, disabled, mw_value_number(c, i));
    mw_value_set(c, map, "disable_corrector", disabled);
    return map;
}

mw_value *mw_schedule_value(mw_ctx *c, const mw_schedule *s)
{
    mw_value *map = mw_value_map(c);
    char node[64];
    snprintf(node, sizeof node, "%s_step", mw_sampler_id(s->sampler));
    mw_value_set(c, map, "sampler", text(c, mw_sampler_id(s->sampler)));
    mw_value_set(c, map, "step_node", text(c, node));
    mw_value_set(c, map, "steps", mw_value_number(c, s->steps));
    mw_value_set(c, map, "num_inference_steps", mw_value_number(c, s->asked));
    mw_value_set(c, map, "timesteps", numbers(c, s->timesteps, s->steps));
    if (s->sigmas)
        mw_value_set(c, map, "sigmas", numbers(c, s->sigmas, s->nsigmas));
    mw_value_set(c, map, "init_noise_sigma", mw_value_number(c, s->init_noise_sigma));
    mw_value_set(c, map, "stochastic", mw_value_bool(c, mw_schedule_is_stochastic(s)));
    mw_value_set(c, map, "alphas_cumprod", numbers(c, s->alpha_bar, s->train));
    mw_value_set(c, map, "config", config_value(c, s));
    if (mw_err(c)) {
        mw_value_release(map);
        return NULL;
    }
    return map;
}

// A list of finite numbers in low..high; NULL with MW_E_ARG.
static double *read_numbers(mw_ctx *c, const mw_value *map, const char *key, size_t least, double low,
                            double high, int *n)
{
    const mw_value *list = mw_value_get(map, key);
    size_t count = mw_value_kind(list) == MW_LIST ? mw_value_count(list) : 0;
    if (count < least || count > 100000) {
        mw_fail(c, MW_E_ARG, "schedule: '%s' must be a list of at least %zu numbers, got %zu", key, least,
                count);
        return NULL;
    }
    double *x = mw_alloc(c, count * sizeof *x);
    for (size_t i = 0; i < count && x; i++) {
        const mw_value *v = mw_value_at(list, i);
        x[i] = mw_value_as_number(v);
        if (mw_value_kind(v) != MW_NUMBER || !(x[i] >= low && x[i] <= high)) {
            mw_fail(c, MW_E_ARG, "schedule: '%s' entry %zu must be a number from %g to %g", key, i + 1, low,
                    high);
            free(x);
            return NULL;
        }
    }
    *n = (int)count;
    return x;
}

static void read_config(mw_ctx *c, mw_schedule *s, const mw_value *map)
{
    mw_scheduler_config cfg;
    mw_scheduler_config_init(&cfg);
    for (size_t i = 0; i < mw_value_count(map); i++) {
        mw_setting k = mw_setting_by_name(mw_value_key_at(map, i));
        if (k != MW_SETTINGS)
            mw_scheduler_config_set(c, &cfg, k, mw_value_at(map, i));
    }
    for (int i = 0; i < MW_SETTINGS; i++)
        s->set[i] = cfg.asked >> i & 1 ? cfg.value[i] : mw_setting_default((mw_setting)i, s->sampler);
    const mw_value *disabled = mw_value_get(map, "disable_corrector");
    for (size_t i = 0; i < mw_value_count(disabled); i++) {
        double step = mw_value_as_number(mw_value_at(disabled, i));
        if (step >= 0 && step < MW_SAMPLER_MAXSTEPS)
            s->disable_corrector[(int)step / 64] |= (uint64_t)1 << ((int)step % 64);
    }
}

static void read_map(mw_ctx *c, mw_schedule *s, const mw_value *v)
{
    int n = 0;
    s->sampler = mw_sampler_by_name(mw_value_as_text(mw_value_get(v, "sampler")));
    if (s->sampler == MW_SAMPLERS) {
        mw_fail(c, MW_E_ARG, "expected a schedule (made by the node schedule), got a %s",
                mw_kind_name(mw_value_kind(v)));
        return;
    }
    read_config(c, s, mw_value_get(v, "config"));
    s->alpha_bar = read_numbers(c, v, "alphas_cumprod", 1, 0, 1, &s->train);
    // Signed: the continuous timesteps of some models are logarithms.
    double high =
        s->sampler == MW_DDIM || s->sampler == MW_DDPM || s->sampler == MW_PNDM ? s->train - 1 : 1e9;
    s->timesteps = read_numbers(c, v, "timesteps", 1, high < 1e9 ? 0 : -1e9, high, &s->steps);
    if (mw_schedule_is_sigma_space(s) || mw_schedule_is_multistep(s))
        s->sigmas = read_numbers(c, v, "sigmas", (size_t)s->steps + 1, 0, 1e30, &n);
    s->nsigmas = n;
    s->init_noise_sigma = mw_value_as_number(mw_value_get(v, "init_noise_sigma"));
    double asked = mw_value_as_number(mw_value_get(v, "num_inference_steps"));
    s->asked = asked >= 1 && asked <= 100000 ? (int)asked : s->steps;
    if (s->asked > s->train)
        mw_fail(c, MW_E_ARG, "schedule: num_inference_steps %d is more than the %d entries of alphas_cumprod",
                s->asked, s->train);
}

mw_schedule *mw_schedule_from_value(mw_ctx *c, const mw_value *v)
{
    mw_schedule *s = mw_alloc(c, sizeof *s);
    if (!s)
        return NULL;
    read_map(c, s, v);
    if (mw_err(c)) {
        mw_schedule_free(s);
        return NULL;
    }
    return s;
}
