// tokenizer_spm.c: sentencepiece's BPE: characters of a whole text, the neighbours whose union scores best
// merged first; what the vocabulary lacks in bytes.
#include "nodes/nets/llm/tokenizer_internal.h"

#include <stdlib.h>

// An unused piece and where it was cut: no text yields it, so its parts stand instead.
typedef struct mw_llm_split {
    uint32_t begin, middle, end;
} split;

static void note_split(mw_llm_job *j, uint32_t begin, uint32_t middle, uint32_t end)
{
    if (j->nsplit == j->split_room) {
        size_t room = 2 * j->split_room + 16;
        split *grown = mw_realloc(j->c, j->split, room * sizeof *grown);
        if (!grown)
            return;
        j->split = grown;
        j->split_room = room;
    }
    j->split[j->nsplit++] = (split){begin, middle, end};
}

static mw_bpe_merge by_score(void *job, const mw_bpe_symbol *left, const mw_bpe_symbol *right)
{
    mw_llm_job *j = job;
    const mw_llm_tokenizer *t = j->t;
    int32_t id = mw_llm_find(t, &t->words, j->text + left->begin, right->end - left->begin);
    if (id < 0)
        return (mw_bpe_merge){0, -1};
    if (t->piece[id].type == MW_LLM_UNUSED)
        note_split(j, left->begin, left->end, right->end);
    return (mw_bpe_merge){-t->piece[id].score, id};
}

void mw_llm_emit_unknown(mw_llm_job *j, const char *text, size_t size, bool *was_unknown)
{
    bool bytes = true;
    for (size_t i = 0; i < size; i++)
        bytes &= j->t->byte[(unsigned char)text[i]] >= 0;
    for (size_t i = 0; bytes && i < size; i++)
        mw_llm_emit(j, j->t->byte[(unsigned char)text[i]]);
    if (!bytes && !*was_unknown && j->t->unknown >= 0)
        mw_llm_emit(j, j->t->unknown);
    *was_unknown = !bytes;
}

// The symbol's token; of an unused one those of the parts that it was last merged of.
static void emit_symbol(mw_llm_job *j, uint32_t begin, uint32_t end, int32_t id, bool *was_unknown)
{
    const mw_llm_tokenizer *t = j->t;
    const split *s = NULL;
    for (size_t i = id >= 0 && t->piece[id].type == MW_LLM_UNUSED ? j->nsplit : 0; i > 0 && !s; i--)
        if (j->split[i - 1].begin == begin && j->split[i - 1].end == end)
            s = &j->split[i - 1];
    if (s) {
        uint32_t middle = s->middle;
        emit_symbol(j, begin, middle, mw_llm_find(t, &t->words, j->text + begin, middle - begin),
                    was_unknown);
        emit_symbol(j, middle, end, mw_llm_find(t, &t->words, j->text + middle, end - middle), was_unknown);
    } else if (id >= 0) {
        mw_llm_emit(j, id);
        *was_unknown = false;
    } else {
        mw_llm_emit_unknown(j, j->text + begin, end - begin, was_unknown);
    }
}

// The symbol at the place: an added word, which stays whole, or a character.
static mw_bpe_symbol symbol_at(const mw_llm_job *j, size_t i)
{
    const mw_llm_tokenizer *t = j->t;
    int32_t id[MW_LLM_PREFIXES];
    size_t n = t->words_inside ? mw_llm_find_prefixes(t, &t->words, j->text + i, j->size - i, id) : 0, size;
    while (n--)
        if (t->piece[id[n]].type == MW_LLM_USER)
            return (mw_bpe_symbol){id[n], (uint32_t)i, (uint32_t)i + t->piece[id[n]].size, true};
    mw_text_decode((const unsigned char *)j->text + i, j->size - i, &size);
    return (mw_bpe_symbol){mw_llm_find(t, &t->words, j->text + i, size), (uint32_t)i, (uint32_t)(i + size),
                           false};
}

void mw_llm_encode_spm(mw_llm_job *j, const char *text, size_t size, bool first)
{
    if (!mw_llm_normalize(j, text, size, first) || !mw_bpe_reserve(j->c, &j->work, j->size))
        return;
    size_t n = 0;
    for (size_t i = 0; i < j->size; i = j->work.symbol[n++].end)
        j->work.symbol[n] = symbol_at(j, i);
    j->nsplit = 0;
    const mw_bpe_pairs *merges = &j->t->merges;
    n = merges->at ? mw_bpe_run(&j->work, n, mw_bpe_by_rank, (void *)merges)
                   : mw_bpe_run(&j->work, n, by_score, j);
    bool was_unknown = false;
    for (size_t i = 0; i < n; i++) {
        mw_bpe_symbol s = j->work.symbol[i];
        emit_symbol(j, s.begin, s.end, s.id, &was_unknown);
    }
}
