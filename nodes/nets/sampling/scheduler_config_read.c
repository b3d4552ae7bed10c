// scheduler_config_read.c: a scheduler_config.json turned into settings.
#include "nodes/nets/sampling/scheduler_config.h"

#include "core/base/file.h"
#include "core/io/file_kind.h"
#include "core/io/json.h"
#include "nodes/nets/base/config.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define MAXFILE (16u << 20)

// Keys that matter only together with one of the refused ones.
static const char *const idle[] = {"flow_shift", "time_shift_type"};

static void read_setting(mw_config *cfg, mw_setting s, mw_scheduler_config *out)
{
    const char *name = mw_setting_about(s)->name;
    const json_t *v = mw_config_raw(cfg, name);
    if (!v)
        return;
    mw_kind kind = json_is_boolean(v) ? MW_BOOL
        : json_is_number(v)           ? MW_NUMBER
        : json_is_string(v)           ? MW_TEXT
                                      : MW_NIL;
    double number = kind == MW_BOOL ? json_is_true(v) : json_number_value(v);
    char wants[320];
    if (s == MW_SET_LAMBDA_MIN_CLIPPED && kind == MW_NUMBER && number < mw_setting_about(s)->low / 2)
        return; // minus infinity: nothing is clipped
    if (!mw_setting_fits(s, kind, number, kind == MW_TEXT ? json_string_value(v) : "", &out->value[s])) {
        mw_config_fail(cfg, name, "must be %s%s%s", mw_setting_wants(s, wants, sizeof wants),
                       kind == MW_TEXT ? ", got " : "", kind == MW_TEXT ? json_string_value(v) : "");
        return;
    }
    out->given |= (uint64_t)1 << s;
}

static void read_disabled(mw_config *cfg, mw_scheduler_config *out)
{
    const json_t *v = mw_config_raw(cfg, "disable_corrector");
    if (v && !json_is_array(v)) {
        mw_config_fail(cfg, "disable_corrector", "must be a list of steps");
        return;
    }
    for (size_t i = 0; i < json_array_size(v); i++) {
        json_int_t step = json_integer_value(json_array_get(v, i));
        if (!json_is_integer(json_array_get(v, i)))
            mw_config_fail(cfg, "disable_corrector", "must be a list of steps");
        else if (step >= 0 && step < MW_SAMPLER_MAXSTEPS)
            out->disable_corrector[step / 64] |= (uint64_t)1 << (step % 64);
    }
}

static void read_betas(mw_config *cfg, mw_scheduler *out)
{
    if (!mw_config_raw(cfg, "trained_betas"))
        return;
    int n = mw_config_list_size(cfg, "trained_betas", 100000);
    out->betas = mw_alloc(cfg->c, (size_t)n * sizeof *out->betas + 1);
    if (!out->betas)
        return;
    for (int i = 0; i < n; i++) {
        const json_t *v = json_array_get(mw_config_raw(cfg, "trained_betas"), (size_t)i);
        double beta = json_number_value(v);
        if (!json_is_number(v) || !(beta >= 0 && beta <= 1)) {
            mw_config_fail(cfg, "trained_betas", "entry %d must be a number from 0 to 1", i);
            return;
        }
        out->betas[i] = beta;
    }
    out->config.trained_betas = out->betas;
    out->config.ntrained = n;
}

// Classes whose numbers mean something else than a discrete diffusion process.
static void refuse_class(mw_config *cfg, const char *name)
{
    if (strstr(name, "FlowMatch") || !strncmp(name, "EDM", 3))
        mw_config_fail(cfg, "_class_name", "%s is not supported: %s", name,
                       strstr(name, "FlowMatch") ? "it is for flow-matching models" : "it is for EDM models");
}

static void scheduler_free(mw_object *o)
{
    mw_scheduler *s = (mw_scheduler *)o;
    free(s->betas);
    free(s->class_name);
    free(s);
}

static const mw_object_type scheduler_type = {.name = "scheduler", .free = scheduler_free};

mw_scheduler *mw_scheduler_new(mw_ctx *c, const json_t *json, const char *file, const char *class)
{
    mw_scheduler *s = mw_alloc(c, sizeof *s);
    mw_config cfg;
    if (!s)
        return NULL;
    s->base.type = &scheduler_type;
    atomic_init(&s->base.refs, 1);
    mw_scheduler_config_init(&s->config);
    if (mw_config_begin(c, &cfg, json, file) == MW_OK) {
        const char *name = mw_config_text(&cfg, "_class_name", "");
        name = class ? class : name;
        refuse_class(&cfg, name);
        s->class_name = *name ? mw_strdup(c, name) : NULL;
        s->config.sampler = mw_sampler_by_name(name);
        for (int i = 0; i < MW_SETTINGS; i++)
            read_setting(&cfg, (mw_setting)i, &s->config);
        read_disabled(&cfg, &s->config);
        read_betas(&cfg, s);
        mw_config_only(&cfg, "use_flow_sigmas", "false", "flow-matching models are not supported");
        mw_config_only(&cfg, "use_dynamic_shifting", "false", "flow-matching models are not supported");
        mw_config_only(&cfg, "shift_terminal", "null", "flow-matching models are not supported");
        mw_config_only(&cfg, "solver_p", "null", "another solver inside UniPC is not supported");
        for (size_t i = 0; i < sizeof idle / sizeof *idle; i++)
            mw_config_raw(&cfg, idle[i]);
        mw_config_done(&cfg);
    }
    if (mw_err(c)) {
        mw_object_release(&s->base);
        return NULL;
    }
    return s;
}

// Python writes infinities as bare words. Outside of strings, put a number of the same length that stands for
// them.
static void mend_infinities(char *text)
{
    bool quoted = false;
    for (char *p = text; *p; p++) {
        if (quoted && *p == '\\' && p[1])
            p++;
        else if (*p == '"')
            quoted = !quoted;
        else if (!quoted && !strncmp(p, "Infinity", 8) && !isalnum((unsigned char)p[8]))
            memcpy(p, "1.00e300", 8);
    }
}

mw_scheduler *mw_scheduler_load(mw_ctx *c, const char *path, const char *class)
{
    size_t size = 0;
    mw_scheduler *s = NULL;
    char *text = mw_file_read(c, path, MAXFILE, &size);
    if (!text)
        return NULL;
    const char *kind = mw_file_kind(text, size);
    if (kind)
        mw_fail(c, MW_E_FILE, "%s: is no JSON but %s", path, kind);
    mend_infinities(text);
    json_t *json = mw_json_parse(c, text, size, path);
    if (json)
        s = mw_scheduler_new(c, json, path, class);
    json_decref(json);
    free(text);
    return s;
}
