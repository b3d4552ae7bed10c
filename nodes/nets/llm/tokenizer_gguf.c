// tokenizer_gguf.c: the tokenizer in a GGUF file's metadata. Ids are llama.cpp's for the same file, but for
// Qwen2's normalisation, of which GGUF knows nothing.
#include "nodes/nets/llm/tokenizer_internal.h"

#include "core/base/text.h"
#include "core/io/gguf.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define KEY "tokenizer.ggml."

typedef struct {
    mw_ctx *c;
    mw_llm_tokenizer *t;
    const mw_gguf *g;
    const char *path;
} file;

// A token of a byte-level vocabulary: letters that stand for bytes, or a text as it is.
static void add_letters(const file *f, char *text, size_t size, float score, mw_llm_token_type type)
{
    size_t n;
    char *bytes = mw_alloc(f->c, size + 1);
    bool raw = type == MW_LLM_CONTROL || type == MW_LLM_UNKNOWN || type == MW_LLM_USER;
    if (bytes && !raw && mw_llm_letters_to_bytes(text, size, bytes, &n))
        mw_llm_add_piece(f->c, f->t, bytes, n, score, type);
    else if (bytes) // no text has other letters
        mw_llm_add_piece(f->c, f->t, text, size, score, raw ? type : MW_LLM_UNUSED);
    free(bytes);
}

static void add_token(const file *f, char *text, size_t size, float score, mw_llm_token_type type)
{
    int byte = mw_llm_byte_name(text, size);
    if (f->t->kind == MW_LLM_BYTE_LEVEL)
        add_letters(f, text, size, score, type);
    else if (byte >= 0 && type != MW_LLM_CONTROL)
        mw_llm_add_piece(f->c, f->t, &(char){(char)byte}, 1, score, MW_LLM_BYTE);
    else
        mw_llm_add_escaped(f->c, f->t, text, size, score, type);
}

static void read_tokens(file *f)
{
    mw_ctx *c = f->c;
    const mw_gguf_value *tokens = mw_gguf_array(c, f->g, KEY "tokens", MW_GGUF_TEXTS),
                        *scores = mw_gguf_array(c, f->g, KEY "scores", MW_GGUF_NUMBERS),
                        *types = mw_gguf_array(c, f->g, KEY "token_type", MW_GGUF_INTS);
    if (mw_err(c))
        return;
    if (!tokens || tokens->count == 0 || tokens->count > MW_LLM_MAX_ID) {
        mw_fail(c, MW_E_FILE, "%s: holds no vocabulary (" KEY "tokens)", f->path);
        return;
    }
    if ((scores && scores->count != tokens->count) || (types && types->count != tokens->count)) {
        mw_fail(c, MW_E_FILE, "%s: " KEY "scores or token_type do not fit the %llu tokens", f->path,
                (unsigned long long)tokens->count);
        return;
    }
    char *kept = mw_alloc(c, MW_LLM_TOKEN_MAX);
    for (uint64_t i = 0; kept && i < tokens->count && !mw_err(c); i++) {
        size_t size;
        const char *text = mw_gguf_item_text(tokens, i, &size);
        int64_t said = types ? mw_gguf_item_int(types, i) : MW_LLM_NORMAL;
        mw_llm_token_type type =
            said >= MW_LLM_NORMAL && said <= MW_LLM_BYTE ? (mw_llm_token_type)said : MW_LLM_UNUSED;
        double score = scores ? mw_gguf_item_number(scores, i) : 0;
        if (size > MW_LLM_TOKEN_MAX || !isfinite(score)) {
            mw_fail(c, MW_E_FILE, "%s: its token %llu has %zu bytes and the score %g", f->path,
                    (unsigned long long)i, size, score);
            break;
        }
        memcpy(kept, text, size);
        add_token(f, kept, size, (float)score, type);
    }
    free(kept);
}

// The piece of a byte-level vocabulary that letters spell; -1.
static int32_t spelled(const file *f, const char *letters, size_t size, char *bytes)
{
    size_t n;
    return mw_llm_letters_to_bytes(letters, size, bytes, &n) ? mw_llm_find(f->t, &f->t->words, bytes, n) : -1;
}

static void read_merges(file *f)
{
    mw_ctx *c = f->c;
    const mw_gguf_value *merges = mw_gguf_array(c, f->g, KEY "merges", MW_GGUF_TEXTS);
    char *bytes = mw_alloc(c, MW_LLM_TOKEN_MAX), shown[80];
    if (!merges && !mw_err(c))
        mw_fail(c, MW_E_FILE, "%s: a byte-level vocabulary without merges (" KEY "merges)", f->path);
    if (mw_err(c) || mw_llm_index(c, f->t, f->path) || mw_bpe_pairs_init(c, &f->t->merges, merges->count)) {
        free(bytes);
        return;
    }
    for (uint64_t i = 0; i < merges->count && !mw_err(c); i++) {
        size_t size;
        const char *text = mw_gguf_item_text(merges, i, &size);
        const char *space = size > 1 && size < MW_LLM_TOKEN_MAX ? memchr(text + 1, ' ', size - 1) : NULL;
        size_t left = space ? (size_t)(space - text) : 0, n = 0;
        int32_t a = space ? spelled(f, text, left, bytes) : -1,
                b = space ? spelled(f, space + 1, size - left - 1, bytes) : -1;
        if (a >= 0 && b >= 0) {
            memcpy(bytes, f->t->pool + f->t->piece[a].at, f->t->piece[a].size);
            n = f->t->piece[a].size + f->t->piece[b].size;
            if (n <= MW_LLM_TOKEN_MAX)
                memcpy(bytes + f->t->piece[a].size, f->t->pool + f->t->piece[b].at, f->t->piece[b].size);
        }
        int32_t ab = n && n <= MW_LLM_TOKEN_MAX ? mw_llm_find(f->t, &f->t->words, bytes, n) : -1;
        if (ab < 0)
            mw_fail(c, MW_E_FILE, "%s: its merge %llu, '%s', is not of tokens that it has", f->path,
                    (unsigned long long)i, mw_printable_n(text, size < 40 ? size : 40, shown, sizeof shown));
        else if (!mw_bpe_pairs_find(&f->t->merges, a, b)) // of two the first counts, as in llama.cpp
            mw_bpe_pairs_add(&f->t->merges, a, b, (int32_t)i, ab);
    }
    free(bytes);
}

static int32_t token(file *f, const char *key, int32_t otherwise)
{
    bool there = mw_gguf_find(f->g, key) != NULL;
    if (!there)
        return otherwise < f->t->size ? otherwise : -1;
    return (int32_t)mw_gguf_int(f->c, f->g, key, -1, 0, f->t->size - 1);
}

static void read_specials(file *f)
{
    mw_ctx *c = f->c;
    mw_llm_tokenizer *t = f->t;
    int32_t begin = t->kind == MW_LLM_SPM ? 1 : -1,
            end = t->kind == MW_LLM_SPM ? 2
        : t->kind == MW_LLM_UNIGRAM     ? 1
                                        : -1;
    t->begin = token(f, KEY "bos_token_id", begin);
    t->end = token(f, KEY "eos_token_id", end);
    t->unknown = token(f, KEY "unknown_token_id",
                       t->kind == MW_LLM_SPM           ? 0
                           : t->kind == MW_LLM_UNIGRAM ? 2
                                                       : -1);
    t->pad = token(f, KEY "padding_token_id", -1);
    if (t->kind == MW_LLM_BYTE_LEVEL)
        t->unknown = -1; // named by many files, and never meant
    t->add_begin = mw_gguf_bool(c, f->g, KEY "add_bos_token", t->kind == MW_LLM_SPM || t->add_begin);
    t->add_end = mw_gguf_bool(c, f->g, KEY "add_eos_token", t->kind == MW_LLM_UNIGRAM);
    mw_llm_add_end(c, t, t->end);
    mw_llm_add_end(c, t, token(f, KEY "eot_token_id", -1));
    mw_llm_add_end(c, t, token(f, KEY "eom_token_id", -1));
    const char *chat = mw_gguf_text(c, f->g, "tokenizer.chat_template", NULL, NULL);
    t->chat_template = chat ? mw_strdup(c, chat) : NULL;
}

static void read_charsmap(file *f)
{
    const mw_gguf_value *v = mw_gguf_array(f->c, f->g, KEY "precompiled_charsmap", MW_GGUF_INTS);
    if (!v)
        return;
    if (v->kind != MW_GGUF_U8 && v->kind != MW_GGUF_I8)
        mw_gguf_fail(f->c, f->g, KEY "precompiled_charsmap", "must be a list of bytes");
    else
        mw_llm_read_charsmap(f->c, &f->t->normal, f->path, v->data, (size_t)v->count);
}

static void read_kind(file *f)
{
    mw_ctx *c = f->c;
    mw_llm_tokenizer *t = f->t;
    char shown[80];
    const char *model = mw_gguf_need_text(c, f->g, KEY "model");
    if (mw_err(c))
        return;
    if (strcmp(model, "llama") == 0) {
        t->kind = MW_LLM_SPM;
        t->normal.space_before = mw_gguf_bool(c, f->g, KEY "add_space_prefix", true);
    } else if (strcmp(model, "t5") == 0) {
        t->kind = MW_LLM_UNIGRAM;
        t->words_inside = true;
        t->normal.space_before = mw_gguf_bool(c, f->g, KEY "add_space_prefix", true);
        t->normal.collapse = mw_gguf_bool(c, f->g, KEY "remove_extra_whitespaces", false);
        read_charsmap(f);
    } else if (strcmp(model, "gpt2") == 0) {
        t->kind = MW_LLM_BYTE_LEVEL;
        const char *pre = mw_gguf_text(c, f->g, KEY "pre", NULL, NULL);
        if (pre)
            mw_llm_cut_by_name(c, t, f->path, pre);
        else
            mw_fail(c, MW_E_FILE,
                    "%s: does not say how texts are cut into words (" KEY
                    "pre), as files of before May 2024; "
                    "convert the model again",
                    f->path);
    } else {
        mw_fail(c, MW_E_FILE, "%s: its tokenizer (" KEY "model) is '%s'; known are llama, t5 and gpt2",
                f->path, mw_printable(model, shown, sizeof shown));
    }
}

mw_status mw_llm_read_gguf(mw_ctx *c, mw_llm_tokenizer *t, const char *path)
{
    mw_gguf *g = mw_gguf_open(c, path);
    if (!g)
        return mw_err(c);
    file f = {c, t, g, path};
    read_kind(&f);
    if (mw_err(c) == MW_OK)
        read_tokens(&f);
    if (mw_err(c) == MW_OK && t->kind == MW_LLM_BYTE_LEVEL)
        read_merges(&f);
    if (mw_err(c) == MW_OK)
        read_specials(&f);
    mw_gguf_close(g);
    return mw_err(c);
}
