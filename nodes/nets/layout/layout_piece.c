// layout_piece.c: pieces of a text searched, stripped and copied.
#include "nodes/nets/layout/layout_piece.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <utf8proc.h>

const char *mw_piece_find(mw_piece p, const char *word)
{
    return p.n ? memmem(p.at, p.n, word, strlen(word)) : NULL;
}

bool mw_piece_begins(mw_piece p, const char *word)
{
    return p.n >= strlen(word) && strncasecmp(p.at, word, strlen(word)) == 0;
}

bool mw_piece_is(mw_piece p, const char *word) { return p.n == strlen(word) && mw_piece_begins(p, word); }

bool mw_piece_at(mw_piece p, const char *set) { return p.n && *p.at && strchr(set, *p.at); }

mw_piece mw_piece_from(mw_piece p, size_t skip)
{
    skip = skip < p.n ? skip : p.n;
    return (mw_piece){p.at + skip, p.n - skip};
}

size_t mw_piece_line(mw_piece p)
{
    const char *end = p.n ? memchr(p.at, '\n', p.n) : NULL;
    return end ? (size_t)(end - p.at) : p.n;
}

size_t mw_piece_character(mw_piece p, int32_t *x)
{
    *x = -1;
    if (!p.n)
        return 0;
    utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)p.at, (utf8proc_ssize_t)p.n, x);
    return n > 0 ? (size_t)n : 1;
}

// Bytes of the white space that p starts (or ends) with, 0 for none.
static size_t space_at(mw_piece p, bool end)
{
    if (!p.n)
        return 0;
    size_t at = end ? p.n - 1 : 0;
    while (end && at > 0 && p.n - at < 4 && ((unsigned char)p.at[at] & 0xC0) == 0x80)
        at--;
    int32_t x;
    size_t n = mw_piece_character(mw_piece_from(p, at), &x);
    if (x < 0 || (end && at + n != p.n))
        return 0;
    utf8proc_category_t k = utf8proc_category(x);
    bool space = (x >= 9 && x <= 13) || (x >= 28 && x <= 31) || x == 0x85 || k == UTF8PROC_CATEGORY_ZS ||
        k == UTF8PROC_CATEGORY_ZL || k == UTF8PROC_CATEGORY_ZP;
    return space ? n : 0;
}

mw_piece mw_piece_strip(mw_piece p)
{
    for (size_t n; (n = space_at(p, false)); p.at += n)
        p.n -= n;
    for (size_t n; (n = space_at(p, true));)
        p.n -= n;
    return p;
}

char *mw_piece_copy(mw_ctx *c, const mw_layout_source *from, const char *what, mw_piece p)
{
    p = mw_piece_strip(p);
    char *text = mw_alloc(c, p.n + 1);
    if (!text)
        return NULL;
    if (p.n)
        memcpy(text, p.at, p.n);
    int32_t x;
    for (size_t at = 0; at < p.n; at += mw_piece_character(mw_piece_from(p, at), &x)) {
        mw_piece_character(mw_piece_from(p, at), &x);
        if (x > 0)
            continue;
        mw_fail(c, from->code, "%s: the %s is not UTF-8 text at byte %zu of it", from->name, what, at + 1);
        free(text);
        return NULL;
    }
    return text;
}
