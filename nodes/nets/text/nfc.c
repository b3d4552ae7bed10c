// nfc.c: Unicode's normalisation form C of characters that keep the bytes they came from; utf8proc's own
// normaliser would forget them.
#include "nodes/nets/text/unicode.h"

#include <stdlib.h>
#include <utf8proc.h>

#define FIRST_COMBINING 0x300u // characters below are their own NFC and combine with nothing below

static unsigned combining_class(uint32_t code)
{
    return (unsigned)utf8proc_get_property((utf8proc_int32_t)code)->combining_class;
}

// Decode with canonical decomposition. *plain: nothing in it can change under NFC.
static bool decompose(mw_ctx *c, const char *text, size_t begin, size_t end, mw_text_chars *out, bool *plain)
{
    *plain = true;
    for (size_t i = begin, size; i < end; i += size) {
        uint32_t code = mw_text_decode((const unsigned char *)text + i, end - i, &size);
        utf8proc_int32_t parts[32] = {(utf8proc_int32_t)code};
        utf8proc_ssize_t n = 1;
        if (code >= FIRST_COMBINING) {
            *plain = false;
            n = utf8proc_decompose_char((utf8proc_int32_t)code, parts, 32, UTF8PROC_DECOMPOSE, NULL);
        }
        for (utf8proc_ssize_t j = 0; j < n; j++)
            if (!mw_text_push(c, out, (uint32_t)parts[j], i, i + size))
                return false;
    }
    return true;
}

typedef struct {
    unsigned class;
    size_t place;
    mw_text_char of;
} mark;

static int mark_order(const void *a_, const void *b_)
{
    const mark *a = a_, *b = b_;
    if (a->class != b->class)
        return a->class < b->class ? -1 : 1;
    return a->place < b->place ? -1 : 1;
}

// Put a run of combining marks into canonical order: by class, stable.
static bool sort_marks(mw_ctx *c, mw_text_char *run, size_t n)
{
    if (n < 2)
        return true;
    mark *m = mw_alloc(c, n * sizeof *m);
    if (!m)
        return false;
    for (size_t i = 0; i < n; i++)
        m[i] = (mark){combining_class(run[i].code), i, run[i]};
    qsort(m, n, sizeof *m, mark_order);
    for (size_t i = 0; i < n; i++)
        run[i] = m[i].of;
    free(m);
    return true;
}

static bool order_marks(mw_ctx *c, mw_text_chars *s)
{
    for (size_t i = 0; i < s->n;) {
        size_t j = i;
        while (j < s->n && combining_class(s->at[j].code))
            j++;
        if (!sort_marks(c, s->at + i, j - i))
            return false;
        i = j + 1;
    }
    return true;
}

// The primary composite of two characters; 0 when they have none.
static uint32_t composite(uint32_t a, uint32_t b)
{
    utf8proc_int32_t pair[2] = {(utf8proc_int32_t)a, (utf8proc_int32_t)b};
    utf8proc_ssize_t n = utf8proc_normalize_utf32(pair, 2, UTF8PROC_COMPOSE | UTF8PROC_STABLE);
    return n == 1 ? (uint32_t)pair[0] : 0;
}

// Canonical composition in place (Unicode 3.11, D117).
static void compose(mw_text_chars *s)
{
    size_t n = 0, starter = SIZE_MAX;
    for (size_t i = 0; i < s->n; i++) {
        mw_text_char x = s->at[i];
        unsigned class = combining_class(x.code);
        bool open = starter != SIZE_MAX && (n - 1 == starter || combining_class(s->at[n - 1].code) < class);
        uint32_t both = open ? composite(s->at[starter].code, x.code) : 0;
        if (both) {
            mw_text_char *to = &s->at[starter];
            to->code = both;
            to->begin = to->begin < x.begin ? to->begin : x.begin;
            to->end = to->end > x.end ? to->end : x.end;
            continue;
        }
        if (class == 0)
            starter = n;
        s->at[n++] = x;
    }
    s->n = n;
}

mw_status mw_text_nfc(mw_ctx *c, const char *text, size_t begin, size_t end, mw_text_chars *out)
{
    out->n = 0;
    bool plain;
    if (decompose(c, text, begin, end, out, &plain) && !plain && order_marks(c, out))
        compose(out);
    return mw_err(c);
}
