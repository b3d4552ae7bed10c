// jinja_operators.c: what operators between two values of a template give: Python's results, in 64 bits.
#include "nodes/nets/jinja/jinja_internal.h"

#include "core/base/text.h"

#include <math.h>
#include <string.h>

typedef mw_jinja_run run;
typedef mw_jinja_value value;

static value join(run *r, value a, value b)
{
    value out = mw_jinja_list_new(&r->m);
    for (size_t i = 0; i < a.list->n; i++)
        mw_jinja_push(&r->m, out, a.list->item[i]);
    for (size_t i = 0; i < b.list->n; i++)
        mw_jinja_push(&r->m, out, b.list->item[i]);
    if (out.kind == MW_JINJA_LIST)
        out.list->tuple = a.list->tuple;
    return out;
}

static bool whole_number(value v) { return v.kind == MW_JINJA_INT || v.kind == MW_JINJA_BOOL; }

static value repeat(run *r, value of, int64_t times)
{
    mw_jinja_writer w = {0};
    value out = mw_jinja_list_new(&r->m);
    for (int64_t i = 0; i < times && !mw_jinja_stopped(r); i++)
        if (of.kind == MW_JINJA_STRING)
            mw_jinja_put_value(r, &w, of);
        else
            for (size_t k = 0; k < of.list->n; k++)
                mw_jinja_push(&r->m, out, of.list->item[k]);
    return of.kind == MW_JINJA_STRING ? mw_jinja_written(r, &w) : out;
}

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b != 0 && (a % b < 0) != (b < 0)); }

static value whole(run *r, const char *op, int64_t a, int64_t b)
{
    int64_t out = 0;
    bool over = false;
    switch (op[0]) {
    case '+': over = __builtin_add_overflow(a, b, &out); break;
    case '-': over = __builtin_sub_overflow(a, b, &out); break;
    case '*': over = __builtin_mul_overflow(a, b, &out); break;
    default:
        if (b == 0 || (a == INT64_MIN && b == -1))
            return mw_jinja_wrong(r, "a division by zero");
        out = op[0] == '/' ? floor_div(a, b) : a - b * floor_div(a, b);
    }
    return over ? mw_jinja_wrong(r, "a whole number beyond 64 bits") : mw_jinja_int(out);
}

static value numbers(run *r, const char *op, value a, value b)
{
    double x = mw_jinja_as_number(a), y = mw_jinja_as_number(b);
    bool power = strcmp(op, "**") == 0, both = a.kind != MW_JINJA_FLOAT && b.kind != MW_JINJA_FLOAT;
    if (power) {
        double p = pow(x, y);
        return both && y >= 0 && fabs(p) < 0x1p53 ? mw_jinja_int((int64_t)p) : mw_jinja_float(p);
    }
    if (both && strcmp(op, "/") != 0)
        return whole(r, op, mw_jinja_as_int(a), mw_jinja_as_int(b));
    if (op[0] == '/' || op[0] == '%') {
        if (y == 0)
            return mw_jinja_wrong(r, "a division by zero");
        return mw_jinja_float(op[0] == '%' ? x - y * floor(x / y) : op[1] ? floor(x / y) : x / y);
    }
    return mw_jinja_float(op[0] == '+' ? x + y : op[0] == '-' ? x - y : x * y);
}

value mw_jinja_binary(run *r, const char *op, value a, value b)
{
    char shown[60];
    mw_jinja_writer w = {0};
    bool times = strcmp(op, "*") == 0;
    if (mw_jinja_is_number(a) && mw_jinja_is_number(b))
        return numbers(r, op, a, b);
    if (strcmp(op, "+") == 0 && a.kind == MW_JINJA_STRING && b.kind == MW_JINJA_STRING) {
        mw_jinja_put_value(r, &w, a);
        mw_jinja_put_value(r, &w, b);
        return mw_jinja_written(r, &w);
    }
    if (strcmp(op, "+") == 0 && a.kind == MW_JINJA_LIST && b.kind == MW_JINJA_LIST &&
        a.list->tuple == b.list->tuple)
        return join(r, a, b);
    if (times && (a.kind == MW_JINJA_STRING || a.kind == MW_JINJA_LIST) && whole_number(b))
        return repeat(r, a, mw_jinja_as_int(b));
    if (times && (b.kind == MW_JINJA_STRING || b.kind == MW_JINJA_LIST) && whole_number(a))
        return repeat(r, b, mw_jinja_as_int(a));
    const value *lost = a.kind == MW_JINJA_UNDEFINED ? &a : b.kind == MW_JINJA_UNDEFINED ? &b : NULL;
    if (lost)
        return mw_jinja_wrong(r, "'%s' is undefined",
                              mw_printable(lost->name ? lost->name : "a part", shown, sizeof shown));
    return mw_jinja_wrong(r, "%s %s %s is not known", mw_jinja_kind_name(a), op, mw_jinja_kind_name(b));
}

static bool contains(run *r, value a, value of)
{
    if (of.kind == MW_JINJA_STRING && a.kind == MW_JINJA_STRING)
        return a.s->size == 0 || memmem(of.s->text, of.s->size, a.s->text, a.s->size);
    if (of.kind == MW_JINJA_STRING)
        mw_jinja_wrong(r, "%s cannot be in a text", mw_jinja_kind_name(a));
    if (of.kind == MW_JINJA_DICT)
        return mw_jinja_get(of.dict, a) != NULL;
    const mw_jinja_list *items = mw_jinja_items_of(r, of);
    for (size_t i = 0; i < items->n; i++)
        if (mw_jinja_equal(items->item[i], a))
            return true;
    return false;
}

bool mw_jinja_compare(run *r, const char *op, value a, value b)
{
    if (strcmp(op, "==") == 0 || strcmp(op, "!=") == 0)
        return mw_jinja_equal(a, b) == (op[0] == '=');
    if (strcmp(op, "in") == 0 || strcmp(op, "not in") == 0)
        return contains(r, a, b) == (op[0] == 'i');
    int order = mw_jinja_order(r, a, b);
    return op[0] == '<' ? order < 0 || (op[1] && order == 0) : order > 0 || (op[1] && order == 0);
}
