// unicode.h: characters of texts: UTF-8, classes, normalisation form C.
#ifndef MW_UNICODE_H
#define MW_UNICODE_H

#include "core/base/ctx.h"

typedef struct {
    uint32_t code;     // a Unicode scalar value
    size_t begin, end; // bytes of the text it comes from
} mw_text_char;

typedef struct {
    mw_text_char *at; // free() it
    size_t n, room;
} mw_text_chars;

// A stretch of a text, in bytes.
typedef struct {
    size_t begin, end;
} mw_text_span;

// false with MW_E_MEMORY.
bool mw_text_push(mw_ctx *c, mw_text_chars *s, uint32_t code, size_t begin, size_t end);

// text[begin..end) decoded and in normalisation form C (Unicode 3.11) into out, which is emptied first.
mw_status mw_text_nfc(mw_ctx *c, const char *text, size_t begin, size_t end, mw_text_chars *out);

// The scalar value at p, `left` >= 1 bytes; *size: its bytes. Of wrong UTF-8 the longest part that could
// begin a character becomes one U+FFFD, as Python replaces it.
uint32_t mw_text_decode(const unsigned char *p, size_t left, size_t *size);
// UTF-8 of a scalar value into out; returns the bytes, 1 to 4.
int mw_text_utf8(uint32_t code, unsigned char out[4]);

typedef enum { MW_CHAR_SPACE, MW_CHAR_LETTER, MW_CHAR_NUMBER, MW_CHAR_OTHER } mw_char_class;
mw_char_class mw_char_class_of(uint32_t code);
// White space as Unicode's property of that name has it.
bool mw_char_is_space(uint32_t code);
// Whether it belongs to a word as regular expressions have it: \w.
bool mw_char_in_word(uint32_t code);

#endif
