// text.c: text from files made fit to be shown.
#include "core/base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#define SHOWN_MAX 12 // bytes that one character may become

// What becomes of the character at text (n >= 1 bytes are left) in out[SHOWN_MAX]; *used: the bytes it took.
static size_t show(const char *text, size_t n, size_t *used, char *out)
{
    utf8proc_int32_t point;
    utf8proc_ssize_t length = utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)n, &point);
    *used = length > 0 ? (size_t)length : 1;
    if (length <= 0)
        return (size_t)snprintf(out, SHOWN_MAX, "\\x%02x", (unsigned char)*text);
    if (point == '\n' || point == '\t' || point == '\r')
        return (size_t)snprintf(out, SHOWN_MAX, "\\%c", point == '\n' ? 'n' : point == '\t' ? 't' : 'r');
    utf8proc_category_t kind = utf8proc_category(point);
    // Cf holds the marks that turn the direction of writing around, which could disguise a name.
    if (kind == UTF8PROC_CATEGORY_CC || kind == UTF8PROC_CATEGORY_CF || kind == UTF8PROC_CATEGORY_ZL ||
        kind == UTF8PROC_CATEGORY_ZP)
        return (size_t)snprintf(out, SHOWN_MAX, point < 0x80 ? "\\x%02x" : "\\u{%x}", (unsigned)point);
    memcpy(out, text, *used);
    return *used;
}

const char *mw_printable_n(const char *text, size_t n, char *buf, size_t size)
{
    size_t used = 0, fits = 0, took;
    char one[SHOWN_MAX];
    for (size_t i = 0; i < n; i += took) {
        size_t m = show(text + i, n - i, &took, one);
        if (used + m + 1 > size) {
            strcpy(buf + fits, "...");
            return buf;
        }
        memcpy(buf + used, one, m);
        used += m;
        if (used + 4 <= size)
            fits = used;
    }
    buf[used] = 0;
    return buf;
}

const char *mw_printable(const char *text, char *buf, size_t size)
{
    return mw_printable_n(text, strlen(text), buf, size);
}

char *mw_printable_lines(const char *text)
{
    size_t n = strlen(text), used = 0, took;
    char *out = malloc(n * SHOWN_MAX + 1);
    for (size_t i = 0; out && i < n; i += took) {
        took = 1;
        if (text[i] == '\t')
            out[used++] = '\t';
        else if (text[i] == '\n')
            used += (size_t)(stpcpy(out + used, text[i + 1] ? "\n  " : "") - (out + used));
        else
            used += show(text + i, n - i, &took, out + used);
    }
    if (out)
        out[used] = 0;
    return out;
}

size_t mw_utf8_length(const char *text, size_t n)
{
    size_t at = 0;
    utf8proc_int32_t point;
    while (at < n) {
        utf8proc_ssize_t length =
            utf8proc_iterate((const utf8proc_uint8_t *)text + at, (utf8proc_ssize_t)(n - at), &point);
        if (length <= 0)
            break;
        at += (size_t)length;
    }
    return at;
}

size_t mw_byte_order_mark(const char *text, size_t n)
{
    return n >= 3 && !memcmp(text, "\xef\xbb\xbf", 3) ? 3 : 0;
}
