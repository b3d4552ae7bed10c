// layout_literal_scalar.c: numbers and texts of Python literals.
#include "nodes/nets/layout/layout_literal_internal.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

// ---- numbers

enum { LONGEST_NUMBER = 4000 };

static bool digit_of(char x, int base)
{
    int v = isdigit((unsigned char)x) ? x - '0' : isxdigit((unsigned char)x) ? tolower(x) - 'a' + 10 : 99;
    return v < base;
}

// Digits with single underscores between them, appended to buf; false when there are none or an underscore
// is out of place. An underscore may also stand first (0x_ff) when `lead`.
static bool digits(mw_literal_reader *r, int base, bool lead, char *buf, size_t *n)
{
    bool any = false, want = !lead;
    for (; r->at < r->end && *n < LONGEST_NUMBER; r->at++) {
        if (*r->at == '_') {
            if (want)
                return false;
            want = true;
        } else if (digit_of(*r->at, base)) {
            buf[(*n)++] = *r->at;
            any = true;
            want = false;
        } else {
            break;
        }
    }
    buf[*n] = 0;
    return any && !want;
}

// A whole number where 64 bits hold it, else the nearest double.
static json_t *whole(const char *buf, int base)
{
    errno = 0;
    long long v = strtoll(buf, NULL, base);
    if (errno == 0)
        return json_integer(v);
    double wide = base == 10 ? strtod(buf, NULL) : 0;
    for (const char *p = buf; base != 10 && *p; p++)
        wide = wide * base + (isdigit((unsigned char)*p) ? *p - '0' : tolower(*p) - 'a' + 10);
    return isfinite(wide) ? json_real(wide) : NULL;
}

static json_t *wrong(mw_literal_reader *r, const char *where)
{
    return mw_literal_fault(r, MW_LITERAL_SYNTAX, where, "a number that is not written as one");
}

// What may not follow a number directly.
static json_t *closed(mw_literal_reader *r, const char *where, json_t *v)
{
    char x = r->at < r->end ? *r->at : 0;
    if (v && !isalnum((unsigned char)x) && x != '_' && !(x & 0x80))
        return v;
    json_decref(v);
    if (v && (x == 'j' || x == 'J'))
        return mw_literal_fault(r, MW_LITERAL_VALUE, where, "a complex number");
    return v ? wrong(r, where) : mw_literal_fault(r, MW_LITERAL_VALUE, where, "a number beyond all bounds");
}

static json_t *with_base(mw_literal_reader *r, int base)
{
    char buf[LONGEST_NUMBER + 1];
    const char *where = r->at;
    size_t n = 0;
    r->at += 2;
    return digits(r, base, true, buf, &n) ? closed(r, where, whole(buf, base)) : wrong(r, where);
}

// The part behind the point and the exponent, appended to buf; false when it is wrong.
static bool fraction(mw_literal_reader *r, char *buf, size_t *n, bool *floating)
{
    if (r->at < r->end && *r->at == '.') {
        *floating = true;
        buf[(*n)++] = *r->at++;
        if (r->at < r->end && isdigit((unsigned char)*r->at) && !digits(r, 10, false, buf, n))
            return false;
    }
    if (r->at < r->end && (*r->at == 'e' || *r->at == 'E') && *n + 2 < LONGEST_NUMBER) {
        *floating = true;
        buf[(*n)++] = *r->at++;
        if (r->at < r->end && (*r->at == '+' || *r->at == '-'))
            buf[(*n)++] = *r->at++;
        if (!digits(r, 10, false, buf, n))
            return false;
    }
    buf[*n] = 0;
    return *n < LONGEST_NUMBER;
}

json_t *mw_literal_number(mw_literal_reader *r)
{
    char buf[LONGEST_NUMBER + 8];
    const char *where = r->at;
    size_t n = 0;
    bool floating = false;
    if (*r->at == '0' && r->end - r->at > 1) {
        char x = (char)tolower(r->at[1]);
        if (x == 'x' || x == 'o' || x == 'b')
            return with_base(r, x == 'x' ? 16 : x == 'o' ? 8 : 2);
    }
    if (*r->at != '.' && !digits(r, 10, false, buf, &n))
        return wrong(r, where);
    if (n >= LONGEST_NUMBER || !fraction(r, buf, &n, &floating))
        return wrong(r, where);
    if (!floating && buf[0] == '0' && strspn(buf, "0") < n)
        return mw_literal_fault(r, MW_LITERAL_SYNTAX, where, "a number with a leading zero");
    double v = floating ? strtod(buf, NULL) : 0;
    return closed(r, where, floating ? isfinite(v) ? json_real(v) : NULL : whole(buf, 10));
}

// ---- texts

// A text that grows.
typedef struct {
    char *bytes;
    size_t n, room;
    bool full; // memory ran out
} buffer;

static void put(buffer *b, const char *bytes, size_t n)
{
    if (b->n + n + 1 > b->room) {
        size_t room = (b->n + n + 1) * 2;
        char *more = realloc(b->bytes, room);
        b->full |= !more;
        if (!more)
            return;
        b->bytes = more;
        b->room = room;
    }
    memcpy(b->bytes + b->n, bytes, n);
    b->n += n;
    b->bytes[b->n] = 0;
}

static void put_character(buffer *b, long x)
{
    utf8proc_uint8_t utf8[4];
    put(b, (char *)utf8, (size_t)utf8proc_encode_char((utf8proc_int32_t)x, utf8));
}

// `n` digits of that base at r->at; -1 when there are fewer.
static long code(mw_literal_reader *r, int n, int base)
{
    long v = 0;
    for (int i = 0; i < n; i++, r->at++) {
        if (r->at == r->end || !digit_of(*r->at, base))
            return -1;
        v = v * base + (isdigit((unsigned char)*r->at) ? *r->at - '0' : tolower(*r->at) - 'a' + 10);
    }
    return v;
}

// The second half of a surrogate pair written as a further \u escape, -1 when there is none.
static long second_half(mw_literal_reader *r)
{
    const char *back = r->at;
    if (r->end - r->at >= 6 && r->at[0] == '\\' && r->at[1] == 'u') {
        r->at += 2;
        long low = code(r, 4, 16);
        if (low >= 0xDC00 && low <= 0xDFFF)
            return low;
    }
    r->at = back;
    return -1;
}

// \x, \u and \U; r->at is behind the letter. Half a surrogate pair becomes U+FFFD.
static bool coded(mw_literal_reader *r, buffer *b, int n)
{
    const char *where = r->at - 2;
    long x = code(r, n, 16);
    if (x < 0 || x > 0x10FFFF) {
        mw_literal_fault(r, MW_LITERAL_SYNTAX, where, "an escape that names no character");
        return false;
    }
    if (x >= 0xD800 && x <= 0xDFFF) {
        long low = x <= 0xDBFF ? second_half(r) : -1;
        x = low < 0 ? 0xFFFD : 0x10000 + ((x - 0xD800) << 10) + (low - 0xDC00);
    }
    put_character(b, x);
    return true;
}

// An escape; r->at is at the backslash.
static bool escape(mw_literal_reader *r, buffer *b)
{
    static const char from[] = "\\'\"abfnrtv", to[] = "\\'\"\a\b\f\n\r\t\v";
    if (r->end - r->at < 2)
        return false; // the closing quote is missing: told by the caller
    char x = r->at[1];
    const char *simple = x ? strchr(from, x) : NULL;
    if (x >= '0' && x <= '7') {
        long v = 0;
        r->at++;
        for (int i = 0; i < 3 && r->at < r->end && digit_of(*r->at, 8); i++)
            v = v * 8 + (*r->at++ - '0');
        put_character(b, v);
        return true;
    }
    r->at += 2;
    if (x == '\r' && r->at < r->end && *r->at == '\n')
        r->at++;
    if (x == '\n' || x == '\r')
        return true;
    if (x == 'x' || x == 'u' || x == 'U')
        return coded(r, b, x == 'x' ? 2 : x == 'u' ? 4 : 8);
    if (x == 'N') {
        mw_literal_fault(r, MW_LITERAL_VALUE, r->at - 2, "a character by its name");
        return false;
    }
    if (simple)
        put(b, to + (simple - from), 1);
    else
        put(b, r->at - 2, 2);
    return true;
}

static bool closes(const mw_literal_reader *r, char quote, int quotes)
{
    if (r->end - r->at < quotes)
        return false;
    for (int i = 0; i < quotes; i++)
        if (r->at[i] != quote)
            return false;
    return true;
}

// Any line end is read as \n; r->at is at \r.
static void take_line_end(mw_literal_reader *r, buffer *b)
{
    put(b, "\n", 1);
    r->at += r->end - r->at > 1 && r->at[1] == '\n' ? 2 : 1;
}

// One quoted piece; r->at is at the quote.
static bool quoted(mw_literal_reader *r, bool raw, buffer *b)
{
    const char *where = r->at;
    char quote = *r->at;
    int quotes = closes(r, quote, 3) ? 3 : 1;
    r->at += quotes;
    while (r->at < r->end && !closes(r, quote, quotes)) {
        bool line = *r->at == '\n' || *r->at == '\r';
        if (line && quotes == 1)
            break;
        if (*r->at == '\\' && !raw) {
            if (!escape(r, b) || r->end - r->at < 1)
                break;
            continue;
        }
        if (*r->at == '\r') {
            take_line_end(r, b);
            continue;
        }
        bool two = *r->at == '\\' && r->end - r->at > 1; // in a raw text it keeps what follows from closing
        put(b, r->at++, 1);
        if (two && *r->at == '\r')
            take_line_end(r, b);
        else if (two)
            put(b, r->at++, 1);
    }
    if (!closes(r, quote, quotes)) {
        mw_literal_fault(r, MW_LITERAL_SYNTAX, where, "a text whose closing quote is missing");
        return false;
    }
    r->at += quotes;
    return true;
}

// Letters in front of a quote: how many, 0 also when no quote follows; *raw and *other (bytes, formatted).
static size_t prefix(const mw_literal_reader *r, bool *raw, bool *other)
{
    size_t n = 0, room = (size_t)(r->end - r->at);
    *raw = *other = false;
    while (n < room && n < 2 && strchr(n ? "rRbBfF" : "rRuUbBfF", r->at[n]) &&
           (n == 0 || !strchr("uU", r->at[0]))) {
        *raw |= tolower(r->at[n]) == 'r';
        *other |= strchr("bBfF", r->at[n]) != NULL;
        n++;
    }
    return n < room && (r->at[n] == '\'' || r->at[n] == '"') ? n : 0;
}

bool mw_literal_at_text(const mw_literal_reader *r)
{
    bool raw, other;
    return r->at < r->end && (*r->at == '\'' || *r->at == '"' || prefix(r, &raw, &other) > 0);
}

json_t *mw_literal_text(mw_literal_reader *r, void (*skip)(mw_literal_reader *))
{
    buffer b = {0};
    bool good = true, raw, other;
    put(&b, "", 0);
    while (good && mw_literal_at_text(r)) {
        size_t n = prefix(r, &raw, &other);
        if (other)
            mw_literal_fault(r, MW_LITERAL_VALUE, r->at, "bytes or a formatted text");
        r->at += n;
        good = !other && quoted(r, raw, &b) && !b.full;
        if (good)
            skip(r);
    }
    json_t *v = good && b.bytes ? json_stringn(b.bytes, b.n) : NULL;
    free(b.bytes);
    return v;
}
