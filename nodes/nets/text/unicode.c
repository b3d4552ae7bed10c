// unicode.c: characters: UTF-8, classes.
#include "nodes/nets/text/unicode.h"

#include <stdlib.h>
#include <utf8proc.h>

#define REPLACEMENT 0xFFFDu

bool mw_text_push(mw_ctx *c, mw_text_chars *s, uint32_t code, size_t begin, size_t end)
{
    if (s->n == s->room) {
        size_t room = s->room ? 2 * s->room : 64;
        mw_text_char *at = mw_realloc(c, s->at, room * sizeof *at);
        if (!at)
            return false;
        s->at = at;
        s->room = room;
    }
    s->at[s->n++] = (mw_text_char){code, begin, end};
    return true;
}

uint32_t mw_text_decode(const unsigned char *p, size_t left, size_t *size)
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

bool mw_char_is_space(uint32_t code)
{
    return (code >= 9 && code <= 13) || code == 0x20 || code == 0x85 || code == 0xA0 || code == 0x1680 ||
        (code >= 0x2000 && code <= 0x200A) || code == 0x2028 || code == 0x2029 || code == 0x202F ||
        code == 0x205F || code == 0x3000;
}

mw_char_class mw_char_class_of(uint32_t code)
{
    if (code < 0x80) {
        if ((code >= 'a' && code <= 'z') || (code >= 'A' && code <= 'Z'))
            return MW_CHAR_LETTER;
        if (code >= '0' && code <= '9')
            return MW_CHAR_NUMBER;
    }
    if (mw_char_is_space(code))
        return MW_CHAR_SPACE;
    utf8proc_category_t k = utf8proc_category((utf8proc_int32_t)code);
    if (k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LO)
        return MW_CHAR_LETTER;
    return k >= UTF8PROC_CATEGORY_ND && k <= UTF8PROC_CATEGORY_NO ? MW_CHAR_NUMBER : MW_CHAR_OTHER;
}

bool mw_char_in_word(uint32_t code)
{
    utf8proc_category_t k = utf8proc_category((utf8proc_int32_t)code);
    return (k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_NL) || k == UTF8PROC_CATEGORY_PC ||
        code == 0x200C || code == 0x200D || (code >= 0x24B6 && code <= 0x24E9);
}

int mw_text_utf8(uint32_t code, unsigned char out[4])
{
    return (int)utf8proc_encode_char((utf8proc_int32_t)code, out);
}
