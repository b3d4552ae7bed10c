// tokenizer_bytes.c: byte-level BPE: a text is cut into words, the bytes of each are merged by rank.
#include "nodes/nets/llm/tokenizer_internal.h"

#include <stdlib.h>

static void encode_word(mw_llm_job *j, const char *text, size_t size)
{
    const mw_llm_tokenizer *t = j->t;
    int32_t whole = t->whole_words ? mw_llm_find(t, &t->words, text, size) : -1;
    if (whole >= 0) {
        mw_llm_emit(j, whole);
        return;
    }
    if (!mw_bpe_reserve(j->c, &j->work, size))
        return;
    size_t n = 0;
    for (size_t i = 0; i < size; i++) {
        int32_t id = t->byte[(unsigned char)text[i]];
        id = id < 0 ? t->unknown : id;
        if (id >= 0) // a byte that the vocabulary lacks is dropped, as all libraries do
            j->work.symbol[n++] = (mw_bpe_symbol){id, (uint32_t)i, (uint32_t)i + 1, false};
    }
    n = mw_bpe_run(&j->work, n, mw_bpe_by_rank, (void *)&t->merges);
    for (size_t i = 0; i < n; i++)
        mw_llm_emit(j, j->work.symbol[i].id);
}

static bool put_code(mw_llm_job *j, uint32_t code)
{
    unsigned char utf8[4];
    int n = mw_text_utf8(code, utf8);
    return mw_llm_put_text(j, (const char *)utf8, (size_t)n);
}

void mw_llm_encode_bytes(mw_llm_job *j, const char *text, size_t size)
{
    j->size = 0;
    if (j->t->space_before && size && text[0] != ' ' && !put_code(j, ' '))
        return;
    if (j->t->nfc) {
        mw_text_chars chars = {0};
        mw_text_nfc(j->c, text, 0, size, &chars);
        for (size_t i = 0; i < chars.n && !mw_err(j->c); i++)
            put_code(j, chars.at[i].code);
        free(chars.at);
    } else {
        for (size_t i = 0, step; i < size; i += step)
            if (!put_code(j, mw_text_decode((const unsigned char *)text + i, size - i, &step)))
                return;
    }
    if (mw_err(j->c) == MW_OK)
        mw_llm_cut_text(j, encode_word);
}
