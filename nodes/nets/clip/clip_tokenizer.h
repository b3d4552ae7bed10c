// clip_tokenizer.h: text to the token ids of CLIP text encoders: byte-level byte-pair encoding of normalised
// words.
//
// A text is cut at special tokens; what lies between is NFC-normalised, runs of Unicode white space become
// one space, each character is lower-cased on its own. Words are: 's 't 're 've 'm 'll 'd, runs of letters,
// single number characters, runs of anything else that is not space. The UTF-8 bytes of a word stand in the
// byte alphabet of GPT-2, the last one marked "</w>", and pairs are merged, lowest rank first.
#ifndef MW_CLIP_TOKENIZER_H
#define MW_CLIP_TOKENIZER_H

#include "core/base/ctx.h"

// Read-only once loaded; threads may share it.
typedef struct mw_clip_tokenizer mw_clip_tokenizer;

// A token and the bytes of the text that it stands for: those of every character it has a byte of. Tokens
// that share a character overlap.
typedef struct {
    int32_t id;
    size_t begin, end;
} mw_clip_token;

// A text's tokens without begin, end, padding or cutting.
typedef struct {
    mw_clip_token *token;
    size_t n;
} mw_clip_tokens;

// Load a diffusers `tokenizer/` folder: vocab.json and merges.txt, else tokenizer.json; the special tokens
// and the length from tokenizer_config.json and special_tokens_map.json where they are there; added tokens
// from tokenizer_config.json, else added_tokens.json and tokenizer.json. `pad` overrides the padding token
// ("!" of Stable Diffusion 2's second-hand vocabularies); NULL: as the folder says, the end token when it
// says nothing. A padding token is special: it is cut out of texts too. Free with mw_clip_tokenizer_free.
// NULL with MW_E_FILE naming file and reason.
mw_clip_tokenizer *mw_clip_tokenizer_load(mw_ctx *c, const char *folder, const char *pad);

// The vocabulary that comes with the program (49408 entries, that of all published CLIP text encoders), for
// checkpoints that carry none.
mw_clip_tokenizer *mw_clip_tokenizer_bundled(mw_ctx *c, const char *pad);

// A tokenizer that knows `text` too, as n tokens: the next n ids, whose texts are "text", "text_1", ... as
// diffusers adds them; all n stand for the first of them. Looked for in the normalised text. MW_E_ARG when
// one is known already.
mw_clip_tokenizer *mw_clip_tokenizer_with(mw_ctx *c, const mw_clip_tokenizer *t, const char *text, int n);

void mw_clip_tokenizer_free(mw_clip_tokenizer *t); // accepts NULL

int mw_clip_tokenizer_length(const mw_clip_tokenizer *t); // ids of an encoded text, 77
int mw_clip_tokenizer_size(const mw_clip_tokenizer *t);   // one more than the largest id
int32_t mw_clip_tokenizer_begin(const mw_clip_tokenizer *t);
int32_t mw_clip_tokenizer_end(const mw_clip_tokenizer *t);
int32_t mw_clip_tokenizer_pad(const mw_clip_tokenizer *t);
bool mw_clip_tokenizer_pads_left(const mw_clip_tokenizer *t); // the padding stands before the text

// All tokens of a text; any bytes are taken, wrong UTF-8 as U+FFFD. Free with mw_clip_tokens_free, also on
// failure. MW_E_ARG for texts beyond 64 MiB.
mw_status mw_clip_tokenize(mw_ctx *c, const mw_clip_tokenizer *t, const char *text, size_t size,
                           mw_clip_tokens *out);
// The same, but the names of control tokens (begin, end, padding and the like) are read as any other text.
mw_status mw_clip_tokenize_plain(mw_ctx *c, const mw_clip_tokenizer *t, const char *text, size_t size,
                                 mw_clip_tokens *out);
void mw_clip_tokens_free(mw_clip_tokens *tokens);

// How a text lies in the ids of mw_clip_encode.
typedef struct {
    int first;   // where its begin token stands: 0, unless the padding stands before it
    int count;   // ids from the begin token up to and including the end token
    size_t lost; // byte of the text from which on it was dropped; its size when all of it fits
} mw_clip_fit;

// The ids a text encoder takes: begin, tokens, end, padding; mw_clip_tokenizer_length of them. Tokens that do
// not fit are dropped. *fit may be NULL.
mw_status mw_clip_encode(mw_ctx *c, const mw_clip_tokenizer *t, const char *text, size_t size, int32_t *ids,
                         mw_clip_fit *fit);

#endif
