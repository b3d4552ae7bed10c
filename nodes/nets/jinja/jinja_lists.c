// jinja_lists.c: filters of lists and dictionaries.
#include "nodes/nets/jinja/jinja_text.h"

#include <stdlib.h>
#include <string.h>

typedef mw_jinja_run run;
typedef mw_jinja_value value;
typedef mw_jinja_arguments arguments;
typedef mw_jinja_list list;

static const value undefined;

// What an item has under a path like "function.name" or a number; the item itself without one.
static value part_of(run *r, value v, value path)
{
    if (path.kind == MW_JINJA_INT)
        return v.kind == MW_JINJA_LIST && path.i >= 0 && path.i < (int64_t)v.list->n ? v.list->item[path.i]
                                                                                     : undefined;
    if (path.kind != MW_JINJA_STRING)
        return v;
    value names = mw_jinja_split(r, path.s, &(mw_jinja_string){".", NULL, 1}, -1, false);
    for (size_t i = 0; names.kind == MW_JINJA_LIST && i < names.list->n; i++) {
        bool has = v.kind == MW_JINJA_DICT || v.kind == MW_JINJA_NAMESPACE;
        const value *found = has ? mw_jinja_get(v.dict, names.list->item[i]) : NULL;
        v = found ? *found : undefined;
    }
    return v;
}

static value join(run *r, const list *items, const arguments *a)
{
    value between = mw_jinja_argument(a, 0, "d"), path = mw_jinja_argument(a, 1, "attribute"),
          parts = mw_jinja_list_new(&r->m);
    for (size_t i = 0; i < items->n && !mw_err(r->c); i++)
        mw_jinja_push(&r->m, parts, part_of(r, items->item[i], path));
    return mw_err(r->c) ? undefined
                        : mw_jinja_join(r, parts.list, between.kind == MW_JINJA_STRING ? between.s : NULL);
}

static value whole(run *r, const list *items, const arguments *a)
{
    value out = mw_jinja_list_new(&r->m);
    (void)a;
    for (size_t i = 0; i < items->n && !mw_err(r->c); i++)
        mw_jinja_push(&r->m, out, items->item[i]);
    return out;
}

static value first(run *r, const list *items, const arguments *a)
{
    (void)r, (void)a;
    return items->n ? items->item[0] : undefined;
}

static value last(run *r, const list *items, const arguments *a)
{
    (void)r, (void)a;
    return items->n ? items->item[items->n - 1] : undefined;
}

static value reverse(run *r, const list *items, const arguments *a)
{
    value out = mw_jinja_list_new(&r->m);
    (void)a;
    for (size_t i = items->n; i > 0 && !mw_err(r->c); i--)
        mw_jinja_push(&r->m, out, items->item[i - 1]);
    return out;
}

// How two items come in order: texts without regard to case unless told otherwise.
static int order(run *r, value x, value y, bool cased)
{
    if (!cased && x.kind == MW_JINJA_STRING && y.kind == MW_JINJA_STRING) {
        x = mw_jinja_case(r, x.s, MW_JINJA_LOWER);
        y = mw_jinja_case(r, y.s, MW_JINJA_LOWER);
    }
    return mw_err(r->c) ? 0 : mw_jinja_order(r, x, y);
}

// Merges the sorted halves of items[0..n).
static void merge_sort(run *r, value *item, value *spare, size_t n, value path, bool cased, bool down)
{
    size_t half = n / 2, i = 0, k = half;
    if (n < 2 || mw_jinja_stopped(r))
        return;
    merge_sort(r, item, spare, half, path, cased, down);
    merge_sort(r, item + half, spare, n - half, path, cased, down);
    for (size_t at = 0; at < n; at++) {
        bool right = i == half;
        if (i < half && k < n) {
            int o = order(r, part_of(r, item[k], path), part_of(r, item[i], path), cased);
            right = down ? o > 0 : o < 0;
        }
        spare[at] = right ? item[k++] : item[i++];
    }
    memcpy(item, spare, n * sizeof *item);
}

static value sorted(run *r, value items, value path, bool cased, bool down)
{
    value *spare =
        items.kind == MW_JINJA_LIST ? mw_jinja_alloc(&r->m, items.list->n * sizeof *spare + 1) : NULL;
    if (spare)
        merge_sort(r, items.list->item, spare, items.list->n, path, cased, down);
    return items;
}

static value sort(run *r, const list *items, const arguments *a)
{
    bool down = mw_jinja_true(mw_jinja_argument(a, 0, "reverse")),
         cased = mw_jinja_true(mw_jinja_argument(a, 1, "case_sensitive"));
    return sorted(r, whole(r, items, a), mw_jinja_argument(a, 2, "attribute"), cased, down);
}

static value unique(run *r, const list *items, const arguments *a)
{
    value out = mw_jinja_list_new(&r->m), path = mw_jinja_argument(a, 1, "attribute");
    bool cased = mw_jinja_true(mw_jinja_argument(a, 0, "case_sensitive"));
    for (size_t i = 0; i < items->n && !mw_jinja_stopped(r); i++) {
        bool known = false;
        for (size_t k = 0; k < out.list->n && !known; k++) {
            value x = part_of(r, items->item[i], path), y = part_of(r, out.list->item[k], path);
            bool texts = x.kind == MW_JINJA_STRING && y.kind == MW_JINJA_STRING && !cased;
            known = texts ? order(r, x, y, false) == 0 : mw_jinja_equal(x, y);
        }
        if (!known)
            mw_jinja_push(&r->m, out, items->item[i]);
    }
    return out;
}

// ---- a filter or a test for each item

static arguments rest(const arguments *a, size_t n)
{
    size_t placed = a->n - a->nkeywords, skip = n < placed ? n : placed;
    return (arguments){a->item + skip, a->n - skip, a->keyword, a->nkeywords};
}

static value map(run *r, const list *items, const arguments *a)
{
    value out = mw_jinja_list_new(&r->m), path = mw_jinja_argument(a, 99, "attribute"),
          name = mw_jinja_argument(a, 0, NULL);
    value other = mw_jinja_argument(a, 99, "default");
    arguments more = rest(a, 1);
    bool by_path = path.kind != MW_JINJA_UNDEFINED;
    if (!by_path && (name.kind != MW_JINJA_STRING || !mw_jinja_is_filter(name.s->text)))
        return mw_jinja_wrong(r, "map takes an attribute, or the name of a filter that is known");
    for (size_t i = 0; i < items->n && !mw_jinja_stopped(r); i++) {
        value v = by_path ? part_of(r, items->item[i], path)
                          : mw_jinja_filter(r, name.s->text, items->item[i], &more);
        mw_jinja_push(&r->m, out, by_path && v.kind == MW_JINJA_UNDEFINED ? other : v);
    }
    return out;
}

// select, reject: `skip` 0; selectattr, rejectattr: 1, the attribute's name.
static value choose(run *r, const list *items, const arguments *a, size_t skip, bool wanted)
{
    value out = mw_jinja_list_new(&r->m), path = skip ? mw_jinja_argument(a, 0, NULL) : undefined;
    value test = mw_jinja_argument(a, skip, NULL);
    arguments more = rest(a, skip + 1);
    if (test.kind != MW_JINJA_UNDEFINED && (test.kind != MW_JINJA_STRING || !mw_jinja_is_test(test.s->text)))
        return mw_jinja_wrong(r, "a list is filtered by a test that is not known");
    if (skip && path.kind == MW_JINJA_UNDEFINED)
        return mw_jinja_wrong(r, "the name of an attribute is expected");
    for (size_t i = 0; i < items->n && !mw_jinja_stopped(r); i++) {
        value v = part_of(r, items->item[i], path);
        bool is = test.kind == MW_JINJA_STRING ? mw_jinja_test(r, test.s->text, v, &more) : mw_jinja_true(v);
        if (is == wanted)
            mw_jinja_push(&r->m, out, items->item[i]);
    }
    return out;
}

static value select_items(run *r, const list *items, const arguments *a)
{
    return choose(r, items, a, 0, true);
}
static value reject_items(run *r, const list *items, const arguments *a)
{
    return choose(r, items, a, 0, false);
}
static value select_by(run *r, const list *items, const arguments *a) { return choose(r, items, a, 1, true); }
static value reject_by(run *r, const list *items, const arguments *a)
{
    return choose(r, items, a, 1, false);
}

static value sum(run *r, const list *items, const arguments *a)
{
    value path = mw_jinja_argument(a, 0, "attribute"), out = mw_jinja_argument(a, 1, "start");
    out = out.kind == MW_JINJA_UNDEFINED ? mw_jinja_int(0) : out;
    for (size_t i = 0; i < items->n && !mw_err(r->c); i++)
        out = mw_jinja_binary(r, "+", out, part_of(r, items->item[i], path));
    return out;
}

static value extreme(run *r, const list *items, const arguments *a, int sign)
{
    value path = mw_jinja_argument(a, 1, "attribute"), out = items->n ? items->item[0] : undefined;
    bool cased = mw_jinja_true(mw_jinja_argument(a, 0, "case_sensitive"));
    for (size_t i = 1; i < items->n && !mw_jinja_stopped(r); i++)
        if (sign * order(r, part_of(r, items->item[i], path), part_of(r, out, path), cased) > 0)
            out = items->item[i];
    return out;
}

static value least(run *r, const list *items, const arguments *a) { return extreme(r, items, a, -1); }
static value most(run *r, const list *items, const arguments *a) { return extreme(r, items, a, 1); }

// ---- dictionaries

static value pairs_of(run *r, value v)
{
    if (v.kind != MW_JINJA_DICT)
        return mw_jinja_wrong(r, "a dictionary is expected, not %s", mw_jinja_kind_name(v));
    return mw_jinja_call_method(r, &(mw_jinja_method){v, "items"}, &(arguments){0});
}

static value sorted_pairs(run *r, value v, const arguments *a)
{
    value by = mw_jinja_argument(a, 1, "by");
    bool by_value = by.kind == MW_JINJA_STRING && strcmp(by.s->text, "value") == 0;
    value pairs = pairs_of(r, v);
    return mw_err(r->c)
        ? undefined
        : sorted(r, pairs, mw_jinja_int(by_value), mw_jinja_true(mw_jinja_argument(a, 0, "case_sensitive")),
                 mw_jinja_true(mw_jinja_argument(a, 2, "reverse")));
}

static const struct {
    const char *name;
    value (*call)(run *r, const list *items, const arguments *a);
    const char *takes[9];
} filters[] = {
    {"join", join, {"d", "attribute"}},
    {"list", whole, {0}},
    {"first", first, {0}},
    {"last", last, {0}},
    {"reverse", reverse, {0}},
    {"sort", sort, {"reverse", "case_sensitive", "attribute"}},
    {"unique", unique, {"case_sensitive", "attribute"}},
    {"map", map, {"attribute", "default", "", "", "", "", "", ""}},
    {"select", select_items, {"", "", "", ""}},
    {"reject", reject_items, {"", "", "", ""}},
    {"selectattr", select_by, {"", "", "", ""}},
    {"rejectattr", reject_by, {"", "", "", ""}},
    {"sum", sum, {"attribute", "start"}},
    {"min", least, {"case_sensitive", "attribute"}},
    {"max", most, {"case_sensitive", "attribute"}},
};

bool mw_jinja_is_list_filter(const char *name)
{
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++)
        if (strcmp(filters[i].name, name) == 0)
            return true;
    return strcmp(name, "items") == 0 || strcmp(name, "dictsort") == 0;
}

value mw_jinja_filter_list(run *r, const char *name, value of, const arguments *a)
{
    static const char *const nothing[] = {NULL}, *const how[] = {"case_sensitive", "by", "reverse", NULL};
    if (strcmp(name, "items") == 0)
        return !mw_jinja_takes(r, name, a, nothing) ? undefined
            : of.kind == MW_JINJA_UNDEFINED         ? mw_jinja_list_new(&r->m)
                                                    : pairs_of(r, of);
    if (strcmp(name, "dictsort") == 0)
        return mw_jinja_takes(r, name, a, how) ? sorted_pairs(r, of, a) : undefined;
    bool lazy = strcmp(name, "map") == 0 || strstr(name, "select") == name || strstr(name, "reject") == name;
    if (lazy && !mw_jinja_true(of)) // these take none, 0 and the like for nothing
        of = undefined;
    const list *items = mw_jinja_items_of(r, of);
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++)
        if (strcmp(filters[i].name, name) == 0)
            return !mw_err(r->c) && mw_jinja_takes(r, name, a, filters[i].takes)
                ? filters[i].call(r, items, a)
                : undefined;
    return undefined;
}
