// tokenizer_internal.h: what the files of the language models' tokenizer share.
#ifndef MW_LLM_TOKENIZER_INTERNAL_H
#define MW_LLM_TOKENIZER_INTERNAL_H

#include "nodes/nets/llm/tokenizer.h"

#include "core/io/json.h"
#include "nodes/nets/text/bpe.h"
#include "nodes/nets/text/unicode.h"

#define MW_LLM_MAX_ID (1 << 24)    // larger vocabularies do not exist
#define MW_LLM_SPARE_IDS (1 << 17) // that may be left out of a vocabulary
#define MW_LLM_MAX_TEXT ((size_t)64 << 20)
#define MW_LLM_TOKEN_MAX ((size_t)1 << 16) // bytes of one token; longer ones are refused

// ---- the vocabulary (tokenizer_vocab.c)
// Texts are kept as a text has them: sentencepiece's U+2581 is a space, the letters of a byte-level
// vocabulary are the bytes they stand for, a byte token is its byte.
typedef struct {
    uint32_t at, size; // in the pool
    float score;
    uint8_t type;                        // mw_llm_token_type
    bool no_word;                        // never of letters: it has spaces where others have U+2581
    bool mark;                           // cut out of texts: a control token or an added word
    bool strip_left, strip_right, alone; // takes the spaces beside it; only where no word goes on beside it
} mw_llm_piece;

// Texts of pieces, to find them by: a hash table.
typedef struct {
    int32_t *id; // -1: a free place
    size_t mask, n;
    uint32_t longest[256]; // bytes of the longest text that begins so
} mw_llm_texts;

typedef enum { MW_LLM_SPM, MW_LLM_UNIGRAM, MW_LLM_BYTE_LEVEL } mw_llm_kind;

// How sentencepiece prepares a text (tokenizer_normalize.c).
typedef struct {
    bool space_before; // one in front of a text that is not empty
    bool space_once;   // ... unless it begins with one
    bool space_behind; // that one goes behind the text instead
    bool collapse;     // no spaces at both ends, one for many between
    uint32_t *trie;    // of the replacements: an array of darts-clone's; NULL: nothing is replaced
    size_t ntrie;
    char *replacement; // texts that end in zero
    size_t nreplacement;
} mw_llm_normal;

// One step of cutting a text into words: matches are cut out.
typedef struct {
    struct pcre2_real_code_8 *code;
    bool drop_match, drop_rest; // the matches, or what lies between them, are no words
} mw_llm_cut;

struct mw_llm_tokenizer {
    mw_llm_kind kind;
    char *pool;
    size_t pool_size, pool_room;
    mw_llm_piece *piece;
    int size, room, limit; // limit: larger ids cannot be added
    mw_llm_texts words;    // what comes of letters
    mw_llm_texts marks;
    int32_t byte[256];                // the token of a byte; -1
    int32_t unknown, begin, end, pad; // -1: none
    bool add_begin, add_end;
    int32_t *ends;
    size_t nends;
    char *chat_template;
    mw_bpe_pairs merges; // empty: pieces of BPE merge by their scores
    // sentencepiece
    mw_llm_normal normal;
    bool words_inside; // added words are part of the text: no space is put behind them
    bool one_space;    // space_before only in front of a whole text, not behind marks
    float least;       // of the scores
    // byte-level
    bool nfc, whole_words, space_before; // whole_words: a word in the vocabulary is not merged
    mw_llm_cut *cut;
    size_t ncut;
};

// Adds a piece with the next id; its text is copied as it is. MW_E_MEMORY.
mw_status mw_llm_add_piece(mw_ctx *c, mw_llm_tokenizer *t, const char *text, size_t size, float score,
                           mw_llm_token_type type);
// The same for one of sentencepiece's vocabularies, with the file's text, which is changed.
mw_status mw_llm_add_escaped(mw_ctx *c, mw_llm_tokenizer *t, char *text, size_t size, float score,
                             mw_llm_token_type type);
// The same for a piece that stands at `id`, perhaps beyond the end: ids between are unused.
mw_status mw_llm_set_piece(mw_ctx *c, mw_llm_tokenizer *t, int32_t id, const char *text, size_t size,
                           mw_llm_token_type type);
// sentencepiece's spelling of a text as it is kept; in place, returns its new size.
size_t mw_llm_unescape_spaces(char *text, size_t size);
// The bytes that the letters of a byte-level vocabulary stand for into out[size]; false when one is none.
bool mw_llm_letters_to_bytes(const char *text, size_t size, char *out, size_t *n);
// The byte of "<0xE4>"; -1 for other texts.
int mw_llm_byte_name(const char *text, size_t size);

// Makes the tables; after all pieces are there. MW_E_FILE naming `file` for two words of one text.
mw_status mw_llm_index(mw_ctx *c, mw_llm_tokenizer *t, const char *file);
// The piece with that text; -1.
int32_t mw_llm_find(const mw_llm_tokenizer *t, const mw_llm_texts *x, const char *text, size_t size);
// The pieces that the text begins with, shortest first, the first MW_LLM_PREFIXES of them; returns how many.
#define MW_LLM_PREFIXES 256
size_t mw_llm_find_prefixes(const mw_llm_tokenizer *t, const mw_llm_texts *x, const char *text, size_t size,
                            int32_t id[MW_LLM_PREFIXES]);

// ---- encoding
typedef struct {
    mw_ctx *c;
    const mw_llm_tokenizer *t;
    mw_llm_ids *out;
    mw_bpe_work work;
    char *text; // the stretch at hand, normalised
    size_t size, room;
    struct mw_llm_split *split; // unused pieces as they were merged
    size_t nsplit, split_room;
    struct mw_llm_node *node; // best ways through a text (unigram)
    size_t node_room;
    struct pcre2_real_match_data_8 *match;
} mw_llm_job;

void mw_llm_emit(mw_llm_job *j, int32_t id);
// One stretch without marks. `first`: a text's begin, or behind a mark.
void mw_llm_encode_spm(mw_llm_job *j, const char *text, size_t size, bool first);     // tokenizer_spm.c
void mw_llm_encode_unigram(mw_llm_job *j, const char *text, size_t size, bool first); // tokenizer_unigram.c
void mw_llm_encode_bytes(mw_llm_job *j, const char *text, size_t size);               // tokenizer_bytes.c
// What the vocabulary lacks, in bytes, or as the unknown token (tokenizer_spm.c).
void mw_llm_emit_unknown(mw_llm_job *j, const char *text, size_t size, bool *was_unknown);

// text into j->text as sentencepiece prepares it (tokenizer_normalize.c).
bool mw_llm_normalize(mw_llm_job *j, const char *text, size_t size, bool first);
bool mw_llm_put_text(mw_llm_job *j, const char *text, size_t size);
// Checks and copies what a file says of replacements: "precompiled_charsmap".
mw_status mw_llm_read_charsmap(mw_ctx *c, mw_llm_normal *n, const char *file, const uint8_t *data,
                               size_t size);

// ---- cutting into words (tokenizer_split.c)
// The next step; regular expression as Oniguruma has it. MW_E_FILE naming `file` and what is wrong.
mw_status mw_llm_add_cut(mw_ctx *c, mw_llm_tokenizer *t, const char *file, const char *pattern,
                         bool drop_match, bool drop_rest);
// The steps that GGUF calls by that name, and what else goes with it. MW_E_FILE for names unknown.
mw_status mw_llm_cut_by_name(mw_ctx *c, mw_llm_tokenizer *t, const char *file, const char *name);
// GPT-2's, which tokenizer.json calls ByteLevel's own.
mw_status mw_llm_cut_as_gpt2(mw_ctx *c, mw_llm_tokenizer *t, const char *file);
// Calls `word` for each word of j->text.
void mw_llm_cut_text(mw_llm_job *j, void (*word)(mw_llm_job *j, const char *text, size_t size));
void mw_llm_free_match(mw_llm_job *j);
void mw_llm_free_cuts(mw_llm_tokenizer *t);

// ---- files
// Each fills a fresh tokenizer up to mw_llm_index. MW_E_FILE naming file and reason.
mw_status mw_llm_read_model(mw_ctx *c, mw_llm_tokenizer *t, const char *path); // tokenizer.model
mw_status mw_llm_read_json(mw_ctx *c, mw_llm_tokenizer *t, const char *path);  // tokenizer.json
mw_status mw_llm_read_gguf(mw_ctx *c, mw_llm_tokenizer *t, const char *path);
// What stands beside tokenizer.model or tokenizer.json in a folder (tokenizer_folder.c): added tokens before
// mw_llm_index, the rest after.
mw_status mw_llm_read_added(mw_ctx *c, mw_llm_tokenizer *t, const char *folder);
mw_status mw_llm_read_settings(mw_ctx *c, mw_llm_tokenizer *t, const char *folder);
// One added token as tokenizer.json and tokenizer_config.json describe it, and a list of them.
mw_status mw_llm_read_added_token(mw_ctx *c, mw_llm_tokenizer *t, const char *path, const json_t *o,
                                  json_int_t id);
mw_status mw_llm_read_added_list(mw_ctx *c, mw_llm_tokenizer *t, const char *path, const json_t *list);

// Notes an id that ends an answer; once.
mw_status mw_llm_add_end(mw_ctx *c, mw_llm_tokenizer *t, int32_t id);
// Every control token (any_type: every token, which then is one) whose name ends answers is an end
// (tokenizer_ends.c).
mw_status mw_llm_find_ends(mw_ctx *c, mw_llm_tokenizer *t, bool any_type);

#endif
