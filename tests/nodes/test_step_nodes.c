// test_step_nodes.c: schedule, start_latents and the step nodes in a graph.
#include "tests/nodes/node_test.h"

#include "core/ops.h"
#include "nodes/nets/sampling/sampler.h"

#include <time.h>

static int start(void **state)
{
    (void)state;
    return open_device((uint64_t)256 << 20);
}

static mw_value *tensor(float a, float b)
{
    return mw_value_tensor(c,
                           mw_tensor_from_f32(c, MW_F32, MW_SHAPE(1, 1, 1, 4), (float[]){a, b, a - b, 0.5f}));
}

static const char *setting(mw_value *schedule, const char *name)
{
    return mw_value_as_text(mw_value_get(mw_value_get(schedule, "config"), name));
}

// ---- schedule

static void schedule_is_data(void **state)
{
    (void)state;
    int s = ADD("schedule", {"steps", num(10)});
    assert_int_equal(run(s), MW_OK);
    mw_value *v = result(s, 0);
    assert_string_equal(mw_value_as_text(mw_value_get(v, "sampler")), "ddim");
    assert_string_equal(mw_value_as_text(mw_value_get(v, "step_node")), "ddim_step");
    assert_near(mw_value_as_number(mw_value_get(v, "steps")), 10, 0);
    assert_near(mw_value_as_number(mw_value_at(mw_value_get(v, "timesteps"), 0)), 901, 0);
    assert_int_equal(mw_value_count(mw_value_get(v, "alphas_cumprod")), 1000);
    assert_near(mw_value_as_number(result(s, 1)), 10, 0);
    assert_near(mw_value_as_number(mw_value_at(result(s, 2), 9)), 1, 0);
    assert_int_equal(mw_value_count(result(s, 3)), 0);
}

// Spellings of other programs, and what they imply.
static void sampler_names(void **state)
{
    (void)state;
    static const struct {
        const char *name, *sampler, *setting, *value;
    } cases[] = {
        {"DDIMScheduler", "ddim", "beta_schedule", "scaled_linear"},
        {"euler_a", "euler_ancestral", "timestep_spacing", "linspace"},
        {"Euler a", "euler_ancestral", "prediction_type", "epsilon"},
        {"dpm++2m", "dpmpp_2m", "solver_type", "midpoint"},
        {"DPM++ 2M SDE Heun", "dpmpp_2m", "algorithm_type", "sde-dpmsolver++"},
        {"dpmpp_2m_sde_heun", "dpmpp_2m", "solver_type", "heun"},
        {"UniPC", "uni_pc", "solver_type", "bh2"},
        {"ddim_trailing", "ddim", "timestep_spacing", "trailing"},
        {"PLMS", "pndm", "timestep_spacing", "leading"},
        {"lms", "lms", "prediction_type", "epsilon"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int s = ADD("schedule", {"steps", num(5)}, {"sampler", text(cases[i].name)});
        if (run(s))
            fail_msg("%s: %s", cases[i].name, mw_errmsg(c));
        assert_string_equal(mw_value_as_text(mw_value_get(result(s, 0), "sampler")), cases[i].sampler);
        assert_string_equal(setting(result(s, 0), cases[i].setting), cases[i].value);
    }
    int a = ADD("schedule", {"steps", num(5)}, {"sampler", text("DPM++ 2M Karras")});
    int b = ADD("schedule", {"steps", num(5)}, {"sampler", text("dpmpp_2m")}, {"scheduler", text("karras")});
    int e = ADD("schedule", {"steps", num(5)}, {"sampler", text("dpmpp_2m")},
                {"use_karras_sigmas", mw_value_bool(c, true)});
    assert_int_equal(run(a) | run(b) | run(e), MW_OK);
    for (size_t i = 0; i < 6; i++) {
        double want = mw_value_as_number(mw_value_at(result(a, 3), i));
        assert_near(mw_value_as_number(mw_value_at(result(b, 3), i)), want, 0);
        assert_near(mw_value_as_number(mw_value_at(result(e, 3), i)), want, 0);
    }
}

static void schedule_refuses(void **state)
{
    (void)state;
    assert_fails(ADD("schedule", {"steps", num(0)}), MW_E_SCRIPT, "1 to 1000");
    assert_fails(ADD("schedule", {"steps", num(5)}, {"sampler", text("eular")}), MW_E_SCRIPT, "euler");
    assert_fails(ADD("schedule", {"steps", num(5)}, {"scheduler", text("karras")}), MW_E_ARG, "sampler ddim");
    assert_fails(ADD("schedule", {"steps", num(5)}, {"solver_order", num(3)}), MW_E_ARG, "solver_order");
    assert_fails(ADD("schedule", {"steps", num(5)}, {"beta_start", num(-1)}), MW_E_SCRIPT, "beta_start");
    assert_fails(ADD("schedule", {"steps", num(50)}, {"num_train_timesteps", num(20)}), MW_E_ARG,
                 "20 timesteps");
}

// A checkpoint's settings are used; clipping, which is for pixels, is not.
static void schedule_follows_the_model(void **state)
{
    (void)state;
    json_t *json = json_loads("{\"_class_name\": \"DPMSolverMultistepScheduler\", \"beta_end\": 0.03,"
                              "\"use_karras_sigmas\": true, \"prediction_type\": \"v_prediction\","
                              "\"algorithm_type\": \"sde-dpmsolver++\"}",
                              0, NULL);
    mw_scheduler *m = mw_scheduler_new(c, json, "cfg.json", NULL);
    json_decref(json);
    mw_value *model = mw_value_object(c, &m->base);
    int a = ADD("schedule", {"steps", num(5)}, {"sampler", text("ddim")}, {"model", mw_value_retain(model)});
    int b =
        ADD("schedule", {"steps", num(5)}, {"sampler", text("dpmpp_2m")}, {"model", mw_value_retain(model)});
    int e = ADD("schedule", {"steps", num(5)}, {"sampler", text("euler")}, {"scheduler", text("exponential")},
                {"prediction_type", text("epsilon")}, {"model", mw_value_retain(model)});
    assert_int_equal(run(a) | run(b) | run(e), MW_OK);
    mw_value *config = mw_value_get(result(a, 0), "config");
    assert_near(mw_value_as_number(mw_value_get(config, "beta_end")), 0.03, 0);
    assert_false(mw_value_as_bool(mw_value_get(config, "clip_sample")));
    assert_string_equal(setting(result(a, 0), "prediction_type"), "v_prediction");
    assert_true(mw_value_as_bool(mw_value_get(mw_value_get(result(b, 0), "config"), "use_karras_sigmas")));
    assert_false(mw_value_as_bool(mw_value_get(mw_value_get(result(e, 0), "config"), "use_karras_sigmas")));
    assert_string_equal(setting(result(e, 0), "prediction_type"), "epsilon");
    // noise is drawn by those samplers whose name says so
    assert_false(mw_value_as_bool(mw_value_get(result(b, 0), "stochastic")));
    int sde = ADD("schedule", {"steps", num(5)}, {"sampler", text("dpmpp_2m_sde")},
                  {"model", mw_value_retain(model)});
    assert_int_equal(run(sde), MW_OK);
    assert_true(mw_value_as_bool(mw_value_get(result(sde, 0), "stochastic")));
    mw_value_release(model);
}

// "auto", the default: the model's own class and all its settings.
static void auto_is_the_models_sampler(void **state)
{
    (void)state;
    static const struct {
        const char *json, *sampler, *step;
        bool noisy;
        int calls;
    } cases[] = {
        {"{\"_class_name\": \"DPMSolverMultistepScheduler\", \"algorithm_type\": \"sde-dpmsolver++\"}",
         "dpmpp_2m", "dpmpp_2m_step", true, 5},
        {"{\"_class_name\": \"PNDMScheduler\", \"skip_prk_steps\": true}", "pndm", "pndm_step", false, 6},
        {"{\"_class_name\": \"PNDMScheduler\"}", "pndm", "pndm_step", false, 14}, // with its warm-up
        {"{\"_class_name\": \"DDPMScheduler\"}", "ddpm", "ddpm_step", true, 5},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *json = json_loads(cases[i].json, 0, NULL);
        mw_scheduler *m = mw_scheduler_new(c, json, "cfg.json", NULL);
        json_decref(json);
        int a = ADD("schedule", {"steps", num(5)}, {"model", mw_value_object(c, &m->base)});
        assert_int_equal(run(a), MW_OK);
        mw_value *s = result(a, 0);
        assert_string_equal(mw_value_as_text(mw_value_get(s, "sampler")), cases[i].sampler);
        assert_string_equal(mw_value_as_text(mw_value_get(s, "step_node")), cases[i].step);
        assert_int_equal(mw_value_as_bool(mw_value_get(s, "stochastic")), cases[i].noisy);
        assert_near(mw_value_as_number(result(a, 1)), cases[i].calls, 0);
    }
    int none = ADD("schedule", {"steps", num(5)});
    assert_int_equal(run(none), MW_OK);
    assert_string_equal(mw_value_as_text(mw_value_get(result(none, 0), "sampler")), "ddim");
}

static void unknown_classes_are_named(void **state)
{
    (void)state;
    static const char *const names[] = {"LCMScheduler", "HeunDiscreteScheduler", "DEISMultistepScheduler"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        json_t *json = json_pack("{s:s, s:f}", "_class_name", names[i], "beta_end", 0.012);
        mw_scheduler *m = mw_scheduler_new(c, json, "cfg.json", NULL);
        json_decref(json);
        mw_value *model = mw_value_object(c, &m->base);
        assert_fails(ADD("schedule", {"steps", num(5)}, {"model", mw_value_retain(model)}), MW_E_ARG,
                     names[i]);
        int named =
            ADD("schedule", {"steps", num(5)}, {"sampler", text("euler")}, {"model", mw_value_retain(model)});
        warnings[0] = 0;
        assert_int_equal(run(named), MW_OK);
        assert_non_null(strstr(warnings, names[i]));
        mw_value_release(model);
    }
}

// ---- steps

// A run of three steps through nodes is the same as one through the library.
static void steps_carry_their_state(void **state)
{
    (void)state;
    static const struct {
        const char *sampler, *node;
        int noisy;
    } cases[] = {
        {"ddim", "ddim_step", 0},         {"ddpm", "ddpm_step", 1},
        {"euler", "euler_step", 0},       {"euler_ancestral", "euler_ancestral_step", 1},
        {"dpmpp_2m", "dpmpp_2m_step", 0}, {"dpmpp_2m_sde", "dpmpp_2m_step", 1},
        {"uni_pc", "uni_pc_step", 0},     {"lms", "lms_step", 0},
        {"plms", "pndm_step", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int s = ADD("schedule", {"steps", num(6)}, {"sampler", text(cases[i].sampler)}), step = -1;
        mw_value *noise = tensor(-1, 0.25f);
        for (int k = 0; k < 4; k++)
            step = ADD(cases[i].node, {"schedule", out_of(s, 0)}, {"step", num(k)},
                       {"latents", k ? out_of(step, 0) : tensor(1, -2)},
                       {"noise_pred", tensor(0.3f * (float)k, 0.7f)},
                       {"variance_noise", cases[i].noisy ? mw_value_retain(noise) : mw_value_nil(c)},
                       {"state", k ? out_of(step, 2) : mw_value_nil(c)});
        if (run(step) || run(s))
            fail_msg("%s: %s", cases[i].sampler, mw_errmsg(c));
        mw_schedule *direct = mw_schedule_from_value(c, result(s, 0));
        mw_sampler_state st = {0};
        mw_step_out out = {0};
        mw_value *first = tensor(1, -2);
        mw_tensor *latents = mw_value_as_tensor(first);
        float got[4], want[4];
        for (int k = 0; k < 4; k++) {
            mw_value *e = tensor(0.3f * (float)k, 0.7f);
            mw_step_in in = {.latents = latents,
                             .noise_pred = mw_value_as_tensor(e),
                             .variance_noise = mw_value_as_tensor(noise),
                             .order = 4};
            assert_int_equal(mw_sampler_step(c, direct, k, &in, &st, &out), MW_OK);
            latents = out.latents;
            mw_value_release(e);
        }
        mw_tensor_read_f32(c, latents, want);
        mw_tensor_read_f32(c, mw_value_as_tensor(result(step, 0)), got);
        assert_memory_equal(got, want, sizeof got);
        mw_tensor_read_f32(c, out.pred_original, want);
        mw_tensor_read_f32(c, mw_value_as_tensor(result(step, 1)), got);
        assert_memory_equal(got, want, sizeof got);
        mw_schedule_free(direct);
        mw_value_release(first);
        mw_value_release(noise);
    }
}

typedef struct {
    int count;
    float newest[4];
} seen;

static void keep_preview(void *user, mw_ctx *k, const mw_emission *e)
{
    seen *s = user;
    s->count++;
    assert_string_equal(e->name, "preview");
    mw_tensor_read_f32(k, mw_value_as_tensor(e->value), s->newest);
}

// A listener sees what each step expects of the picture; the newest of them at the latest when the run ends.
static void steps_hand_out_previews(void **state)
{
    (void)state;
    seen s = {0};
    mw_exec_options o = {.listener = {.hear = keep_preview, .user = &s}};
    mw_exec *listening = mw_exec_new(c, g, NULL, &o);
    int schedule = ADD("schedule", {"steps", num(5)}), step = -1;
    for (int k = 0; k < 5; k++)
        step = ADD("ddim_step", {"schedule", out_of(schedule, 0)}, {"step", num(k)},
                   {"latents", k ? out_of(step, 0) : tensor(1, -2)}, {"noise_pred", tensor(0.3f, 0.7f)});
    assert_int_equal(mw_exec_run(c, listening, &step, 1), MW_OK);
    float want[4];
    mw_tensor_read_f32(c, mw_value_as_tensor(mw_exec_result(listening, step, 1)), want);
    assert_true(s.count >= 1 && s.count <= 5);
    assert_memory_equal(s.newest, want, sizeof want);
    mw_exec_free(listening);
}

static void steps_refuse(void **state)
{
    (void)state;
    int ddim = ADD("schedule", {"steps", num(5)});
    int multi = ADD("schedule", {"steps", num(5)}, {"sampler", text("dpmpp_2m")});
#define STEP(node, s, n, ...)                                                                                \
    ADD(node, {"schedule", out_of(s, 0)}, {"step", num(n)}, {"latents", tensor(1, 2)},                       \
        {"noise_pred", tensor(0, 1)}, __VA_ARGS__)
    assert_fails(STEP("ddim_step", ddim, 5, {"ddim_eta", num(0)}), MW_E_ARG, "steps 0..4");
    assert_fails(STEP("ddim_step", ddim, 0, {"ddim_eta", num(1)}), MW_E_ARG, "variance_noise");
    assert_fails(STEP("ddim_step", ddim, 0, {"ddim_eta", num(1.5)}), MW_E_SCRIPT, "ddim_eta");
    assert_fails(STEP("euler_step", ddim, 0, {"state", mw_value_nil(c)}), MW_E_ARG, "ddim_step");
    int first = STEP("dpmpp_2m_step", multi, 0, {"state", mw_value_nil(c)});
    assert_fails(STEP("dpmpp_2m_step", multi, 3, {"state", out_of(first, 2)}), MW_E_ARG, "for step 1");
    assert_fails(STEP("uni_pc_step", ADD("schedule", {"steps", num(5)}, {"sampler", text("uni_pc")}), 1,
                      {"state", out_of(first, 2)}),
                 MW_E_ARG, "uni_pc_step");
    mw_value *wide = mw_value_tensor(c, mw_tensor_from_f32(c, MW_F32, MW_SHAPE(1, 1, 1, 3), (float[3]){0}));
    assert_fails(ADD("ddim_step", {"schedule", out_of(ddim, 0)}, {"step", num(0)}, {"latents", wide},
                     {"noise_pred", tensor(0, 1)}),
                 MW_E_SHAPE, "[1,1,1,3]");
    mw_value *made_up = mw_value_map(c);
    mw_value_set(c, made_up, "sampler", text("ddim"));
    assert_fails(ADD("ddim_step", {"schedule", made_up}, {"step", num(0)}, {"latents", tensor(0, 0)},
                     {"noise_pred", tensor(0, 1)}),
                 MW_E_ARG, "alphas_cumprod");
    // where nothing is left of the picture, predicted noise cannot tell it
    int dark = ADD("schedule", {"steps", num(5)}, {"rescale_betas_zero_snr", mw_value_bool(c, true)},
                   {"timestep_spacing", text("trailing")});
    assert_fails(STEP("ddim_step", dark, 0, {"ddim_eta", num(0)}), MW_E_NUMBER, "timestep 999");
}

// ---- start_latents

static void starts(void **state)
{
    (void)state;
    float got[4];
    int s = ADD("schedule", {"steps", num(10)}, {"sampler", text("euler")});
    int d = ADD("schedule", {"steps", num(10)});
    int noise = ADD("start_latents", {"schedule", out_of(s, 0)}, {"noise", tensor(2, 0)});
    assert_int_equal(run(noise) | run(s) | run(d), MW_OK);
    double level = mw_value_as_number(mw_value_at(result(s, 3), 0));
    mw_tensor_read_f32(c, mw_value_as_tensor(result(noise, 0)), got);
    assert_near(got[0], 2 * level, 1e-5);
    assert_near(mw_value_as_number(result(noise, 1)), 0, 0);

    const double strengths[] = {0, 0.3, 1};
    for (int k = 0; k < 3; k++) {
        int e = ADD("start_latents", {"schedule", out_of(s, 0)}, {"noise", tensor(2, 1)},
                    {"latents", tensor(-1, 3)}, {"strength", num(strengths[k])});
        int v = ADD("start_latents", {"schedule", out_of(d, 0)}, {"noise", tensor(2, 1)},
                    {"latents", tensor(-1, 3)}, {"strength", num(strengths[k])});
        assert_int_equal(run(e) | run(v), MW_OK);
        int first = 10 - (int)(10 * strengths[k]);
        assert_near(mw_value_as_number(result(e, 1)), first, 0);
        assert_near(mw_value_as_number(result(v, 1)), first, 0);
        double sigma = first < 10 ? mw_value_as_number(mw_value_at(result(s, 3), (size_t)first)) : 0, bar = 1;
        mw_tensor_read_f32(c, mw_value_as_tensor(result(e, 0)), got);
        assert_near(got[0], -1 + 2 * sigma, 1e-5);
        if (first < 10)
            bar = mw_value_as_number(
                mw_value_at(mw_value_get(result(d, 0), "alphas_cumprod"), (size_t)(901 - 100 * first)));
        mw_tensor_read_f32(c, mw_value_as_tensor(result(v, 0)), got);
        assert_near(got[1], 3 * sqrt(bar) + sqrt(1 - bar), 1e-6);
    }
}

// One picture's latents and a batch of noises.
static void one_picture_for_all_noises(void **state)
{
    (void)state;
    float n[8] = {1, 2, 3, 4, 5, 6, 7, 8}, got[8];
    int d = ADD("schedule", {"steps", num(10)});
    int v = ADD("start_latents", {"schedule", out_of(d, 0)},
                {"noise", mw_value_tensor(c, mw_tensor_from_f32(c, MW_F32, MW_SHAPE(2, 1, 1, 4), n))},
                {"latents", tensor(-1, 3)}, {"strength", num(0.5)});
    assert_int_equal(run(v) | run(d), MW_OK);
    double bar = mw_value_as_number(mw_value_at(mw_value_get(result(d, 0), "alphas_cumprod"), 401));
    assert_int_equal(mw_dim(mw_value_as_tensor(result(v, 0)), 0), 2);
    mw_tensor_read_f32(c, mw_value_as_tensor(result(v, 0)), got);
    assert_near(got[5], 3 * sqrt(bar) + 6 * sqrt(1 - bar), 1e-5);
}

// A step reads its schedule anew; that must stay far below what a kernel costs.
#ifdef __SANITIZE_THREAD__
static const double longest = 5000; // microseconds
#else
static const double longest = 200; // 10 here without sanitizers
#endif

static void schedules_are_read_quickly(void **state)
{
    (void)state;
    int d = ADD("schedule", {"steps", num(50)}, {"sampler", text("dpmpp_2m")});
    assert_int_equal(run(d), MW_OK);
    struct timespec a, b;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a); // others may want the machine too
    for (int i = 0; i < 1000; i++)
        mw_schedule_free(mw_schedule_from_value(c, result(d, 0)));
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
    double us = ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) / 1e6;
    if (us > longest)
        fail_msg("%.1f us", us);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(schedule_is_data),
        TEST(sampler_names),
        TEST(schedule_refuses),
        TEST(schedule_follows_the_model),
        TEST(auto_is_the_models_sampler),
        TEST(unknown_classes_are_named),
        TEST(steps_carry_their_state),
        TEST(steps_hand_out_previews),
        TEST(steps_refuse),
        TEST(starts),
        TEST(one_picture_for_all_noises),
        TEST(schedules_are_read_quickly),
    };
    return cmocka_run_group_tests(tests, start, close_device);
}
