// clip_tokenizer_internal.h: what the files of the CLIP tokenizer share.
#ifndef MW_CLIP_TOKENIZER_INTERNAL_H
#define MW_CLIP_TOKENIZER_INTERNAL_H

#include "nodes/nets/clip/clip_tokenizer.h"

#include "core/io/json.h"

// ---- characters (clip_normalize.c)
typedef struct {
    uint32_t code;     // a Unicode scalar value
    size_t begin, end; // bytes of the text it comes from
} mw_clip_char;

typedef struct {
    mw_clip_char *at;
    size_t n, room;
} mw_clip_chars;

// Decode, normalise and lower-case text[begin..end) into out, which is emptied first.
mw_status mw_clip_normalize(mw_ctx *c, const char *text, size_t begin, size_t end, mw_clip_chars *out);

typedef enum { MW_CLIP_SPACE, MW_CLIP_LETTER, MW_CLIP_NUMBER, MW_CLIP_OTHER } mw_clip_class;
mw_clip_class mw_clip_class_of(uint32_t code);
// UTF-8 of a scalar value into out; returns the bytes, 1 to 4.
int mw_clip_utf8(uint32_t code, unsigned char out[4]);

// ---- byte-pair encoding (clip_bpe.c)
typedef struct {
    uint64_t pair; // left id << 32 | right id
    int32_t rank, id;
} mw_clip_merge;

typedef struct {
    int32_t byte[256],
        last_byte[256]; // id of a byte inside a word, and at its end; -1: not in the vocabulary
    int32_t unknown;
    mw_clip_merge *merges; // a hash table; id -1 marks a free place
    size_t mask;           // its size, a power of two, minus 1
} mw_clip_bpe;

mw_status mw_clip_bpe_init(mw_ctx *c, mw_clip_bpe *b, size_t merges); // room for that many
// Of two merges of one pair the later counts.
void mw_clip_bpe_add(mw_clip_bpe *b, int32_t left, int32_t right, int32_t rank, int32_t id);
void mw_clip_bpe_free(mw_clip_bpe *b);

// One symbol of a word: bytes [begin, end) of it.
typedef struct {
    int32_t id;
    size_t begin, end;
} mw_clip_symbol;

// Memory that the words of one text share.
typedef struct {
    struct mw_clip_link *link;
    struct mw_clip_candidate *heap;
    mw_clip_symbol *symbol; // the result
    size_t room;
} mw_clip_bpe_work;

// The symbols of a word of n bytes, n >= 1, into w->symbol; returns how many, 0 on failure.
size_t mw_clip_bpe_encode(mw_ctx *c, const mw_clip_bpe *b, mw_clip_bpe_work *w, const unsigned char *word,
                          size_t n);
void mw_clip_bpe_work_free(mw_clip_bpe_work *w);

// ---- the tokenizer
typedef struct {
    char *text; // owned
    int32_t id;
    bool normalized;       // looked for in the normalised text rather than in the raw one
    mw_clip_chars pattern; // its own normalised form, where it is
} mw_clip_special;

struct mw_clip_tokenizer {
    mw_clip_bpe bpe;
    mw_clip_special *special;
    size_t nspecial;
    int32_t begin, end, pad;
    int length, size;
};

// ---- its files (clip_vocab_check.c)
// Fails with MW_E_FILE when a token of `vocab` (token -> id, checked) before the end-of-text token is neither
// a byte, nor special, nor made by a merge: so it is where the file of merges was cut.
mw_status mw_clip_check_merges(mw_ctx *c, const mw_clip_tokenizer *t, const json_t *vocab,
                               const char *folder);

#endif
