// vocabulary.h: a sentencepiece BPE vocabulary of any size, made of bytes and short words.
#ifndef RANDOM_LLM_VOCABULARY_H
#define RANDOM_LLM_VOCABULARY_H

#include "core/base/ctx.h"

enum { VOCABULARY_TEXT = 16 };

typedef struct {
    size_t n;
    char (*text)[VOCABULARY_TEXT];
    const char **texts;
    float *scores;
    int32_t *types; // as sentencepiece and GGUF number them
} vocabulary;

// n tokens, more than 260: <unk>, <s>, </s>, all bytes, a space, words with a space in front and without.
void vocabulary_make(mw_ctx *c, vocabulary *v, size_t n);
void vocabulary_free(vocabulary *v);
// As a tokenizer.model: BPE with bytes for what it lacks, a space in front, nothing normalised.
mw_status vocabulary_write_model(mw_ctx *c, const vocabulary *v, const char *path);

#endif
