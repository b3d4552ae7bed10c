// jinja_lexer.c: a template's text between its tags, with what tags take away of the white space beside them,
// and the tokens inside of tags.
#include "nodes/nets/jinja/jinja_internal.h"

#include "core/base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

mw_status mw_jinja_bad(mw_jinja_reader *r, const char *fmt, ...)
{
    char why[256];
    va_list args;
    va_start(args, fmt);
    vsnprintf(why, sizeof why, fmt, args);
    va_end(args);
    return mw_err(r->c) ? mw_err(r->c) : mw_fail(r->c, MW_E_FILE, "%s, line %d: %s", r->name, r->line, why);
}

mw_jinja_node *mw_jinja_node_new(mw_jinja_reader *r, mw_jinja_node_kind kind)
{
    mw_jinja_node *n = mw_jinja_alloc(r->m, sizeof *n);
    if (n) {
        n->kind = kind;
        n->line = r->line;
    }
    return n;
}

void mw_jinja_put(mw_jinja_reader *r, mw_jinja_node ***list, size_t *n, mw_jinja_node *one)
{
    mw_jinja_node **grown = one ? mw_jinja_grow(r->m, *list, *n, sizeof *grown) : NULL;
    if (!grown)
        return;
    *list = grown;
    grown[(*n)++] = one;
}

// ---- text between tags

static bool is_space(char x) { return x == ' ' || (x >= '\t' && x <= '\r'); }

static void go_to(mw_jinja_reader *r, size_t to)
{
    for (; r->at < to; r->at++)
        r->line += r->text[r->at] == '\n';
}

// After a tag's end at r->at, whose first character is `sign`: what it takes of the text behind.
static void trim_behind(mw_jinja_reader *r, char sign, bool newline)
{
    size_t to = r->at;
    while (sign == '-' && to < r->size && is_space(r->text[to]))
        to++;
    if (newline && sign != '-' && sign != '+' && to < r->size && r->text[to] == '\n')
        to++;
    r->at_line_start = to > r->at && r->text[to - 1] == '\n';
    go_to(r, to);
}

// The end of the text [from, to) before a tag with that sign.
static size_t trim_before(const mw_jinja_reader *r, size_t from, size_t to, char sign, bool print)
{
    size_t end = to, line = to;
    while (sign == '-' && end > from && is_space(r->text[end - 1]))
        end--;
    while (line > from && (r->text[line - 1] == ' ' || r->text[line - 1] == '\t'))
        line--;
    bool starts = line > from ? r->text[line - 1] == '\n' : r->at_line_start;
    return sign != '-' && sign != '+' && !print && starts ? line : end;
}

static size_t find(const mw_jinja_reader *r, size_t from, const char *what)
{
    const char *found = from < r->size ? memmem(r->text + from, r->size - from, what, strlen(what)) : NULL;
    return found ? (size_t)(found - r->text) : r->size;
}

static size_t skip_spaces(const mw_jinja_reader *r, size_t at)
{
    while (at < r->size && is_space(r->text[at]))
        at++;
    return at;
}

// Where a tag {% word %} that begins at `at` ends; 0 when it is none. *sign: before its end.
static size_t word_tag(const mw_jinja_reader *r, size_t at, const char *word, char *sign)
{
    size_t n = strlen(word), i = at + 2;
    i = skip_spaces(r, i + (i < r->size && (r->text[i] == '-' || r->text[i] == '+')));
    if (r->size - i < n || memcmp(r->text + i, word, n) != 0)
        return 0;
    i = skip_spaces(r, i + n);
    *sign = i < r->size ? r->text[i] : 0;
    i += *sign == '-' || *sign == '+';
    return r->size - i >= 2 && memcmp(r->text + i, "%}", 2) == 0 ? i + 2 : 0;
}

static mw_jinja_node *text_node(mw_jinja_reader *r, size_t from, size_t to)
{
    mw_jinja_node *n = to > from ? mw_jinja_node_new(r, MW_JINJA_TEXT) : NULL;
    if (n)
        n->value = mw_jinja_string_new(r->m, r->text + from, to - from, NULL);
    return n;
}

// {% raw %} ... {% endraw %}, the former of which ends at `from`.
static mw_jinja_node *read_raw(mw_jinja_reader *r, size_t from, char sign)
{
    from = sign == '-' ? skip_spaces(r, from) : from;
    for (size_t at = find(r, from, "{%"); at < r->size; at = find(r, at + 2, "{%")) {
        size_t end = word_tag(r, at, "endraw", &sign);
        if (!end)
            continue;
        char before = r->text[at + 2];
        r->at_line_start = false;
        mw_jinja_node *n =
            text_node(r, from, trim_before(r, from, at, before == '-' || before == '+' ? before : 0, false));
        go_to(r, end);
        trim_behind(r, sign, true);
        return n;
    }
    mw_jinja_bad(r, "{%% raw %%} has no end");
    return NULL;
}

static bool skip_comment(mw_jinja_reader *r)
{
    size_t end = find(r, r->at + 2, "#}");
    if (end == r->size) {
        mw_jinja_bad(r, "{# has no end");
        return false;
    }
    char sign = end > r->at + 2 ? r->text[end - 1] : 0;
    go_to(r, end + 2);
    trim_behind(r, sign, true);
    return true;
}

static void open_tag(mw_jinja_reader *r, bool block, bool sign)
{
    r->at += 2 + sign;
    r->in_block = block;
    r->open = 0;
    mw_jinja_next(r);
}

static size_t next_tag(const mw_jinja_reader *r)
{
    size_t at = r->at;
    while (at + 1 < r->size && !(r->text[at] == '{' && r->text[at + 1] && strchr("{%#", r->text[at + 1])))
        at++;
    return at + 1 < r->size ? at : r->size;
}

mw_jinja_node *mw_jinja_read_text(mw_jinja_reader *r, char *tag)
{
    size_t from = r->at, at = next_tag(r), raw;
    *tag = 0;
    if (at == r->size) {
        go_to(r, r->size);
        return text_node(r, from, r->size);
    }
    char kind = r->text[at + 1], sign = at + 2 < r->size ? r->text[at + 2] : 0, raw_sign = 0;
    mw_jinja_node *n = text_node(r, from, trim_before(r, from, at, sign, kind == '{'));
    go_to(r, at);
    if (kind == '#') {
        *tag = skip_comment(r) ? '#' : 0;
    } else if (kind == '%' && (raw = word_tag(r, at, "raw", &raw_sign))) {
        mw_jinja_node *both = mw_jinja_node_new(r, MW_JINJA_GROUP), *inside = read_raw(r, raw, raw_sign);
        if (both) {
            mw_jinja_put(r, &both->list, &both->n, n);
            mw_jinja_put(r, &both->list, &both->n, inside);
        }
        n = both;
        *tag = '#';
    } else {
        *tag = kind;
        open_tag(r, kind == '%', sign == '-' || (sign == '+' && kind == '%'));
    }
    return n;
}

// ---- tokens inside of tags

static bool name_char(char x, bool first)
{
    return (x >= 'a' && x <= 'z') || (x >= 'A' && x <= 'Z') || x == '_' || (unsigned char)x >= 0x80 ||
        (!first && x >= '0' && x <= '9');
}

static void keep(mw_jinja_reader *r, mw_jinja_token_kind kind, size_t from, size_t size)
{
    r->token.kind = kind;
    r->token.text = mw_jinja_alloc(r->m, size + 1);
    r->token.size = size;
    if (r->token.text)
        memcpy(r->token.text, r->text + from, size);
    go_to(r, from + size);
}

static void read_number(mw_jinja_reader *r)
{
    char digits[64];
    size_t i = r->at, n = 0;
    bool real = false;
    for (; i < r->size && n < sizeof digits - 1; i++) {
        char x = r->text[i], y = i + 1 < r->size ? r->text[i + 1] : 0;
        bool point = x == '.' && !real && y >= '0' && y <= '9';
        bool power = (x == 'e' || x == 'E') && ((y >= '0' && y <= '9') || y == '-' || y == '+');
        bool sign = (x == '-' || x == '+') && n && (digits[n - 1] == 'e' || digits[n - 1] == 'E');
        if (x == '_')
            continue;
        if (!(x >= '0' && x <= '9') && !point && !power && !sign)
            break;
        real |= point || power;
        digits[n++] = x;
    }
    digits[n] = 0;
    r->token.kind = real ? MW_JINJA_T_FLOAT : MW_JINJA_T_INT;
    r->token.i = strtoll(digits, NULL, 10);
    r->token.f = strtod(digits, NULL);
    r->at = i;
}

// The code point of an escape's digits; -1 when they are none.
static int64_t digits_of(const char *p, size_t left, size_t n, int base)
{
    int64_t code = 0;
    for (size_t i = 0; i < n; i++) {
        int d = i >= left                              ? -1
            : p[i] >= '0' && p[i] <= '9'               ? p[i] - '0'
            : (p[i] | 32) >= 'a' && (p[i] | 32) <= 'f' ? (p[i] | 32) - 'a' + 10
                                                       : -1;
        if (d < 0 || d >= base)
            return -1;
        code = code * base + d;
    }
    return code;
}

// One escape at p, behind the backslash, into out; returns how many characters of it were read.
static size_t read_escape(mw_jinja_reader *r, const char *p, size_t left, char *out, size_t *n)
{
    static const char from[] = "nrtabfv\\'\"", to[] = "\n\r\t\a\b\f\v\\'\"";
    const char *plain = strchr(from, p[0]);
    size_t digits = p[0] == 'x' ? 2 : p[0] == 'u' ? 4 : p[0] == 'U' ? 8 : 0;
    if (plain && p[0]) {
        out[(*n)++] = to[plain - from];
        return 1;
    }
    if (p[0] == '\n')
        return 1;
    if (p[0] >= '0' && p[0] <= '7') {
        size_t k = 1;
        while (k < 3 && k < left && p[k] >= '0' && p[k] <= '7')
            k++;
        *n += (size_t)mw_text_utf8((uint32_t)digits_of(p, left, k, 8), (unsigned char *)out + *n);
        return k;
    }
    if (digits) {
        int64_t code = digits_of(p + 1, left - 1, digits, 16);
        if (code < 0 || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
            mw_jinja_bad(r, "an escape \\%c in a text is damaged", p[0]);
        else
            *n += (size_t)mw_text_utf8((uint32_t)code, (unsigned char *)out + *n);
        return 1 + digits;
    }
    out[(*n)++] = '\\';
    return 0;
}

static void read_string(mw_jinja_reader *r)
{
    char quote = r->text[r->at];
    size_t end = r->at + 1, n = 0;
    while (end < r->size && r->text[end] != quote)
        end += r->text[end] == '\\' ? 2 : 1;
    if (end >= r->size) {
        mw_jinja_bad(r, "a text has no closing quote");
        return;
    }
    char *out = mw_jinja_alloc(r->m, end - r->at + 1);
    for (size_t i = r->at + 1; out && i < end;)
        if (r->text[i] != '\\')
            out[n++] = r->text[i++];
        else
            i += 1 + read_escape(r, r->text + i + 1, end - i - 1, out, &n);
    r->token = (mw_jinja_token){.kind = MW_JINJA_T_TEXT, .text = out, .size = n};
    go_to(r, end + 1);
}

// The end of the tag at r->at, with the sign that may stand before it.
static bool ends_tag(mw_jinja_reader *r)
{
    const char *end = r->in_block ? "%}" : "}}";
    char sign = r->text[r->at];
    size_t at = r->at + ((sign == '-' || (sign == '+' && r->in_block)) ? 1 : 0);
    if (r->open || r->size - at < 2 || memcmp(r->text + at, end, 2) != 0)
        return false;
    r->at = at + 2;
    r->token.kind = MW_JINJA_T_END;
    trim_behind(r, sign, r->in_block);
    return true;
}

void mw_jinja_next(mw_jinja_reader *r)
{
    static const char *const signs[] = {"**", "//", "==", "!=", ">=", "<=", NULL};
    r->token = (mw_jinja_token){0};
    go_to(r, skip_spaces(r, r->at));
    if (r->at >= r->size) {
        mw_jinja_bad(r, "a tag has no end");
        return;
    }
    if (mw_err(r->c) || ends_tag(r))
        return;
    char x = r->text[r->at];
    if (name_char(x, true)) {
        size_t end = r->at;
        while (end < r->size && name_char(r->text[end], end == r->at))
            end++;
        keep(r, MW_JINJA_T_NAME, r->at, end - r->at);
    } else if (x >= '0' && x <= '9') {
        read_number(r);
    } else if (x == '\'' || x == '"') {
        read_string(r);
    } else if (!strchr("+-*/%~=<>!()[]{}.,:|;", x) || !x) {
        char shown[16];
        mw_jinja_bad(r, "'%s' is no part of an expression",
                     mw_printable_n(r->text + r->at, 1, shown, sizeof shown));
    } else {
        size_t size = 1;
        for (int i = 0; signs[i]; i++)
            if (r->size - r->at >= 2 && memcmp(r->text + r->at, signs[i], 2) == 0)
                size = 2;
        r->open += strchr("([{", x) ? 1 : strchr(")]}", x) ? -1 : 0;
        keep(r, MW_JINJA_T_SIGN, r->at, size);
    }
}

bool mw_jinja_is_sign(const mw_jinja_reader *r, const char *sign)
{
    return r->token.kind == MW_JINJA_T_SIGN && r->token.text && strcmp(r->token.text, sign) == 0;
}

bool mw_jinja_is_name(const mw_jinja_reader *r, const char *name)
{
    return r->token.kind == MW_JINJA_T_NAME && r->token.text && strcmp(r->token.text, name) == 0;
}

bool mw_jinja_take_sign(mw_jinja_reader *r, const char *sign)
{
    bool is = mw_jinja_is_sign(r, sign);
    if (is)
        mw_jinja_next(r);
    return is;
}

bool mw_jinja_take_name(mw_jinja_reader *r, const char *name)
{
    bool is = mw_jinja_is_name(r, name);
    if (is)
        mw_jinja_next(r);
    return is;
}

void mw_jinja_want_sign(mw_jinja_reader *r, const char *sign)
{
    char shown[40];
    if (!mw_jinja_take_sign(r, sign))
        mw_jinja_bad(r, "'%s' is expected, not %s%s", sign, r->token.text ? "" : "the end of the tag",
                     r->token.text ? mw_printable(r->token.text, shown, sizeof shown) : "");
}
