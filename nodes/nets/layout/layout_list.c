// layout_list.c: boxes read from a list, from lines of tuples, or from words that say there are none.
#include "nodes/nets/layout/layout_list.h"

#include "nodes/nets/layout/layout_labels.h"
#include "nodes/nets/layout/layout_literal.h"
#include "nodes/nets/layout/layout_signs.h"

#include <stdlib.h>
#include <string.h>

bool mw_says_none(mw_piece p)
{
    static const char *const words[] = {"",           "none",         "n/a",         "na",    "n.a",
                                        "nil",        "null",         "-",           "empty", "nothing",
                                        "no objects", "\xe2\x80\x93", "\xe2\x80\x94"};
    p = mw_piece_strip(p);
    while (p.n && mw_piece_at(p, "([{<\"'`*_ "))
        p = mw_piece_from(p, 1);
    while (p.n && p.at[p.n - 1] && strchr(")]}>\"'`*_ .,;", p.at[p.n - 1]))
        p.n--;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (mw_piece_is(p, words[i]))
            return true;
    return false;
}

// Bytes in front of the next value: blanks, line ends, fences, marks of lists, `also`.
static size_t gap(mw_piece p, const char *also)
{
    size_t n = 0;
    for (bool more = true; more && n < p.n;) {
        mw_piece rest = mw_piece_from(p, n);
        size_t step = mw_label_fence(rest) ? mw_piece_line(rest) : mw_label_marks(rest);
        if (!step && (mw_piece_at(rest, "\r\n") || mw_piece_at(rest, also)))
            step = 1;
        n += step;
        more = step > 0;
    }
    return n;
}

static bool opens(mw_piece p)
{
    int32_t x;
    mw_piece_character(p, &x);
    return mw_piece_at(p, "[({") || x == 0xFF08 || x == 0xFF3B || x == 0xFF5B || x == 0x3010;
}

// The literal that p is, or its fault as a failure.
static json_t *literal(mw_ctx *c, const mw_layout_source *from, mw_piece p)
{
    mw_literal l;
    p = mw_piece_strip(p);
    if (mw_literal_read(c, p.at, p.n, &l) != MW_OK)
        return NULL;
    if (l.value)
        return l.value;
    mw_fail(c, from->code, "%s: the list of boxes: %s", from->name, l.fault);
    return NULL;
}

// One value in brackets at the begin of p; `most` is where it ends if its brackets do not say.
static json_t *value(mw_ctx *c, const mw_layout_source *from, mw_piece p, size_t most, size_t *used)
{
    char *plain;
    mw_literal l = {0};
    *used = mw_signs_read(c, p, &plain);
    if (*used && mw_literal_read(c, p.at, *used, &l) == MW_OK && !l.value)
        mw_literal_read(c, plain, strlen(plain), &l);
    free(plain);
    if (!*used)
        *used = most < p.n ? most : p.n;
    return l.value || mw_err(c) ? l.value : literal(c, from, (mw_piece){p.at, *used});
}

// What is no list: words that say there is nothing, or a fault.
static json_t *no_list(mw_ctx *c, const mw_layout_source *from, mw_piece body)
{
    if (mw_says_none(body) || mw_piece_find(body, "No objects") || mw_piece_find(body, "no objects"))
        return json_array();
    return literal(c, from, body);
}

// The value is a part of an expression.
static bool goes_on(mw_piece rest)
{
    while (mw_piece_at(rest, " \t"))
        rest = mw_piece_from(rest, 1);
    return mw_piece_at(rest, "+/%|^@&");
}

// Of entries, not an entry itself: nothing more belongs to it.
static bool is_list(const json_t *v) { return json_is_array(v) && !json_is_string(json_array_get(v, 0)); }

json_t *mw_layout_list_read(mw_ctx *c, const mw_layout_source *from, mw_piece text, size_t most, size_t *used)
{
    json_t *all = NULL;
    size_t at = gap(text, "");
    mw_piece body = mw_piece_from((mw_piece){text.at, most}, at);
    *used = most;
    if (!opens(mw_piece_from(text, at)) || mw_says_none(body))
        return no_list(c, from, body);
    for (int n = 0; opens(mw_piece_from(text, at)); n++) {
        size_t bytes;
        json_t *v = value(c, from, mw_piece_from(text, at), most > at ? most - at : 0, &bytes);
        at += bytes;
        all = n == 1 ? json_pack("[o]", all) : all;
        if (n)
            json_array_append_new(all, v);
        else
            all = v;
        if (mw_err(c) || goes_on(mw_piece_from(text, at))) {
            json_decref(all);
            return mw_err(c) ? NULL : literal(c, from, (mw_piece){text.at, most});
        }
        *used = at;
        if (is_list(v))
            break;
        at += gap(mw_piece_from(text, at), ",;");
    }
    return all;
}
