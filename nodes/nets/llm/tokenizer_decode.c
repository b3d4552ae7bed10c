// tokenizer_decode.c: token ids to text, all at once or as they arrive.
#include "nodes/nets/llm/tokenizer_internal.h"

#include <stdlib.h>
#include <string.h>

struct mw_llm_stream {
    const mw_llm_tokenizer *t;
    bool continuing, with_special;
    bool whole;    // as sentencepiece decodes a whole text: each byte that is no UTF-8 is one U+FFFD,
                   // only a piece of letters loses its space in front
    bool at_start; // spaces that sentencepiece puts in front of a text are still to be dropped
    bool any_text; // some came
    size_t nheld;  // bytes that may still become a character
    unsigned char held[4];
    char *out;
    size_t size, room;
};

static void begin(mw_llm_stream *s)
{
    s->at_start = !s->continuing && (s->t->normal.space_before || s->t->normal.collapse);
    s->any_text = false;
    s->nheld = 0;
}

mw_llm_stream *mw_llm_stream_new(mw_ctx *c, const mw_llm_tokenizer *t, bool continuing)
{
    mw_llm_stream *s = mw_err(c) ? NULL : mw_alloc(c, sizeof *s);
    if (!s)
        return NULL;
    s->t = t;
    s->continuing = continuing;
    begin(s);
    return s;
}

void mw_llm_stream_free(mw_llm_stream *s)
{
    if (s)
        free(s->out);
    free(s);
}

static void put(mw_ctx *c, mw_llm_stream *s, const char *text, size_t size)
{
    if (s->size + size + 1 > s->room) {
        size_t room = 2 * (s->size + size) + 64;
        char *out = mw_realloc(c, s->out, room);
        if (!out)
            return;
        s->out = out;
        s->room = room;
    }
    if (s->at_start && !s->whole && size) {
        bool space = text[0] == ' ';
        s->at_start = space && s->t->normal.collapse;
        text += space;
        size -= space;
    }
    if (size)
        memcpy(s->out + s->size, text, size);
    s->size += size;
    s->out[s->size] = 0;
    s->any_text |= size > 0;
}

static void put_wrong(mw_ctx *c, mw_llm_stream *s, size_t bytes)
{
    for (size_t i = 0; i < (s->whole ? bytes : 1); i++)
        put(c, s, "\xEF\xBF\xBD", 3);
}

// Whether the `left` bytes are the begin of one character and nothing else.
static bool unfinished(const unsigned char *p, size_t left)
{
    size_t size, whole = p[0] < 0xC2 ? 1 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : p[0] < 0xF5 ? 4 : 1;
    mw_text_decode(p, left, &size);
    return left < whole && size == left;
}

// The first character of `left` bytes, or what is wrong there; returns its bytes.
static size_t put_character(mw_ctx *c, mw_llm_stream *s, const unsigned char *p, size_t left)
{
    size_t size;
    uint32_t code = mw_text_decode(p, left, &size);
    if (code == 0xFFFD && !(size == 3 && p[0] == 0xEF && p[1] == 0xBF && p[2] == 0xBD))
        put_wrong(c, s, size);
    else
        put(c, s, (const char *)p, size);
    return size;
}

static void flush(mw_ctx *c, mw_llm_stream *s)
{
    if (s->nheld)
        put_wrong(c, s, s->nheld);
    s->nheld = 0;
}

static void put_bytes(mw_ctx *c, mw_llm_stream *s, const char *bytes, size_t size)
{
    const unsigned char *p = (const unsigned char *)bytes;
    size_t i = 0;
    while (s->nheld && i < size) {
        s->held[s->nheld++] = p[i++];
        if (unfinished(s->held, s->nheld))
            continue;
        size_t was = s->nheld, taken = put_character(c, s, s->held, was);
        i -= was - taken; // the last one was not part of it
        s->nheld = 0;
    }
    while (i < size && !unfinished(p + i, size - i))
        i += put_character(c, s, p + i, size - i);
    if (i < size) {
        s->nheld = size - i;
        memcpy(s->held, p + i, s->nheld);
    }
}

static void put_piece(mw_ctx *c, mw_llm_stream *s, const mw_llm_piece *p)
{
    const char *text = s->t->pool + p->at;
    size_t size = p->size;
    bool spaced = s->t->kind != MW_LLM_BYTE_LEVEL;
    if (spaced && p->type != MW_LLM_BYTE)
        flush(c, s);
    if (s->any_text && s->whole)
        s->at_start = false;
    if (p->type == MW_LLM_CONTROL) {
        if (s->with_special)
            put_bytes(c, s, text, size);
        return;
    }
    if (p->type == MW_LLM_UNKNOWN && spaced) {
        put(c, s, " \xE2\x81\x87 ", 5);
        return;
    }
    if (s->at_start && s->whole && size && p->type != MW_LLM_BYTE && !p->no_word && text[0] == ' ') {
        s->at_start = s->t->normal.collapse;
        text++;
        size--;
    }
    put_bytes(c, s, text, size);
}

const char *mw_llm_stream_put(mw_ctx *c, mw_llm_stream *s, int32_t id, size_t *size)
{
    s->size = 0;
    put(c, s, "", 0);
    if (id < 0 || id >= s->t->size)
        mw_fail(c, MW_E_ARG, "%d is no token of the vocabulary, which has %d", id, s->t->size);
    else
        put_piece(c, s, &s->t->piece[id]);
    if (size)
        *size = s->size;
    return mw_err(c) ? NULL : s->out;
}

const char *mw_llm_stream_end(mw_ctx *c, mw_llm_stream *s, size_t *size)
{
    s->size = 0;
    put(c, s, "", 0);
    flush(c, s);
    begin(s);
    if (size)
        *size = s->size;
    return mw_err(c) ? NULL : s->out;
}

char *mw_llm_decode(mw_ctx *c, const mw_llm_tokenizer *t, const int32_t *ids, size_t n, bool with_special,
                    size_t *size)
{
    mw_llm_stream s = {.t = t, .with_special = with_special, .whole = t->kind != MW_LLM_BYTE_LEVEL};
    begin(&s);
    put(c, &s, "", 0);
    for (size_t i = 0; i < n && !mw_err(c); i++) {
        if (ids[i] < 0 || ids[i] >= t->size)
            mw_fail(c, MW_E_ARG, "%d is no token of the vocabulary, which has %d", ids[i], t->size);
        else
            put_piece(c, &s, &t->piece[ids[i]]);
    }
    flush(c, &s);
    if (mw_err(c)) {
        free(s.out);
        return NULL;
    }
    if (size)
        *size = s.size;
    return s.out;
}
