// check.c: literals against ports, and the sentences that say what is wrong.
#include "core/base/nearest.h"
#include "core/graph/seed.h"
#include "core/graph/schema.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

// For "%s%s%s": " (text)", nothing for an empty text.
#define BRACKETED(text) *(text) ? " (" : "", text, *(text) ? ")" : ""

static bool type_is(const mw_port *p, const char *type) { return !strcmp(p->type, type); }

// "a|b=c|d" -> "a, b, d"
static char *choice_words(mw_ctx *c, const char *choices)
{
    char *words = mw_alloc(c, 2 * strlen(choices) + 1), *end = words;
    size_t n;
    for (const char *rest = choices, *entry; words && (entry = mw_names_next(&rest, '|', &n));) {
        size_t name = strcspn(entry, "|=");
        end += sprintf(end, "%s%.*s", end == words ? "" : ", ", (int)name, entry);
    }
    return words;
}

static char *number_words(mw_ctx *c, const mw_port *p)
{
    const char *noun = type_is(p, "integer") ? "a whole number" : "a number";
    const char *unit = p->unit ? p->unit : "", *gap = p->unit ? " " : "";
    char multiple[64] = "";
    if (p->multiple > 1)
        snprintf(multiple, sizeof multiple, " and a multiple of %.15g", p->multiple);
    if (!(p->min < p->max) || (isinf(p->min) && isinf(p->max)))
        return mw_format(c, "%s%s%s%s", noun, gap, unit, multiple);
    if (isinf(p->max))
        return mw_format(c, "%s of at least %.15g%s%s%s", noun, p->min, gap, unit, multiple);
    if (isinf(p->min))
        return mw_format(c, "%s of at most %.15g%s%s%s", noun, p->max, gap, unit, multiple);
    return mw_format(c, "%s from %.15g to %.15g%s%s%s", noun, p->min, p->max, gap, unit, multiple);
}

char *mw_port_takes(mw_ctx *c, const mw_port *p)
{
    const mw_port_type *t = mw_port_type_of(p->type);
    if (t->group == MW_GROUP_NUMBER && !t->takes)
        return number_words(c, p);
    if (p->choices) {
        char *list = choice_words(c, p->choices);
        char *s = list ? mw_format(c, "one of %s%s", list, t->object ? ", or a function" : "") : NULL;
        free(list);
        return s;
    }
    if (t->takes)
        return mw_strdup(c, t->takes);
    return mw_format(c, "%s %s", strchr("aeio", p->type[0]) ? "an" : "a", p->type);
}

char *mw_value_words(mw_ctx *c, const mw_value *v)
{
    char shape[128];
    size_t n = mw_value_text_length(v);
    // A long text is cut before a character's first byte.
    const char *t = mw_value_as_text(v);
    size_t cut = n > 40 ? 40 : n;
    while (cut && cut < n && ((unsigned char)t[cut] & 0xC0) == 0x80)
        cut--;
    switch (mw_value_kind(v)) {
    case MW_NIL: return mw_strdup(c, "nil");
    case MW_BOOL: return mw_strdup(c, mw_value_as_bool(v) ? "true" : "false");
    case MW_NUMBER:
        return isnan(mw_value_as_number(v)) ? mw_strdup(c, "NaN")
                                            : mw_format(c, "%.15g", mw_value_as_number(v));
    case MW_TEXT: return mw_format(c, "\"%.*s%s\"", (int)cut, t, cut < n ? "..." : "");
    case MW_TENSOR:
        return mw_format(c, "a tensor %s", mw_shape_text(mw_value_as_tensor(v), shape, sizeof shape));
    case MW_LIST: return mw_format(c, "a list of %zu", mw_value_count(v));
    case MW_MAP: return mw_strdup(c, "a table");
    case MW_OBJECT: return mw_format(c, "a %s", mw_value_as_object(v)->type->name);
    }
    return NULL;
}

mw_status mw_port_refuse(mw_ctx *c, const mw_port *p, const char *got, const char *hint)
{
    char *takes = mw_port_takes(c, p);
    if (takes)
        mw_fail(c, MW_E_SCRIPT, "'%s' must be %s, got %s%s%s%s", p->name, takes, got,
                BRACKETED(hint ? hint : p->doc));
    free(takes);
    return mw_err(c);
}

static mw_value *refuse(mw_ctx *c, const mw_port *p, const mw_value *v, const char *hint)
{
    char *got = mw_value_words(c, v);
    if (got)
        mw_port_refuse(c, p, got, hint);
    free(got);
    return NULL;
}

static mw_value *check_number(mw_ctx *c, const mw_port *p, mw_value *v, const char *hint)
{
    double x = mw_value_as_number(v);
    if (!isfinite(x) && type_is(p, "number")) {
        mw_fail(c, MW_E_SCRIPT, "'%s' must be a finite number, got %s%s%s%s", p->name,
                isnan(x)    ? "NaN"
                    : x > 0 ? "inf"
                            : "-inf",
                BRACKETED(hint ? hint : p->doc));
        return NULL;
    }
    bool whole = !type_is(p, "integer") || (x == floor(x) && fabs(x) <= 9007199254740991.0);
    bool inside = !(p->min < p->max) || (x >= p->min && x <= p->max);
    bool even = !(p->multiple > 1) || fmod(x, p->multiple) == 0;
    if (mw_value_kind(v) != MW_NUMBER || !isfinite(x) || !whole || !inside || !even)
        return refuse(c, p, v, hint);
    return mw_value_retain(v);
}

static mw_value *check_seed(mw_ctx *c, const mw_port *p, mw_value *v, const char *hint)
{
    mw_value *seed = mw_seed_value(c, v);
    double x =
        mw_value_kind(seed) == MW_TEXT ? strtod(mw_value_as_text(seed), NULL) : mw_value_as_number(seed);
    bool inside = !(p->min < p->max) || (x >= p->min && x <= p->max);
    if ((seed && inside) || mw_err(c))
        return seed;
    mw_value_release(seed);
    return refuse(c, p, v, hint);
}

// The name (not alias) of the choice in [entry, entry + n) when `text` is one of its spellings.
static bool is_choice(const char *entry, size_t n, const char *text)
{
    size_t length = strlen(text);
    for (const char *s = entry; s < entry + n;) {
        size_t m = strcspn(s, "|=");
        if (m == length && !strncasecmp(s, text, m))
            return true;
        s += m + 1;
    }
    return false;
}

static mw_value *check_choice(mw_ctx *c, const mw_port *p, mw_value *v, const char *hint)
{
    const char *text = mw_value_as_text(v);
    size_t n;
    if (mw_value_kind(v) != MW_TEXT || strlen(text) != mw_value_text_length(v))
        return refuse(c, p, v, hint);
    for (const char *rest = p->choices, *entry; (entry = mw_names_next(&rest, '|', &n));)
        if (is_choice(entry, n, text))
            return mw_value_text(c, entry, strcspn(entry, "|="));
    mw_nearest near = {.wrong = text};
    char *names = mw_strdup(c, p->choices), *state = NULL, buf[128];
    for (char *s = names ? strtok_r(names, "|=", &state) : NULL; s; s = strtok_r(NULL, "|=", &state))
        mw_nearest_offer(&near, s);
    if (near.best && !hint)
        snprintf(buf, sizeof buf, "did you mean '%s'?", near.best);
    refuse(c, p, v, near.best && !hint ? buf : hint);
    free(names);
    return NULL;
}

static mw_value *check_texts(mw_ctx *c, const mw_port *p, mw_value *v, const char *hint)
{
    bool good = mw_value_kind(v) == MW_TEXT || (mw_value_kind(v) == MW_LIST && mw_value_count(v));
    for (size_t i = 0; i < mw_value_count(v); i++)
        good = good && mw_value_kind(mw_value_at(v, i)) == MW_TEXT;
    return good ? mw_value_retain(v) : refuse(c, p, v, hint);
}

mw_value *mw_port_check(mw_ctx *c, const mw_port *p, mw_value *v, const char *hint)
{
    const mw_port_type *t = mw_port_type_of(p->type);
    mw_kind kind = mw_value_kind(v);
    if (type_is(p, "seed"))
        return check_seed(c, p, v, hint);
    if (t->group == MW_GROUP_NUMBER)
        return check_number(c, p, v, hint);
    if (p->choices && (!t->object || kind == MW_TEXT))
        return check_choice(c, p, v, hint);
    if (type_is(p, "texts"))
        return check_texts(c, p, v, hint);
    mw_object *o = mw_value_as_object(v);
    bool good = t->object ? o && !strcmp(o->type->name, p->type) : t->kinds >> kind & 1;
    return good ? mw_value_retain(v) : refuse(c, p, v, hint);
}
