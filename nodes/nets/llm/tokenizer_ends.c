// tokenizer_ends.c: which tokens end an answer: those that the files name, and those that published models
// end with though their files name another.
#include "nodes/nets/llm/tokenizer_internal.h"

#include <string.h>

#define DEEPSEEK_END                                                                                         \
    "<\xEF\xBD\x9C"                                                                                          \
    "end\xE2\x96\x81of\xE2\x96\x81sentence\xEF\xBD\x9C>"

// As llama.cpp has them, so that one file gives one answer here and there.
static const char *const names[] = {
    "<|eot_id|>",
    "<|im_end|>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<|flush|>",
    "<|calls|>",
    "<end_of_turn>",
    "<|endoftext|>",
    "</s>",
    "<|eom_id|>",
    "<EOT>",
    "_<EOT>",
    "[EOT]",
    "[EOS]",
    "<|end_of_text|>",
    "<eos>",
    "<end_of_utterance>",
    (DEEPSEEK_END),
    "<turn|>",
    "<|tool_response>",
    // of models that complete code: where a file's part would end
    "<|fim_pad|>",
    "<fim-pad>",
    "<fim_pad>",
    "<PAD>",
    "[PAD]",
    "<|fim_repo|>",
    "<|repo_name|>",
    "<fim-repo>",
    "<REPO>",
    "<reponame>",
    "<|file_sep|>",
};

mw_status mw_llm_add_end(mw_ctx *c, mw_llm_tokenizer *t, int32_t id)
{
    if (id < 0 || id >= t->size || mw_llm_tokenizer_is_end(t, id))
        return mw_err(c);
    int32_t *ends = mw_realloc(c, t->ends, (t->nends + 1) * sizeof *ends);
    if (!ends)
        return mw_err(c);
    t->ends = ends;
    t->ends[t->nends++] = id;
    return MW_OK;
}

static bool ends_by_name(const mw_llm_tokenizer *t, const mw_llm_piece *p)
{
    const char *text = t->pool + p->at;
    if (p->size == 0 || !strchr("<_[", text[0]))
        return false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i]) == p->size && memcmp(names[i], text, p->size) == 0)
            return true;
    return false;
}

mw_status mw_llm_find_ends(mw_ctx *c, mw_llm_tokenizer *t, bool any_type)
{
    for (int32_t i = 0; i < t->size && !mw_err(c); i++) {
        mw_llm_piece *p = &t->piece[i];
        if ((!any_type && p->type != MW_LLM_CONTROL) || p->type == MW_LLM_BYTE || !ends_by_name(t, p))
            continue;
        p->type = MW_LLM_CONTROL;
        mw_llm_add_end(c, t, i);
    }
    return mw_err(c);
}
