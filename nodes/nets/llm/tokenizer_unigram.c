// tokenizer_unigram.c: sentencepiece's unigram model: of all ways to cut a text into pieces the one whose
// scores have the largest sum.
#include "nodes/nets/llm/tokenizer_internal.h"

#include <stdlib.h>

#define UNKNOWN_PENALTY 10.0f // below the least score

// The best way to a place of the text.
typedef struct mw_llm_node {
    float score;
    int32_t id;     // of the last piece
    uint32_t begin; // where it begins
    uint32_t next;  // where the piece that follows on the best way ends
    bool reached;
} node;

static void offer(node *to, float score, int32_t id, size_t begin)
{
    if (!to->reached || score > to->score)
        *to = (node){score, id, (uint32_t)begin, 0, true};
}

// An added word always wins: its score is positive. sentencepiece (0.2.3) counts its bytes with spaces as
// U+2581.
static float score_of(const mw_llm_tokenizer *t, const mw_llm_piece *p)
{
    if (p->type != MW_LLM_USER)
        return p->score;
    size_t size = p->size;
    for (uint32_t i = 0; i < p->size; i++)
        size += t->pool[p->at + i] == ' ' ? 2 : 0;
    return 0.1f * (float)(size - 1);
}

static void offer_from(mw_llm_job *j, size_t i)
{
    const mw_llm_tokenizer *t = j->t;
    int32_t id[MW_LLM_PREFIXES];
    size_t one, n = mw_llm_find_prefixes(t, &t->words, j->text + i, j->size - i, id);
    bool single = false;
    mw_text_decode((const unsigned char *)j->text + i, j->size - i, &one);
    for (size_t k = 0; k < n; k++) {
        const mw_llm_piece *p = &t->piece[id[k]];
        if (p->type == MW_LLM_UNUSED)
            continue;
        single |= p->size == one;
        offer(&j->node[i + p->size], score_of(t, p) + j->node[i].score, id[k], i);
    }
    if (!single)
        offer(&j->node[i + one], t->least - UNKNOWN_PENALTY + j->node[i].score, -1, i);
}

void mw_llm_encode_unigram(mw_llm_job *j, const char *text, size_t size, bool first)
{
    if (!mw_llm_normalize(j, text, size, first))
        return;
    if (j->size + 1 > j->node_room) {
        free(j->node);
        j->node_room = 2 * (j->size + 1);
        j->node = mw_alloc(j->c, j->node_room * sizeof *j->node);
        if (!j->node) {
            j->node_room = 0;
            return;
        }
    }
    for (size_t i = 0; i <= j->size; i++)
        j->node[i] = (node){.reached = i == 0};
    for (size_t i = 0; i < j->size; i++)
        if (j->node[i].reached)
            offer_from(j, i);
    for (uint32_t i = (uint32_t)j->size; i > 0; i = j->node[i].begin)
        j->node[j->node[i].begin].next = i;
    bool was_unknown = false;
    for (uint32_t i = 0, end; i < j->size; i = end) {
        end = j->node[i].next;
        int32_t id = j->node[end].id;
        if (id < 0) {
            mw_llm_emit_unknown(j, j->text + i, end - i, &was_unknown);
            continue;
        }
        mw_llm_emit(j, id);
        was_unknown = false;
    }
}
