// clip_tokenizer.c: texts to CLIP token ids.
#include "nodes/nets/clip/clip_tokenizer_internal.h"

#include <stdlib.h>
#include <string.h>

#define MAX_TEXT ((size_t)64 << 20)

// One text being tokenized.
typedef struct {
    mw_ctx *c;
    const mw_clip_tokenizer *t;
    mw_text_chars chars; // of the piece at hand
    mw_bpe_work work;
    unsigned char *word; // UTF-8 of the word at hand
    size_t *char_of;     // the character of each of its bytes
    size_t word_room, room;
    mw_clip_tokens *out;
    bool plain; // control tokens are not looked for
} job;

static void emit(job *j, int32_t id, size_t begin, size_t end)
{
    mw_clip_tokens *out = j->out;
    if (out->n == j->room) {
        size_t room = j->room ? 2 * j->room : 96;
        mw_clip_token *token = mw_realloc(j->c, out->token, room * sizeof *token);
        if (!token)
            return;
        out->token = token;
        j->room = room;
    }
    out->token[out->n++] = (mw_clip_token){id, begin, end};
}

// A special token, and what follows it.
static void emit_special(job *j, const mw_clip_special *s, size_t begin, size_t end)
{
    emit(j, s->id, begin, end);
    for (size_t i = 0; i < s->nmore; i++)
        emit(j, s->more[i], begin, end);
}

static bool word_room(job *j, size_t bytes)
{
    if (bytes <= j->word_room)
        return true;
    size_t room = 2 * bytes;
    unsigned char *word = mw_realloc(j->c, j->word, room);
    j->word = word ? word : j->word;
    size_t *char_of = word ? mw_realloc(j->c, j->char_of, room * sizeof *char_of) : NULL;
    j->char_of = char_of ? char_of : j->char_of;
    j->word_room = char_of ? room : j->word_room;
    return char_of != NULL;
}

// The token of the characters [first, last]: it stands for all bytes of all of them.
static void emit_symbol(job *j, int32_t id, size_t first, size_t last)
{
    const mw_text_char *at = j->chars.at;
    size_t begin = at[first].begin, end = at[first].end;
    for (size_t i = first + 1; i <= last; i++) { // marks may have changed places
        begin = at[i].begin < begin ? at[i].begin : begin;
        end = at[i].end > end ? at[i].end : end;
    }
    emit(j, id, begin, end);
}

// The tokens of the characters [begin, end) as one word.
static void encode_word(job *j, size_t begin, size_t end)
{
    if (!word_room(j, 4 * (end - begin)))
        return;
    size_t bytes = 0;
    for (size_t i = begin; i < end; i++) {
        size_t n = (size_t)mw_text_utf8(j->chars.at[i].code, j->word + bytes);
        for (size_t k = 0; k < n; k++)
            j->char_of[bytes++] = i;
    }
    size_t n = mw_clip_bpe_encode(j->c, &j->t->bpe, &j->work, j->word, bytes);
    const mw_bpe_symbol *symbol = j->work.symbol;
    for (size_t i = 0; i < n; i++)
        emit_symbol(j, symbol[i].id, j->char_of[symbol[i].begin], j->char_of[symbol[i].end - 1]);
}

static bool matches(const mw_text_chars *s, size_t at, size_t end, const char *ascii)
{
    size_t n = strlen(ascii);
    if (n > end - at)
        return false;
    for (size_t i = 0; i < n; i++)
        if (s->at[at + i].code != (unsigned char)ascii[i])
            return false;
    return true;
}

// The characters of the word that begins at `at`, which is no space.
static size_t word_at(const mw_text_chars *s, size_t at, size_t end)
{
    static const char *const endings[] = {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"};
    if (s->at[at].code == '\'')
        for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
            if (matches(s, at, end, endings[i]))
                return strlen(endings[i]);
    mw_char_class k = mw_char_class_of(s->at[at].code);
    size_t n = 1;
    if (k != MW_CHAR_NUMBER)
        while (at + n < end && mw_char_class_of(s->at[at + n].code) == k)
            n++;
    return n;
}

// The name of a CLIP token that came about by lower-casing, hence was not cut out as special. It is a word of
// the first splitting, which the second splits again: signs, letters, signs. What follows does not join its
// last signs.
static const char *marker_at(const mw_text_chars *s, size_t at, size_t end)
{
    if (s->at[at].code != '<')
        return NULL;
    return matches(s, at, end, "<|startoftext|>") ? "<|startoftext|>"
        : matches(s, at, end, "<|endoftext|>")    ? "<|endoftext|>"
                                                  : NULL;
}

static void encode_chars(job *j, size_t begin, size_t end)
{
    const mw_text_chars *s = &j->chars;
    size_t limit = end; // where the words at hand must end
    for (size_t i = begin; i < end && !mw_err(j->c);) {
        if (i >= limit)
            limit = end;
        const char *marker = limit == end ? marker_at(s, i, end) : NULL;
        if (marker)
            limit = i + strlen(marker);
        if (mw_char_class_of(s->at[i].code) == MW_CHAR_SPACE) {
            i++;
            continue;
        }
        size_t n = word_at(s, i, limit);
        encode_word(j, i, i + n);
        i += n;
    }
}

// The longest special token of the normalised kind at `at`.
static const mw_clip_special *normal_special_at(const job *j, size_t at)
{
    const mw_clip_special *best = NULL;
    for (size_t k = 0; k < j->t->nspecial; k++) {
        const mw_clip_special *s = &j->t->special[k];
        if (!s->normalized || (j->plain && s->control) || s->pattern.n > j->chars.n - at ||
            (best && s->pattern.n <= best->pattern.n))
            continue;
        size_t i = 0;
        while (i < s->pattern.n && s->pattern.at[i].code == j->chars.at[at + i].code)
            i++;
        if (i == s->pattern.n)
            best = s;
    }
    return best;
}

// Whether the characters [at, end) of the piece may be that token: one that stands alone must.
static bool stands(const job *j, const mw_clip_special *s, size_t at, size_t end)
{
    return !s->alone ||
        !((at > 0 && mw_char_in_word(j->chars.at[at - 1].code)) ||
          (end < j->chars.n && mw_char_in_word(j->chars.at[end].code)));
}

// Bytes [begin, end) of the text, in which no raw special token stands.
static void encode_piece(job *j, const char *text, size_t begin, size_t end)
{
    if (begin == end || mw_clip_normalize(j->c, text, begin, end, &j->chars))
        return;
    size_t from = 0;
    for (size_t i = 0; i < j->chars.n;) {
        const mw_clip_special *s = normal_special_at(j, i);
        if (!s) {
            i++;
            continue;
        }
        size_t behind = i + s->pattern.n;
        if (stands(j, s, i, behind)) {
            encode_chars(j, from, i);
            emit_special(j, s, j->chars.at[i].begin, j->chars.at[behind - 1].end);
            from = behind;
        }
        i = behind;
    }
    encode_chars(j, from, j->chars.n);
}

// The longest special token of the raw kind at text[at].
static const mw_clip_special *raw_special_at(const job *j, const char *text, size_t at, size_t size)
{
    const mw_clip_special *best = NULL;
    for (size_t k = 0; k < j->t->nspecial; k++) {
        const mw_clip_special *s = &j->t->special[k];
        size_t n = strlen(s->text);
        if (!s->normalized && !(j->plain && s->control) && n <= size - at &&
            memcmp(text + at, s->text, n) == 0 && (!best || n > strlen(best->text)))
            best = s;
    }
    return best;
}

static bool raw_stands(const mw_clip_special *s, const char *text, size_t size, size_t at, size_t end)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t before = at, ignored;
    if (!s->alone)
        return true;
    while (before > 0 && at - before < 4 && (before == at || (p[before] & 0xC0) == 0x80))
        before--;
    return !((at > 0 && mw_char_in_word(mw_text_decode(p + before, at - before, &ignored))) ||
             (end < size && mw_char_in_word(mw_text_decode(p + end, size - end, &ignored))));
}

static mw_status tokenize(mw_ctx *c, const mw_clip_tokenizer *t, const char *text, size_t size, bool plain,
                          mw_clip_tokens *out)
{
    *out = (mw_clip_tokens){0};
    if (mw_err(c))
        return mw_err(c);
    if (size > MAX_TEXT)
        return mw_fail(c, MW_E_ARG, "a prompt of %zu bytes is too long (at most %zu)", size, MAX_TEXT);
    job j = {.c = c, .t = t, .out = out, .plain = plain};
    size_t from = 0;
    for (size_t i = 0; i < size && !mw_err(c);) {
        const mw_clip_special *s = raw_special_at(&j, text, i, size);
        if (!s) {
            i++;
            continue;
        }
        size_t behind = i + strlen(s->text);
        if (raw_stands(s, text, size, i, behind)) {
            encode_piece(&j, text, from, i);
            emit_special(&j, s, i, behind);
            from = behind;
        }
        i = behind;
    }
    encode_piece(&j, text, from, size);
    free(j.chars.at);
    free(j.word);
    free(j.char_of);
    mw_bpe_work_free(&j.work);
    return mw_err(c);
}

mw_status mw_clip_tokenize(mw_ctx *c, const mw_clip_tokenizer *t, const char *text, size_t size,
                           mw_clip_tokens *out)
{
    return tokenize(c, t, text, size, false, out);
}

mw_status mw_clip_tokenize_plain(mw_ctx *c, const mw_clip_tokenizer *t, const char *text, size_t size,
                                 mw_clip_tokens *out)
{
    return tokenize(c, t, text, size, true, out);
}

void mw_clip_tokens_free(mw_clip_tokens *tokens)
{
    free(tokens->token);
    *tokens = (mw_clip_tokens){0};
}

mw_status mw_clip_encode(mw_ctx *c, const mw_clip_tokenizer *t, const char *text, size_t size, int32_t *ids,
                         mw_clip_fit *fit)
{
    mw_clip_tokens all;
    if (mw_clip_tokenize(c, t, text, size, &all) == MW_OK) {
        size_t room = (size_t)t->length - 2, n = all.n < room ? all.n : room;
        int padding = t->length - (int)n - 2, at = 0;
        for (int i = 0; i < padding; i++)
            ids[t->pad_left ? i : t->length - 1 - i] = t->pad;
        if (t->pad_left)
            at = padding;
        if (fit)
            *fit = (mw_clip_fit){at, (int)n + 2, all.n > n ? all.token[n].begin : size};
        ids[at++] = t->begin;
        for (size_t i = 0; i < n; i++)
            ids[at++] = all.token[i].id;
        ids[at] = t->end;
    }
    mw_clip_tokens_free(&all);
    return mw_err(c);
}

void mw_clip_tokenizer_free(mw_clip_tokenizer *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->nspecial; i++) {
        free(t->special[i].text);
        free(t->special[i].pattern.at);
        free(t->special[i].more);
    }
    free(t->special);
    mw_bpe_pairs_free(&t->bpe.merges);
    free(t);
}

int mw_clip_tokenizer_length(const mw_clip_tokenizer *t) { return t->length; }

int mw_clip_tokenizer_size(const mw_clip_tokenizer *t) { return t->size; }

int32_t mw_clip_tokenizer_begin(const mw_clip_tokenizer *t) { return t->begin; }

int32_t mw_clip_tokenizer_end(const mw_clip_tokenizer *t) { return t->end; }

bool mw_clip_tokenizer_pads_left(const mw_clip_tokenizer *t) { return t->pad_left; }

int32_t mw_clip_tokenizer_pad(const mw_clip_tokenizer *t) { return t->pad; }
