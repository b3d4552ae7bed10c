// clip_tokenizer_internal.h: what the files of the CLIP tokenizer share.
#ifndef MW_CLIP_TOKENIZER_INTERNAL_H
#define MW_CLIP_TOKENIZER_INTERNAL_H

#include "nodes/nets/clip/clip_tokenizer.h"

#include "core/io/json.h"
#include "nodes/nets/text/bpe.h"
#include "nodes/nets/text/unicode.h"

// Decode, normalise and lower-case text[begin..end) into out, which is emptied first (clip_normalize.c).
mw_status mw_clip_normalize(mw_ctx *c, const char *text, size_t begin, size_t end, mw_text_chars *out);

// ---- byte-pair encoding (clip_bpe.c)
typedef struct {
    int32_t byte[256],
        last_byte[256]; // id of a byte inside a word, and at its end; -1: not in the vocabulary
    int32_t unknown;
    mw_bpe_pairs merges;
} mw_clip_bpe;

// The symbols of a word of n bytes, n >= 1, into w->symbol; returns how many, 0 on failure.
size_t mw_clip_bpe_encode(mw_ctx *c, const mw_clip_bpe *b, mw_bpe_work *w, const unsigned char *word,
                          size_t n);

// ---- the tokenizer
typedef struct {
    char *text; // owned
    int32_t id;
    bool normalized;       // looked for in the normalised text rather than in the raw one
    bool control;          // begin, end, unknown, padding, or called special: no word of a prompt
    bool alone;            // only where no letter, digit or the like stands beside it
    mw_text_chars pattern; // its own normalised form, where it is
    int32_t *more;         // ids that follow it wherever it stands: those of "text_1", "text_2", ...
    size_t nmore;
} mw_clip_special;

struct mw_clip_tokenizer {
    mw_clip_bpe bpe;
    mw_clip_special *special;
    size_t nspecial;
    int32_t begin, end, pad;
    int length, size;
    bool pad_left; // the padding stands before the text
};

// ---- its files
#define MW_CLIP_MAX_ID (1 << 24) // larger vocabularies do not exist

// What is read before the tokenizer is made of it. JSON values are owned, the rest points into them.
typedef struct {
    mw_clip_tokenizer *t;
    json_t *vocab;                // token -> id
    json_t *config, *map, *whole; // tokenizer_config.json, special_tokens_map.json, tokenizer.json; or NULL
    json_t *added;                // added_tokens.json; or NULL
    char *vocab_file;             // its path, owned; for messages
    const char *folder;
    int32_t rank; // of the next merge
} mw_clip_files;

// The id of a token of the vocabulary; -1 when it is not in it (clip_vocab.c).
int32_t mw_clip_id_of(const mw_clip_files *f, const char *token, size_t size);

// Added tokens, then begin, end, unknown and padding (clip_specials.c). MW_E_FILE naming the token.
mw_status mw_clip_read_specials(mw_ctx *c, mw_clip_files *f, const char *pad);
// Makes `text` a special token; of two with one text the later's flags count. Its id is the next one where
// the vocabulary has none. *id may be NULL.
mw_status mw_clip_add_special(mw_ctx *c, mw_clip_tokenizer *t, const char *text, int32_t id, bool normalized,
                              bool alone);

// Sets what follows each token; MW_E_MEMORY. After all are there.
mw_status mw_clip_link_vectors(mw_ctx *c, mw_clip_tokenizer *t);

// The other settings of tokenizer_config.json: read, refused by name, or known to change no id
// (clip_settings.c).
mw_status mw_clip_read_settings(mw_ctx *c, mw_clip_files *f);

// (clip_vocab_check.c) Fails with MW_E_FILE when a token of `vocab` (token -> id, checked) before the
// end-of-text token is neither a byte, nor special, nor made by a merge: so it is where the file of merges
// was cut.
mw_status mw_clip_check_merges(mw_ctx *c, const mw_clip_tokenizer *t, const json_t *vocab,
                               const char *folder);

#endif
