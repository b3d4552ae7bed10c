// jinja_methods.c: the methods of values: those of Python's that change nothing.
#include "nodes/nets/jinja/jinja_text.h"

#include <string.h>

typedef mw_jinja_run run;
typedef mw_jinja_value value;
typedef mw_jinja_arguments arguments;
typedef mw_jinja_string string;

// The text of an argument; NULL for none (and none given as such), an error for other kinds.
static const string *text_argument(run *r, const char *what, value v)
{
    if (v.kind == MW_JINJA_STRING)
        return v.s;
    if (v.kind != MW_JINJA_UNDEFINED && v.kind != MW_JINJA_NONE)
        mw_jinja_wrong(r, "%s takes a text, not %s", what, mw_jinja_kind_name(v));
    return NULL;
}

static const string *want_text(run *r, const char *what, value v)
{
    const string *s = text_argument(r, what, v);
    if (!s && !mw_err(r->c))
        mw_jinja_wrong(r, "%s takes a text", what);
    return s;
}

static int64_t int_argument(run *r, const char *what, value v, int64_t otherwise)
{
    if (v.kind == MW_JINJA_UNDEFINED)
        return otherwise;
    if (v.kind != MW_JINJA_INT)
        mw_jinja_wrong(r, "%s takes a whole number, not %s", what, mw_jinja_kind_name(v));
    return v.kind == MW_JINJA_INT ? v.i : otherwise;
}

// ---- of texts

static bool at_end(const string *s, const string *part, bool end)
{
    return part->size <= s->size &&
        memcmp(s->text + (end ? s->size - part->size : 0), part->text, part->size) == 0;
}

static value begins(run *r, const string *s, const char *name, value part, bool end)
{
    if (part.kind == MW_JINJA_LIST && part.list->tuple) {
        for (size_t i = 0; i < part.list->n; i++)
            if (mw_jinja_true(begins(r, s, name, part.list->item[i], end)))
                return mw_jinja_bool(true);
        return mw_jinja_bool(false);
    }
    const string *p = want_text(r, name, part);
    return mw_jinja_bool(p && at_end(s, p, end));
}

static value without(run *r, const string *s, const char *name, value part, bool end)
{
    const string *p = want_text(r, name, part);
    size_t cut = p && at_end(s, p, end) ? p->size : 0;
    return mw_jinja_part(r, s, end ? 0 : cut, end ? s->size - cut : s->size);
}

// Whether the text has characters, and all are of a kind.
static value all_are(const string *s, const char *name)
{
    bool yes = s->size > 0, cased = false,
         case_test = strcmp(name, "isupper") == 0 || strcmp(name, "islower") == 0;
    for (size_t i = 0, size; i < s->size && yes; i += size) {
        uint32_t code = mw_text_decode((const unsigned char *)s->text + i, s->size - i, &size);
        mw_char_class k = mw_char_class_of(code);
        bool upper = code >= 'A' && code <= 'Z', lower = code >= 'a' && code <= 'z';
        cased |= upper || lower;
        yes = strcmp(name, "isdigit") == 0 ? code >= '0' && code <= '9'
            : strcmp(name, "isalpha") == 0 ? k == MW_CHAR_LETTER
            : strcmp(name, "isalnum") == 0 ? k == MW_CHAR_LETTER || k == MW_CHAR_NUMBER
            : strcmp(name, "isspace") == 0 ? mw_jinja_is_space(code)
            : strcmp(name, "isupper") == 0 ? !lower
                                           : !upper;
    }
    return mw_jinja_bool(yes && (cased || !case_test));
}

static value text_strip(run *r, const string *s, const char *name, const arguments *a)
{
    const string *set = text_argument(r, name, mw_jinja_argument(a, 0, NULL));
    return mw_jinja_strip(r, s, set, name[0] != 'r', name[0] != 'l');
}

static value text_case(run *r, const string *s, const char *name, const arguments *a)
{
    (void)a;
    return mw_jinja_case(r, s,
                         name[0] == 'u'       ? MW_JINJA_UPPER
                             : name[0] == 'l' ? MW_JINJA_LOWER
                             : name[0] == 't' ? MW_JINJA_TITLE
                                              : MW_JINJA_CAPITALIZE);
}

static value text_split(run *r, const string *s, const char *name, const arguments *a)
{
    const string *by = text_argument(r, name, mw_jinja_argument(a, 0, "sep"));
    int64_t times = int_argument(r, name, mw_jinja_argument(a, 1, "maxsplit"), -1);
    return mw_err(r->c) ? (value){0} : mw_jinja_split(r, s, by, times, name[0] == 'r');
}

static value text_lines(run *r, const string *s, const char *name, const arguments *a)
{
    (void)name;
    return mw_jinja_lines(r, s, mw_jinja_true(mw_jinja_argument(a, 0, "keepends")));
}

static value text_begins(run *r, const string *s, const char *name, const arguments *a)
{
    return begins(r, s, name, mw_jinja_argument(a, 0, NULL), name[0] == 'e');
}

static value text_without(run *r, const string *s, const char *name, const arguments *a)
{
    return without(r, s, name, mw_jinja_argument(a, 0, NULL), strcmp(name, "removesuffix") == 0);
}

static value text_replace(run *r, const string *s, const char *name, const arguments *a)
{
    const string *old = want_text(r, name, mw_jinja_argument(a, 0, NULL)),
                 *new = want_text(r, name, mw_jinja_argument(a, 1, NULL));
    int64_t times = int_argument(r, name, mw_jinja_argument(a, 2, "count"), -1);
    return old && new && !mw_err(r->c) ? mw_jinja_replace(r, s, old, new, times) : (value){0};
}

static value text_find(run *r, const string *s, const char *name, const arguments *a)
{
    const string *what = want_text(r, name, mw_jinja_argument(a, 0, NULL));
    int64_t at = what ? mw_jinja_find(s, what, name[0] == 'r') : -1;
    if (what && at < 0 && strcmp(name, "index") == 0)
        return mw_jinja_wrong(r, "what index() looks for is not in the text");
    return mw_jinja_int(at);
}

static value text_count(run *r, const string *s, const char *name, const arguments *a)
{
    const string *what = want_text(r, name, mw_jinja_argument(a, 0, NULL));
    return mw_jinja_int(what ? mw_jinja_count(s, what) : 0);
}

static value text_join(run *r, const string *s, const char *name, const arguments *a)
{
    const mw_jinja_list *list = mw_jinja_items_of(r, mw_jinja_argument(a, 0, NULL));
    for (size_t i = 0; i < list->n; i++)
        if (list->item[i].kind != MW_JINJA_STRING)
            return mw_jinja_wrong(r, "%s() takes texts, not %s", name, mw_jinja_kind_name(list->item[i]));
    return mw_jinja_join(r, list, s);
}

static value text_is(run *r, const string *s, const char *name, const arguments *a)
{
    (void)r, (void)a;
    return all_are(s, name);
}

static const struct {
    const char *name;
    int most; // arguments
    value (*call)(run *r, const string *s, const char *name, const arguments *a);
} of_texts[] = {
    {"strip", 1, text_strip},          {"lstrip", 1, text_strip},
    {"rstrip", 1, text_strip},         {"upper", 0, text_case},
    {"lower", 0, text_case},           {"title", 0, text_case},
    {"capitalize", 0, text_case},      {"split", 2, text_split},
    {"rsplit", 2, text_split},         {"splitlines", 1, text_lines},
    {"startswith", 1, text_begins},    {"endswith", 1, text_begins},
    {"removeprefix", 1, text_without}, {"removesuffix", 1, text_without},
    {"replace", 3, text_replace},      {"find", 1, text_find},
    {"rfind", 1, text_find},           {"index", 1, text_find},
    {"count", 1, text_count},          {"join", 1, text_join},
    {"isdigit", 0, text_is},           {"isalpha", 0, text_is},
    {"isalnum", 0, text_is},           {"isspace", 0, text_is},
    {"isupper", 0, text_is},           {"islower", 0, text_is},
};

// ---- of dictionaries, lists, loops

static value dict_items(run *r, const mw_jinja_dict *d, char what)
{
    value out = mw_jinja_list_new(&r->m);
    for (size_t i = 0; i < d->n && !mw_err(r->c); i++) {
        value pair = what == 'i' ? mw_jinja_list_new(&r->m) : what == 'k' ? d->key[i] : d->item[i];
        if (what == 'i' && pair.kind == MW_JINJA_LIST) {
            pair.list->tuple = true;
            mw_jinja_push(&r->m, pair, d->key[i]);
            mw_jinja_push(&r->m, pair, d->item[i]);
        }
        mw_jinja_push(&r->m, out, pair);
    }
    return out;
}

static value dict_method(run *r, const mw_jinja_dict *d, const char *name, const arguments *a)
{
    if (strcmp(name, "get") != 0)
        return dict_items(r, d, name[0]);
    const value *found = mw_jinja_get(d, mw_jinja_argument(a, 0, NULL));
    value otherwise = mw_jinja_argument(a, 1, "default");
    return found                                           ? *found
        : otherwise.kind == MW_JINJA_UNDEFINED && a->n < 2 ? (value){.kind = MW_JINJA_NONE}
                                                           : otherwise;
}

static value list_method(run *r, const mw_jinja_list *list, const char *name, const arguments *a)
{
    int64_t n = 0;
    for (size_t i = 0; i < list->n; i++) {
        bool same = mw_jinja_equal(list->item[i], mw_jinja_argument(a, 0, NULL));
        if (same && name[0] == 'i')
            return mw_jinja_int((int64_t)i);
        n += same;
    }
    return name[0] == 'i' ? mw_jinja_wrong(r, "what index() looks for is not in the list") : mw_jinja_int(n);
}

static const struct {
    mw_jinja_kind kind;
    const char *name;
    int least, most;
} others[] = {
    {MW_JINJA_DICT, "items", 0, 0},  {MW_JINJA_DICT, "keys", 0, 0},  {MW_JINJA_DICT, "values", 0, 0},
    {MW_JINJA_DICT, "get", 1, 2},    {MW_JINJA_LIST, "index", 1, 1}, {MW_JINJA_LIST, "count", 1, 1},
    {MW_JINJA_LOOP, "cycle", 1, 99},
};

bool mw_jinja_has_method(value of, const char *name)
{
    for (size_t i = 0; of.kind == MW_JINJA_STRING && i < sizeof of_texts / sizeof *of_texts; i++)
        if (strcmp(of_texts[i].name, name) == 0)
            return true;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (others[i].kind == of.kind && strcmp(others[i].name, name) == 0)
            return true;
    return false;
}

static bool fits(run *r, const char *name, const arguments *a, size_t least, size_t most)
{
    if (a->n < least || a->n > most)
        mw_jinja_wrong(r, "%s() takes %zu to %zu values, not %zu", name, least, most, a->n);
    return mw_err(r->c) == MW_OK;
}

value mw_jinja_call_method(run *r, const mw_jinja_method *m, const arguments *a)
{
    for (size_t i = 0; m->of.kind == MW_JINJA_STRING && i < sizeof of_texts / sizeof *of_texts; i++)
        if (strcmp(of_texts[i].name, m->name) == 0)
            return fits(r, m->name, a, 0, (size_t)of_texts[i].most) ? of_texts[i].call(r, m->of.s, m->name, a)
                                                                    : (value){0};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (others[i].kind != m->of.kind || strcmp(others[i].name, m->name) != 0)
            continue;
        if (!fits(r, m->name, a, (size_t)others[i].least, (size_t)others[i].most))
            return (value){0};
        return m->of.kind == MW_JINJA_DICT ? dict_method(r, m->of.dict, m->name, a)
            : m->of.kind == MW_JINJA_LIST  ? list_method(r, m->of.list, m->name, a)
                                           : a->item[m->of.loop->at % a->n];
    }
    return (value){0};
}
