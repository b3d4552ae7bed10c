// replay.c: moonweave replay: makes a picture again from what it says of itself.
#include "core/base/paths.h"
#include "core/cli/cli.h"
#include "core/cli/place.h"
#include "core/cli/session.h"
#include "core/graph/recipe.h"
#include "core/graph/seed.h"
#include "core/graph/value_json.h"
#include "core/io/image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static mw_value *read_record(mw_ctx *c, const char *path)
{
    size_t n = 0;
    mw_png_text *texts = mw_png_texts(c, path, &n);
    const char *text = NULL;
    for (size_t i = 0; i < n; i++)
        if (!strcmp(texts[i].key, "moonweave"))
            text = texts[i].value;
    mw_value *record = text ? mw_value_from_json(c, path, text, strlen(text)) : NULL;
    if (!mw_err(c) && mw_value_kind(mw_value_get(record, "script")) != MW_TEXT)
        mw_fail(c, MW_E_FILE, "%s: carries no graph (it was not made by moonweave, or with --no-metadata)",
                path);
    mw_png_texts_free(texts, n);
    return record;
}

// "name=value" as -p would say it. free() it.
static char *param_text(mw_ctx *c, const char *name, const mw_value *v)
{
    switch (mw_value_kind(v)) {
    case MW_TEXT: return mw_format(c, "%s=%s", name, mw_value_as_text(v));
    case MW_NUMBER: return mw_format(c, "%s=%.17g", name, mw_value_as_number(v));
    case MW_BOOL: return mw_format(c, "%s=%s", name, mw_value_as_bool(v) ? "true" : "false");
    case MW_LIST:
    case MW_MAP: break;
    default: return NULL;
    }
    char *json = mw_value_to_json(c, v, 0);
    char *text = json ? mw_format(c, "%s=%s", name, json) : NULL;
    free(json);
    return text;
}

static void say_what_differs(mw_cli *k, const mw_value *record)
{
    const char *version = mw_value_as_text(mw_value_get(record, "version"));
    const mw_value *recipe = mw_value_get(record, "recipe"), *weights = mw_value_get(record, "weights");
    if (strcmp(version, MW_VERSION))
        mw_warn(k->c, "%s: made by version %s; this is %s", k->args[0], version, MW_VERSION);
    // Before there were recipes, weights were hashed in another way.
    for (size_t i = 0; recipe && i < mw_value_count(weights); i++) {
        const char *name = mw_value_key_at(weights, i);
        mw_value *now = mw_file_identity(k->c, name);
        if (mw_value_text_length(now) &&
            strcmp(mw_value_as_text(now), mw_value_as_text(mw_value_at(weights, i))))
            mw_warn(k->c, "%s: %s is not what it was when the picture was made", k->args[0], name);
        mw_value_release(now);
    }
}

// After the run, when the device is open.
static void say_how_recipes_differ(mw_cli *k, const mw_value *record, const char *here)
{
    const char *recipe = mw_value_as_text(mw_value_get(record, "recipe"));
    char *difference = mw_recipe_difference(k->c, recipe, here);
    if (difference && *difference)
        mw_warn(k->c, "%s: made with %s: its last bits may differ", k->args[0], difference);
    free(difference);
}

// ---- a picture that wants to read what its record alone names

// "<front> 'text'" for a shell; takes over front. NULL when out of memory.
static char *add_quoted(mw_ctx *c, char *front, const char *gap, const char *text)
{
    size_t n = 0;
    char *quoted = mw_alloc(c, 4 * strlen(text) + 1);
    for (const char *p = text; quoted && *p; p++)
        n += (size_t)sprintf(quoted + n, *p == '\'' ? "'\\%c'" : "%c", *p);
    char *all = front && quoted ? mw_format(c, "%s%s'%s'", front, gap, quoted) : NULL;
    free(quoted);
    free(front);
    return all;
}

static bool withheld(mw_ctx *c, const mw_script *s, const mw_param *p)
{
    if (mw_script_refused_contact(s, mw_value_as_text(p->value)))
        return true;
    const char *path = mw_value_as_text(p->value);
    mw_env env = mw_env_of(c);
    return !p->typed && *path && access(path, F_OK) == 0 && env.may_read && !env.may_read(env.user, path);
}

// The command line that was typed, and the record's paths typed too; without such paths --trust is what is
// left.
static char *command_that_works(mw_cli *k, const mw_script *script)
{
    mw_ctx *c = k->c;
    int n, paths = 0;
    const mw_param *p = mw_script_params(script, &n);
    char *command = add_quoted(c, mw_strdup(c, "moonweave replay"), " ", k->args[0]);
    if (k->env.out_dir)
        command = add_quoted(c, command, " -o ", k->env.out_dir);
    for (int i = 0; i < k->nparams; i++)
        command = add_quoted(c, command, " -p ", k->params[i]);
    for (int i = 0; i < n; i++)
        if (withheld(c, script, &p[i])) {
            char *text = param_text(c, p[i].d.port.name, p[i].value);
            command = text ? add_quoted(c, command, " -p ", text) : command;
            free(text);
            paths++;
        }
    char *all = command && !paths ? mw_format(c, "%s --trust", command) : command;
    if (all != command)
        free(command);
    return all;
}

static void say_what_works(mw_cli *k, const mw_script *script)
{
    mw_ctx *c = k->c;
    if (mw_err(c) != MW_E_SCRIPT || !mw_script_refused(script))
        return;
    char *why = strdup(mw_errmsg(c));
    mw_err_clear(c);
    char *command = command_that_works(k, script);
    mw_err_clear(c);
    mw_fail(c, MW_E_SCRIPT,
            "%s; what a picture records calls no servers and opens no files; to let its graph read them: %s",
            why ? why : "", command ? command : "type them with -p");
    free(command);
    free(why);
}

// ---- replay

static mw_status run_record(mw_cli *k, const mw_value *record, const char *const *recorded)
{
    mw_session s;
    const mw_value *script = mw_value_get(record, "script"), *name = mw_value_get(record, "name");
    mw_value *none = mw_value_map(k->c);
    const mw_value *modules = mw_value_get(record, "modules");
    mw_session_options o = {.params = k->params, .recorded = recorded, .modules = modules ? modules : none};
    const char *shown = *mw_value_as_text(name) ? mw_value_as_text(name) : k->args[0];
    int picture = (int)mw_value_as_number(mw_value_get(record, "picture"));
    const char *output = mw_value_as_text(mw_value_get(record, "output"));
    k->overwrite = true; // the same picture again
    mw_place_check(k->c);
    if (!mw_session_open(&s, k, &o)) {
        if (!mw_script_run(k->c, s.script, shown, mw_value_as_text(script), mw_value_text_length(script))) {
            say_what_differs(k, record); // now that what may be read is settled
            if (!mw_session_deliver(&s, *output ? output : NULL, picture))
                say_how_recipes_differ(k, record, mw_graph_recipe(s.g));
        }
        say_what_works(k, s.script);
    }
    mw_session_close(&s);
    mw_value_release(none);
    return mw_err(k->c);
}

static mw_status replay(mw_cli *k)
{
    mw_ctx *c = k->c;
    mw_value *record = read_record(c, k->args[0]);
    const mw_value *kept = mw_value_get(record, "params");
    const char *dtype = mw_value_as_text(mw_value_get(record, "dtype"));
    size_t n = mw_value_count(kept), count = 0;
    char **recorded = mw_alloc(c, (n + 1) * sizeof *recorded);
    for (size_t i = 0; recorded && i < n && !mw_err(c); i++) {
        recorded[count] = param_text(c, mw_value_key_at(kept, i), mw_value_at(kept, i));
        count += recorded[count] != NULL;
    }
    if (!k->env.dtype && (!strcmp(dtype, "f32") || !strcmp(dtype, "f16")))
        k->env.dtype = dtype;
    const mw_value *drawn = mw_value_get(record, "drawn_seed");
    if (mw_value_kind(drawn) == MW_NUMBER)
        mw_seed_redraw(mw_seed_bits(drawn));
    if (!mw_err(c))
        run_record(k, record, (const char *const *)recorded);
    for (size_t i = 0; recorded && i < count; i++)
        free(recorded[i]);
    free(recorded);
    k->env.dtype = NULL;
    mw_value_release(record);
    return mw_err(c);
}

const mw_verb mw_verb_replay = {
    "replay",
    "picture.png",
    1,
    1,
    MW_OPT_PARAM | MW_OPT_OUT | MW_OPT_DEVICE | MW_OPT_RUN | MW_OPT_TRUST | MW_OPT_JSON,
    "make a picture again from the graph it carries",
    replay,
};
