// clip_normalize.c: the characters of a text as CLIP's vocabulary wants them: NFC, one space for many, lower
// case. Each keeps the bytes it came from; utf8proc's own normaliser would forget them.
#include "nodes/nets/clip/clip_tokenizer_internal.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#define REPLACEMENT 0xFFFDu
#define FIRST_COMBINING 0x300u // characters below are their own NFC and combine with nothing below

static bool push(mw_ctx *c, mw_clip_chars *s, uint32_t code, size_t begin, size_t end)
{
    if (s->n == s->room) {
        size_t room = s->room ? 2 * s->room : 64;
        mw_clip_char *at = mw_realloc(c, s->at, room * sizeof *at);
        if (!at)
            return false;
        s->at = at;
        s->room = room;
    }
    s->at[s->n++] = (mw_clip_char){code, begin, end};
    return true;
}

uint32_t mw_clip_decode(const unsigned char *p, size_t left, size_t *size)
{
    *size = 1;
    unsigned lead = p[0];
    if (lead < 0x80)
        return lead;
    int more = lead >= 0xC2 && lead < 0xE0 ? 1
        : lead >= 0xE0 && lead < 0xF0      ? 2
        : lead >= 0xF0 && lead < 0xF5      ? 3
                                           : 0;
    if (!more)
        return REPLACEMENT;
    // The second byte decides about overlong forms, surrogates and what lies beyond U+10FFFF.
    unsigned low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    unsigned high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    uint32_t code = lead & (0x3Fu >> more);
    for (int i = 1; i <= more; i++, low = 0x80, high = 0xBF) {
        if ((size_t)i >= left || p[i] < low || p[i] > high)
            return REPLACEMENT;
        code = code << 6 | (p[i] & 0x3Fu);
        *size = (size_t)i + 1;
    }
    return code;
}

static unsigned combining_class(uint32_t code)
{
    return (unsigned)utf8proc_get_property((utf8proc_int32_t)code)->combining_class;
}

// Decode with canonical decomposition. *plain: nothing in it can change under NFC.
static bool decompose(mw_ctx *c, const char *text, size_t begin, size_t end, mw_clip_chars *out, bool *plain)
{
    *plain = true;
    for (size_t i = begin, size; i < end; i += size) {
        uint32_t code = mw_clip_decode((const unsigned char *)text + i, end - i, &size);
        utf8proc_int32_t parts[32] = {(utf8proc_int32_t)code};
        utf8proc_ssize_t n = 1;
        if (code >= FIRST_COMBINING) {
            *plain = false;
            n = utf8proc_decompose_char((utf8proc_int32_t)code, parts, 32, UTF8PROC_DECOMPOSE, NULL);
        }
        for (utf8proc_ssize_t j = 0; j < n; j++)
            if (!push(c, out, (uint32_t)parts[j], i, i + size))
                return false;
    }
    return true;
}

typedef struct {
    unsigned class;
    size_t place;
    mw_clip_char of;
} mark;

static int mark_order(const void *a_, const void *b_)
{
    const mark *a = a_, *b = b_;
    if (a->class != b->class)
        return a->class < b->class ? -1 : 1;
    return a->place < b->place ? -1 : 1;
}

// Put a run of combining marks into canonical order: by class, stable.
static bool sort_marks(mw_ctx *c, mw_clip_char *run, size_t n)
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

static bool order_marks(mw_ctx *c, mw_clip_chars *s)
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
static void compose(mw_clip_chars *s)
{
    size_t n = 0, starter = SIZE_MAX;
    for (size_t i = 0; i < s->n; i++) {
        mw_clip_char x = s->at[i];
        unsigned class = combining_class(x.code);
        bool open = starter != SIZE_MAX && (n - 1 == starter || combining_class(s->at[n - 1].code) < class);
        uint32_t both = open ? composite(s->at[starter].code, x.code) : 0;
        if (both) {
            mw_clip_char *to = &s->at[starter];
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

// White space as Unicode's property of that name has it.
static bool is_space(uint32_t code)
{
    return (code >= 9 && code <= 13) || code == 0x20 || code == 0x85 || code == 0xA0 || code == 0x1680 ||
        (code >= 0x2000 && code <= 0x200A) || code == 0x2028 || code == 0x2029 || code == 0x202F ||
        code == 0x205F || code == 0x3000;
}

// One space for a run of them, lower case for every character on its own. U+0130 alone becomes two.
static bool fold(mw_ctx *c, const mw_clip_chars *s, mw_clip_chars *out)
{
    for (size_t i = 0; i < s->n; i++) {
        mw_clip_char x = s->at[i];
        if (is_space(x.code)) {
            if (out->n && out->at[out->n - 1].code == ' ') {
                out->at[out->n - 1].end = x.end;
                continue;
            }
            x.code = ' ';
        } else if (x.code == 0x130) {
            if (!push(c, out, 'i', x.begin, x.end))
                return false;
            x.code = 0x307;
        } else {
            x.code = (uint32_t)utf8proc_tolower((utf8proc_int32_t)x.code);
        }
        if (!push(c, out, x.code, x.begin, x.end))
            return false;
    }
    return true;
}

mw_status mw_clip_normalize(mw_ctx *c, const char *text, size_t begin, size_t end, mw_clip_chars *out)
{
    out->n = 0;
    mw_clip_chars raw = {0};
    bool plain;
    if (decompose(c, text, begin, end, &raw, &plain) && (plain || order_marks(c, &raw))) {
        if (!plain)
            compose(&raw);
        fold(c, &raw, out);
    }
    free(raw.at);
    return mw_err(c);
}

mw_clip_class mw_clip_class_of(uint32_t code)
{
    if (code < 0x80) {
        if ((code >= 'a' && code <= 'z') || (code >= 'A' && code <= 'Z'))
            return MW_CLIP_LETTER;
        if (code >= '0' && code <= '9')
            return MW_CLIP_NUMBER;
    }
    if (is_space(code))
        return MW_CLIP_SPACE;
    utf8proc_category_t k = utf8proc_category((utf8proc_int32_t)code);
    if (k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LO)
        return MW_CLIP_LETTER;
    return k >= UTF8PROC_CATEGORY_ND && k <= UTF8PROC_CATEGORY_NO ? MW_CLIP_NUMBER : MW_CLIP_OTHER;
}

bool mw_clip_in_word(uint32_t code)
{
    utf8proc_category_t k = utf8proc_category((utf8proc_int32_t)code);
    return (k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_NL) || k == UTF8PROC_CATEGORY_PC ||
        code == 0x200C || code == 0x200D || (code >= 0x24B6 && code <= 0x24E9);
}

int mw_clip_utf8(uint32_t code, unsigned char out[4])
{
    return (int)utf8proc_encode_char((utf8proc_int32_t)code, out);
}
