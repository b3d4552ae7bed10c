// param_options.c: -p name=value: what was typed as values of the parameters that the script declares.
#include "core/base/greek.h"
#include "core/graph/value_json.h"
#include "core/lua/lua_internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

// ---- the text typed as the type wants it

// A text that is no number stays one, for the port to refuse.
static mw_value *parse_number(mw_ctx *c, const char *text)
{
    char *end;
    double x = strtod(text, &end);
    return *text && !*end ? mw_value_number(c, x) : mw_value_text(c, text, strlen(text));
}

static mw_value *parse_bool(mw_ctx *c, const char *text)
{
    static const char *const words[][2] = {{"false", "true"}, {"0", "1"}, {"no", "yes"}, {"off", "on"}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        for (int b = 0; b < 2; b++)
            if (!strcasecmp(text, words[i][b]))
                return mw_value_bool(c, b);
    return mw_value_text(c, text, strlen(text));
}

static mw_value *parse_json(mw_ctx *c, const char *text)
{
    mw_value *v = mw_value_from_json(c, "JSON", text, strlen(text));
    if (!v)
        mw_fail_context(c, "must be a table as JSON");
    return v;
}

static mw_value *parse_typed(mw_ctx *c, const mw_param *p, const char *text)
{
    const mw_port_type *t = mw_port_type_of(p->d.port.type);
    mw_kind def = mw_value_kind(p->d.def);
    if (t->kinds == 1u << MW_NUMBER)
        return parse_number(c, text);
    if (t->kinds == 1u << MW_BOOL)
        return parse_bool(c, text);
    if (def == MW_LIST || def == MW_MAP || !(t->kinds >> MW_TEXT & 1))
        return parse_json(c, text);
    return mw_value_text(c, text, strlen(text));
}

// NULL with a usage error pending.
static mw_value *parse(mw_ctx *c, const mw_param *p, const char *text)
{
    mw_value *v = mw_lua_check_text(c, text, strlen(text)) ? NULL : parse_typed(c, p, text);
    mw_value *checked = v ? mw_port_check(c, &p->d.port, v, NULL) : NULL;
    mw_value_release(v);
    if (checked || mw_err(c) == MW_E_MEMORY)
        return checked;
    mw_fail_context(c, "-p %s=%s", p->d.port.name, text);
    mw_fail_as(c, MW_E_USAGE);
    return NULL;
}

// ---- the options of a run

// What stands before the =; free() it.
static char *name_of(mw_ctx *c, const char *option)
{
    return mw_format(c, "%.*s", (int)strcspn(option, "="), option);
}

static bool answers(mw_ctx *c, const mw_param *p, const char *option)
{
    char *name = name_of(c, option);
    const char *other = name ? mw_greek_other(name) : NULL;
    bool mine = name && (mw_port_answers(&p->d.port, name) || (other && mw_port_answers(&p->d.port, other)));
    free(name);
    return mine;
}

static void apply(mw_script *s, mw_param *p, const char *const *options, bool typed)
{
    for (const char *const *o = options; o && *o && !mw_err(s->c); o++) {
        const char *equals = strchr(*o, '=');
        if (!equals)
            mw_fail(s->c, MW_E_USAGE, "-p %s: must be name=value", *o);
        mw_value *v = equals && answers(s->c, p, *o) ? parse(s->c, p, equals + 1) : NULL;
        if (!v)
            continue;
        mw_value_release(p->value);
        p->value = v;
        p->used = true;
        p->typed = typed;
    }
}

void mw_param_apply_options(mw_script *s, mw_param *p)
{
    apply(s, p, s->o.recorded, false);
    apply(s, p, s->o.params, true);
}

static mw_status unknown_option(mw_script *s, const char *name)
{
    mw_nearest near = {.wrong = name};
    char hint[128], list[1024];
    size_t at = 0;
    *list = 0;
    for (int i = 0; i < s->nparams; i++) {
        const mw_port *p = &s->params[i].d.port;
        mw_nearest_offer(&near, p->name);
        mw_nearest_offer(&near, p->alias);
        if (at < sizeof list)
            at += (size_t)snprintf(list + at, sizeof list - at, "%s%s", i ? ", " : "", p->name);
    }
    return mw_fail(s->c, MW_E_USAGE, "%s has no parameter '%s'%s; it has: %s", s->path, name,
                   mw_nearest_hint(&near, hint, sizeof hint), s->nparams ? list : "none");
}

bool mw_script_takes(mw_script *s, const char *option)
{
    char *name = name_of(s->c, option);
    bool takes = name && mw_script_param(s, name);
    free(name);
    return takes;
}

static void check_known(mw_script *s, const char *const *options)
{
    for (const char *const *o = options; o && *o && !mw_err(s->c); o++) {
        char *name = mw_script_takes(s, *o) ? NULL : name_of(s->c, *o);
        if (name && !mw_err(s->c))
            unknown_option(s, name);
        free(name);
    }
}

mw_status mw_script_check_usage(mw_script *s)
{
    check_known(s, s->o.recorded);
    check_known(s, s->o.params);
    return mw_err(s->c);
}
