// clip_bpe.c: byte-pair encoding of one word, whose last byte is another symbol than inside of words.
#include "nodes/nets/clip/clip_tokenizer_internal.h"

size_t mw_clip_bpe_encode(mw_ctx *c, const mw_clip_bpe *b, mw_bpe_work *w, const unsigned char *word,
                          size_t n)
{
    if (!mw_bpe_reserve(c, w, n))
        return 0;
    for (size_t i = 0; i < n; i++) {
        int32_t id = i + 1 < n ? b->byte[word[i]] : b->last_byte[word[i]];
        w->symbol[i] = (mw_bpe_symbol){id < 0 ? b->unknown : id, (uint32_t)i, (uint32_t)i + 1, false};
    }
    return mw_bpe_run(w, n, mw_bpe_by_rank, (void *)&b->merges);
}
