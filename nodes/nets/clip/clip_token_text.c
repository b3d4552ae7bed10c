// clip_token_text.c: ids back to text, by undoing the merges.
#include "nodes/nets/clip/clip_token_text.h"

#include "nodes/nets/clip/clip_tokenizer_internal.h"

#include <stdlib.h>
#include <string.h>

// Where an id comes from: two ids merged, or a byte.
typedef struct {
    int32_t left, right; // -1 of bytes
    int16_t byte;        // -1 of none; 256 and more: at the end of a word
} origin;

struct mw_clip_token_texts {
    const mw_clip_tokenizer *t;
    origin *of;
};

mw_clip_token_texts *mw_clip_token_texts_new(mw_ctx *c, const mw_clip_tokenizer *t)
{
    mw_clip_token_texts *x = mw_alloc(c, sizeof *x);
    origin *of = x ? mw_alloc(c, (size_t)t->size * sizeof *of) : NULL;
    if (!of) {
        free(x);
        return NULL;
    }
    *x = (mw_clip_token_texts){t, of};
    for (int i = 0; i < t->size; i++)
        of[i] = (origin){-1, -1, -1};
    for (size_t i = 0; i <= t->bpe.merges.mask; i++) {
        const mw_bpe_pair *m = &t->bpe.merges.at[i];
        if (m->id >= 0 && m->id < t->size)
            of[m->id] = (origin){(int32_t)(m->pair >> 32), (int32_t)(m->pair & 0xFFFFFFFF), -1};
    }
    for (int b = 0; b < 256; b++) {
        if (t->bpe.byte[b] >= 0)
            of[t->bpe.byte[b]].byte = (int16_t)b;
        if (t->bpe.last_byte[b] >= 0)
            of[t->bpe.last_byte[b]].byte = (int16_t)(256 + b);
    }
    return x;
}

void mw_clip_token_texts_free(mw_clip_token_texts *x)
{
    if (x)
        free(x->of);
    free(x);
}

static const mw_clip_special *special(const mw_clip_tokenizer *t, int32_t id)
{
    for (size_t i = 0; i < t->nspecial; i++)
        if (t->special[i].id == id)
            return &t->special[i];
    return NULL;
}

const char *mw_clip_token_text(const mw_clip_token_texts *x, int32_t id, char *buf)
{
    int32_t waiting[MW_CLIP_TOKEN_MAX]; // ids whose text is still to come, the next one on top
    size_t n = 0, depth = 1;
    const mw_clip_special *s = special(x->t, id);
    waiting[0] = id;
    while (depth && !s && n + 6 < MW_CLIP_TOKEN_MAX) {
        int32_t next = waiting[--depth];
        origin o = next >= 0 && next < x->t->size ? x->of[next] : (origin){-1, -1, -1};
        if (o.byte >= 0)
            buf[n++] = (char)(o.byte & 255);
        if (o.byte >= 256)
            n += (size_t)(stpcpy(buf + n, "</w>") - (buf + n));
        if (o.byte < 0 && o.left >= 0 && depth + 2 <= MW_CLIP_TOKEN_MAX) {
            waiting[depth++] = o.right;
            waiting[depth++] = o.left;
        }
    }
    buf[n] = 0;
    if (s)
        strncat(buf, s->text, MW_CLIP_TOKEN_MAX - 1);
    return buf;
}
