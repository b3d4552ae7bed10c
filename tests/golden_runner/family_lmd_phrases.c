// family_lmd_phrases.c: positions of phrases and words among the tokens of a prompt.
#include "tests/golden_runner/golden.h"

#include "nodes/nets/guidance/phrase_tokens.h"

#include <stdlib.h>
#include <unistd.h>

// The case's vocabulary; the bundled one where the folder is not there, as in a copy of the cases alone.
static mw_clip_tokenizer *load(mw_ctx *c, golden_case *k)
{
    const char *folder = golden_model(c, k, "tokenizer");
    if (!folder)
        return NULL;
    return access(folder, F_OK) == 0 ? mw_clip_tokenizer_load(c, folder, NULL)
                                     : mw_clip_tokenizer_bundled(c, NULL);
}

static json_t *found_json(const mw_prompt_tokens *p, bool words)
{
    json_t *positions = json_array(), *word = json_array(), *ids = json_array();
    for (size_t i = 0; i < p->n; i++) {
        json_t *one = json_array();
        for (size_t k = 0; k < p->phrase[i].n; k++)
            json_array_append_new(one, json_integer(p->phrase[i].position[k]));
        json_array_append_new(positions, one);
        json_array_append_new(word, json_integer(p->phrase[i].word));
    }
    for (size_t i = 0; i < p->nids; i++)
        json_array_append_new(ids, json_integer(p->ids[i]));
    json_t *row = json_pack("{s:o,s:o,s:s,s:o}", "object_positions", positions, "word_token_indices", word,
                            "prompt", p->prompt, "input_ids", ids);
    if (!words) { // then the case asks for positions alone
        json_object_del(row, "word_token_indices");
        json_object_del(row, "prompt");
        json_object_del(row, "input_ids");
    }
    return row;
}

static const char **texts(mw_ctx *c, const json_t *list)
{
    size_t n = json_array_size(list);
    char **out = mw_alloc(c, (n + 1) * sizeof *out);
    for (size_t i = 0; out && i < n; i++)
        out[i] = (char *)json_string_value(json_array_get(list, i));
    return (const char **)out;
}

static json_t *phrases_row(mw_ctx *c, golden_case *k, const mw_clip_tokenizer *t, const json_t *in)
{
    const json_t *list = json_object_get(in, "phrases"), *words = json_object_get(in, "words");
    const json_t *wanted = json_object_get(in, "return_word_token_indices");
    const char **phrase = texts(c, list), **word = json_is_array(words) ? texts(c, words) : NULL;
    mw_phrase_options o = {
        .mode = MW_FAITHFUL, .end = json_is_true(json_object_get(in, "include_eos")), .need_words = true};
    mw_prompt_tokens p = {0};
    json_t *row = NULL;
    if (phrase && !mw_err(c))
        mw_prompt_tokens_find(c, t, mw_json_string(c, k->name, in, "prompt"), phrase, word,
                              json_array_size(list), &o, &p);
    if (mw_err(c) == MW_E_ARG) { // a failure that the case may expect
        row = json_pack("{s:s}", "error", mw_errmsg(c));
        mw_err_clear(c);
    } else if (!mw_err(c)) {
        row = found_json(&p, !json_is_false(wanted));
    }
    mw_prompt_tokens_free(&p);
    free((void *)phrase);
    free((void *)word);
    return row;
}

static mw_status run(mw_ctx *c, golden_case *k)
{
    json_t *rows = json_array();
    const json_t *in = mw_json_list(c, k->name, k->inputs_json, "rows");
    mw_clip_tokenizer *t = load(c, k);
    for (size_t i = 0; t && i < json_array_size(in) && !mw_err(c); i++)
        json_array_append_new(rows, phrases_row(c, k, t, json_array_get(in, i)));
    mw_clip_tokenizer_free(t);
    json_t *all = json_pack("{s:o}", "rows", rows);
    if (!mw_err(c))
        return golden_give_json(c, k, all);
    json_decref(all);
    return mw_err(c);
}

const golden_family golden_lmd_phrases = {{"lmd.phrase_indices"}, false, run};
