// tokenizer.c: opening the tokenizers of language models, what they say of themselves, texts to ids.
#include "nodes/nets/llm/tokenizer_internal.h"

#include "core/base/file.h"
#include "core/base/pathname.h"
#include "core/base/paths.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// ---- opening

static bool ends_in(const char *text, const char *tail)
{
    size_t n = strlen(text), m = strlen(tail);
    return n >= m && strcmp(text + n - m, tail) == 0;
}

// CLIP's tokens of words' ends have a suffix.
static bool marks_words(mw_ctx *c, const char *json)
{
    static const char key[] = "\"end_of_word_suffix\"";
    size_t size;
    char *text = mw_file_read(c, json, MW_JSON_MAX_BYTES, &size);
    bool found = false;
    for (const char *at = text;
         at && !found && (at = memmem(at, size - (size_t)(at - text), key, sizeof key - 1));) {
        at += sizeof key - 1;
        const char *value = at + strspn(at, " \t\r\n:");
        found = value[0] == '"' && value[1] && value[1] != '"';
    }
    free(text);
    return found;
}

bool mw_llm_tokenizer_is_at(mw_ctx *c, const char *path)
{
    bool folder = mw_path_is_folder(path), found = ends_in(path, ".gguf") || ends_in(path, ".model");
    char *model = mw_format(c, "%s/tokenizer.model", path);
    char *json = folder ? mw_format(c, "%s/tokenizer.json", path) : mw_strdup(c, path);
    if (!found && model && json)
        found = (folder && access(model, F_OK) == 0) ||
            (ends_in(json, "tokenizer.json") && access(json, F_OK) == 0 && !marks_words(c, json) &&
             !mw_err(c));
    free(model);
    free(json);
    return found;
}

static mw_status read_folder(mw_ctx *c, mw_llm_tokenizer *t, const char *folder)
{
    char *model = mw_format(c, "%s/tokenizer.model", folder),
         *json = mw_format(c, "%s/tokenizer.json", folder);
    if (model && json && access(model, F_OK) == 0)
        mw_llm_read_model(c, t, model);
    else if (model && json && access(json, F_OK) == 0)
        mw_llm_read_json(c, t, json);
    else if (model && json)
        mw_fail(c, MW_E_FILE, "%s: holds no tokenizer: tokenizer.model or tokenizer.json is expected",
                folder);
    free(model);
    free(json);
    if (mw_err(c) == MW_OK && mw_llm_read_added(c, t, folder) == MW_OK && mw_llm_index(c, t, folder) == MW_OK)
        mw_llm_read_settings(c, t, folder);
    return mw_err(c);
}

static mw_status read_path(mw_ctx *c, mw_llm_tokenizer *t, const char *path)
{
    if (mw_path_is_folder(path))
        return read_folder(c, t, path);
    if (ends_in(path, ".gguf"))
        mw_llm_read_gguf(c, t, path);
    else if (ends_in(path, ".json"))
        mw_llm_read_json(c, t, path);
    else
        mw_llm_read_model(c, t, path);
    bool gguf = ends_in(path, ".gguf");
    if (mw_err(c) == MW_OK && mw_llm_find_ends(c, t, gguf) == MW_OK)
        mw_llm_index(c, t, path);
    return mw_err(c);
}

mw_llm_tokenizer *mw_llm_tokenizer_open(mw_ctx *c, const char *path)
{
    mw_llm_tokenizer *t = mw_err(c) ? NULL : mw_alloc(c, sizeof *t);
    char *found = t ? mw_find_path(c, path) : NULL;
    if (t) {
        t->unknown = t->begin = t->end = t->pad = -1;
        if (found)
            read_path(c, t, found);
    }
    free(found);
    if (mw_err(c) == MW_OK)
        return t;
    mw_llm_tokenizer_free(t);
    return NULL;
}

void mw_llm_tokenizer_free(mw_llm_tokenizer *t)
{
    if (!t)
        return;
    mw_llm_free_cuts(t);
    mw_bpe_pairs_free(&t->merges);
    free(t->pool);
    free(t->piece);
    free(t->words.id);
    free(t->marks.id);
    free(t->ends);
    free(t->chat_template);
    free(t->normal.trie);
    free(t->normal.replacement);
    free(t);
}

// ---- what it says of itself

int mw_llm_tokenizer_size(const mw_llm_tokenizer *t) { return t->size; }

int32_t mw_llm_tokenizer_begin(const mw_llm_tokenizer *t) { return t->begin; }

int32_t mw_llm_tokenizer_end(const mw_llm_tokenizer *t) { return t->end; }

int32_t mw_llm_tokenizer_unknown(const mw_llm_tokenizer *t) { return t->unknown; }

int32_t mw_llm_tokenizer_pad(const mw_llm_tokenizer *t) { return t->pad; }

bool mw_llm_tokenizer_adds_begin(const mw_llm_tokenizer *t) { return t->add_begin && t->begin >= 0; }

const int32_t *mw_llm_tokenizer_ends(const mw_llm_tokenizer *t, size_t *n)
{
    *n = t->nends;
    return t->ends;
}

bool mw_llm_tokenizer_is_end(const mw_llm_tokenizer *t, int32_t id)
{
    for (size_t i = 0; i < t->nends; i++)
        if (t->ends[i] == id)
            return true;
    return false;
}

const char *mw_llm_tokenizer_chat_template(const mw_llm_tokenizer *t) { return t->chat_template; }

mw_llm_token_type mw_llm_token_type_of(const mw_llm_tokenizer *t, int32_t id)
{
    return id >= 0 && id < t->size ? (mw_llm_token_type)t->piece[id].type : MW_LLM_UNUSED;
}

const char *mw_llm_token_text(const mw_llm_tokenizer *t, int32_t id, size_t *size)
{
    *size = id >= 0 && id < t->size ? t->piece[id].size : 0;
    return id >= 0 && id < t->size ? t->pool + t->piece[id].at : NULL;
}

int32_t mw_llm_token_named(const mw_llm_tokenizer *t, const char *name, size_t size)
{
    int32_t id = mw_llm_find(t, &t->marks, name, size);
    if (id >= 0 || mw_llm_byte_name(name, size) < 0)
        return id >= 0 ? id : mw_llm_find(t, &t->words, name, size);
    return t->byte[mw_llm_byte_name(name, size)];
}

// ---- encoding

void mw_llm_ids_free(mw_llm_ids *ids)
{
    free(ids->id);
    *ids = (mw_llm_ids){0};
}

void mw_llm_emit(mw_llm_job *j, int32_t id)
{
    mw_llm_ids *out = j->out;
    if (out->n == out->room) {
        size_t room = 2 * out->room + 64;
        int32_t *grown = mw_realloc(j->c, out->id, room * sizeof *grown);
        if (!grown)
            return;
        out->id = grown;
        out->room = room;
    }
    out->id[out->n++] = id;
}

static void encode_stretch(mw_llm_job *j, const char *text, size_t size, bool at_begin)
{
    bool first = at_begin || !j->t->one_space;
    if (size == 0 || mw_err(j->c))
        return;
    if (j->t->kind == MW_LLM_BYTE_LEVEL)
        mw_llm_encode_bytes(j, text, size);
    else if (j->t->kind == MW_LLM_UNIGRAM)
        mw_llm_encode_unigram(j, text, size, first);
    else
        mw_llm_encode_spm(j, text, size, first);
}

// A text, and the stretches of it that are somebody else's.
typedef struct {
    const char *text;
    size_t size;
    const mw_text_span *foreign;
    size_t n;
} parts;

// Whether no word goes on beside the stretch.
static bool alone(const parts *p, size_t begin, size_t end)
{
    const unsigned char *text = (const unsigned char *)p->text;
    size_t before = begin, ignored;
    while (before > 0 && begin - before < 4 && (before == begin || (text[before] & 0xC0) == 0x80))
        before--;
    return !((begin > 0 && mw_char_in_word(mw_text_decode(text + before, begin - before, &ignored))) ||
             (end < p->size && mw_char_in_word(mw_text_decode(text + end, p->size - end, &ignored))));
}

// The longest mark at the place; -1. *at_foreign: the stretch that lies at the place or comes next.
static int32_t mark_at(const mw_llm_tokenizer *t, const parts *p, size_t i, size_t *at_foreign)
{
    int32_t id[MW_LLM_PREFIXES];
    size_t n = mw_llm_find_prefixes(t, &t->marks, p->text + i, p->size - i, id);
    while (*at_foreign < p->n && p->foreign[*at_foreign].end <= i)
        ++*at_foreign;
    size_t theirs = *at_foreign < p->n ? p->foreign[*at_foreign].begin : p->size;
    while (n--) {
        const mw_llm_piece *m = &t->piece[id[n]];
        bool may = m->type == MW_LLM_USER || i + m->size <= theirs;
        if (may && (!m->alone || alone(p, i, i + m->size)))
            return id[n];
    }
    return -1;
}

static size_t spaces_before(const char *text, size_t from, size_t to)
{
    size_t n = 0, size;
    for (size_t i = from; i < to; i += size)
        n = mw_char_is_space(mw_text_decode((const unsigned char *)text + i, to - i, &size)) ? n + size : 0;
    return n;
}

static size_t spaces_behind(const char *text, size_t from, size_t to)
{
    size_t i = from, size;
    while (i < to && mw_char_is_space(mw_text_decode((const unsigned char *)text + i, to - i, &size)))
        i += size;
    return i - from;
}

static void encode_all(mw_llm_job *j, const parts *p)
{
    size_t from = 0, at_foreign = 0;
    for (size_t i = 0; i < p->size && !mw_err(j->c);) {
        int32_t id = mark_at(j->t, p, i, &at_foreign);
        if (id < 0) {
            i++;
            continue;
        }
        const mw_llm_piece *m = &j->t->piece[id];
        size_t to = i - (m->strip_left ? spaces_before(p->text, from, i) : 0);
        encode_stretch(j, p->text + from, to - from, from == 0);
        mw_llm_emit(j, id);
        i += m->size;
        i += m->strip_right ? spaces_behind(p->text, i, p->size) : 0;
        from = i;
    }
    encode_stretch(j, p->text + from, p->size - from, from == 0);
}

static mw_status encode(mw_ctx *c, const mw_llm_tokenizer *t, const parts *p, bool add_special,
                        mw_llm_ids *out)
{
    if (mw_err(c))
        return mw_err(c);
    if (p->size > MW_LLM_MAX_TEXT)
        return mw_fail(c, MW_E_ARG, "a text of %zu bytes is too long (at most %zu)", p->size,
                       MW_LLM_MAX_TEXT);
    mw_llm_job j = {.c = c, .t = t, .out = out};
    if (add_special && t->add_begin && t->begin >= 0)
        mw_llm_emit(&j, t->begin);
    encode_all(&j, p);
    if (add_special && t->add_end && t->end >= 0)
        mw_llm_emit(&j, t->end);
    mw_bpe_work_free(&j.work);
    mw_llm_free_match(&j);
    free(j.text);
    free(j.split);
    free(j.node);
    return mw_err(c);
}

mw_status mw_llm_encode(mw_ctx *c, const mw_llm_tokenizer *t, const char *text, size_t size,
                        bool parse_special, bool add_special, mw_llm_ids *out)
{
    mw_text_span all = {0, size};
    parts p = {text, size, &all, parse_special ? 0 : 1};
    return encode(c, t, &p, add_special, out);
}

mw_status mw_llm_encode_parts(mw_ctx *c, const mw_llm_tokenizer *t, const char *text, size_t size,
                              const mw_text_span *foreign, size_t n, bool add_special, mw_llm_ids *out)
{
    parts p = {text, size, foreign, n};
    return encode(c, t, &p, add_special, out);
}
