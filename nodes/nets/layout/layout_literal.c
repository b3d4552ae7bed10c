// layout_literal.c: brackets, words and blanks of Python literals, and the sentence about what is wrong.
#include "nodes/nets/layout/layout_literal_internal.h"

#include "core/base/text.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <utf8proc.h>

enum { DEEPEST = 200 }; // as Python's own reader

enum { AROUND = 80 }; // bytes of a long line that are quoted on both sides of a fault

static bool inside_character(const char *p) { return ((unsigned char)*p & 0xC0) == 0x80; }

// Quotes what lies around `where` in its line, begin..end.
static void quote(const char *begin, const char *end, const char *where, char *out, size_t size)
{
    const char *from = where - begin > AROUND ? where - AROUND : begin;
    const char *to = end - where > AROUND ? where + AROUND : end;
    char part[2 * AROUND + 8];
    while (from < where && inside_character(from))
        from++;
    while (to < end && to > where && inside_character(to))
        to--;
    mw_printable_n(from, (size_t)(to - from), part, sizeof part);
    snprintf(out, size, "%s%s%s", from > begin ? "..." : "", part, to < end ? "..." : "");
}

json_t *mw_literal_fault(mw_literal_reader *r, mw_literal_kind kind, const char *where, const char *what)
{
    if (r->out->kind != MW_LITERAL_GOOD)
        return NULL;
    size_t line = 1;
    const char *begin = r->text;
    for (const char *p = r->text; p < where; p++)
        if (*p == '\n') {
            line++;
            begin = p + 1;
        }
    const char *stop = memchr(begin, '\n', (size_t)(r->end - begin));
    char quoted[2 * AROUND + 16];
    quote(begin, stop ? stop : r->end, where, quoted, sizeof quoted);
    r->out->kind = kind;
    snprintf(r->out->fault, sizeof r->out->fault, "%s at line %zu, column %zu: \"%s\"", what, line,
             (size_t)(where - begin) + 1, quoted);
    return NULL;
}

static json_t *syntax(mw_literal_reader *r, const char *what)
{
    return mw_literal_fault(r, MW_LITERAL_SYNTAX, r->at, what);
}

static char peek(const mw_literal_reader *r) { return r->at < r->end ? *r->at : 0; }

static bool line_end(char x) { return x == '\n' || x == '\r'; }

static void skip_comment(mw_literal_reader *r)
{
    while (r->at < r->end && !line_end(*r->at))
        r->at++;
}

// Over blanks and comments; over line ends too where a bracket is open.
static void skip(mw_literal_reader *r)
{
    for (; r->at < r->end; r->at++) {
        if (*r->at == '#')
            skip_comment(r);
        if (r->at == r->end)
            return;
        if (*r->at == '\\' && r->end - r->at > 1 && line_end(r->at[1]))
            r->at++;
        else if (*r->at != ' ' && *r->at != '\t' && *r->at != '\f' && !(r->depth && line_end(*r->at)))
            return;
    }
}

static json_t *expression(mw_literal_reader *r);

// ---- words

static bool word_start(char x) { return isalpha((unsigned char)x) || x == '_' || (x & 0x80); }
static bool word_char(char x) { return word_start(x) || isdigit((unsigned char)x); }

static bool is_word(const char *begin, const char *end, const char *word)
{
    return (size_t)(end - begin) == strlen(word) && memcmp(begin, word, strlen(word)) == 0;
}

// None, True or False; any other word is a name: where an expression could go on after it the value is at
// fault, else the grammar.
static json_t *word(mw_literal_reader *r)
{
    const char *begin = r->at;
    while (r->at < r->end && word_char(*r->at))
        r->at++;
    if (is_word(begin, r->at, "None"))
        return json_null();
    if (is_word(begin, r->at, "True") || is_word(begin, r->at, "False"))
        return json_boolean(*begin == 'T');
    const char *after = r->at;
    skip(r);
    char next = peek(r);
    bool ends = !next || line_end(next) || strchr(",)]}:(.[+-*/%&|^<>@", next);
    r->at = after;
    return mw_literal_fault(r, ends ? MW_LITERAL_VALUE : MW_LITERAL_SYNTAX, begin,
                            ends ? "a bare word where a text in quotes or a number should be"
                                 : "words outside of quotes");
}

// ---- brackets

// Items up to `close`, which is taken; *commas counts them. r->at is behind the opening bracket.
static json_t *items(mw_literal_reader *r, char close, int *commas)
{
    json_t *list = json_array();
    const char *open = r->at - 1;
    *commas = 0;
    for (skip(r); list && peek(r) != close; skip(r)) {
        if (r->at == r->end) {
            mw_literal_fault(r, MW_LITERAL_SYNTAX, open, "a bracket that is never closed");
            break;
        }
        if (json_array_append_new(list, expression(r)))
            break;
        skip(r);
        if (peek(r) != ',')
            break;
        ++*commas;
        r->at++;
    }
    if (list && peek(r) == close) {
        r->at++;
        return list;
    }
    if (list && r->out->kind == MW_LITERAL_GOOD) {
        if (r->at == r->end)
            mw_literal_fault(r, MW_LITERAL_SYNTAX, open, "a bracket that is never closed");
        else
            syntax(r, "a comma or a closing bracket is missing");
    }
    json_decref(list);
    return NULL;
}

// What stands in parentheses is a tuple when there is a comma or nothing in it.
static json_t *parentheses(mw_literal_reader *r, bool *tuple)
{
    int commas;
    json_t *list = items(r, ')', &commas);
    *tuple = list && (commas > 0 || json_array_size(list) == 0);
    if (!list || *tuple)
        return list;
    json_t *only = json_incref(json_array_get(list, 0));
    json_decref(list);
    return only;
}

static bool pair(mw_literal_reader *r, json_t *map)
{
    const char *where = r->at;
    json_t *key = expression(r), *value = NULL;
    skip(r);
    if (key && peek(r) != ':')
        mw_literal_fault(r, peek(r) && strchr(",}", peek(r)) ? MW_LITERAL_VALUE : MW_LITERAL_SYNTAX, where,
                         "a set, or a key without a value,");
    else if (key && (!json_is_string(key) || strlen(json_string_value(key)) != json_string_length(key)))
        mw_literal_fault(r, MW_LITERAL_VALUE, where, "a key that is no plain text");
    else if (key) {
        r->at++;
        skip(r);
        value = expression(r);
    }
    bool good = value && json_object_set_new(map, json_string_value(key), value) == 0;
    json_decref(key);
    return good;
}

static json_t *dictionary(mw_literal_reader *r)
{
    json_t *map = json_object();
    const char *open = r->at - 1;
    for (skip(r); map && r->at < r->end && peek(r) != '}'; skip(r)) {
        if (!pair(r, map))
            break;
        skip(r);
        if (peek(r) != ',')
            break;
        r->at++;
    }
    if (map && peek(r) == '}') {
        r->at++;
        return map;
    }
    if (r->at == r->end)
        mw_literal_fault(r, MW_LITERAL_SYNTAX, open, "a bracket that is never closed");
    else
        syntax(r, "a comma or a closing bracket is missing");
    json_decref(map);
    return NULL;
}

static json_t *bracket(mw_literal_reader *r, bool *tuple)
{
    if (++r->depth > DEEPEST)
        return syntax(r, "too many brackets inside each other");
    char open = *r->at++;
    int commas;
    json_t *v = open == '[' ? items(r, ']', &commas) : open == '(' ? parentheses(r, tuple) : dictionary(r);
    r->depth--;
    return v;
}

// ---- expressions

static json_t *with_sign(mw_literal_reader *r)
{
    const char *where = r->at;
    bool minus = *r->at++ == '-';
    skip(r);
    json_t *v = peek(r) == '+' || peek(r) == '-'
        ? mw_literal_fault(r, MW_LITERAL_VALUE, where, "more than one sign")
        : expression(r);
    if (v && !json_is_number(v))
        mw_literal_fault(r, MW_LITERAL_VALUE, where, "a sign before something that is no number");
    else if (v && minus && json_is_integer(v))
        json_integer_set(v, -json_integer_value(v));
    else if (v && minus)
        json_real_set(v, -json_real_value(v));
    if (r->out->kind == MW_LITERAL_GOOD)
        return v;
    json_decref(v);
    return NULL;
}

static json_t *one(mw_literal_reader *r, bool *tuple)
{
    char x = peek(r);
    if (r->at == r->end || line_end(x))
        return syntax(r, "a value is missing");
    if (x == '[' || x == '(' || x == '{')
        return bracket(r, tuple);
    if (x == '+' || x == '-')
        return with_sign(r);
    if (mw_literal_at_text(r))
        return mw_literal_text(r, skip);
    if (isdigit((unsigned char)x) || (x == '.' && r->end - r->at > 1 && isdigit((unsigned char)r->at[1])))
        return mw_literal_number(r);
    if (word_start(x))
        return word(r);
    return syntax(r, "something that starts no value");
}

static json_t *checked(mw_literal_reader *r, bool *tuple)
{
    json_t *v = one(r, tuple);
    if (!v)
        return NULL;
    skip(r);
    char x = peek(r);
    if (x && strchr("+-*/%&|^<>@([.", x)) {
        mw_literal_fault(r, MW_LITERAL_VALUE, r->at, "an expression where a plain value should be");
        json_decref(v);
        return NULL;
    }
    return v;
}

static json_t *expression(mw_literal_reader *r)
{
    bool tuple;
    return checked(r, &tuple);
}

// The first value, and those after commas at the outermost level: a tuple without parentheses.
static json_t *top(mw_literal_reader *r)
{
    json_t *v = checked(r, &r->out->tuple), *list = NULL;
    skip(r);
    if (!v || peek(r) != ',')
        return v;
    list = json_pack("[o]", v);
    while (list && peek(r) == ',') {
        r->at++;
        skip(r);
        if (r->at == r->end || line_end(peek(r)))
            break;
        if (json_array_append_new(list, expression(r)))
            break;
        skip(r);
    }
    r->out->tuple = true;
    return list;
}

// Over lines that hold nothing but blanks and comments; false when the first line with something on it is
// indented. The blanks of the very first line do not count.
static bool begin_lines(mw_literal_reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\t'))
        r->at++;
    for (const char *line = r->at;;) {
        skip(r);
        if (r->at == r->end || !line_end(*r->at))
            return r->at == r->end || r->at == line;
        line = ++r->at;
    }
}

// The text ends in a line of blanks alone that has no line end: Python takes it for an indented line.
static bool indented_end(const mw_literal_reader *r)
{
    const char *p = r->end;
    while (p > r->text && (p[-1] == ' ' || p[-1] == '\t'))
        p--;
    return p < r->end && p > r->text && line_end(p[-1]);
}

// The first byte that is zero or no UTF-8; NULL when there is none.
static const char *first_foreign(const char *text, size_t size)
{
    for (size_t at = 0; at < size;) {
        utf8proc_int32_t x;
        utf8proc_ssize_t n =
            utf8proc_iterate((const utf8proc_uint8_t *)text + at, (utf8proc_ssize_t)(size - at), &x);
        if (n < 1 || x == 0)
            return text + at;
        at += (size_t)n;
    }
    return NULL;
}

mw_status mw_literal_read(mw_ctx *c, const char *text, size_t size, mw_literal *out)
{
    *out = (mw_literal){0};
    if (mw_err(c))
        return mw_err(c);
    mw_literal_reader r = {.text = text, .at = text, .end = text + size, .out = out};
    json_t *v = NULL;
    const char *foreign = first_foreign(text, size);
    if (foreign)
        mw_literal_fault(&r, *foreign ? MW_LITERAL_SYNTAX : MW_LITERAL_VALUE, foreign,
                         *foreign ? "a byte that is not UTF-8" : "a zero byte");
    else if (!begin_lines(&r))
        syntax(&r, "an indented first line");
    else
        v = top(&r);
    while (v && out->kind == MW_LITERAL_GOOD && r.at < r.end && line_end(*r.at)) {
        r.at++;
        skip(&r);
    }
    if (v && r.at < r.end)
        syntax(&r, "more text after the value");
    else if (v && indented_end(&r))
        syntax(&r, "blanks alone on the last line");
    if (!v && out->kind == MW_LITERAL_GOOD)
        return mw_fail(c, MW_E_MEMORY, "out of memory while reading a literal of %zu bytes", size);
    if (out->kind == MW_LITERAL_GOOD)
        out->value = v;
    else
        json_decref(v);
    return mw_err(c);
}
