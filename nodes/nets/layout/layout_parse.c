// layout_parse.c: completions cut into boxes, background and negative prompt.
#include "nodes/nets/layout/layout_parse.h"

#include "core/base/text.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

// A piece of a text.
typedef struct {
    const char *at;
    size_t n;
} piece;

static const char *find(piece p, const char *word)
{
    return p.n ? memmem(p.at, p.n, word, strlen(word)) : NULL;
}

// Cut at `word` into at most two pieces. Returns how many pieces there are in all, 3 for three or more.
static int split(piece all, const char *word, piece out[2])
{
    const char *hit = find(all, word);
    if (!hit) {
        out[0] = all;
        return 1;
    }
    size_t before = (size_t)(hit - all.at), skip = before + strlen(word);
    out[0] = (piece){all.at, before};
    out[1] = (piece){all.at + skip, all.n - skip};
    return find(out[1], word) ? 3 : 2;
}

// Bytes of the white space that p starts (or ends) with, 0 for none: what Python's strip takes away.
static size_t space_at(piece p, bool end)
{
    if (!p.n)
        return 0;
    size_t at = end ? p.n - 1 : 0;
    while (end && at > 0 && p.n - at < 4 && ((unsigned char)p.at[at] & 0xC0) == 0x80)
        at--;
    utf8proc_int32_t x;
    utf8proc_ssize_t n =
        utf8proc_iterate((const utf8proc_uint8_t *)p.at + at, (utf8proc_ssize_t)(p.n - at), &x);
    if (n < 1 || (end && at + (size_t)n != p.n))
        return 0;
    utf8proc_category_t k = utf8proc_category(x);
    bool space = (x >= 9 && x <= 13) || (x >= 28 && x <= 31) || x == 0x85 || k == UTF8PROC_CATEGORY_ZS ||
        k == UTF8PROC_CATEGORY_ZL || k == UTF8PROC_CATEGORY_ZP;
    return space ? (size_t)n : 0;
}

static piece strip(piece p)
{
    for (size_t n; (n = space_at(p, false)); p.at += n)
        p.n -= n;
    for (size_t n; (n = space_at(p, true));)
        p.n -= n;
    return p;
}

// A copy that is valid UTF-8 without zero bytes, else a failure.
static char *copy(mw_ctx *c, const mw_layout_source *from, const char *what, piece p)
{
    p = strip(p);
    char *text = mw_alloc(c, p.n + 1);
    if (!text)
        return NULL;
    memcpy(text, p.at, p.n);
    for (size_t at = 0; at < p.n;) {
        utf8proc_int32_t x;
        utf8proc_ssize_t n =
            utf8proc_iterate((const utf8proc_uint8_t *)text + at, (utf8proc_ssize_t)(p.n - at), &x);
        if (n < 1 || x == 0) {
            mw_fail(c, from->code, "%s: the %s is not UTF-8 text at byte %zu of it", from->name, what,
                    at + 1);
            free(text);
            return NULL;
        }
        at += (size_t)n;
    }
    return text;
}

static void read_boxes(mw_ctx *c, const mw_layout_source *from, mw_layout_mode mode, piece p,
                       mw_completion *out)
{
    mw_literal l;
    if (mode == MW_STRICT)
        p = strip(p);
    if (mw_literal_read(c, p.at, p.n, &l) != MW_OK)
        return;
    out->boxes = l.value;
    out->tuple = l.tuple;
    if (l.value)
        return;
    if (l.kind == MW_LITERAL_SYNTAX && (find(p, "No objects") || strip(p).n == 0))
        out->boxes = json_array();
    else
        mw_fail(c, from->code, "%s: the list of boxes: %s", from->name, l.fault);
}

mw_status mw_completion_read(mw_ctx *c, const mw_layout_source *from, mw_layout_mode mode, const char *text,
                             size_t size, mw_completion *out)
{
    *out = (mw_completion){0};
    piece all = {text, size}, part[2], tail[2];
    char quoted[80];
    if (mw_err(c))
        return mw_err(c);
    if (!size)
        return mw_fail(c, from->code, "%s: the layout text is empty", from->name);
    if (split(all, "Objects: ", part) > 1) {
        all = part[1];
        split(all, "Objects: ", part);
        all = part[0];
    }
    mw_printable_n(all.at, all.n, quoted, sizeof quoted);
    int n = split(all, "Background prompt:", part);
    if (n != 2)
        return mw_fail(c, from->code, "%s: %s \"Background prompt:\" in \"%s\"", from->name,
                       n < 2 ? "there is no" : "there is more than one", quoted);
    n = split(part[1], "Negative prompt:", tail);
    if (n > 2)
        return mw_fail(c, from->code, "%s: there is more than one \"Negative prompt:\" in \"%s\"", from->name,
                       quoted);
    read_boxes(c, from, mode, part[0], out);
    piece negative = n == 2 ? strip(tail[1]) : (piece){"", 0};
    if (negative.n == 4 && memcmp(negative.at, "None", 4) == 0)
        negative.n = 0;
    out->background = mw_err(c) ? NULL : copy(c, from, "background prompt", tail[0]);
    out->negative = mw_err(c) ? NULL : copy(c, from, "negative prompt", negative);
    return mw_err(c);
}

void mw_completion_free(mw_completion *x)
{
    json_decref(x->boxes);
    free(x->background);
    free(x->negative);
    *x = (mw_completion){0};
}
