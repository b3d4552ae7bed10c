// param_options.c: -p name=value: what was typed as values of the parameters that the script declares.
#include "core/base/greek.h"
#include "core/base/nearest.h"
#include "core/graph/value_json.h"
#include "core/lua/lua_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

// ---- what a parameter takes

static const double largest_whole = 9007199254740991.0; // the next one is not told from its neighbours

static mw_value *check_choice(mw_ctx *c, const mw_param *p, mw_value *v, mw_status status, const char *what)
{
    mw_port port = {.name = p->name, .type = "choice", .choices = p->choices, .doc = p->doc};
    mw_value *name = mw_port_check(c, &port, v, NULL);
    if (!name && mw_err(c) == MW_E_SCRIPT) {
        char *why = strdup(mw_errmsg(c));
        mw_err_clear(c);
        mw_fail(c, status, "%s: %s", what, why ? why : "");
        free(why);
    }
    return name;
}

mw_value *mw_param_check(mw_ctx *c, const mw_param *p, mw_value *v, mw_status status, const char *what)
{
    double x = mw_value_as_number(v);
    if (p->choices)
        return check_choice(c, p, v, status, what);
    if (mw_value_kind(v) != MW_NUMBER)
        return mw_value_retain(v);
    if (!isfinite(x))
        mw_fail(c, status, "%s: must be a number (%s)", what, p->doc);
    else if (p->multiple > 0 && (x != floor(x) || fabs(x) > largest_whole))
        mw_fail(c, status, "%s: must be a whole number (%s)", what, p->doc);
    else if (!(x >= p->min && x <= p->max) && isfinite(p->min) && isfinite(p->max))
        mw_fail(c, status, "%s: must be from %.15g to %.15g (%s)", what, p->min, p->max, p->doc);
    else if (!(x >= p->min && x <= p->max))
        mw_fail(c, status, "%s: must be at %s %.15g (%s)", what, x < p->min ? "least" : "most",
                x < p->min ? p->min : p->max, p->doc);
    else if (p->multiple > 1 && fmod(x, p->multiple) != 0)
        mw_fail(c, status, "%s: must be a multiple of %.15g (%s)", what, p->multiple, p->doc);
    else
        return mw_value_retain(v);
    return NULL;
}

// ---- the text typed as the default is

static mw_value *parse_number(mw_ctx *c, const mw_param *p, const char *text)
{
    char *end;
    double x = strtod(text, &end);
    if (*text && !*end)
        return mw_value_number(c, x);
    mw_fail(c, MW_E_USAGE, "-p %s=%s: must be a number (%s)", p->name, text, p->doc);
    return NULL;
}

static mw_value *parse_bool(mw_ctx *c, const mw_param *p, const char *text)
{
    static const char *const words[][2] = {{"false", "true"}, {"0", "1"}, {"no", "yes"}, {"off", "on"}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        for (int b = 0; b < 2; b++)
            if (!strcasecmp(text, words[i][b]))
                return mw_value_bool(c, b);
    mw_fail(c, MW_E_USAGE, "-p %s=%s: must be true or false (%s)", p->name, text, p->doc);
    return NULL;
}

static mw_value *parse_json(mw_ctx *c, const mw_param *p, const char *text)
{
    mw_value *v = mw_value_from_json(c, "JSON", text, strlen(text));
    if (!v) {
        char *why = strdup(mw_errmsg(c));
        mw_err_clear(c);
        mw_fail(c, MW_E_USAGE, "-p %s=%s: must be a table as JSON: %s", p->name, text, why ? why : "");
        free(why);
    }
    return v;
}

// NULL with a usage error pending.
static mw_value *parse(mw_ctx *c, const mw_param *p, const char *text)
{
    mw_value *v;
    switch (mw_value_kind(p->def)) {
    case MW_NUMBER: v = parse_number(c, p, text); break;
    case MW_BOOL: v = parse_bool(c, p, text); break;
    case MW_LIST:
    case MW_MAP: v = parse_json(c, p, text); break;
    default: v = mw_value_text(c, text, strlen(text));
    }
    char *what = v ? mw_format(c, "-p %s=%s", p->name, text) : NULL;
    mw_value *checked = what ? mw_param_check(c, p, v, MW_E_USAGE, what) : NULL;
    free(what);
    mw_value_release(v);
    return checked;
}

// ---- the options of a run

void mw_param_apply_options(mw_script *s, mw_param *p)
{
    for (const char *const *o = s->o.params; o && *o; o++) {
        size_t n = strcspn(*o, "=");
        char *name = strndup(*o, n);
        const char *other = name ? mw_greek_other(name) : NULL;
        bool mine = name && (mw_param_answers(p, name) || (other && mw_param_answers(p, other)));
        free(name);
        if (!mine)
            continue;
        mw_value *v = parse(s->c, p, *o + n + 1);
        if (!v)
            return;
        mw_value_release(p->value);
        p->value = v;
        p->used = true;
    }
}

static mw_status unknown_option(mw_script *s, const char *name)
{
    mw_nearest near = {.wrong = name};
    char hint[128], list[1024];
    size_t at = 0;
    *list = 0;
    for (int i = 0; i < s->nparams; i++) {
        mw_nearest_offer(&near, s->params[i].name);
        mw_nearest_offer(&near, s->params[i].alias);
        if (at < sizeof list)
            at += (size_t)snprintf(list + at, sizeof list - at, "%s%s", i ? ", " : "", s->params[i].name);
    }
    return mw_fail(s->c, MW_E_USAGE, "%s has no parameter '%s'%s; it has: %s", s->path, name,
                   mw_nearest_hint(&near, hint, sizeof hint), s->nparams ? list : "none");
}

mw_status mw_script_check_usage(mw_script *s)
{
    for (const char *const *o = s->o.params; o && *o && !mw_err(s->c); o++) {
        char *name = strndup(*o, strcspn(*o, "="));
        if (name && !mw_script_param(s, name))
            unknown_option(s, name);
        free(name);
    }
    return mw_err(s->c);
}
