// tokenizer.h: texts to the token ids of language models, and back.
//
// Three kinds: sentencepiece BPE and sentencepiece unigram (a text is normalised as the file says, spaces are
// letters of the vocabulary, what it lacks is written in bytes), and byte-level BPE (a text is cut into words
// by the file's expressions, and the bytes of each are merged). Ids are those of sentencepiece and of Hugging
// Face's tokenizers for their files, and of llama.cpp for GGUF.
//
// Control tokens (begin, end, the marks of a chat) never come from a text, unless the caller says that it may
// name them. What a file adds as an ordinary word (a "user-defined" token: a tab, a run of spaces) always
// does.
#ifndef MW_LLM_TOKENIZER_H
#define MW_LLM_TOKENIZER_H

#include "nodes/nets/text/unicode.h"

// Read-only once opened; threads may share it.
typedef struct mw_llm_tokenizer mw_llm_tokenizer;

// From a model's folder (tokenizer.model, else tokenizer.json, with what tokenizer_config.json,
// added_tokens.json, special_tokens_map.json, generation_config.json and config.json say beside it), from one
// of these two files, or from a .gguf (metadata only is read). NULL with MW_E_FILE naming file and reason.
mw_llm_tokenizer *mw_llm_tokenizer_open(mw_ctx *c, const char *path);
void mw_llm_tokenizer_free(mw_llm_tokenizer *t); // accepts NULL

// Whether the path is that of a language model's tokenizer, and not of a text encoder's of CLIP's kind: a
// .gguf, a .model, a tokenizer.json whose tokens do not mark the ends of words, or a folder with one of the
// latter two. Nothing is checked beyond.
bool mw_llm_tokenizer_is_at(mw_ctx *c, const char *path);

// ---- the vocabulary
int mw_llm_tokenizer_size(const mw_llm_tokenizer *t);                       // one more than the largest id
int32_t mw_llm_tokenizer_begin(const mw_llm_tokenizer *t);                  // -1: there is none
int32_t mw_llm_tokenizer_end(const mw_llm_tokenizer *t);                    // the first of the ends; -1
int32_t mw_llm_tokenizer_unknown(const mw_llm_tokenizer *t);                // -1
int32_t mw_llm_tokenizer_pad(const mw_llm_tokenizer *t);                    // -1
bool mw_llm_tokenizer_adds_begin(const mw_llm_tokenizer *t);                // with add_special
const int32_t *mw_llm_tokenizer_ends(const mw_llm_tokenizer *t, size_t *n); // every one that ends an answer
bool mw_llm_tokenizer_is_end(const mw_llm_tokenizer *t, int32_t id);
// The file's chat template; NULL: it has none.
const char *mw_llm_tokenizer_chat_template(const mw_llm_tokenizer *t);

typedef enum { // as sentencepiece and GGUF number them
    MW_LLM_NORMAL = 1,
    MW_LLM_UNKNOWN,
    MW_LLM_CONTROL, // stands for no text
    MW_LLM_USER,    // added to the vocabulary: cut out of every text before all else
    MW_LLM_UNUSED,  // never comes from a text
    MW_LLM_BYTE,    // one byte
} mw_llm_token_type;
// MW_LLM_UNUSED for an id outside the vocabulary.
mw_llm_token_type mw_llm_token_type_of(const mw_llm_tokenizer *t, int32_t id);
// The bytes that a token adds to a text, not zero-terminated, *size of them: part of a character for some. Of
// a control token its name, which decoding leaves out. NULL outside the vocabulary.
const char *mw_llm_token_text(const mw_llm_tokenizer *t, int32_t id, size_t *size);
// The token of that name, of whatever type: "<|im_end|>"; -1: there is none.
int32_t mw_llm_token_named(const mw_llm_tokenizer *t, const char *name, size_t size);

// ---- encoding
typedef struct {
    int32_t *id;
    size_t n, room;
} mw_llm_ids;
void mw_llm_ids_free(mw_llm_ids *ids); // what it holds

// The ids of a text behind those in `out`. parse_special: the names of control tokens in it become them.
// add_special: with the begin and end tokens that the tokenizer adds. Wrong UTF-8 is read as U+FFFD. MW_E_ARG
// for texts beyond 64 MiB.
mw_status mw_llm_encode(mw_ctx *c, const mw_llm_tokenizer *t, const char *text, size_t size,
                        bool parse_special, bool add_special, mw_llm_ids *out);
// The same for a text that is partly somebody else's: no control token comes from bytes of the `n` stretches
// `foreign` (in order, none within another), nor from bytes of two of them or of one and what is beside it.
mw_status mw_llm_encode_parts(mw_ctx *c, const mw_llm_tokenizer *t, const char *text, size_t size,
                              const mw_text_span *foreign, size_t n, bool add_special, mw_llm_ids *out);

// ---- decoding
// The text of n ids, *size bytes of UTF-8 with a zero behind; free() it. with_special: the names of control
// tokens are written. What is no UTF-8 becomes U+FFFD: for each byte in sentencepiece vocabularies, for each
// part that might have begun a character in byte-level ones, as their own libraries do.
char *mw_llm_decode(mw_ctx *c, const mw_llm_tokenizer *t, const int32_t *ids, size_t n, bool with_special,
                    size_t *size);

// Text while tokens arrive: characters come out as soon as they are whole. One thread at a time.
typedef struct mw_llm_stream mw_llm_stream;
// continuing: the text goes on after another one (an answer after its prompt), so that the space which
// sentencepiece drops in front of a text is kept.
mw_llm_stream *mw_llm_stream_new(mw_ctx *c, const mw_llm_tokenizer *t, bool continuing);
// What became whole with this token: *size bytes, zero-terminated, "" at least; valid until the next call.
// NULL with an error pending.
const char *mw_llm_stream_put(mw_ctx *c, mw_llm_stream *s, int32_t id, size_t *size);
// What was held back, as U+FFFD for each part that might have begun a character. The stream is as new after.
const char *mw_llm_stream_end(mw_ctx *c, mw_llm_stream *s, size_t *size);
void mw_llm_stream_free(mw_llm_stream *s); // accepts NULL

#endif
