// test_schedule.c: settings, timesteps and noise levels, and each sampler's step against an equation solved
// on paper.
// Long: tables of settings and the times they give.
#include "core/cl/device.h"
#include "core/graph/exec.h"
#include "core/ops.h"
#include "nodes/nets/sampling/beta_quantile.h"
#include "nodes/nets/sampling/sampler.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static mw_ctx *c;
static char logged[4096];

static void keep_log(void *user, mw_log_level level, const char *text)
{
    (void)user;
    (void)level;
    strncat(logged, text, sizeof logged - strlen(logged) - 1);
}

static int open_device(void **state)
{
    (void)state;
    c = mw_ctx_new();
    c->log = keep_log;
    return mw_device_open(c, NULL, (uint64_t)256 << 20, false) == MW_OK ? 0 : -1;
}

static int close_device(void **state)
{
    (void)state;
    mw_device_close(c);
    mw_ctx_free(c);
    return mw_live_tensors() == 0 ? 0 : -1;
}

static int fresh(void **state)
{
    (void)state;
    logged[0] = 0;
    mw_err_clear(c);
    return 0;
}

static void assert_near(double got, double want, double tolerance)
{
    if (!(fabs(got - want) <= tolerance))
        fail_msg("got %.9g, expected %.9g", got, want);
}

static void assert_fails(const char *with)
{
    if (!mw_err(c) || !strstr(mw_errmsg(c), with))
        fail_msg("expected an error with '%s', got '%s'", with, mw_errmsg(c));
    mw_err_clear(c);
}

// ---- settings

static mw_scheduler_config base; // of SD 1

// A schedule by SD 1's settings, some of them overridden: "solver_order=3 use_karras_sigmas=1".
static mw_schedule *made(mw_sampler sampler, int steps, const char *settings)
{
    mw_scheduler_config cfg = base;
    char text[256], *state = NULL;
    snprintf(text, sizeof text, "%s", settings);
    for (char *w = strtok_r(text, " ", &state); w; w = strtok_r(NULL, " ", &state)) {
        char *value = strchr(w, '=');
        *value++ = 0;
        mw_setting s = mw_setting_by_name(w);
        assert_int_not_equal(s, MW_SETTINGS);
        mw_setting_kind kind = mw_setting_about(s)->kind;
        assert_true(mw_setting_fits(s,
                                    kind == MW_SETTING_CHOICE     ? MW_TEXT
                                        : kind == MW_SETTING_BOOL ? MW_BOOL
                                                                  : MW_NUMBER,
                                    atof(value), value, &cfg.value[s]));
        cfg.asked |= (uint64_t)1 << s;
    }
    return mw_schedule_new(c, &cfg, sampler, steps);
}

static mw_scheduler *parse(const char *text)
{
    json_t *json = json_loads(text, 0, NULL);
    mw_scheduler *s = mw_scheduler_new(c, json, "cfg.json", NULL);
    json_decref(json);
    return s;
}

static void reads_a_config(void **state)
{
    (void)state;
    mw_scheduler *s =
        parse("{\"_class_name\": \"UniPCMultistepScheduler\", \"_diffusers_version\": \"0.42.1\","
              "\"beta_end\": 0.012, \"solver_type\": \"bh1\", \"disable_corrector\": [0, 70],"
              "\"trained_betas\": [0.1, 0.2], \"lower_order_final\": false, \"sigma_min\": null}");
    assert_non_null(s);
    assert_int_equal(s->config.sampler, MW_UNI_PC);
    assert_int_equal(s->config.value[MW_SET_SOLVER_TYPE], MW_SOLVER_BH1);
    assert_true(s->config.disable_corrector[0] == 1 && s->config.disable_corrector[1] == 64);
    assert_int_equal(s->config.ntrained, 2);
    assert_false(s->config.given >> MW_SET_SIGMA_MIN & 1);
    assert_true(s->config.given >> MW_SET_LOWER_ORDER_FINAL & 1);
    assert_string_equal(logged, "");
    mw_object_release(&s->base);
}

static void warns_of_unknown_keys(void **state)
{
    (void)state;
    mw_scheduler *s = parse("{\"beta_stop\": 0.1}");
    assert_non_null(s);
    assert_non_null(strstr(logged, "beta_stop"));
    mw_object_release(&s->base);
}

static void refuses_what_it_cannot_do(void **state)
{
    (void)state;
    const char *cases[][2] = {
        {"{\"_class_name\": \"FlowMatchEulerDiscreteScheduler\"}", "_class_name"},
        {"{\"use_flow_sigmas\": true}", "use_flow_sigmas"},
        {"{\"solver_p\": {}}", "solver_p"},
        {"{\"variance_type\": \"learned_range\"}", "variance_type"},
        {"{\"prediction_type\": \"flow_prediction\"}", "epsilon, v_prediction, sample"},
        {"{\"solver_order\": 7}", "solver_order"},
        {"{\"solver_order\": 1.5}", "whole number"},
        {"{\"clip_sample\": 1}", "true or false"},
        {"{\"beta_start\": \"0.1\"}", "beta_start"},
        {"{\"trained_betas\": [0.1, 2]}", "trained_betas"},
        {"{\"disable_corrector\": 3}", "disable_corrector"},
        {"[]", "cfg.json"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_null(parse(cases[i][0]));
        assert_int_equal(mw_err(c), MW_E_FILE);
        assert_non_null(strstr(mw_errmsg(c), "cfg.json"));
        assert_fails(cases[i][1]);
    }
}

// Published files hold -Infinity, which is no JSON.
static void reads_infinity(void **state)
{
    (void)state;
    char path[] = "/tmp/mw_schedulerXXXXXX";
    FILE *f = fdopen(mkstemp(path), "w");
    fputs("{\"lambda_min_clipped\": -Infinity, \"_note\": \"Infinity\", \"solver_order\": 3}", f);
    fclose(f);
    mw_scheduler *s = mw_scheduler_load(c, path, NULL);
    remove(path);
    assert_non_null(s);
    assert_false(s->config.given >> MW_SET_LAMBDA_MIN_CLIPPED & 1);
    assert_int_equal(s->config.value[MW_SET_SOLVER_ORDER], 3);
    mw_object_release(&s->base);
}

static void choices_spell_themselves(void **state)
{
    (void)state;
    char buf[64];
    for (int s = 0; s < MW_SETTINGS; s++) {
        double back;
        for (int i = 0; mw_setting_about(s)->choices && i < 2; i++) {
            mw_setting_choice((mw_setting)s, i, buf, sizeof buf);
            assert_true(mw_setting_fits((mw_setting)s, MW_TEXT, 0, buf, &back));
            assert_int_equal(back, i);
        }
        assert_int_equal(mw_setting_by_name(mw_setting_about(s)->name), s);
    }
    double v;
    assert_true(mw_setting_fits(MW_SET_ALGORITHM_TYPE, MW_TEXT, 0, "deis", &v) && v == MW_SOLVER_PP);
    assert_true(mw_setting_fits(MW_SET_SOLVER_TYPE, MW_TEXT, 0, "logrho", &v) && v == MW_SOLVER_MIDPOINT);
    assert_false(mw_setting_fits(MW_SET_SOLVER_TYPE, MW_TEXT, 0, "bh", &v));
    assert_false(mw_setting_fits(MW_SET_SOLVER_TYPE, MW_TEXT, 0, "", &v));
}

// ---- times

static void assert_times(mw_schedule *s, int n, const double *want)
{
    assert_non_null(s);
    assert_int_equal(s->steps, n);
    for (int i = 0; i < n; i++)
        assert_near(s->timesteps[i], want[i], 1e-4);
    mw_schedule_free(s);
}
#define TIMES(s, ...)                                                                                        \
    assert_times(s, sizeof((double[]){__VA_ARGS__}) / sizeof(double), (double[]){__VA_ARGS__})

static void spacings(void **state)
{
    (void)state;
    TIMES(made(MW_DDIM, 5, ""), 801, 601, 401, 201, 1);
    TIMES(made(MW_DDIM, 3, ""), 667, 334, 1); // 1000 / 3 rounded down
    TIMES(made(MW_DDIM, 5, "steps_offset=0"), 800, 600, 400, 200, 0);
    // halves go to the even neighbour: 749.25, 499.5, 249.75
    TIMES(made(MW_DDIM, 5, "timestep_spacing=linspace"), 999, 749, 500, 250, 0);
    TIMES(made(MW_DDIM, 3, "timestep_spacing=trailing"), 999, 666, 332);
    // fractional where the network takes any time; one point more, the lowest left out, for the multistep
    // solvers
    TIMES(made(MW_EULER, 5, ""), 999, 749.25, 499.5, 249.75, 0);
    TIMES(made(MW_DPMPP_2M, 4, ""), 999, 749, 500, 250);
    TIMES(made(MW_UNI_PC, 4, "timestep_spacing=leading"), 801, 601, 401, 201);
    TIMES(made(MW_PNDM, 5, ""), 801, 601, 601, 401, 201, 1);
    TIMES(made(MW_PNDM, 5, "skip_prk_steps=0"), 801, 701, 701, 601, 601, 501, 501, 401, 401, 301, 301, 201,
          201, 1);
    for (int n = 1; n <= 1000; n++) { // no accident of rounding adds or drops a step
        mw_schedule *s = made(MW_DDIM, n, "timestep_spacing=trailing");
        assert_int_equal(s->steps, n);
        assert_near(s->timesteps[0], 999, 0);
        assert_true(s->timesteps[n - 1] >= 0);
        mw_schedule_free(s);
    }
}

static void tables(void **state)
{
    (void)state;
    mw_schedule *s = made(MW_DDIM, 10, "");
    double product = 1;
    for (int i = 0; i < 1000; i++) {
        double root = sqrt(0.00085) + i * (sqrt(0.012) - sqrt(0.00085)) / 999;
        product *= 1 - root * root;
        assert_near(s->alpha_bar[i], product, 1e-6);
    }
    double first = s->alpha_bar[0];
    mw_schedule_free(s);
    s = made(MW_DDIM, 10, "rescale_betas_zero_snr=1");
    assert_near(s->alpha_bar[999], 0, 0);
    assert_near(s->alpha_bar[0], first, 1e-6);
    mw_schedule_free(s);
    s = made(MW_DDIM, 10, "beta_schedule=squaredcos_cap_v2");
    double bar = cos((0.5 + 0.008) / 1.008 * acos(-1) / 2), start = cos(0.008 / 1.008 * acos(-1) / 2);
    assert_near(s->alpha_bar[499], bar * bar / (start * start), 1e-5);
    mw_schedule_free(s);
}

static void spreads(void **state)
{
    (void)state;
    mw_schedule *s = made(MW_EULER, 7, "");
    double high = s->sigmas[0], low = s->sigmas[6];
    assert_near(high, 14.6146, 1e-3);
    assert_near(s->sigmas[7], 0, 0);
    assert_near(s->init_noise_sigma, high, 1e-9);
    mw_schedule_free(s);
    const char *const kinds[] = {"use_karras_sigmas=1", "use_exponential_sigmas=1", "use_beta_sigmas=1"};
    for (int k = 0; k < 3; k++) {
        s = made(MW_EULER, 7, kinds[k]);
        double r = 2.0 / 6, want = exp(log(high) + r * (log(low) - log(high)));
        if (k == 0)
            want = pow(pow(high, 1 / 7.0) + r * (pow(low, 1 / 7.0) - pow(high, 1 / 7.0)), 7);
        if (k == 2)
            want = low + mw_beta_quantile(1 - r, 0.6, 0.6) * (high - low);
        assert_near(s->sigmas[0], high, 1e-4);
        assert_near(s->sigmas[2], want, 1e-5);
        assert_near(s->sigmas[6], low, 1e-6);
        assert_near(s->timesteps[0], 999, 1e-2);
        mw_schedule_free(s);
    }
    s = made(MW_DPMPP_2M, 7, "use_karras_sigmas=1 final_sigmas_type=sigma_min");
    assert_near(s->sigmas[7], sqrt((1 - s->alpha_bar[0]) / s->alpha_bar[0]), 1e-6);
    for (int i = 0; i < 7; i++)
        assert_near(s->timesteps[i], rint(s->timesteps[i]), 0);
    mw_schedule_free(s);
    s = made(MW_EULER, 7, "timestep_spacing=leading");
    assert_near(s->init_noise_sigma, sqrt(s->sigmas[0] * s->sigmas[0] + 1), 1e-9);
    assert_near(mw_schedule_input_scale(s, 3), 1 / sqrt(s->sigmas[3] * s->sigmas[3] + 1), 1e-12);
    mw_schedule_free(s);
}

static void quantiles(void **state)
{
    (void)state;
    for (double p = 0; p <= 1; p += 0.125) {
        assert_near(mw_beta_quantile(p, 1, 1), p, 1e-14);
        assert_near(mw_beta_quantile(p, 2, 1), sqrt(p), 1e-14);
        assert_near(mw_beta_quantile(p, 1, 3), 1 - cbrt(1 - p), 1e-14);
        double arc = sin(p * acos(-1) / 2); // Beta(1/2, 1/2) is the arcsine distribution
        assert_near(mw_beta_quantile(p, 0.5, 0.5), arc * arc, 1e-13);
        assert_near(mw_beta_quantile(p, 0.6, 0.6), 1 - mw_beta_quantile(1 - p, 0.6, 0.6), 1e-13);
    }
}

static void impossible_settings(void **state)
{
    (void)state;
    assert_null(made(MW_DDIM, 0, ""));
    assert_fails("1..1000");
    assert_null(made(MW_DDIM, 200, "num_train_timesteps=100"));
    assert_fails("100 timesteps");
    assert_null(made(MW_DDIM, 5, "use_karras_sigmas=1"));
    assert_fails("use_karras_sigmas");
    assert_null(made(MW_EULER, 5, "solver_order=3"));
    assert_fails("solver_order");
    assert_null(made(MW_EULER, 5, "use_karras_sigmas=1 use_beta_sigmas=1"));
    assert_fails("only one");
    assert_null(made(MW_PNDM, 5, "prediction_type=sample"));
    assert_fails("pndm");
    assert_null(made(MW_PNDM, 3, "skip_prk_steps=0"));
    assert_fails("at least 4");
    assert_null(made(MW_DDIM, 1000, "steps_offset=1"));
    assert_fails("steps_offset");
    assert_null(made(MW_DPMPP_2M, 5, "algorithm_type=dpmsolver"));
    assert_fails("sigma_min");
    assert_null(made(MW_EULER, 5, "use_karras_sigmas=1 sigma_min=9 sigma_max=3"));
    assert_fails("sigma_max");
    // a checkpoint's setting for another sampler does not bind this one
    mw_schedule *s = mw_schedule_new(c, &base, MW_EULER, 5);
    assert_non_null(s);
    mw_schedule_free(s);
}

static void travels_as_a_value(void **state)
{
    (void)state;
    mw_schedule *s = made(MW_UNI_PC, 6, "use_karras_sigmas=1 solver_type=bh1");
    s->disable_corrector[0] = 5;
    mw_value *v = mw_schedule_value(c, s);
    mw_schedule *t = mw_schedule_from_value(c, v);
    assert_non_null(t);
    assert_int_equal(t->sampler, s->sampler);
    assert_int_equal(t->steps, s->steps);
    assert_int_equal(t->asked, s->asked);
    assert_int_equal(t->train, s->train);
    assert_memory_equal(t->sigmas, s->sigmas, 7 * sizeof(double));
    assert_memory_equal(t->timesteps, s->timesteps, 6 * sizeof(double));
    assert_memory_equal(t->alpha_bar, s->alpha_bar, 1000 * sizeof(double));
    assert_memory_equal(t->disable_corrector, s->disable_corrector, sizeof s->disable_corrector);
    for (int i = 0; i < MW_SETTINGS; i++)
        assert_true(t->set[i] == s->set[i] || (isnan(t->set[i]) && isnan(s->set[i])) ||
                    !(mw_setting_about(i)->has >> MW_UNI_PC & 1));
    assert_string_equal(mw_value_as_text(mw_value_get(v, "step_node")), "uni_pc_step");
    mw_schedule_free(t);
    mw_schedule_free(s);
    mw_value_release(v);

    v = mw_value_map(c);
    assert_null(mw_schedule_from_value(c, v));
    assert_fails("expected a schedule");
    mw_value_release(v);
}

static void starts_by_strength(void **state)
{
    (void)state;
    mw_schedule *s = made(MW_DDIM, 10, "");
    assert_int_equal(mw_schedule_first_step(s, 0), 10);
    assert_int_equal(mw_schedule_first_step(s, 0.05), 10);
    assert_int_equal(mw_schedule_first_step(s, 0.6), 4);
    assert_int_equal(mw_schedule_first_step(s, 1), 0);
    mw_schedule_free(s);
    for (int warm = 0; warm < 2; warm++) { // PNDM starts where the same time is visited, warm-up or not
        s = made(MW_PNDM, 10, warm ? "skip_prk_steps=1" : "skip_prk_steps=0");
        for (int k = 0; k < 10; k++)
            assert_near(s->timesteps[mw_schedule_first_step(s, 1 - k / 10.0 + 1e-9)], 901 - 100 * k, 0);
        assert_int_equal(mw_schedule_first_step(s, 0), s->steps);
        mw_schedule_free(s);
    }
}

// ---- steps

static mw_tensor *row(int n, const float *x)
{
    return mw_tensor_from_f32(c, MW_F32, 2, (int64_t[]){1, n}, x);
}

// Song et al. 2021, eq. 12 and 16, as they stand there.
static void ddim_is_the_papers(void **state)
{
    (void)state;
    const float x[3] = {1, -2, 0.5f}, e[3] = {0.3f, 0.1f, -1}, z[3] = {1, 0, -1};
    mw_schedule *s = made(MW_DDIM, 20, "");
    double at = s->alpha_bar[701], ap = s->alpha_bar[651];
    for (double eta = 0; eta <= 1; eta += 0.5) {
        float got[3], picture[3];
        mw_sampler_state st = {0};
        mw_step_out out;
        mw_scope_begin(c);
        mw_step_in in = {
            .latents = row(3, x), .noise_pred = row(3, e), .variance_noise = row(3, z), .ddim_eta = eta};
        assert_int_equal(mw_sampler_step(c, s, 5, &in, &st, &out), MW_OK);
        mw_tensor_read_f32(c, out.latents, got);
        mw_tensor_read_f32(c, out.pred_original, picture);
        double sigma = eta * sqrt((1 - ap) / (1 - at)) * sqrt(1 - at / ap);
        for (int i = 0; i < 3; i++) {
            double x0 = (x[i] - sqrt(1 - at) * e[i]) / sqrt(at);
            assert_near(picture[i], x0, 1e-5);
            assert_near(got[i], sqrt(ap) * x0 + sqrt(1 - ap - sigma * sigma) * e[i] + sigma * z[i], 1e-6);
        }
        mw_scope_end(c, NULL);
    }
    mw_schedule_free(s);
}

// A world in which pictures are normal with deviation `spread`: the best prediction, and with it the path
// from noise to picture, are known in closed form: latents stay proportional to their own deviation.
static const double spread = 0.7;

static double best_noise(double alpha_bar, double x)
{
    double variance = alpha_bar * spread * spread + 1 - alpha_bar;
    return sqrt(1 - alpha_bar) * x / variance;
}

// Error at the end of a deterministic run from deviation-one noise, relative to the exact path's end.
static double path_error(const mw_schedule *s)
{
    mw_sampler_state st = {0};
    mw_step_out out;
    double x0 = 1.3 * s->init_noise_sigma, last = s->sigmas ? s->sigmas[s->steps] : 0, signal = 1;
    float x = (float)x0, e;
    mw_scope_begin(c);
    for (int i = 0; i < s->steps; i++) {
        double bar = mw_schedule_alpha_bar(s, i);
        double scaled = x * mw_schedule_input_scale(s, i);
        e = (float)best_noise(bar, scaled);
        mw_step_in in = {.latents = row(1, &x), .noise_pred = row(1, &e), .order = 4};
        assert_int_equal(mw_sampler_step(c, s, i, &in, &st, &out), MW_OK);
        mw_tensor_read_f32(c, out.latents, &x);
    }
    mw_scope_end(c, NULL);
    double begin = mw_schedule_alpha_bar(s, 0), end = s->sigmas ? 1 / (1 + last * last) : s->alpha_bar[0];
    bool scaled = mw_schedule_input_scale(s, 0) != 1;
    if (scaled)
        signal = sqrt((begin * spread * spread + 1 - begin) / begin); // the deviation of unscaled latents
    else
        signal = sqrt(begin * spread * spread + 1 - begin);
    double final = sqrt((end * spread * spread + 1 - end) / (scaled ? end : 1));
    return fabs(x / (x0 * final / signal) - 1);
}

static double error_of(mw_sampler sampler, int steps, const char *settings)
{
    mw_schedule *s = made(sampler, steps, settings);
    if (!s)
        fail_msg("%s", mw_errmsg(c));
    double e = path_error(s);
    mw_schedule_free(s);
    return e;
}

#define SPREAD "use_karras_sigmas=1 final_sigmas_type=sigma_min"

// Each method must converge to the exact path, the better ones faster.
static void samplers_solve_the_equation(void **state)
{
    (void)state;
    static const struct {
        mw_sampler sampler;
        const char *settings;
        double least; // doubling the steps divides the error by at least this
        double most;  // error at 80 steps
    } cases[] = {
        {MW_DDIM, "", 1.8, 0.03},
        {MW_EULER, "use_karras_sigmas=1", 1.8, 0.03},
        {MW_EULER, "final_sigmas_type=sigma_min", 1.8, 0.03},
        {MW_DPMPP_2M, SPREAD " solver_order=1", 1.8, 0.03},
        {MW_DPMPP_2M, SPREAD, 3.5, 1e-3},
        {MW_DPMPP_2M, SPREAD " solver_type=heun", 3.5, 2e-3},
        {MW_DPMPP_2M, SPREAD " solver_order=3", 3, 3e-4},
        {MW_DPMPP_2M, SPREAD " algorithm_type=dpmsolver", 3.5, 3e-4},
        {MW_DPMPP_2M, SPREAD " algorithm_type=dpmsolver solver_type=heun", 3.5, 1e-3},
        {MW_UNI_PC, SPREAD, 3.5, 1e-4},
        {MW_UNI_PC, SPREAD " solver_order=3", 3.5, 1e-4},
        {MW_UNI_PC, SPREAD " solver_type=bh1 predict_x0=0", 3.5, 1e-4},
        {MW_LMS, "use_karras_sigmas=1", 7, 1e-4},
        {MW_PNDM, "", 4, 5e-4},
        {MW_PNDM, "skip_prk_steps=0", 4, 5e-4},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double coarse = error_of(cases[i].sampler, 40, cases[i].settings);
        double fine = error_of(cases[i].sampler, 80, cases[i].settings);
        if (fine > cases[i].most || coarse < fine * cases[i].least)
            fail_msg("%s %s: errors %g and %g", mw_sampler_id(cases[i].sampler), cases[i].settings, coarse,
                     fine);
    }
}

int main(void)
{
    mw_scheduler_config_stable_diffusion(&base);
#define TEST(f) cmocka_unit_test_setup(f, fresh)
    const struct CMUnitTest tests[] = {
        TEST(reads_a_config),
        TEST(warns_of_unknown_keys),
        TEST(refuses_what_it_cannot_do),
        TEST(reads_infinity),
        TEST(choices_spell_themselves),
        TEST(spacings),
        TEST(tables),
        TEST(spreads),
        TEST(quantiles),
        TEST(impossible_settings),
        TEST(travels_as_a_value),
        TEST(starts_by_strength),
        TEST(ddim_is_the_papers),
        TEST(samplers_solve_the_equation),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
