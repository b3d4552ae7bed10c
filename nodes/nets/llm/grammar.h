// grammar.h: what an answer may be, byte by byte: the bytes that may come next, and the tokens made of them.
//
// A grammar is an automaton over bytes with counters, so that numbers can be kept to ranges that earlier
// numbers settle. Its state is a plain struct: a copy of it looks ahead.
#ifndef MW_GRAMMAR_H
#define MW_GRAMMAR_H

#include "core/base/ctx.h"

enum {
    MW_GRAMMAR_OBJECTS = 32, // most of them in an answer
    MW_GRAMMAR_NAME = 80,    // most bytes of a name
    MW_GRAMMAR_PROMPT = 240, // most bytes of the background and of the negative prompt
};

typedef struct mw_grammar mw_grammar; // immutable once made; may be shared between threads

// The answer of LLM-grounded Diffusion (arXiv 2305.13655): [('a cat', [x, y, w, h]), ...] on a canvas of
// canvas[0] x canvas[1] pixels, a line "Background prompt: ..." and a line "Negative prompt: ...", perhaps
// with "Objects:" in front. What it lets through is read by mw_completion_read, strictly and without a
// warning. Boxes are whole numbers, at least a pixel wide and high, on the canvas and smaller than it. Behind
// the negative prompt an end token may come, a line's end, or two (many vocabularies have those as one
// token). names: the n things that an object may be called, or NULL: anything. MW_E_ARG for a name that can't
// stand between quotes. NULL on failure.
mw_grammar *mw_grammar_layout(mw_ctx *c, const int canvas[2], const char *const *names, size_t n);
void mw_grammar_free(mw_grammar *g); // accepts NULL

typedef struct mw_grammar_state {
    uint8_t part, at;   // place in the answer; bytes so far of a fixed text
    uint8_t field;      // number of a box, 0-3
    uint8_t utf8, from; // bytes that the letter under way still needs; the least that the next one may be
    uint8_t below;      // and the most
    bool written;       // the name or text under way has something to be read
    uint16_t bytes;     // of it, or digits of the number, so far
    uint16_t objects;
    int32_t box[4];
    uint32_t name; // place in the tree of names
} mw_grammar_state;

void mw_grammar_begin(mw_grammar_state *s);
// Goes on by one byte; false (s is then of no use) where it may not come.
bool mw_grammar_step(const mw_grammar *g, mw_grammar_state *s, uint8_t byte);
// The answer may end here (an end token may come).
bool mw_grammar_may_end(const mw_grammar_state *s);
// Nothing has to follow, and what might is no part of the answer: a generator stops here, without an end
// token.
bool mw_grammar_complete(const mw_grammar_state *s);
// Bytes of the shortest way to where the answer may end.
int mw_grammar_shortest(const mw_grammar *g, const mw_grammar_state *s);

// ---- tokens

// The pieces of a vocabulary as a tree of bytes: made once for a tokenizer, used with any grammar by any
// thread.
typedef struct mw_grammar_vocabulary mw_grammar_vocabulary;

typedef enum {
    MW_PIECE_TEXT,    // its bytes go into the answer
    MW_PIECE_END,     // ends the answer
    MW_PIECE_CONTROL, // is never part of a constrained answer
} mw_piece_kind;

// What the token `id` adds to a text that has begun (a sentencepiece token with its blank; a byte's token
// that byte).
typedef mw_piece_kind (*mw_piece_of)(void *user, int32_t id, const char **bytes, size_t *length);

// `of` is called once for each of 0 .. n - 1; a piece is valid until the next call. NULL on failure.
mw_grammar_vocabulary *mw_grammar_vocabulary_new(mw_ctx *c, int32_t n, mw_piece_of of, void *user);
void mw_grammar_vocabulary_free(mw_grammar_vocabulary *v); // accepts NULL

// allowed[n] := 1 for the tokens that may come next, else 0. `left` tokens may still be made, this one
// included: what could not be brought to its end within them, byte by byte, may not come, so that an answer
// of at most mw_grammar_shortest(begin) tokens and more is always whole. At least one is allowed where the
// vocabulary has a token for each byte.
void mw_grammar_mask(const mw_grammar *g, const mw_grammar_state *s, const mw_grammar_vocabulary *v, int left,
                     uint8_t *allowed);
// Goes on by a token of text; false where it may not come.
bool mw_grammar_take(const mw_grammar *g, mw_grammar_state *s, const mw_grammar_vocabulary *v, int32_t id);

#endif
