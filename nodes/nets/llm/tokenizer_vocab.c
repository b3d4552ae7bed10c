// tokenizer_vocab.c: the pieces of a language model's vocabulary, and finding them by their texts.
#include "nodes/nets/llm/tokenizer_internal.h"

#include "core/base/text.h"

#include <stdlib.h>
#include <string.h>

static bool room_for_text(mw_ctx *c, mw_llm_tokenizer *t, size_t size)
{
    if (t->pool_size + size <= t->pool_room)
        return true;
    size_t room = t->pool_size + size + t->pool_room / 2 + 4096;
    char *pool = room > UINT32_MAX ? NULL : mw_realloc(c, t->pool, room);
    if (!pool)
        return false;
    t->pool = pool;
    t->pool_room = room;
    return true;
}

static bool room_for_piece(mw_ctx *c, mw_llm_tokenizer *t, int size)
{
    if (size <= t->room)
        return true;
    int room = size + t->room / 2 + 256;
    mw_llm_piece *piece = mw_realloc(c, t->piece, (size_t)room * sizeof *piece);
    if (!piece)
        return false;
    t->piece = piece;
    t->room = room;
    return true;
}

static mw_status fill(mw_ctx *c, mw_llm_tokenizer *t, int32_t id, const char *text, size_t size, float score,
                      mw_llm_token_type type)
{
    if (!room_for_text(c, t, size))
        return mw_err(c) ? mw_err(c) : mw_fail(c, MW_E_MEMORY, "a vocabulary of 4 GB does not fit");
    if (size)
        memcpy(t->pool + t->pool_size, text, size);
    t->piece[id] = (mw_llm_piece){
        .at = (uint32_t)t->pool_size, .size = (uint32_t)size, .score = score, .type = (uint8_t)type};
    t->pool_size += size;
    return MW_OK;
}

mw_status mw_llm_add_piece(mw_ctx *c, mw_llm_tokenizer *t, const char *text, size_t size, float score,
                           mw_llm_token_type type)
{
    if (!room_for_piece(c, t, t->size + 1))
        return mw_err(c);
    t->size++;
    return fill(c, t, t->size - 1, text, size, score, type);
}

mw_status mw_llm_set_piece(mw_ctx *c, mw_llm_tokenizer *t, int32_t id, const char *text, size_t size,
                           mw_llm_token_type type)
{
    if (!room_for_piece(c, t, id + 1))
        return mw_err(c);
    while (t->size <= id)
        t->piece[t->size++] = (mw_llm_piece){.type = MW_LLM_UNUSED};
    return fill(c, t, id, text, size, 0, type);
}

// ---- how files write texts

size_t mw_llm_unescape_spaces(char *text, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < size; i++)
        if (size - i >= 3 && memcmp(text + i, "\xE2\x96\x81", 3) == 0) {
            text[n++] = ' ';
            i += 2;
        } else {
            text[n++] = text[i];
        }
    return n;
}

mw_status mw_llm_add_escaped(mw_ctx *c, mw_llm_tokenizer *t, char *text, size_t size, float score,
                             mw_llm_token_type type)
{
    bool letters = type == MW_LLM_NORMAL || type == MW_LLM_USER || type == MW_LLM_UNUSED;
    bool spaced = letters && memchr(text, ' ', size);
    size_t kept = letters ? mw_llm_unescape_spaces(text, size) : size;
    if (mw_llm_add_piece(c, t, text, kept, score, type) == MW_OK) {
        t->piece[t->size - 1].no_word = spaced;
        t->piece[t->size - 1].mark = type == MW_LLM_USER && !t->words_inside && kept == size;
    }
    return mw_err(c);
}

bool mw_llm_letters_to_bytes(const char *text, size_t size, char *out, size_t *n)
{
    *n = 0;
    for (size_t i = 0, step; i < size; i += step) {
        uint32_t code = mw_text_decode((const unsigned char *)text + i, size - i, &step);
        int byte = mw_bpe_byte(code);
        if (byte < 0)
            return false;
        out[(*n)++] = (char)byte;
    }
    return true;
}

static int hex(char x)
{
    return x >= '0' && x <= '9' ? x - '0'
        : x >= 'A' && x <= 'F'  ? x - 'A' + 10
        : x >= 'a' && x <= 'f'  ? x - 'a' + 10
                                : -1;
}

int mw_llm_byte_name(const char *text, size_t size)
{
    if (size != 6 || memcmp(text, "<0x", 3) != 0 || text[5] != '>' || hex(text[3]) < 0 || hex(text[4]) < 0)
        return -1;
    return hex(text[3]) * 16 + hex(text[4]);
}

// ---- finding

#define HASH_BASIS UINT64_C(0xCBF29CE484222325)

static uint64_t hash_on(uint64_t h, char byte) { return (h ^ (unsigned char)byte) * UINT64_C(0x100000001B3); }

static int32_t at_hash(const mw_llm_tokenizer *t, const mw_llm_texts *x, uint64_t h, const char *text,
                       size_t size, size_t *place)
{
    size_t i = (size_t)(h ^ h >> 29) & x->mask;
    for (; x->id[i] >= 0; i = (i + 1) & x->mask) {
        const mw_llm_piece *p = &t->piece[x->id[i]];
        if (p->size == size && memcmp(t->pool + p->at, text, size) == 0)
            break;
    }
    if (place)
        *place = i;
    return x->id[i];
}

static mw_status start_table(mw_ctx *c, mw_llm_texts *x, size_t n)
{
    size_t size = 16;
    while (size < 2 * n)
        size *= 2;
    free(x->id);
    *x = (mw_llm_texts){.id = mw_alloc(c, size * sizeof *x->id), .mask = size - 1};
    for (size_t i = 0; x->id && i < size; i++)
        x->id[i] = -1;
    return mw_err(c);
}

static void add_to_table(const mw_llm_tokenizer *t, mw_llm_texts *x, int32_t id)
{
    const mw_llm_piece *p = &t->piece[id];
    const char *text = t->pool + p->at;
    uint64_t h = HASH_BASIS;
    size_t place;
    for (uint32_t i = 0; i < p->size; i++)
        h = hash_on(h, text[i]);
    if (p->size == 0 || at_hash(t, x, h, text, p->size, &place) >= 0)
        return;
    x->id[place] = id;
    x->n++;
    uint32_t *longest = &x->longest[(unsigned char)text[0]];
    *longest = p->size > *longest ? p->size : *longest;
}

static bool is_word(const mw_llm_tokenizer *t, const mw_llm_piece *p)
{
    bool also = t->kind != MW_LLM_BYTE_LEVEL && (p->type == MW_LLM_UNUSED || p->type == MW_LLM_USER);
    return !p->no_word && (p->type == MW_LLM_NORMAL || also);
}

// "<|user|>": a mark of a conversation, though a file may call it an added word.
static bool looks_like_control(const mw_llm_tokenizer *t, const mw_llm_piece *p)
{
    static const char *const bars[] = {"|", "\xEF\xBD\x9C"};
    const char *text = t->pool + p->at;
    for (int i = 0; i < 2; i++) {
        size_t n = strlen(bars[i]);
        if (p->size > 2 * n + 2 && text[0] == '<' && text[p->size - 1] == '>' &&
            memcmp(text + 1, bars[i], n) == 0 && memcmp(text + p->size - 1 - n, bars[i], n) == 0)
            return true;
    }
    return false;
}

mw_status mw_llm_index(mw_ctx *c, mw_llm_tokenizer *t, const char *file)
{
    size_t words = 0, marks = 0;
    bool scored = false;
    if (t->size == 0)
        return mw_fail(c, MW_E_FILE, "%s: its vocabulary is empty", file);
    for (int i = 0; i < t->size; i++) {
        mw_llm_piece *p = &t->piece[i];
        p->mark = p->mark || p->type == MW_LLM_CONTROL || p->type == MW_LLM_UNKNOWN ||
            (p->type == MW_LLM_USER && t->kind == MW_LLM_BYTE_LEVEL);
        if (p->mark && p->type == MW_LLM_USER && looks_like_control(t, p))
            p->type = MW_LLM_CONTROL;
        words += is_word(t, p);
        marks += p->mark;
    }
    if (start_table(c, &t->words, words) || start_table(c, &t->marks, marks))
        return mw_err(c);
    for (int i = 0; i < 256; i++)
        t->byte[i] = -1;
    for (int32_t i = 0; i < t->size; i++) {
        const mw_llm_piece *p = &t->piece[i];
        unsigned char first = p->size ? (unsigned char)t->pool[p->at] : 0;
        if (is_word(t, p))
            add_to_table(t, &t->words, i);
        if (p->mark)
            add_to_table(t, &t->marks, i);
        if (p->size == 1 && (p->type == MW_LLM_BYTE || (t->kind == MW_LLM_BYTE_LEVEL && is_word(t, p))) &&
            t->byte[first] < 0)
            t->byte[first] = i;
        if (p->type == MW_LLM_UNKNOWN && t->unknown < 0)
            t->unknown = i;
        if (p->type == MW_LLM_NORMAL) {
            t->least = !scored || p->score < t->least ? p->score : t->least;
            scored = true;
        }
    }
    return mw_err(c);
}

int32_t mw_llm_find(const mw_llm_tokenizer *t, const mw_llm_texts *x, const char *text, size_t size)
{
    if (size == 0 || size > x->longest[(unsigned char)text[0]])
        return -1;
    uint64_t h = HASH_BASIS;
    for (size_t i = 0; i < size; i++)
        h = hash_on(h, text[i]);
    return at_hash(t, x, h, text, size, NULL);
}

size_t mw_llm_find_prefixes(const mw_llm_tokenizer *t, const mw_llm_texts *x, const char *text, size_t size,
                            int32_t id[MW_LLM_PREFIXES])
{
    size_t longest = size ? x->longest[(unsigned char)text[0]] : 0, n = 0;
    uint64_t h = HASH_BASIS;
    for (size_t i = 0; i < size && i < longest && n < MW_LLM_PREFIXES; i++) {
        h = hash_on(h, text[i]);
        int32_t found = at_hash(t, x, h, text, i + 1, NULL);
        if (found >= 0)
            id[n++] = found;
    }
    return n;
}
