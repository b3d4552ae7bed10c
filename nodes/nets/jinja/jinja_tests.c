// jinja_tests.c: what "is" asks of a value.
#include "nodes/nets/jinja/jinja_internal.h"

#include <string.h>

typedef mw_jinja_run run;
typedef mw_jinja_value value;

static bool is_defined(value v) { return v.kind != MW_JINJA_UNDEFINED; }
static bool is_undefined(value v) { return v.kind == MW_JINJA_UNDEFINED; }
static bool is_none(value v) { return v.kind == MW_JINJA_NONE; }
static bool is_string(value v) { return v.kind == MW_JINJA_STRING; }
static bool is_mapping(value v) { return v.kind == MW_JINJA_DICT; }
static bool is_integer(value v) { return v.kind == MW_JINJA_INT; }
static bool is_float(value v) { return v.kind == MW_JINJA_FLOAT; }
static bool is_boolean(value v) { return v.kind == MW_JINJA_BOOL; }
static bool is_true(value v) { return v.kind == MW_JINJA_BOOL && v.b; }
static bool is_false(value v) { return v.kind == MW_JINJA_BOOL && !v.b; }

static bool is_sequence(value v)
{
    return v.kind == MW_JINJA_UNDEFINED || v.kind == MW_JINJA_STRING || v.kind == MW_JINJA_LIST ||
        v.kind == MW_JINJA_DICT;
}

static bool is_callable(value v)
{
    return v.kind == MW_JINJA_MACRO || v.kind == MW_JINJA_FUNCTION || v.kind == MW_JINJA_METHOD;
}

static bool is_case(value v, char low, char high)
{
    bool found = false, wrong = false;
    for (size_t i = 0; v.kind == MW_JINJA_STRING && i < v.s->size; i++) {
        char x = v.s->text[i];
        found |= x >= low && x <= high;
        wrong |= (x >= 'a' && x <= 'z' && low == 'A') || (x >= 'A' && x <= 'Z' && low == 'a');
    }
    return found && !wrong;
}

static bool is_lower(value v) { return is_case(v, 'a', 'z'); }
static bool is_upper(value v) { return is_case(v, 'A', 'Z'); }

static const struct {
    const char *name;
    bool (*is)(value v);
} plain[] = {
    {"defined", is_defined},   {"undefined", is_undefined},    {"none", is_none},
    {"string", is_string},     {"mapping", is_mapping},        {"iterable", is_sequence},
    {"sequence", is_sequence}, {"number", mw_jinja_is_number}, {"integer", is_integer},
    {"float", is_float},       {"boolean", is_boolean},        {"true", is_true},
    {"false", is_false},       {"callable", is_callable},      {"lower", is_lower},
    {"upper", is_upper},
};

static const char *const compared[] = {"eq",  "equalto", "sameas",      "ne",   "lt", "lessthan",
                                       "le",  "gt",      "greaterthan", "ge",   "in", "divisibleby",
                                       "odd", "even",    "filter",      "test", NULL};

bool mw_jinja_is_test(const char *name)
{
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (strcmp(plain[i].name, name) == 0)
            return true;
    for (int i = 0; compared[i]; i++)
        if (strcmp(compared[i], name) == 0)
            return true;
    return false;
}

static bool divides(run *r, value v, value by, double rest)
{
    if (!mw_jinja_is_number(v) || !mw_jinja_is_number(by) || mw_jinja_as_number(by) == 0) {
        mw_jinja_wrong(r, "%s cannot be divided", mw_jinja_kind_name(v));
        return false;
    }
    value left = mw_jinja_binary(r, "%", v, by);
    return !mw_err(r->c) && mw_jinja_as_number(left) == rest;
}

static bool named(value v, bool (*is)(const char *name))
{
    return v.kind == MW_JINJA_STRING && is(v.s->text);
}

bool mw_jinja_test(run *r, const char *name, value of, const mw_jinja_arguments *a)
{
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (strcmp(plain[i].name, name) == 0)
            return plain[i].is(of);
    value other = mw_jinja_argument(a, 0, NULL);
    bool alone = strcmp(name, "odd") == 0 || strcmp(name, "even") == 0 || strcmp(name, "filter") == 0 ||
        strcmp(name, "test") == 0;
    if (a->n != (alone ? 0 : 1)) {
        mw_jinja_wrong(r, "the test '%.40s' takes %d value, not %zu", name, !alone, a->n);
        return false;
    }
    if (name[0] == 'o' || name[0] == 'e' ? alone : false)
        return divides(r, of, mw_jinja_int(2), name[0] == 'o');
    if (alone)
        return named(of, name[0] == 'f' ? mw_jinja_is_filter : mw_jinja_is_test);
    if (strcmp(name, "divisibleby") == 0)
        return divides(r, of, other, 0);
    if (strcmp(name, "in") == 0) {
        const mw_jinja_list *items = other.kind == MW_JINJA_STRING ? NULL : mw_jinja_items_of(r, other);
        if (!items)
            return of.kind == MW_JINJA_STRING && memmem(other.s->text, other.s->size, of.s->text, of.s->size);
        for (size_t i = 0; i < items->n; i++)
            if (mw_jinja_equal(items->item[i], of))
                return true;
        return false;
    }
    bool equal = mw_jinja_equal(of, other);
    if (strcmp(name, "eq") == 0 || strcmp(name, "equalto") == 0 || strcmp(name, "sameas") == 0)
        return equal;
    if (strcmp(name, "ne") == 0)
        return !equal;
    int order = mw_jinja_order(r, of, other);
    return name[0] == 'l' ? order < 0 || (strcmp(name, "le") == 0 && order == 0)
                          : order > 0 || (strcmp(name, "ge") == 0 && order == 0);
}
