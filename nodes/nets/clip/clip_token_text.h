// clip_token_text.h: what the tokens of a CLIP vocabulary stand for, as text.
#ifndef MW_CLIP_TOKEN_TEXT_H
#define MW_CLIP_TOKEN_TEXT_H

#include "nodes/nets/clip/clip_tokenizer.h"

#define MW_CLIP_TOKEN_MAX 512 // bytes of a token's text with a zero; longer ones are cut

typedef struct mw_clip_token_texts mw_clip_token_texts;

// The way back from ids to texts; free with mw_clip_token_texts_free. Lives no longer than the tokenizer.
mw_clip_token_texts *mw_clip_token_texts_new(mw_ctx *c, const mw_clip_tokenizer *t);
void mw_clip_token_texts_free(mw_clip_token_texts *x); // accepts NULL

// Bytes of a token, "</w>" behind the last of a word, into buf[MW_CLIP_TOKEN_MAX]; returns buf.
const char *mw_clip_token_text(const mw_clip_token_texts *x, int32_t id, char *buf);

#endif
