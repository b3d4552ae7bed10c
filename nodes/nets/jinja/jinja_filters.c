// jinja_filters.c: filters of single values; those of lists are in jinja_lists.c.
#include "nodes/nets/jinja/jinja_text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef mw_jinja_run run;
typedef mw_jinja_value value;
typedef mw_jinja_arguments arguments;
typedef mw_jinja_string string;

static const value undefined;

// The value as a text.
static const string *text_of(run *r, value v)
{
    static const string empty = {"", NULL, 0};
    mw_jinja_writer w = {0};
    if (v.kind != MW_JINJA_STRING) {
        mw_jinja_put_value(r, &w, v);
        v = mw_jinja_written(r, &w);
    }
    return v.kind == MW_JINJA_STRING ? v.s : &empty;
}

static value as_text(run *r, value v)
{
    mw_jinja_writer w = {0};
    if (v.kind == MW_JINJA_STRING)
        return v;
    mw_jinja_put_value(r, &w, v);
    return mw_jinja_written(r, &w);
}

static value strip(run *r, value v, const arguments *a)
{
    value set = mw_jinja_argument(a, 0, "chars");
    return mw_jinja_strip(r, text_of(r, v), set.kind == MW_JINJA_STRING ? set.s : NULL, true, true);
}

static value upper(run *r, value v, const arguments *a)
{
    (void)a;
    return mw_jinja_case(r, text_of(r, v), MW_JINJA_UPPER);
}

static value lower(run *r, value v, const arguments *a)
{
    (void)a;
    return mw_jinja_case(r, text_of(r, v), MW_JINJA_LOWER);
}

static value capitalize(run *r, value v, const arguments *a)
{
    (void)a;
    return mw_jinja_case(r, text_of(r, v), MW_JINJA_CAPITALIZE);
}

static value title(run *r, value v, const arguments *a)
{
    (void)a;
    return mw_jinja_case(r, text_of(r, v), MW_JINJA_TITLE_WORDS);
}

static value replace(run *r, value v, const arguments *a)
{
    value old = mw_jinja_argument(a, 0, "old"), new = mw_jinja_argument(a, 1, "new"),
          times = mw_jinja_argument(a, 2, "count");
    return mw_jinja_replace(r, text_of(r, v), text_of(r, old), text_of(r, new),
                            times.kind == MW_JINJA_INT ? times.i : -1);
}

static value length(run *r, value v, const arguments *a)
{
    (void)a;
    if (v.kind == MW_JINJA_STRING)
        return mw_jinja_int((int64_t)mw_jinja_characters(v.s));
    if (v.kind == MW_JINJA_LOOP)
        return mw_jinja_int((int64_t)v.loop->of->n);
    if (v.kind != MW_JINJA_LIST && v.kind != MW_JINJA_DICT && v.kind != MW_JINJA_UNDEFINED)
        return mw_jinja_wrong(r, "%s has no length", mw_jinja_kind_name(v));
    return mw_jinja_int(v.kind == MW_JINJA_LIST       ? (int64_t)v.list->n
                            : v.kind == MW_JINJA_DICT ? (int64_t)v.dict->n
                                                      : 0);
}

static value otherwise(run *r, value v, const arguments *a)
{
    value other = mw_jinja_argument(a, 0, "default_value");
    bool falsy = mw_jinja_true(mw_jinja_argument(a, 1, "boolean"));
    if (v.kind != MW_JINJA_UNDEFINED && (!falsy || mw_jinja_true(v)))
        return v;
    return a->n ? other : mw_jinja_words(r, "");
}

static value json(run *r, value v, const arguments *a)
{
    mw_jinja_writer w = {0};
    value indent = mw_jinja_argument(a, 0, "indent");
    if (mw_jinja_argument(a, 99, "separators").kind > MW_JINJA_NONE)
        return mw_jinja_wrong(r, "tojson with separators of one's own is not known");
    bool sorted = mw_jinja_true(mw_jinja_argument(a, 99, "sort_keys")),
         ascii = mw_jinja_true(mw_jinja_argument(a, 99, "ensure_ascii"));
    int by = indent.kind == MW_JINJA_INT && indent.i >= 0 && indent.i < 100 ? (int)indent.i : -1;
    mw_jinja_put_json(r, &w, v, by, 0, sorted, ascii);
    return mw_jinja_written(r, &w);
}

// The number that a text holds, and nothing else but spaces around it; false when it is none.
static bool number_of(const string *s, bool real, double *out)
{
    char digits[64], *end;
    size_t n = 0;
    for (size_t i = 0; i < s->size && n < sizeof digits - 1; i++)
        if (s->text[i] != '_')
            digits[n++] = s->text[i];
    digits[n] = 0;
    size_t begin = strspn(digits, " \t\r\n");
    while (n > begin && strchr(" \t\r\n", digits[n - 1]))
        digits[--n] = 0;
    if (strspn(digits + begin, real ? "+-0123456789.eE" : "+-0123456789") != n - begin)
        return false;
    *out = strtod(digits + begin, &end);
    return n > begin && *end == 0;
}

static value to_int(run *r, value v, const arguments *a)
{
    value other = mw_jinja_argument(a, 0, "default");
    double f = 0;
    if (v.kind == MW_JINJA_UNDEFINED)
        return mw_jinja_wrong(r, "what is undefined is no number");
    if (v.kind == MW_JINJA_INT || v.kind == MW_JINJA_BOOL)
        return mw_jinja_int(mw_jinja_as_int(v));
    if (v.kind == MW_JINJA_FLOAT && fabs(v.f) < 0x1p62)
        return mw_jinja_int((int64_t)v.f);
    if (v.kind == MW_JINJA_STRING && number_of(v.s, true, &f) && fabs(f) < 0x1p53)
        return mw_jinja_int((int64_t)f);
    return other.kind == MW_JINJA_UNDEFINED ? mw_jinja_int(0) : other;
}

static value to_float(run *r, value v, const arguments *a)
{
    value other = mw_jinja_argument(a, 0, "default");
    double f;
    if (v.kind == MW_JINJA_UNDEFINED)
        return mw_jinja_wrong(r, "what is undefined is no number");
    if (mw_jinja_is_number(v))
        return mw_jinja_float(mw_jinja_as_number(v));
    if (v.kind == MW_JINJA_STRING && number_of(v.s, true, &f))
        return mw_jinja_float(f);
    return other.kind == MW_JINJA_UNDEFINED ? mw_jinja_float(0) : other;
}

static value to_string(run *r, value v, const arguments *a)
{
    (void)a;
    return as_text(r, v);
}

static value absolute(run *r, value v, const arguments *a)
{
    (void)a;
    if (!mw_jinja_is_number(v))
        return mw_jinja_wrong(r, "abs takes a number, not %s", mw_jinja_kind_name(v));
    if (v.kind == MW_JINJA_FLOAT)
        return mw_jinja_float(fabs(v.f));
    int64_t i = mw_jinja_as_int(v);
    return i == INT64_MIN ? mw_jinja_float(0x1p63) : mw_jinja_int(i < 0 ? -i : i);
}

static value rounded(run *r, value v, const arguments *a)
{
    value digits = mw_jinja_argument(a, 0, "precision"), how = mw_jinja_argument(a, 1, "method");
    double scale = pow(10, digits.kind == MW_JINJA_INT && llabs(digits.i) < 16 ? (double)digits.i : 0);
    if (!mw_jinja_is_number(v))
        return mw_jinja_wrong(r, "round takes a number, not %s", mw_jinja_kind_name(v));
    if (v.kind != MW_JINJA_FLOAT && how.kind == MW_JINJA_UNDEFINED)
        return mw_jinja_int(mw_jinja_as_int(v));
    double f = mw_jinja_as_number(v) * scale;
    bool up = how.kind == MW_JINJA_STRING && strcmp(how.s->text, "ceil") == 0;
    bool down = how.kind == MW_JINJA_STRING && strcmp(how.s->text, "floor") == 0;
    return mw_jinja_float((up ? ceil(f) : down ? floor(f) : rint(f)) / scale);
}

static value indent(run *r, value v, const arguments *a)
{
    value by = mw_jinja_argument(a, 0, "width");
    mw_jinja_writer w = {0};
    int64_t n = by.kind == MW_JINJA_INT ? by.i : 4;
    if (v.kind != MW_JINJA_STRING)
        return mw_jinja_wrong(r, "indent takes a text, not %s", mw_jinja_kind_name(v));
    for (int64_t i = 0; by.kind != MW_JINJA_STRING && i < n && !mw_jinja_stopped(r); i++)
        mw_jinja_put_words(r, &w, " ");
    value spaces = by.kind == MW_JINJA_STRING ? by : mw_jinja_written(r, &w);
    if (mw_err(r->c))
        return undefined;
    return mw_jinja_indent(r, text_of(r, v), spaces.s, mw_jinja_true(mw_jinja_argument(a, 1, "first")),
                           mw_jinja_true(mw_jinja_argument(a, 2, "blank")));
}

static value same(run *r, value v, const arguments *a)
{
    (void)r, (void)a;
    return v;
}

static const struct {
    const char *name;
    value (*call)(run *r, value v, const arguments *a);
    const char *takes[6];
} filters[] = {
    {"trim", strip, {"chars"}},
    {"upper", upper, {0}},
    {"lower", lower, {0}},
    {"capitalize", capitalize, {0}},
    {"title", title, {0}},
    {"replace", replace, {"old", "new", "count"}},
    {"length", length, {0}},
    {"count", length, {0}},
    {"default", otherwise, {"default_value", "boolean"}},
    {"d", otherwise, {"default_value", "boolean"}},
    {"tojson", json, {"indent", "ensure_ascii", "separators", "sort_keys"}},
    {"int", to_int, {"default", "base"}},
    {"float", to_float, {"default"}},
    {"string", to_string, {0}},
    {"abs", absolute, {0}},
    {"round", rounded, {"precision", "method"}},
    {"indent", indent, {"width", "first", "blank"}},
    {"safe", same, {0}},
};

bool mw_jinja_is_filter(const char *name)
{
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++)
        if (strcmp(filters[i].name, name) == 0)
            return true;
    return mw_jinja_is_list_filter(name);
}

value mw_jinja_filter(run *r, const char *name, value of, const arguments *a)
{
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++)
        if (strcmp(filters[i].name, name) == 0)
            return mw_jinja_takes(r, name, a, filters[i].takes) ? filters[i].call(r, of, a) : undefined;
    return mw_jinja_filter_list(r, name, of, a);
}
