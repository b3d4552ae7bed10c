// jinja_write.c: what a template writes: texts with their origin, values as Python writes them, JSON.
#include "nodes/nets/jinja/jinja_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void mw_jinja_put_text(mw_jinja_run *r, mw_jinja_writer *w, const char *text, size_t size,
                       const unsigned char *foreign)
{
    if (mw_err(r->c) || size == 0)
        return;
    if (w->n + size > w->room) {
        size_t room = 2 * (w->n + size) + 64;
        char *grown = mw_jinja_alloc(&r->m, room);
        unsigned char *marks = mw_jinja_alloc(&r->m, room);
        if (!grown || !marks)
            return;
        if (w->n) {
            memcpy(grown, w->text, w->n);
            memcpy(marks, w->foreign, w->n);
        }
        *w = (mw_jinja_writer){grown, marks, w->n, room};
    }
    memcpy(w->text + w->n, text, size);
    if (foreign)
        memcpy(w->foreign + w->n, foreign, size);
    else
        memset(w->foreign + w->n, 0, size);
    w->n += size;
}

void mw_jinja_put_words(mw_jinja_run *r, mw_jinja_writer *w, const char *text)
{
    mw_jinja_put_text(r, w, text, strlen(text), NULL);
}

mw_jinja_value mw_jinja_written(mw_jinja_run *r, const mw_jinja_writer *w)
{
    return mw_jinja_string_new(&r->m, w->text, w->n, w->foreign);
}

static void put_float(mw_jinja_run *r, mw_jinja_writer *w, double f)
{
    char buf[40];
    int digits = 1;
    if (!isfinite(f)) {
        mw_jinja_put_words(r, w, isnan(f) ? "nan" : f > 0 ? "inf" : "-inf");
        return;
    }
    do // the fewest digits that give the number again
        snprintf(buf, sizeof buf, "%.*g", digits, f);
    while (strtod(buf, NULL) != f && ++digits <= 17);
    if (fabs(f) >= 1e16 || (f != 0 && fabs(f) < 1e-4))
        snprintf(buf, sizeof buf, "%.*e", digits - 1, f);
    else if (strchr(buf, 'e') || !strchr(buf, '.'))
        snprintf(buf, sizeof buf, "%.1f", f);
    mw_jinja_put_words(r, w, buf);
}

static void put_number(mw_jinja_run *r, mw_jinja_writer *w, mw_jinja_value v)
{
    char buf[40];
    if (v.kind == MW_JINJA_FLOAT) {
        put_float(r, w, v.f);
        return;
    }
    snprintf(buf, sizeof buf, "%lld", (long long)v.i);
    mw_jinja_put_words(r, w, buf);
}

void mw_jinja_put_value(mw_jinja_run *r, mw_jinja_writer *w, mw_jinja_value v)
{
    if (v.kind == MW_JINJA_STRING)
        mw_jinja_put_text(r, w, v.s->text, v.s->size, v.s->foreign);
    else if (v.kind != MW_JINJA_UNDEFINED)
        mw_jinja_put_repr(r, w, v);
}

// A text in quotes, with Python's escapes.
static void put_quoted(mw_jinja_run *r, mw_jinja_writer *w, const mw_jinja_string *s)
{
    bool single = memchr(s->text, '\'', s->size) && !memchr(s->text, '"', s->size);
    char quote = single ? '"' : '\'', buf[8];
    mw_jinja_put_text(r, w, &quote, 1, NULL);
    for (size_t i = 0; i < s->size; i++) {
        unsigned char x = (unsigned char)s->text[i];
        const char *plain = x == '\n' ? "\\n"
            : x == '\r'               ? "\\r"
            : x == '\t'               ? "\\t"
            : x == '\\'               ? "\\\\"
                                      : NULL;
        if (x == (unsigned char)quote)
            plain = quote == '\'' ? "\\'" : "\\\"";
        if (!plain && (x < 0x20 || x == 0x7F)) {
            snprintf(buf, sizeof buf, "\\x%02x", x);
            plain = buf;
        }
        if (plain)
            mw_jinja_put_words(r, w, plain);
        else
            mw_jinja_put_text(r, w, s->text + i, 1, s->foreign ? s->foreign + i : NULL);
    }
    mw_jinja_put_text(r, w, &quote, 1, NULL);
}

static void put_items(mw_jinja_run *r, mw_jinja_writer *w, const mw_jinja_list *list)
{
    mw_jinja_put_words(r, w, list->tuple ? "(" : "[");
    for (size_t i = 0; i < list->n && !mw_err(r->c); i++) {
        mw_jinja_put_words(r, w, i ? ", " : "");
        mw_jinja_put_repr(r, w, list->item[i]);
    }
    mw_jinja_put_words(r, w, list->tuple ? list->n == 1 ? ",)" : ")" : "]");
}

void mw_jinja_put_repr(mw_jinja_run *r, mw_jinja_writer *w, mw_jinja_value v)
{
    if (mw_jinja_stopped(r))
        return;
    if (++r->depth > MW_JINJA_DEPTH)
        mw_jinja_wrong(r, "values nested deeper than %d", MW_JINJA_DEPTH);
    switch (v.kind) {
    case MW_JINJA_UNDEFINED: mw_jinja_put_words(r, w, "Undefined"); break;
    case MW_JINJA_NONE: mw_jinja_put_words(r, w, "None"); break;
    case MW_JINJA_BOOL: mw_jinja_put_words(r, w, v.b ? "True" : "False"); break;
    case MW_JINJA_INT:
    case MW_JINJA_FLOAT: put_number(r, w, v); break;
    case MW_JINJA_STRING: put_quoted(r, w, v.s); break;
    case MW_JINJA_LIST: put_items(r, w, v.list); break;
    case MW_JINJA_DICT:
        mw_jinja_put_words(r, w, "{");
        for (size_t i = 0; i < v.dict->n && !mw_err(r->c); i++) {
            mw_jinja_put_words(r, w, i ? ", " : "");
            mw_jinja_put_repr(r, w, v.dict->key[i]);
            mw_jinja_put_words(r, w, ": ");
            mw_jinja_put_repr(r, w, v.dict->item[i]);
        }
        mw_jinja_put_words(r, w, "}");
        break;
    default: mw_jinja_wrong(r, "%s cannot be written", mw_jinja_kind_name(v));
    }
    r->depth--;
}

// ---- JSON

static void put_json_text(mw_jinja_run *r, mw_jinja_writer *w, const mw_jinja_string *s, bool ascii)
{
    mw_jinja_put_words(r, w, "\"");
    for (size_t i = 0, step; i < s->size && !mw_err(r->c); i += step) {
        char buf[16] = "";
        uint32_t code = mw_text_decode((const unsigned char *)s->text + i, s->size - i, &step);
        if (code == '"' || code == '\\')
            snprintf(buf, sizeof buf, "\\%c", (int)code);
        else if (code == '\n' || code == '\r' || code == '\t' || code == '\b' || code == '\f')
            snprintf(buf, sizeof buf, "\\%c",
                     code == '\n'       ? 'n'
                         : code == '\r' ? 'r'
                         : code == '\t' ? 't'
                         : code == '\b' ? 'b'
                                        : 'f');
        else if (code < 0x20 || (ascii && code > 0x7E && code < 0x10000))
            snprintf(buf, sizeof buf, "\\u%04x", code);
        else if (ascii && code >= 0x10000)
            snprintf(buf, sizeof buf, "\\u%04x\\u%04x", 0xD800 + ((code - 0x10000) >> 10),
                     0xDC00 + (code & 0x3FF));
        if (*buf)
            mw_jinja_put_words(r, w, buf);
        else
            mw_jinja_put_text(r, w, s->text + i, step, s->foreign ? s->foreign + i : NULL);
    }
    mw_jinja_put_words(r, w, "\"");
}

static void new_line(mw_jinja_run *r, mw_jinja_writer *w, int indent, int depth)
{
    if (indent < 0)
        return;
    mw_jinja_put_words(r, w, "\n");
    for (int i = 0; i < indent * depth && !mw_err(r->c); i++)
        mw_jinja_put_words(r, w, " ");
}

// Places of a dict's items, by their keys where it is to be sorted.
static size_t *order_of(mw_jinja_run *r, const mw_jinja_dict *d, bool sorted)
{
    size_t *at = mw_jinja_alloc(&r->m, d->n * sizeof *at + 1);
    for (size_t i = 0; at && i < d->n; i++) {
        size_t k = i;
        for (; sorted && k > 0 && mw_jinja_order(r, d->key[at[k - 1]], d->key[i]) > 0; k--)
            at[k] = at[k - 1];
        at[k] = i;
    }
    return at;
}

static void put_json_dict(mw_jinja_run *r, mw_jinja_writer *w, const mw_jinja_dict *d, int indent, int depth,
                          bool sorted, bool ascii)
{
    size_t *at = order_of(r, d, sorted);
    mw_jinja_put_words(r, w, "{");
    for (size_t i = 0; at && i < d->n && !mw_err(r->c); i++) {
        mw_jinja_put_words(r, w, i ? indent < 0 ? ", " : "," : "");
        new_line(r, w, indent, depth + 1);
        mw_jinja_value key = d->key[at[i]];
        if (key.kind != MW_JINJA_STRING)
            mw_jinja_wrong(r, "a key of JSON is a text, not %s", mw_jinja_kind_name(key));
        else
            put_json_text(r, w, key.s, ascii);
        mw_jinja_put_words(r, w, ": ");
        mw_jinja_put_json(r, w, d->item[at[i]], indent, depth + 1, sorted, ascii);
    }
    if (d->n)
        new_line(r, w, indent, depth);
    mw_jinja_put_words(r, w, "}");
}

void mw_jinja_put_json(mw_jinja_run *r, mw_jinja_writer *w, mw_jinja_value v, int indent, int depth,
                       bool sorted, bool ascii)
{
    if (mw_jinja_stopped(r))
        return;
    if (depth > MW_JINJA_DEPTH) {
        mw_jinja_wrong(r, "values nested deeper than %d", MW_JINJA_DEPTH);
        return;
    }
    switch (v.kind) {
    case MW_JINJA_NONE: mw_jinja_put_words(r, w, "null"); break;
    case MW_JINJA_BOOL: mw_jinja_put_words(r, w, v.b ? "true" : "false"); break;
    case MW_JINJA_INT:
    case MW_JINJA_FLOAT: put_number(r, w, v); break;
    case MW_JINJA_STRING: put_json_text(r, w, v.s, ascii); break;
    case MW_JINJA_DICT: put_json_dict(r, w, v.dict, indent, depth, sorted, ascii); break;
    case MW_JINJA_LIST:
        mw_jinja_put_words(r, w, "[");
        for (size_t i = 0; i < v.list->n && !mw_err(r->c); i++) {
            mw_jinja_put_words(r, w, i ? indent < 0 ? ", " : "," : "");
            new_line(r, w, indent, depth + 1);
            mw_jinja_put_json(r, w, v.list->item[i], indent, depth + 1, sorted, ascii);
        }
        if (v.list->n)
            new_line(r, w, indent, depth);
        mw_jinja_put_words(r, w, "]");
        break;
    default: mw_jinja_wrong(r, "%s cannot be written as JSON", mw_jinja_kind_name(v));
    }
}
