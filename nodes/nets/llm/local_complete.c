// local_complete.c: a language model that runs here answers.
#include "nodes/nets/llm/local.h"

#include "core/graph/node.h"
#include "core/ops.h"
#include "nodes/nets/llm/answer_text.h"
#include "nodes/nets/llm/token_picker.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK = 256 }; // tokens of a prompt that pass through the network together

// ---- the prompt

mw_status mw_llm_local_encode(mw_ctx *c, const mw_llm_local *m, const mw_llm_request *r, mw_llm_ids *out)
{
    if (r->prompt)
        mw_llm_encode(c, m->tokenizer, r->prompt, strlen(r->prompt), false, true, out);
    else if (m->chat)
        mw_chat_encode(c, m->chat, r->messages, r->n_messages, true, out);
    if (mw_err(c) != MW_OK)
        return mw_err(c);
    if (!out->n)
        return mw_fail(c, MW_E_ARG, "%s: the prompt is empty, and the model has no token to begin with",
                       m->base.name);
    return mw_llm_local_fits(c, m, out->n, 1);
}

mw_status mw_llm_local_fits(mw_ctx *c, const mw_llm_local *m, size_t n, size_t more)
{
    if (n + more > (size_t)m->context)
        mw_fail(c, MW_E_ARG, "%s: the prompt has %zu tokens; the context holds %d%s", m->base.name, n,
                m->context, more ? ", the answer's included" : "");
    return mw_err(c);
}

// Tokens at `at` .. at + n pass; logits of the last where wanted.
static mw_status pass(mw_ctx *c, const mw_llm_local *m, const int32_t *ids, size_t n, float *logits)
{
    const int32_t last = (int32_t)n - 1;
    mw_scope_begin(c);
    mw_llm_pass p = {.batch = 1,
                     .tokens = (int64_t)n,
                     .ids = ids,
                     .cache = m->cache,
                     .blocks = -1,
                     .rows = &last,
                     .n_rows = 1,
                     .want_logits = logits != NULL};
    if (mw_llm_forward(c, &m->network, &p) == MW_OK && logits)
        mw_tensor_read_f32(c, p.logits, logits);
    mw_scope_end(c, NULL);
    return mw_err(c);
}

// How many tokens of the prompt the cache holds already: whole blocks, and not the last token, whose logits
// are wanted.
static size_t held(const mw_llm_local *m, const int32_t *ids, size_t n)
{
    size_t same = 0;
    while (same < n - 1 && same < m->n_kept && ids[same] == m->kept[same])
        same++;
    return same / BLOCK * BLOCK;
}

static mw_status ready_cache(mw_ctx *c, mw_llm_local *m)
{
    if (m->cache && mw_kv_cache_stream(m->cache) != c->stream) {
        mw_kv_cache_free(m->cache);
        m->cache = NULL;
    }
    if (!m->cache) {
        m->n_kept = 0;
        m->cache = mw_llm_cache(c, &m->network, 1, m->context);
    }
    return mw_err(c);
}

mw_status mw_llm_local_read(mw_ctx *c, mw_llm_local *m, const int32_t *ids, size_t n, float *logits)
{
    if (ready_cache(c, m) != MW_OK)
        return mw_err(c);
    size_t at = held(m, ids, n);
    mw_kv_cache_cut(m->cache, (int64_t)at);
    m->n_kept = 0; // until all went well
    for (size_t count; at < n && mw_err(c) == MW_OK; at += count) {
        count = n - at < BLOCK ? n - at : BLOCK;
        pass(c, m, ids + at, count, at + count == n ? logits : NULL);
    }
    int32_t *kept = mw_realloc(c, m->kept, n * sizeof *kept);
    if (kept) {
        memcpy(kept, ids, n * sizeof *kept);
        m->kept = kept;
        m->n_kept = n / BLOCK * BLOCK;
    }
    return mw_err(c);
}

mw_tensor *mw_llm_local_logits(mw_ctx *c, mw_llm_local *m, const int32_t *ids, size_t n, size_t last)
{
    int64_t vocab = m->network.config.vocab;
    mw_tensor *all = mw_tensor_new(c, MW_F32, MW_SHAPE((int64_t)last, vocab));
    mw_kv_cache *cache = all ? mw_llm_cache(c, &m->network, 1, (int64_t)n) : NULL;
    for (size_t at = 0, count; at < n && mw_err(c) == MW_OK; at += count) {
        int32_t rows[BLOCK];
        count = n - at < BLOCK ? n - at : BLOCK;
        size_t wanted = at + count <= n - last ? 0 : at >= n - last ? count : at + count - (n - last);
        for (size_t i = 0; i < wanted; i++)
            rows[i] = (int32_t)(count - wanted + i);
        mw_scope_begin(c);
        mw_llm_pass p = {.batch = 1,
                         .tokens = (int64_t)count,
                         .ids = ids + at,
                         .cache = cache,
                         .blocks = -1,
                         .rows = rows,
                         .n_rows = (int64_t)wanted,
                         .want_logits = wanted > 0};
        if (mw_llm_forward(c, &m->network, &p) == MW_OK && wanted)
            mw_write(c, mw_slice(c, all, 0, (int64_t)(at + count - wanted - (n - last)), (int64_t)wanted),
                     p.logits);
        mw_scope_end(c, NULL);
    }
    mw_kv_cache_free(cache);
    return mw_err(c) == MW_OK ? all : NULL;
}

// ---- the answer

// What one answer is made with.
typedef struct job {
    mw_llm_local *m;
    const mw_llm_request *r;
    mw_token_picker *picker;
    mw_llm_stream *stream;
    mw_answer_text text;
    float *logits; // of the next token
    size_t room;   // positions left in the context
} job;

static mw_piece_kind piece_of(void *user, int32_t id, const char **bytes, size_t *length)
{
    const mw_llm_tokenizer *t = user;
    mw_llm_token_type kind = mw_llm_token_type_of(t, id);
    if (mw_llm_tokenizer_is_end(t, id))
        return MW_PIECE_END;
    *bytes = mw_llm_token_text(t, id, length);
    return kind == MW_LLM_NORMAL || kind == MW_LLM_USER || kind == MW_LLM_BYTE ? MW_PIECE_TEXT
                                                                               : MW_PIECE_CONTROL;
}

static const mw_grammar_vocabulary *vocabulary(mw_ctx *c, mw_llm_local *m)
{
    if (!m->vocabulary)
        m->vocabulary = mw_grammar_vocabulary_new(c, m->network.config.vocab, piece_of, m->tokenizer);
    return m->vocabulary;
}

static bool keep_id(mw_ctx *c, mw_llm_answer *out, int32_t id)
{
    size_t n = out->n_ids;
    if ((n & (n + 1)) == 0) { // 2^k - 1 are there: the room is full
        int32_t *ids = mw_realloc(c, out->ids, 2 * (n + 1) * sizeof *ids);
        if (!ids)
            return false;
        out->ids = ids;
    }
    out->ids[out->n_ids++] = id;
    return true;
}

// Adds one token to the answer; true when it ends with it, and then why.
static bool add_token(mw_ctx *c, job *j, int32_t id, mw_llm_answer *out)
{
    size_t size = 0;
    if (mw_llm_tokenizer_is_end(j->m->tokenizer, id)) {
        out->reason = MW_LLM_END;
        return true;
    }
    const char *text = mw_llm_stream_put(c, j->stream, id, &size);
    bool stopped = text && mw_answer_text_add(c, &j->text, text, size);
    out->reason = MW_LLM_STOP;
    if (stopped || !keep_id(c, out, id) || mw_token_picker_take(j->picker, id))
        return true;
    out->reason = MW_LLM_LENGTH;
    return out->n_ids >= (size_t)j->r->max_tokens;
}

static void make_answer(mw_ctx *c, job *j, mw_llm_answer *out)
{
    while (mw_err(c) == MW_OK && !mw_cancelled(c)) {
        int32_t id = mw_token_picker_next(c, j->picker, j->logits);
        if (mw_err(c) != MW_OK || add_token(c, j, id, out))
            break;
        if (!j->room--) {
            mw_warn(c, "%s: the answer ends after %zu tokens, where the context of %d is full",
                    j->m->base.name, out->n_ids, j->m->context);
            break;
        }
        pass(c, j->m, &id, 1, j->logits);
    }
    size_t size = 0;
    const char *rest =
        mw_err(c) == MW_OK && out->reason != MW_LLM_STOP ? mw_llm_stream_end(c, j->stream, &size) : NULL;
    if (rest && mw_answer_text_add(c, &j->text, rest, size))
        out->reason = MW_LLM_STOP;
    if (mw_err(c) == MW_OK)
        mw_answer_text_end(&j->text);
}

static void answer(mw_ctx *c, job *j, const mw_llm_ids *prompt, mw_llm_answer *out)
{
    mw_llm_local *m = j->m;
    size_t n = (size_t)m->network.config.vocab;
    j->logits = mw_alloc(c, n * sizeof *j->logits);
    j->stream = mw_llm_stream_new(c, m->tokenizer, true);
    j->picker = mw_token_picker_new(c, j->r, n, j->r->grammar ? vocabulary(c, m) : NULL);
    j->text.request = j->r;
    j->room = (size_t)m->context - prompt->n;
    for (size_t i = 0; j->picker && i < prompt->n; i++)
        mw_token_picker_saw(j->picker, prompt->id[i]);
    if (mw_err(c) == MW_OK && mw_llm_local_read(c, m, prompt->id, prompt->n, j->logits) == MW_OK)
        make_answer(c, j, out);
    out->text = j->text.text ? j->text.text : mw_strdup(c, "");
    out->length = j->text.length;
    out->prompt_tokens = prompt->n;
    mw_token_picker_free(j->picker);
    mw_llm_stream_free(j->stream);
    free(j->logits);
}

mw_status mw_llm_local_complete(mw_ctx *c, mw_llm *llm, const mw_llm_request *r, mw_llm_answer *out)
{
    mw_llm_request held = *r;
    job j = {.m = (mw_llm_local *)llm, .r = &held};
    mw_llm_ids prompt = {0};
    bool read = mw_llm_local_encode(c, j.m, r, &prompt) == MW_OK;
    // What a grammar lets through is brought to its end where the context ends.
    int room = read ? (int)((size_t)j.m->context - prompt.n) : 0;
    if (read && r->grammar && room < held.max_tokens)
        held.max_tokens = room;
    if (read && mw_llm_grammar_fits(c, llm, &held) == MW_OK) {
        pthread_mutex_lock(&j.m->lock);
        answer(c, &j, &prompt, out);
        pthread_mutex_unlock(&j.m->lock);
    }
    mw_llm_ids_free(&prompt);
    return mw_err(c);
}
