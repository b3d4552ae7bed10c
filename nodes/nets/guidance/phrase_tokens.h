// phrase_tokens.h: which tokens of a prompt stand for a phrase, and which one for its main word.
//
// Positions count the begin token as 0, as the last axis of attention maps does.
#ifndef MW_PHRASE_TOKENS_H
#define MW_PHRASE_TOKENS_H

#include "nodes/nets/clip/clip_tokenizer.h"
#include "nodes/nets/layout/layout.h"

typedef struct {
    mw_layout_mode mode;
    bool end;         // the end token counts as one of every phrase
    bool need_words;  // fail where a word is not in its phrase; else word is -1 there
    int limit;        // tokens the text encoder takes: a later position is a failure; 0: any number
    size_t list_from; // byte of the prompt where its list of phrases begins; strict looks there first
} mw_phrase_options;

typedef struct {
    int *position; // ascending
    size_t n;
    int word; // of the main word
} mw_phrase_tokens;

typedef struct {
    char *prompt; // with "| phrase" added for every phrase that it did not have
    int32_t *ids; // its tokens, begin and end among them, neither padded nor cut
    size_t nids;
    mw_phrase_tokens *phrase; // in the order of the phrases
    size_t n;
} mw_prompt_tokens;

// Finds n phrases in a prompt; words[i] is the main word of phrases[i], words may be NULL (the last token).
//
// Strict compares whole tokens, so the size of letters does not matter and no match begins inside a word. Of
// several matches it takes one in the list of phrases that ends where the phrase ends there. The word is its
// last occurrence in the phrase.
// Faithful searches the tokens' texts joined by blanks: the first match counts wherever it lies, one that
// begins inside a token stands for the tokens after it; a phrase is missing when its very letters are; the
// word is the first token that equals the last one of the word, without words the last of the first phrase.
//
// MW_E_ARG naming phrase and prompt: a phrase without tokens, a phrase or word that is not found, a position
// beyond the limit. Free with mw_prompt_tokens_free, also after a failure.
mw_status mw_prompt_tokens_find(mw_ctx *c, const mw_clip_tokenizer *t, const char *prompt,
                                const char *const *phrases, const char *const *words, size_t n,
                                const mw_phrase_options *o, mw_prompt_tokens *out);
void mw_prompt_tokens_free(mw_prompt_tokens *p);

#endif
