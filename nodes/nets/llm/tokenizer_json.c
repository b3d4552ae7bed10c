// tokenizer_json.c: reads tokenizer.json, the file of Hugging Face's tokenizers: byte-level BPE, and
// sentencepiece's BPE written as merges. What would change ids and is not known is refused by name.
#include "nodes/nets/llm/tokenizer_internal.h"

#include "core/base/text.h"

#include <stdlib.h>
#include <string.h>

#define LOW_LINE "\xE2\x96\x81" // U+2581, sentencepiece's space

typedef struct {
    mw_ctx *c;
    mw_llm_tokenizer *t;
    const char *path;
    const json_t *vocab; // token -> id
    bool spaces_escaped;
} file;

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

static mw_status unknown(const file *f, const char *what, const json_t *o)
{
    char shown[120];
    return mw_fail(f->c, MW_E_FILE, "%s: its %s is %s, which is not known", f->path, what,
                   mw_json_text_of(o, shown, sizeof shown));
}

// ---- the vocabulary

static bool good_id(const file *f, const char *token, const json_t *id)
{
    char shown[80];
    if (json_is_integer(id) && json_integer_value(id) >= 0 && json_integer_value(id) < f->t->limit)
        return true;
    mw_fail(f->c, MW_E_FILE, "%s: the id of '%s' is not a whole number from 0 to %d", f->path,
            mw_printable(token, shown, sizeof shown), f->t->limit - 1);
    return false;
}

static void read_token(file *f, const char *token, int32_t id, bool byte_fallback)
{
    mw_llm_tokenizer *t = f->t;
    char shown[80];
    size_t size = strlen(token);
    mw_llm_token_type type = MW_LLM_NORMAL;
    if (size > MW_LLM_TOKEN_MAX || (id < t->size && t->piece[id].size > 0)) {
        mw_fail(f->c, MW_E_FILE, "%s: its token '%s' is too long, or has the id of another (%d)", f->path,
                mw_printable(token, shown, sizeof shown), id);
        return;
    }
    char *kept = mw_strdup(f->c, token);
    if (!kept)
        return;
    int byte = byte_fallback ? mw_llm_byte_name(kept, size) : -1;
    if (t->kind == MW_LLM_SPM && byte >= 0) {
        kept[0] = (char)byte;
        size = 1;
        type = MW_LLM_BYTE;
    } else if (t->kind == MW_LLM_SPM) {
        size = mw_llm_unescape_spaces(kept, size);
    } else if (!mw_llm_letters_to_bytes(token, strlen(token), kept, &size)) {
        size = strlen(strcpy(kept, token));
        type = MW_LLM_UNUSED; // no text has such letters
    }
    if (mw_llm_set_piece(f->c, t, id, kept, size, type) == MW_OK)
        t->piece[id].no_word = t->kind == MW_LLM_SPM && strchr(token, ' ');
    free(kept);
}

static void read_vocab(file *f, const json_t *model)
{
    const char *token;
    json_t *id;
    bool fallback = json_is_true(json_object_get(model, "byte_fallback"));
    f->vocab = mw_json_object(f->c, f->path, model, "vocab");
    json_object_foreach((json_t *)f->vocab, token, id)
    {
        if (mw_err(f->c) || !good_id(f, token, id))
            return;
        read_token(f, token, (int32_t)json_integer_value(id), fallback);
    }
}

static int32_t id_of(const file *f, const char *token, size_t size)
{
    const json_t *id = json_object_getn(f->vocab, token, size);
    return id ? (int32_t)json_integer_value(id) : -1;
}

// The halves of a merge: "a b", or ["a", "b"]. false when it is neither.
static bool halves(const json_t *merge, const char **a, size_t *na, const char **b, size_t *nb)
{
    if (json_is_string(merge)) {
        *a = json_string_value(merge);
        const char *space = strchr(*a, ' ');
        *b = space ? space + 1 : "";
        *na = space ? (size_t)(space - *a) : 0;
        *nb = strlen(*b);
        return space && *na && *nb;
    }
    *a = json_string_value(json_array_get(merge, 0));
    *b = json_string_value(json_array_get(merge, 1));
    if (!*a || !*b || json_array_size(merge) != 2)
        return false;
    *na = strlen(*a);
    *nb = strlen(*b);
    return true;
}

static void read_merges(file *f, const json_t *model)
{
    const json_t *list = mw_json_list(f->c, f->path, model, "merges"), *merge;
    size_t i, na, nb;
    const char *a, *b;
    if (!list || mw_bpe_pairs_init(f->c, &f->t->merges, json_array_size(list)))
        return;
    json_array_foreach((json_t *)list, i, merge)
    {
        char shown[80];
        bool good = halves(merge, &a, &na, &b, &nb);
        char *both = good ? mw_format(f->c, "%.*s%s", (int)na, a, b) : NULL;
        int32_t left = good ? id_of(f, a, na) : -1, right = good ? id_of(f, b, nb) : -1,
                id = both ? id_of(f, both, na + nb) : -1;
        free(both);
        if (mw_err(f->c))
            return;
        if (left < 0 || right < 0 || id < 0) {
            mw_fail(f->c, MW_E_FILE, "%s: its merge %zu, %s, is not of tokens that it has", f->path, i,
                    mw_json_text_of(merge, shown, sizeof shown));
            return;
        }
        mw_bpe_pairs_add(&f->t->merges, left, right, (int32_t)i, id);
    }
}

mw_status mw_llm_read_added_token(mw_ctx *c, mw_llm_tokenizer *t, const char *path, const json_t *o,
                                  json_int_t id)
{
    char shown[120];
    const json_t *content = json_object_get(o, "content");
    if (!json_is_string(content) || id < 0 || id >= t->limit)
        return mw_fail(c, MW_E_FILE, "%s: its added token %s has no text, or an id far beyond the others",
                       path, mw_json_text_of(o, shown, sizeof shown));
    size_t size = json_string_length(content);
    char *kept = mw_strdup(c, json_string_value(content));
    if (!kept || size == 0 || size > MW_LLM_TOKEN_MAX) {
        free(kept);
        return mw_err(c);
    }
    bool special = json_is_true(json_object_get(o, "special"));
    if (t->kind == MW_LLM_SPM && !special)
        size = mw_llm_unescape_spaces(kept, size);
    // What sentencepiece's own file has as an added word stays where that looks for it.
    bool known = id < t->size && t->words_inside && t->piece[id].type == MW_LLM_USER;
    if (!known && !(id < t->size && t->piece[id].type == MW_LLM_UNKNOWN))
        mw_llm_set_piece(c, t, (int32_t)id, kept, size, special ? MW_LLM_CONTROL : MW_LLM_USER);
    if (!known && mw_err(c) == MW_OK) {
        mw_llm_piece *p = &t->piece[id];
        p->mark = true;
        p->strip_left = json_is_true(json_object_get(o, "lstrip"));
        p->strip_right = json_is_true(json_object_get(o, "rstrip"));
        p->alone = json_is_true(json_object_get(o, "single_word"));
    }
    free(kept);
    return mw_err(c);
}

mw_status mw_llm_read_added_list(mw_ctx *c, mw_llm_tokenizer *t, const char *path, const json_t *list)
{
    size_t i;
    const json_t *o;
    json_array_foreach((json_t *)list, i, o)
    {
        if (mw_llm_read_added_token(c, t, path, o, json_integer_value(json_object_get(o, "id"))))
            break;
    }
    return mw_err(c);
}

// ---- preparing and cutting texts

static bool is_low_line(const json_t *o, const char *key) { return strcmp(text_of(o, key), LOW_LINE) == 0; }

static void read_normalizer(file *f, const json_t *o)
{
    const char *type = text_of(o, "type");
    const json_t *pattern = json_object_get(o, "pattern"), *one;
    size_t i;
    if (!json_is_object(o)) {
        if (o && !json_is_null(o))
            unknown(f, "normalizer", o);
    } else if (strcmp(type, "Sequence") == 0) {
        json_array_foreach(json_object_get(o, "normalizers"), i, one) read_normalizer(f, one);
    } else if (strcmp(type, "NFC") == 0 && f->t->kind == MW_LLM_BYTE_LEVEL) {
        f->t->nfc = true;
    } else if (strcmp(type, "Prepend") == 0 && is_low_line(o, "prepend") && f->t->kind == MW_LLM_SPM) {
        f->t->normal.space_before = true;
    } else if (strcmp(type, "Replace") == 0 && strcmp(text_of(pattern, "String"), " ") == 0 &&
               is_low_line(o, "content") && f->t->kind == MW_LLM_SPM) {
        f->spaces_escaped = true;
    } else {
        unknown(f, "normalizer", o);
    }
}

static void read_metaspace(file *f, const json_t *o)
{
    const char *scheme = text_of(o, "prepend_scheme");
    bool old = json_is_true(json_object_get(o, "add_prefix_space"));
    if (!is_low_line(o, "replacement") || !json_is_false(json_object_get(o, "split")) ||
        f->t->kind != MW_LLM_SPM) {
        unknown(f, "pre_tokenizer", o);
        return;
    }
    f->spaces_escaped = f->t->normal.space_once = true;
    f->t->normal.space_before = *scheme ? strcmp(scheme, "never") != 0 : old;
    f->t->one_space = strcmp(scheme, "first") == 0;
}

static void read_split(file *f, const json_t *o)
{
    const json_t *pattern = json_object_get(o, "pattern");
    const char *how = text_of(o, "behavior"), *regex = json_string_value(json_object_get(pattern, "Regex"));
    bool invert = json_is_true(json_object_get(o, "invert")), removed = strcmp(how, "Removed") == 0;
    if (f->t->kind == MW_LLM_SPM && strcmp(text_of(pattern, "String"), " ") == 0 && f->spaces_escaped)
        return; // there are no spaces any more
    if (!regex || (!removed && strcmp(how, "Isolated") != 0) || f->t->kind != MW_LLM_BYTE_LEVEL)
        unknown(f, "pre_tokenizer", o);
    else
        mw_llm_add_cut(f->c, f->t, f->path, regex, removed && !invert, removed && invert);
}

static void read_pre_tokenizer(file *f, const json_t *o)
{
    const char *type = text_of(o, "type");
    const json_t *one;
    size_t i;
    if (!json_is_object(o)) {
        if (o && !json_is_null(o))
            unknown(f, "pre_tokenizer", o);
    } else if (strcmp(type, "Sequence") == 0) {
        json_array_foreach(json_object_get(o, "pretokenizers"), i, one) read_pre_tokenizer(f, one);
    } else if (strcmp(type, "ByteLevel") == 0 && f->t->kind == MW_LLM_BYTE_LEVEL) {
        f->t->space_before |= json_is_true(json_object_get(o, "add_prefix_space"));
        if (!json_is_false(json_object_get(o, "use_regex")))
            mw_llm_cut_as_gpt2(f->c, f->t, f->path);
    } else if (strcmp(type, "Split") == 0) {
        read_split(f, o);
    } else if (strcmp(type, "Digits") == 0 && f->t->kind == MW_LLM_BYTE_LEVEL) {
        bool each = json_is_true(json_object_get(o, "individual_digits"));
        mw_llm_add_cut(f->c, f->t, f->path, each ? "\\p{N}" : "\\p{N}+", false, false);
    } else if (strcmp(type, "Metaspace") == 0) {
        read_metaspace(f, o);
    } else {
        unknown(f, "pre_tokenizer", o);
    }
}

// Whether a node of that type is in the tree of `o`.
static bool mentions(const json_t *o, const char *type)
{
    const char *lists[] = {"pretokenizers", "decoders"};
    bool found = strcmp(text_of(o, "type"), type) == 0;
    for (size_t k = 0; k < 2; k++) {
        size_t i;
        const json_t *one;
        json_array_foreach(json_object_get(o, lists[k]), i, one) found |= mentions(one, type);
    }
    return found;
}

// ---- what is put around a text

static void read_post_processor(file *f, const json_t *o)
{
    const json_t *one;
    size_t i;
    bool behind = false;
    json_array_foreach(json_object_get(o, "processors"), i, one) read_post_processor(f, one);
    if (strcmp(text_of(o, "type"), "TemplateProcessing") != 0)
        return;
    json_array_foreach(json_object_get(o, "single"), i, one)
    {
        const char *name = text_of(json_object_get(one, "SpecialToken"), "id");
        const json_t *special = json_object_get(json_object_get(o, "special_tokens"), name);
        const json_t *id = json_array_get(json_object_get(special, "ids"), 0);
        behind |= json_object_get(one, "Sequence") != NULL;
        if (!*name)
            continue;
        if (!json_is_integer(id) || json_integer_value(id) < 0 || json_integer_value(id) >= f->t->size ||
            (behind ? f->t->add_end : f->t->add_begin)) {
            unknown(f, "post_processor", o);
            return;
        }
        *(behind ? &f->t->end : &f->t->begin) = (int32_t)json_integer_value(id);
        *(behind ? &f->t->add_end : &f->t->add_begin) = true;
    }
    mw_llm_add_end(f->c, f->t, f->t->end);
}

static void read_model(file *f, const json_t *root)
{
    const json_t *model = mw_json_object(f->c, f->path, root, "model");
    const char *type = text_of(model, "type");
    if (!model)
        return;
    if (strcmp(type, "BPE") != 0 && !(*type == 0 && mw_json_has(model, "merges"))) {
        mw_fail(f->c, MW_E_FILE, "%s: its model is '%.40s'; BPE is known (unigram from tokenizer.model)",
                f->path, type);
        return;
    }
    if (*text_of(model, "continuing_subword_prefix") || *text_of(model, "end_of_word_suffix") ||
        mw_json_has(model, "dropout")) {
        mw_fail(f->c, MW_E_FILE,
                "%s: its BPE marks parts of words or drops merges, which no language model known here does",
                f->path);
        return;
    }
    bool bytes = mentions(json_object_get(root, "pre_tokenizer"), "ByteLevel") ||
        mentions(json_object_get(root, "decoder"), "ByteLevel");
    f->t->kind = bytes ? MW_LLM_BYTE_LEVEL : MW_LLM_SPM;
    f->t->whole_words = json_is_true(json_object_get(model, "ignore_merges"));
    read_vocab(f, model);
    if (mw_err(f->c) == MW_OK)
        read_merges(f, model);
    if (mw_err(f->c) == MW_OK && *text_of(model, "unk_token")) {
        f->t->unknown = id_of(f, text_of(model, "unk_token"), strlen(text_of(model, "unk_token")));
        if (f->t->unknown >= 0)
            f->t->piece[f->t->unknown].type = MW_LLM_UNKNOWN;
    }
}

mw_status mw_llm_read_json(mw_ctx *c, mw_llm_tokenizer *t, const char *path)
{
    json_t *root = mw_json_load(c, path);
    if (!root)
        return mw_err(c);
    file f = {.c = c, .t = t, .path = path};
    size_t entries = json_object_size(json_object_get(json_object_get(root, "model"), "vocab"));
    t->limit = entries < MW_LLM_MAX_ID / 4 ? (int)entries * 2 + MW_LLM_SPARE_IDS : MW_LLM_MAX_ID;
    read_model(&f, root);
    if (mw_err(c) == MW_OK)
        read_normalizer(&f, json_object_get(root, "normalizer"));
    if (mw_err(c) == MW_OK)
        read_pre_tokenizer(&f, json_object_get(root, "pre_tokenizer"));
    if (mw_err(c) == MW_OK && t->kind == MW_LLM_SPM && !f.spaces_escaped)
        mw_fail(c, MW_E_FILE, "%s: its BPE is neither byte-level nor sentencepiece's", path);
    if (mw_err(c) == MW_OK)
        mw_llm_read_added_list(c, t, path, json_object_get(root, "added_tokens"));
    if (mw_err(c) == MW_OK)
        read_post_processor(&f, json_object_get(root, "post_processor"));
    json_decref(root);
    return mw_err(c);
}
