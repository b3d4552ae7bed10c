// grammar.h: what an answer may be, byte by byte: the bytes that may come next, and the tokens made of them.
//
// A grammar is an automaton over bytes with counters, so that numbers can be kept to ranges that earlier
// numbers settle. Its state is a plain struct: copying it is a look-ahead.
#ifndef MW_GRAMMAR_H
#define MW_GRAMMAR_H

#include "core/base/ctx.h"

typedef struct mw_grammar mw_grammar; // immutable once made; may be shared between threads

// The answer of LLM-grounded Diffusion (arXiv 2305.13655): [('a cat', [x, y, w, h]), ...] on a canvas of
// canvas[0] x canvas[1] pixels, a line "Background prompt: ..." and a line "Negative prompt: ...". What it
// lets through is read by mw_completion_read without a warning. Boxes are whole numbers, at least a pixel
// wide and high, and lie on the canvas. An answer may begin with "Objects: ". It ends behind the negative
// prompt's line: with the line's end, with a blank line (which many vocabularies have as one token), or where
// the model ends. names: what an object may be called, or NULL with n 0: anything. NULL on failure.
mw_grammar *mw_grammar_layout(mw_ctx *c, const int canvas[2], const char *const *names, size_t n);
void mw_grammar_free(mw_grammar *g); // accepts NULL

typedef struct mw_grammar_state {
    uint16_t at, count; // place in the grammar; bytes or names so far in the part that it is in
    uint16_t objects;
    int16_t box[4], field; // numbers so far
    uint32_t node;         // of the tree of names
    bool letter;
} mw_grammar_state;

void mw_grammar_begin(const mw_grammar *g, mw_grammar_state *s);
// Goes on by one byte; false (s is then of no use) where it may not come.
bool mw_grammar_step(const mw_grammar *g, mw_grammar_state *s, uint8_t byte);
// The answer may end here (an end token may come).
bool mw_grammar_may_end(const mw_grammar *g, const mw_grammar_state *s);
// Nothing may follow: a generator stops here, without asking for an end token.
bool mw_grammar_complete(const mw_grammar *g, const mw_grammar_state *s);

// A vocabulary's pieces as a tree of bytes: made once for a tokenizer, used with any grammar.
typedef struct mw_grammar_vocabulary mw_grammar_vocabulary;

typedef enum {
    MW_PIECE_TEXT,    // its bytes go into the answer
    MW_PIECE_END,     // ends the answer
    MW_PIECE_CONTROL, // is never part of a constrained answer
} mw_piece_kind;

// What the token `id` adds to a text that is not at its beginning (a sentencepiece token with its space).
typedef mw_piece_kind (*mw_piece_of)(void *user, int32_t id, const char **bytes, size_t *length);

// NULL on failure. `of` is called for 0 .. n - 1, each piece is valid until the next call.
mw_grammar_vocabulary *mw_grammar_vocabulary_new(mw_ctx *c, int32_t n, mw_piece_of of, void *user);
void mw_grammar_vocabulary_free(mw_grammar_vocabulary *v); // accepts NULL

// allowed[n] := 1 for the tokens that may come next, else 0. At least one is, in every state that tokens of
// the vocabulary led to, where the vocabulary has a token for every single byte or for printable ASCII.
void mw_grammar_mask(const mw_grammar *g, const mw_grammar_state *s, const mw_grammar_vocabulary *v,
                     uint8_t *allowed);
// Goes on by a token of text.
bool mw_grammar_take(const mw_grammar *g, mw_grammar_state *s, const mw_grammar_vocabulary *v, int32_t id);

#endif
