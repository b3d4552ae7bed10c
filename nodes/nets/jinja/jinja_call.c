// jinja_call.c: arguments of calls, and the functions that a template may call.
#include "nodes/nets/jinja/jinja_internal.h"

#include <string.h>

typedef mw_jinja_run run;
typedef mw_jinja_value value;
typedef mw_jinja_arguments arguments;

value mw_jinja_argument(const arguments *a, size_t place, const char *name)
{
    size_t placed = a->n - a->nkeywords;
    for (size_t i = 0; name && i < a->nkeywords; i++)
        if (strcmp(a->keyword[i], name) == 0)
            return a->item[placed + i];
    return place < placed ? a->item[place] : (value){0};
}

bool mw_jinja_takes(run *r, const char *what, const arguments *a, const char *const *names)
{
    size_t most = 0;
    while (names[most])
        most++;
    if (a->n > most)
        mw_jinja_wrong(r, "%s takes at most %zu values here, not %zu", what, most, a->n);
    for (size_t i = 0; i < a->nkeywords; i++) {
        bool known = false;
        for (size_t k = 0; k < most; k++)
            known |= strcmp(names[k], a->keyword[i]) == 0;
        if (!known)
            mw_jinja_wrong(r, "%s has no parameter '%.60s' here", what, a->keyword[i]);
    }
    return mw_err(r->c) == MW_OK;
}

static value keywords(run *r, const arguments *a)
{
    value out = mw_jinja_dict_new(&r->m);
    for (size_t i = 0; out.kind == MW_JINJA_DICT && i < a->nkeywords; i++)
        mw_jinja_set(&r->m, out.dict, mw_jinja_words(r, a->keyword[i]), a->item[a->n - a->nkeywords + i]);
    return out;
}

static value namespace(run *r, const arguments *a)
{
    value out = keywords(r, a), from = mw_jinja_argument(a, 0, NULL);
    if (a->n > a->nkeywords + 1 || (a->n > a->nkeywords && from.kind != MW_JINJA_DICT))
        return mw_jinja_wrong(r, "namespace takes values by name, or one dictionary");
    for (size_t i = 0; from.kind == MW_JINJA_DICT && out.kind == MW_JINJA_DICT && i < from.dict->n; i++)
        mw_jinja_set(&r->m, out.dict, from.dict->key[i], from.dict->item[i]);
    out.kind = out.kind == MW_JINJA_DICT ? MW_JINJA_NAMESPACE : out.kind;
    return out;
}

static value range(run *r, const arguments *a)
{
    int64_t part[3] = {0, 0, 1};
    for (size_t i = 0; i < a->n && i < 3; i++) {
        if (a->item[i].kind != MW_JINJA_INT)
            return mw_jinja_wrong(r, "range takes whole numbers, not %s", mw_jinja_kind_name(a->item[i]));
        part[i] = a->item[i].i;
    }
    if (a->n == 1) {
        part[1] = part[0];
        part[0] = 0;
    }
    if (a->n < 1 || a->n > 3 || a->nkeywords || part[2] == 0 || part[2] > INT32_MAX || part[2] < -INT32_MAX)
        return mw_jinja_wrong(r, "range takes one to three whole numbers, the last other than 0");
    value out = mw_jinja_list_new(&r->m);
    for (int64_t i = part[0]; (part[2] > 0 ? i < part[1] : i > part[1]) && !mw_jinja_stopped(r);) {
        mw_jinja_push(&r->m, out, mw_jinja_int(i));
        if (__builtin_add_overflow(i, part[2], &i))
            break;
    }
    return out;
}

static value refuse(run *r, const arguments *a)
{
    value why = mw_jinja_argument(a, 0, "message");
    mw_jinja_writer w = {0};
    mw_jinja_put_value(r, &w, why);
    return mw_jinja_wrong(r, "the template refuses the conversation: %.*s", (int)(w.n < 300 ? w.n : 300),
                          w.n ? w.text : "");
}

static const struct {
    const char *name;
    value (*call)(run *r, const arguments *a);
} functions[] = {
    // Not strftime_now: what depends on the day cannot be made again, and templates ask whether it is there.
    {"namespace", namespace},
    {"dict", keywords},
    {"range", range},
    {"raise_exception", refuse},
};

bool mw_jinja_is_function(const char *name)
{
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (strcmp(functions[i].name, name) == 0)
            return true;
    return false;
}

value mw_jinja_call_function(run *r, const char *name, const arguments *a)
{
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (strcmp(functions[i].name, name) == 0)
            return functions[i].call(r, a);
    return (value){0};
}
