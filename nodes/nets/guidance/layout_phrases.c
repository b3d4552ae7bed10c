// layout_phrases.c: the phrases of a layout in a prompt: their tokens and their boxes.
#include "nodes/nets/guidance/layout_phrases.h"

#include "nodes/nets/layout/layout_value.h"

#include <stdlib.h>
#include <string.h>

static void search(mw_ctx *c, const mw_clip_tokenizer *t, const mw_layout_spec *s, const char *prompt,
                   mw_layout_mode mode, mw_layout_phrases *out)
{
    const char **phrase = mw_alloc(c, (s->ngroups + 1) * sizeof *phrase);
    const char **word = mw_alloc(c, (s->ngroups + 1) * sizeof *word);
    mw_phrase_options o = {.mode = mode, .need_words = true, .limit = mw_clip_tokenizer_length(t)};
    for (size_t i = 0; phrase && word && i < s->ngroups; i++) {
        phrase[i] = s->group[i].phrase;
        word[i] = s->group[i].word;
    }
    if (phrase && word)
        mw_prompt_tokens_find(c, t, prompt, phrase, word, s->ngroups, &o, &out->found);
    free(phrase);
    free(word);
}

mw_status mw_layout_phrases_find(mw_ctx *c, const mw_clip_tokenizer *t, const mw_layout_spec *s,
                                 const char *prompt, mw_layout_mode mode, mw_layout_phrases *out)
{
    *out = (mw_layout_phrases){0};
    if (mw_err(c) != MW_OK)
        return mw_err(c);
    search(c, t, s, prompt, mode, out);
    out->phrase = mw_alloc(c, (s->ngroups + 1) * sizeof *out->phrase);
    out->box = mw_alloc(c, (s->n + 1) * sizeof *out->box);
    if (mw_err(c) != MW_OK)
        return mw_err(c);
    for (size_t i = 0; i < s->n; i++)
        memcpy(out->box[i], s->object[i].box, sizeof out->box[i]);
    for (size_t i = 0; i < s->ngroups; i++) {
        const mw_phrase_tokens *f = &out->found.phrase[i];
        out->phrase[i] = (mw_energy_phrase){.token = f->position,
                                            .ntokens = (int)f->n,
                                            .word = f->word,
                                            .box = (const double(*)[4])(out->box + s->group[i].first),
                                            .nboxes = (int)s->group[i].n};
    }
    out->n = (int)s->ngroups;
    return MW_OK;
}

void mw_layout_phrases_free(mw_layout_phrases *p)
{
    mw_prompt_tokens_free(&p->found);
    free(p->phrase);
    free(p->box);
    *p = (mw_layout_phrases){0};
}

mw_status mw_layout_spec_of(mw_ctx *c, const char *port, const mw_value *v, mw_layout_mode mode,
                            mw_layout *layout, mw_layout_spec *spec)
{
    *layout = (mw_layout){0};
    *spec = (mw_layout_spec){0};
    mw_english *e = mw_err(c) == MW_OK ? mw_english_load(c) : NULL;
    if (e && mw_layout_from_value(c, &(mw_layout_source){port, MW_E_SCRIPT, NULL}, v, mode, layout) == MW_OK)
        mw_layout_spec_make(c, e, layout, mode, spec);
    mw_english_free(e);
    return mw_err(c);
}
