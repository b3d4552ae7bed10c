// jinja_eval.c: what an expression of a template is.
#include "nodes/nets/jinja/jinja_internal.h"

#include "core/base/text.h"

#include <string.h>

typedef mw_jinja_run run;
typedef mw_jinja_value value;
typedef mw_jinja_node node;

static const value undefined;

static value lookup(run *r, const char *name)
{
    for (const mw_jinja_scope *s = r->scope; s; s = s->outer) {
        const value *found = mw_jinja_get_name(&s->names, name);
        if (found)
            return *found;
    }
    if (mw_jinja_is_function(name))
        return (value){.kind = MW_JINJA_FUNCTION, .name = name};
    return (value){.name = name};
}

// ---- parts of values

static value loop_part(run *r, const mw_jinja_loop *l, const char *name)
{
    int64_t at = (int64_t)l->at, n = (int64_t)l->of->n;
    if (strcmp(name, "index") == 0)
        return mw_jinja_int(at + 1);
    if (strcmp(name, "index0") == 0)
        return mw_jinja_int(at);
    if (strcmp(name, "revindex") == 0)
        return mw_jinja_int(n - at);
    if (strcmp(name, "revindex0") == 0)
        return mw_jinja_int(n - at - 1);
    if (strcmp(name, "first") == 0)
        return mw_jinja_bool(at == 0);
    if (strcmp(name, "last") == 0)
        return mw_jinja_bool(at == n - 1);
    if (strcmp(name, "length") == 0)
        return mw_jinja_int(n);
    if (strcmp(name, "depth") == 0 || strcmp(name, "depth0") == 0)
        return mw_jinja_int(name[5] != '0'); // of loops that are not recursive
    if (strcmp(name, "previtem") == 0)
        return at ? l->of->item[at - 1] : undefined;
    if (strcmp(name, "nextitem") == 0)
        return at + 1 < n ? l->of->item[at + 1] : undefined;
    return mw_jinja_wrong(r, "loop.%s is not known", name);
}

static value bind_method(run *r, value of, const char *name)
{
    mw_jinja_method *m = mw_jinja_alloc(&r->m, sizeof *m);
    if (!m)
        return undefined;
    *m = (mw_jinja_method){of, name};
    return (value){.kind = MW_JINJA_METHOD, .method = m};
}

static value attribute(run *r, value of, const char *name)
{
    char shown[60];
    const value *found =
        of.kind == MW_JINJA_DICT || of.kind == MW_JINJA_NAMESPACE ? mw_jinja_get_name(of.dict, name) : NULL;
    if (of.kind == MW_JINJA_UNDEFINED)
        return mw_jinja_wrong(r, "'%s' is undefined, and has no '%s'",
                              mw_printable(of.name ? of.name : "it", shown, sizeof shown), name);
    if (of.kind == MW_JINJA_LOOP && !mw_jinja_has_method(of, name))
        return loop_part(r, of.loop, name);
    if (of.kind != MW_JINJA_NAMESPACE && mw_jinja_has_method(of, name))
        return bind_method(r, of, name);
    return found ? *found : (value){.name = name};
}

// A place counted from the end where it is negative; false when it is outside.
static bool place(int64_t at, size_t n, size_t *out)
{
    at += at < 0 ? (int64_t)n : 0;
    *out = (size_t)at;
    return at >= 0 && at < (int64_t)n;
}

static value item(run *r, value of, value key)
{
    size_t at;
    char shown[60];
    bool number = key.kind == MW_JINJA_INT || key.kind == MW_JINJA_BOOL;
    if (of.kind == MW_JINJA_UNDEFINED)
        return mw_jinja_wrong(r, "'%s' is undefined, and has no items",
                              mw_printable(of.name ? of.name : "it", shown, sizeof shown));
    if (of.kind == MW_JINJA_DICT) {
        const value *found = mw_jinja_get(of.dict, key);
        if (found)
            return *found;
    }
    if (of.kind == MW_JINJA_LIST && number)
        return place(mw_jinja_as_int(key), of.list->n, &at) ? of.list->item[at] : undefined;
    if (of.kind == MW_JINJA_STRING && number) {
        if (!place(mw_jinja_as_int(key), mw_jinja_characters(of.s), &at))
            return undefined;
        return mw_jinja_part(r, of.s, mw_jinja_byte_of(of.s, at), mw_jinja_byte_of(of.s, at + 1));
    }
    if (key.kind == MW_JINJA_STRING && of.kind != MW_JINJA_LIST && !memchr(key.s->text, 0, key.s->size))
        return attribute(r, of, key.s->text);
    return undefined;
}

// A bound of a slice, as Python counts them.
static int64_t bound(run *r, const node *n, int64_t size, int64_t otherwise, int64_t low, int64_t high)
{
    value v = n ? mw_jinja_eval(r, n) : (value){.kind = MW_JINJA_NONE};
    if (v.kind == MW_JINJA_NONE)
        return otherwise;
    if (v.kind != MW_JINJA_INT) {
        mw_jinja_wrong(r, "a slice is bounded by whole numbers, not %s", mw_jinja_kind_name(v));
        return 0;
    }
    int64_t at = v.i < 0 ? v.i + size : v.i;
    return v.i < INT64_MIN + size || at < low ? low : at > high ? high : at;
}

static value slice(run *r, const node *n)
{
    value of = mw_jinja_eval(r, n->a), step = n->list[2] ? mw_jinja_eval(r, n->list[2]) : mw_jinja_int(1);
    if (of.kind == MW_JINJA_UNDEFINED)
        return item(r, of, step); // which tells so
    if (of.kind != MW_JINJA_STRING && of.kind != MW_JINJA_LIST)
        return mw_jinja_wrong(r, "%s has no slices", mw_jinja_kind_name(of));
    if (step.kind == MW_JINJA_NONE)
        step = mw_jinja_int(1);
    if (step.kind != MW_JINJA_INT || step.i == 0 || step.i < -INT32_MAX || step.i > INT32_MAX)
        return mw_jinja_wrong(r, "the step of a slice is a whole number other than 0");
    int64_t size = (int64_t)(of.kind == MW_JINJA_STRING ? mw_jinja_characters(of.s) : of.list->n), d = step.i;
    int64_t low = d > 0 ? 0 : -1, high = d > 0 ? size : size - 1;
    int64_t from = bound(r, n->list[0], size, d > 0 ? 0 : size - 1, low, high);
    int64_t to = bound(r, n->list[1], size, d > 0 ? size : -1, low, high);
    if (of.kind == MW_JINJA_STRING && d == 1)
        return mw_jinja_part(r, of.s, mw_jinja_byte_of(of.s, (size_t)from),
                             mw_jinja_byte_of(of.s, (size_t)(to > from ? to : from)));
    const mw_jinja_list *items = mw_jinja_items_of(r, of);
    value out = mw_jinja_list_new(&r->m);
    mw_jinja_writer w = {0};
    for (int64_t i = from; (d > 0 ? i < to : i > to) && !mw_jinja_stopped(r); i += d)
        if (of.kind == MW_JINJA_STRING)
            mw_jinja_put_value(r, &w, items->item[i]);
        else
            mw_jinja_push(&r->m, out, items->item[i]);
    if (out.kind == MW_JINJA_LIST)
        out.list->tuple = of.kind == MW_JINJA_LIST && of.list->tuple;
    return of.kind == MW_JINJA_STRING ? mw_jinja_written(r, &w) : out;
}

// ---- calls

static void arguments(run *r, const node *n, mw_jinja_arguments *a)
{
    *a = (mw_jinja_arguments){.item = mw_jinja_alloc(&r->m, n->n * sizeof *a->item + 1),
                              .keyword = mw_jinja_alloc(&r->m, n->n * sizeof *a->keyword + 1)};
    for (size_t i = 0; a->item && a->keyword && i < n->n && !mw_err(r->c); i++) {
        bool named = n->list[i]->kind == MW_JINJA_KEYWORD;
        a->item[a->n++] = mw_jinja_eval(r, named ? n->list[i]->a : n->list[i]);
        if (named)
            a->keyword[a->nkeywords++] = n->list[i]->name;
    }
}

static value call(run *r, const node *n)
{
    mw_jinja_arguments a;
    char shown[60];
    value of = mw_jinja_eval(r, n->a);
    arguments(r, n, &a);
    if (mw_err(r->c))
        return undefined;
    switch (of.kind) {
    case MW_JINJA_MACRO: return mw_jinja_call_macro(r, of.macro, &a);
    case MW_JINJA_FUNCTION: return mw_jinja_call_function(r, of.name, &a);
    case MW_JINJA_METHOD: return mw_jinja_call_method(r, of.method, &a);
    case MW_JINJA_UNDEFINED:
        return mw_jinja_wrong(r, "'%s' is not known here",
                              mw_printable(of.name ? of.name : "what is called", shown, sizeof shown));
    default: return mw_jinja_wrong(r, "%s cannot be called", mw_jinja_kind_name(of));
    }
}

// ---- operators

static value compare_chain(run *r, const node *n)
{
    value left = mw_jinja_eval(r, n->a);
    for (size_t i = 0; i < n->n && !mw_err(r->c); i++) {
        value right = mw_jinja_eval(r, n->list[i]->a);
        if (!mw_jinja_compare(r, n->list[i]->name, left, right))
            return mw_jinja_bool(false);
        left = right;
    }
    return mw_jinja_bool(true);
}

static value concat(run *r, const node *n)
{
    mw_jinja_writer w = {0};
    for (size_t i = 0; i < n->n && !mw_err(r->c); i++)
        mw_jinja_put_value(r, &w, mw_jinja_eval(r, n->list[i]));
    return mw_jinja_written(r, &w);
}

static value pairs(run *r, const node *n)
{
    value out = mw_jinja_dict_new(&r->m);
    for (size_t i = 0; i + 1 < n->n && !mw_err(r->c); i += 2) {
        value key = mw_jinja_eval(r, n->list[i]), v = mw_jinja_eval(r, n->list[i + 1]);
        if (out.kind == MW_JINJA_DICT)
            mw_jinja_set(&r->m, out.dict, key, v);
    }
    return out;
}

static value items(run *r, const node *n)
{
    value out = mw_jinja_list_new(&r->m);
    for (size_t i = 0; i < n->n && !mw_err(r->c); i++)
        mw_jinja_push(&r->m, out, mw_jinja_eval(r, n->list[i]));
    if (out.kind == MW_JINJA_LIST)
        out.list->tuple = n->tuple;
    return out;
}

static value sign(run *r, const node *n)
{
    value v = mw_jinja_eval(r, n->a);
    if (!mw_jinja_is_number(v))
        return mw_jinja_wrong(r, "%s has no sign", mw_jinja_kind_name(v));
    if (n->kind == MW_JINJA_POSITIVE)
        return v;
    return v.kind == MW_JINJA_FLOAT ? mw_jinja_float(-v.f) : mw_jinja_binary(r, "-", mw_jinja_int(0), v);
}

static value eval(run *r, const node *n)
{
    mw_jinja_arguments a;
    value v;
    switch (n->kind) {
    case MW_JINJA_CONST: return n->value;
    case MW_JINJA_NAME: return lookup(r, n->name);
    case MW_JINJA_ATTRIBUTE: return attribute(r, mw_jinja_eval(r, n->a), n->name);
    case MW_JINJA_ITEM: return v = mw_jinja_eval(r, n->a), item(r, v, mw_jinja_eval(r, n->b));
    case MW_JINJA_SLICE: return slice(r, n);
    case MW_JINJA_CALL: return call(r, n);
    case MW_JINJA_FILTER:
        v = mw_jinja_eval(r, n->a);
        arguments(r, n, &a);
        return mw_err(r->c) ? undefined : mw_jinja_filter(r, n->name, v, &a);
    case MW_JINJA_TEST:
        v = mw_jinja_eval(r, n->a);
        arguments(r, n, &a);
        return mw_jinja_bool(!mw_err(r->c) && mw_jinja_test(r, n->name, v, &a));
    case MW_JINJA_NOT: return mw_jinja_bool(!mw_jinja_true(mw_jinja_eval(r, n->a)));
    case MW_JINJA_NEGATIVE:
    case MW_JINJA_POSITIVE: return sign(r, n);
    case MW_JINJA_AND: return v = mw_jinja_eval(r, n->a), mw_jinja_true(v) ? mw_jinja_eval(r, n->b) : v;
    case MW_JINJA_OR: return v = mw_jinja_eval(r, n->a), mw_jinja_true(v) ? v : mw_jinja_eval(r, n->b);
    case MW_JINJA_CHOICE:
        if (mw_jinja_true(mw_jinja_eval(r, n->b)))
            return mw_jinja_eval(r, n->a);
        return n->c ? mw_jinja_eval(r, n->c) : undefined;
    case MW_JINJA_BINARY:
        return v = mw_jinja_eval(r, n->a), mw_jinja_binary(r, n->name, v, mw_jinja_eval(r, n->b));
    case MW_JINJA_COMPARE: return compare_chain(r, n);
    case MW_JINJA_CONCAT: return concat(r, n);
    case MW_JINJA_ITEMS: return items(r, n);
    case MW_JINJA_PAIRS: return pairs(r, n);
    default: return undefined;
    }
}

value mw_jinja_eval(run *r, const node *n)
{
    if (mw_jinja_stopped(r))
        return undefined;
    r->line = n->line;
    if (++r->depth > 5 * MW_JINJA_DEPTH)
        mw_jinja_wrong(r, "calls nested too deep");
    value v = mw_err(r->c) ? undefined : eval(r, n);
    r->depth--;
    return mw_err(r->c) ? undefined : v;
}
