// replay.c: moonweave replay: makes a picture again from what it says of itself.
#include "core/base/paths.h"
#include "core/cli/cli.h"
#include "core/cli/place.h"
#include "core/cli/session.h"
#include "core/graph/value_json.h"
#include "core/io/image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
    if (strcmp(version, MW_VERSION))
        mw_warn(k->c, "%s: made by version %s; this is %s", k->args[0], version, MW_VERSION);
    const mw_value *weights = mw_value_get(record, "weights");
    for (size_t i = 0; i < mw_value_count(weights); i++) {
        char hash[33];
        const char *name = mw_value_key_at(weights, i);
        if (mw_weights_hash(k->c, name, hash) && strcmp(hash, mw_value_as_text(mw_value_at(weights, i))))
            mw_warn(k->c, "%s: %s is not what it was when the picture was made", k->args[0], name);
    }
}

static mw_status run_record(mw_cli *k, const mw_value *record, const char *const *params)
{
    mw_session s;
    const mw_value *script = mw_value_get(record, "script"), *name = mw_value_get(record, "name");
    mw_value *none = mw_value_map(k->c);
    const mw_value *modules = mw_value_get(record, "modules");
    mw_session_options o = {.params = params, .modules = modules ? modules : none};
    const char *shown = *mw_value_as_text(name) ? mw_value_as_text(name) : k->args[0];
    int picture = (int)mw_value_as_number(mw_value_get(record, "picture"));
    const char *output = mw_value_as_text(mw_value_get(record, "output"));
    k->overwrite = true; // the same picture again
    mw_place_check(k->c);
    if (!mw_session_open(&s, k, &o) &&
        !mw_script_run(k->c, s.script, shown, mw_value_as_text(script), mw_value_text_length(script)))
        mw_session_deliver(&s, *output ? output : NULL, picture);
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
    char **params = mw_alloc(c, (n + (size_t)k->nparams + 1) * sizeof *params);
    for (size_t i = 0; params && i < n && !mw_err(c); i++) {
        params[count] = param_text(c, mw_value_key_at(kept, i), mw_value_at(kept, i));
        count += params[count] != NULL;
    }
    for (int i = 0; params && i < k->nparams; i++) // the command line's come last, so that they count
        params[count + (size_t)i] = (char *)(size_t)k->params[i];
    if (!k->env.dtype && (!strcmp(dtype, "f32") || !strcmp(dtype, "f16")))
        k->env.dtype = dtype;
    if (!mw_err(c)) {
        say_what_differs(k, record);
        run_record(k, record, (const char *const *)params);
    }
    for (size_t i = 0; params && i < count; i++)
        free(params[i]);
    free(params);
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
