// clip_vocab.c: a CLIP tokenizer from its files.
#include "nodes/nets/clip/clip_tokenizer_internal.h"

#include "core/base/file.h"
#include "core/base/paths.h"
#include "core/base/text.h"
#include "core/io/json.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MERGES_BYTES ((size_t)64 << 20)
#define LENGTH 77        // of every published CLIP text encoder
#define MAX_LENGTH 65536 // a larger model_max_length stands for "not given"
#define SUFFIX "</w>"
#define SUFFIX_SIZE 4

typedef mw_clip_files loader;

static json_t *load_if_there(mw_ctx *c, const char *folder, const char *name)
{
    char *path = mw_format(c, "%s/%s", folder, name);
    json_t *j = path && access(path, F_OK) == 0 ? mw_json_load(c, path) : NULL;
    free(path);
    return j;
}

int32_t mw_clip_id_of(const mw_clip_files *l, const char *token, size_t size)
{
    const json_t *id = json_object_getn(l->vocab, token, size);
    return id ? (int32_t)json_integer_value(id) : -1;
}

static mw_status check_vocab(mw_ctx *c, loader *l)
{
    if (!json_is_object(l->vocab) || json_object_size(l->vocab) == 0)
        return mw_fail(c, MW_E_FILE, "%s: no vocabulary in it", l->vocab_file);
    char shown[80];
    const char *token;
    json_t *id;
    json_object_foreach(l->vocab, token, id)
    {
        if (!json_is_integer(id) || json_integer_value(id) < 0 || json_integer_value(id) >= MW_CLIP_MAX_ID)
            return mw_fail(c, MW_E_FILE, "%s: the id of '%s' is not a whole number from 0 to %d",
                           l->vocab_file, mw_printable(token, shown, sizeof shown), MW_CLIP_MAX_ID - 1);
        if (json_integer_value(id) >= l->t->size)
            l->t->size = (int)json_integer_value(id) + 1;
    }
    return MW_OK;
}

// ---- bytes and merges

static void find_bytes(loader *l)
{
    for (int byte = 0; byte < 256; byte++) {
        char token[4 + SUFFIX_SIZE];
        size_t n = (size_t)mw_text_utf8(mw_bpe_letter(byte), (unsigned char *)token);
        memcpy(token + n, SUFFIX, SUFFIX_SIZE);
        l->t->bpe.byte[byte] = mw_clip_id_of(l, token, n);
        l->t->bpe.last_byte[byte] = mw_clip_id_of(l, token, n + SUFFIX_SIZE);
    }
}

// `where` begins a message: "file:line" or "file: merge 3".
static mw_status add_merge(mw_ctx *c, loader *l, const char *where, const char *left, size_t nleft,
                           const char *right, size_t nright)
{
    char *both = mw_alloc(c, nleft + nright + 1);
    if (!both)
        return mw_err(c);
    memcpy(both, left, nleft);
    memcpy(both + nleft, right, nright);
    int32_t a = mw_clip_id_of(l, left, nleft), b = mw_clip_id_of(l, right, nright),
            ab = mw_clip_id_of(l, both, nleft + nright);
    char shown[80];
    if (a < 0 || b < 0 || ab < 0)
        mw_fail(c, MW_E_FILE, "%s: '%s' is not in %s", where,
                mw_printable_n(a < 0       ? left
                                   : b < 0 ? right
                                           : both,
                               a < 0       ? nleft
                                   : b < 0 ? nright
                                           : nleft + nright,
                               shown, sizeof shown),
                l->vocab_file);
    else
        mw_bpe_pairs_add(&l->t->bpe.merges, a, b, l->rank++, ab);
    free(both);
    return mw_err(c);
}

// "left right"; anything else is refused.
static mw_status add_merge_line(mw_ctx *c, loader *l, const char *where, const char *line, size_t size)
{
    const char *space = memchr(line, ' ', size);
    size_t left = space ? (size_t)(space - line) : 0, right = space ? size - left - 1 : 0;
    char shown[80];
    if (!left || !right || memchr(space + 1, ' ', right))
        return mw_fail(c, MW_E_FILE, "%s: two tokens with one space between are expected, got '%s'", where,
                       mw_printable_n(line, size, shown, sizeof shown));
    return add_merge(c, l, where, line, left, space + 1, right);
}

static mw_status read_merges(mw_ctx *c, loader *l, const char *file, const char *text, size_t size)
{
    size_t lines = 1;
    for (size_t i = 0; i < size; i++)
        lines += text[i] == '\n';
    if (mw_bpe_pairs_init(c, &l->t->bpe.merges, lines))
        return mw_err(c);
    size_t number = 0;
    for (size_t at = 0, end; at < size; at = end + 1) {
        const char *newline = memchr(text + at, '\n', size - at);
        end = newline ? (size_t)(newline - text) : size;
        size_t n = end - at;
        number++;
        if (n && text[at + n - 1] == '\r')
            n--;
        if (n == 0 || (number == 1 && n >= 8 && memcmp(text + at, "#version", 8) == 0))
            continue;
        char *where = mw_format(c, "%s:%zu", file, number);
        if (where)
            add_merge_line(c, l, where, text + at, n);
        free(where);
        if (mw_err(c))
            return mw_err(c);
    }
    return MW_OK;
}

static mw_status read_merges_file(mw_ctx *c, loader *l)
{
    size_t size;
    char *path = mw_format(c, "%s/merges.txt", l->folder);
    char *text = path ? mw_file_read(c, path, MERGES_BYTES, &size) : NULL;
    if (text)
        read_merges(c, l, path, text, size);
    free(text);
    free(path);
    return mw_err(c);
}

// Merges of a tokenizer.json: "a b", or ["a", "b"] in newer files.
static mw_status read_merges_list(mw_ctx *c, loader *l, const json_t *list)
{
    if (mw_bpe_pairs_init(c, &l->t->bpe.merges, json_array_size(list)))
        return mw_err(c);
    for (size_t i = 0; i < json_array_size(list) && !mw_err(c); i++) {
        const json_t *m = json_array_get(list, i), *a = json_array_get(m, 0), *b = json_array_get(m, 1);
        char *where = mw_format(c, "%s: merge %zu", l->vocab_file, i);
        if (!where)
            break;
        if (json_is_string(m))
            add_merge_line(c, l, where, json_string_value(m), json_string_length(m));
        else if (json_array_size(m) == 2 && json_is_string(a) && json_is_string(b))
            add_merge(c, l, where, json_string_value(a), json_string_length(a), json_string_value(b),
                      json_string_length(b));
        else
            mw_fail(c, MW_E_FILE, "%s is neither a text nor a pair of texts", where);
        free(where);
    }
    return mw_err(c);
}

static mw_status read_length(mw_ctx *c, loader *l)
{
    const json_t *n = json_object_get(l->config, "model_max_length");
    l->t->length = LENGTH;
    if (!n || json_is_null(n) || (json_is_number(n) && json_number_value(n) > MAX_LENGTH))
        return MW_OK;
    if (!json_is_integer(n) || json_integer_value(n) < 2)
        return mw_fail(c, MW_E_FILE,
                       "%s/tokenizer_config.json: 'model_max_length' must be a whole number from 2",
                       l->folder);
    l->t->length = (int)json_integer_value(n);
    return MW_OK;
}

// ---- files

static mw_status read_vocab_and_merges(mw_ctx *c, loader *l)
{
    l->vocab = load_if_there(c, l->folder, "vocab.json");
    if (mw_err(c))
        return mw_err(c);
    if (l->vocab) {
        l->vocab_file = mw_format(c, "%s/vocab.json", l->folder);
        if (l->vocab_file && check_vocab(c, l) == MW_OK)
            read_merges_file(c, l);
        return mw_err(c);
    }
    if (!l->whole)
        return mw_fail(c, MW_E_FILE, "%s: no tokenizer: neither vocab.json nor tokenizer.json is there",
                       l->folder);
    l->vocab_file = mw_format(c, "%s/tokenizer.json", l->folder);
    if (!l->vocab_file)
        return mw_err(c);
    const json_t *model = json_object_get(l->whole, "model");
    const char *type = json_string_value(json_object_get(model, "type"));
    const char *suffix = json_string_value(json_object_get(model, "end_of_word_suffix"));
    if ((type && strcmp(type, "BPE") != 0) || !suffix || strcmp(suffix, SUFFIX) != 0)
        return mw_fail(c, MW_E_FILE,
                       "%s: not a CLIP vocabulary: a BPE model with the suffix " SUFFIX " is expected",
                       l->vocab_file);
    l->vocab = json_incref(json_object_get(model, "vocab"));
    if (check_vocab(c, l) == MW_OK)
        read_merges_list(c, l, json_object_get(model, "merges"));
    return mw_err(c);
}

mw_clip_tokenizer *mw_clip_tokenizer_load(mw_ctx *c, const char *folder, const char *pad)
{
    mw_clip_tokenizer *t = mw_err(c) ? NULL : mw_alloc(c, sizeof *t);
    if (!t)
        return NULL;
    loader l = {.t = t, .folder = folder};
    l.config = load_if_there(c, folder, "tokenizer_config.json");
    l.map = load_if_there(c, folder, "special_tokens_map.json");
    l.whole = load_if_there(c, folder, "tokenizer.json");
    l.added = load_if_there(c, folder, "added_tokens.json");
    if (!mw_err(c) && !read_vocab_and_merges(c, &l)) {
        find_bytes(&l);
        if (!mw_clip_read_specials(c, &l, pad) && !mw_clip_check_merges(c, t, l.vocab, folder) &&
            !read_length(c, &l))
            mw_clip_read_settings(c, &l);
    }
    free(l.vocab_file);
    json_decref(l.vocab);
    json_decref(l.config);
    json_decref(l.map);
    json_decref(l.whole);
    json_decref(l.added);
    if (mw_err(c)) {
        mw_clip_tokenizer_free(t);
        return NULL;
    }
    return t;
}

mw_clip_tokenizer *mw_clip_tokenizer_bundled(mw_ctx *c, const char *pad)
{
    char *folder = mw_share_path(c, "models/clip_vocab");
    mw_clip_tokenizer *t = folder ? mw_clip_tokenizer_load(c, folder, pad) : NULL;
    free(folder);
    return t;
}
