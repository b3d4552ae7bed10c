// clip_specials.c: the special and the added tokens of a CLIP tokenizer, from its files.
#include "nodes/nets/clip/clip_tokenizer_internal.h"

#include "core/base/text.h"
#include "nodes/nets/clip/clip_token_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef mw_clip_files loader;

// A token that a file adds to the vocabulary.
typedef struct {
    const char *text;
    json_int_t id;       // as the file says
    const json_t *flags; // an object with what to know about it; NULL: nothing is said
} added;

static mw_clip_special *find(const mw_clip_tokenizer *t, const char *text)
{
    for (size_t i = 0; i < t->nspecial; i++)
        if (strcmp(t->special[i].text, text) == 0)
            return &t->special[i];
    return NULL;
}

mw_status mw_clip_add_special(mw_ctx *c, mw_clip_tokenizer *t, const char *text, int32_t id, bool normalized,
                              bool alone)
{
    mw_clip_special *s = find(t, text);
    if (!s) {
        mw_clip_special *all = mw_realloc(c, t->special, (t->nspecial + 1) * sizeof *all);
        if (!all)
            return mw_err(c);
        t->special = all;
        s = &all[t->nspecial];
        *s = (mw_clip_special){.text = mw_strdup(c, text), .id = id};
        t->nspecial += s->text != NULL;
    }
    if (mw_err(c) != MW_OK)
        return mw_err(c);
    s->normalized = normalized;
    s->alone = alone;
    if (id >= t->size)
        t->size = id + 1;
    return mw_clip_normalize(c, text, 0, strlen(text), &s->pattern);
}

// As diffusers' pipelines write them out: a token of several vectors was added as "x", "x_1", "x_2", ...
mw_status mw_clip_link_vectors(mw_ctx *c, mw_clip_tokenizer *t)
{
    for (size_t i = 0; i < t->nspecial && !mw_err(c); i++) {
        mw_clip_special *s = &t->special[i];
        s->nmore = 0;
        for (;;) {
            char *name = mw_format(c, "%s_%zu", s->text, s->nmore + 1);
            const mw_clip_special *next = name ? find(t, name) : NULL;
            free(name);
            int32_t *more = next ? mw_realloc(c, s->more, (s->nmore + 1) * sizeof *more) : NULL;
            if (!more)
                break;
            s->more = more;
            s->more[s->nmore++] = next->id;
        }
    }
    return mw_err(c);
}

// Whether the vocabulary has an entry of that text: a piece inside of words, or (with "</w>") a word.
static bool in_vocabulary(mw_ctx *c, const mw_clip_tokenizer *t, const char *text)
{
    char buf[MW_CLIP_TOKEN_MAX];
    mw_clip_token_texts *texts = mw_clip_token_texts_new(c, t);
    bool found = find(t, text) != NULL;
    for (int32_t id = 0; texts && !found && id < t->size; id++)
        found = strcmp(mw_clip_token_text(texts, id, buf), text) == 0;
    mw_clip_token_texts_free(texts);
    return found;
}

static mw_status copy_specials(mw_ctx *c, mw_clip_tokenizer *to, const mw_clip_tokenizer *from)
{
    for (size_t i = 0; i < from->nspecial && !mw_err(c); i++) {
        const mw_clip_special *s = &from->special[i];
        if (mw_clip_add_special(c, to, s->text, s->id, s->normalized, s->alone) == MW_OK)
            to->special[to->nspecial - 1].control = s->control;
    }
    return mw_err(c);
}

mw_clip_tokenizer *mw_clip_tokenizer_with(mw_ctx *c, const mw_clip_tokenizer *t, const char *text, int n)
{
    mw_clip_tokenizer *new = mw_err(c) ? NULL : mw_alloc(c, sizeof *new);
    if (!new)
        return NULL;
    *new = *t;
    new->special = NULL;
    new->nspecial = 0;
    mw_bpe_pair *copy = mw_alloc(c, (t->bpe.merges.mask + 1) * sizeof *copy);
    if (copy)
        memcpy(copy, t->bpe.merges.at, (t->bpe.merges.mask + 1) * sizeof *copy);
    new->bpe.merges.at = copy;
    copy_specials(c, new, t);
    for (int i = 0; i < n && !mw_err(c); i++) {
        char *name = i ? mw_format(c, "%s_%d", text, i) : mw_strdup(c, text), shown[80];
        if (name && (!*text || in_vocabulary(c, t, name)))
            mw_fail(c, MW_E_ARG, "the token '%s' is in the tokenizer's vocabulary already; choose another",
                    mw_printable(name, shown, sizeof shown));
        if (name && !mw_err(c))
            mw_clip_add_special(c, new, name, new->size, true, false);
        free(name);
    }
    if (mw_err(c) == MW_OK && mw_clip_link_vectors(c, new) == MW_OK)
        return new;
    mw_clip_tokenizer_free(new);
    return NULL;
}

// Spaces beside a token fall away whether or not it strips them.
static mw_status add_flagged(mw_ctx *c, loader *l, const char *text, int32_t id, const json_t *flags,
                             bool def)
{
    const json_t *n = json_object_get(flags, "normalized");
    return mw_clip_add_special(c, l->t, text, id, json_is_boolean(n) ? json_is_true(n) : def,
                               json_is_true(json_object_get(flags, "single_word")));
}

// ---- added tokens

static mw_status fail_added(mw_ctx *c, const loader *l, const char *text, const char *why)
{
    char shown[80];
    return mw_fail(c, MW_E_FILE, "%s: the added token '%s' %s", l->folder,
                   mw_printable(text ? text : "", shown, sizeof shown), why);
}

static void collect(mw_ctx *c, const loader *l, added *list, size_t *n, added one)
{
    if (!one.text || !*one.text || one.id < 0 || one.id >= MW_CLIP_MAX_ID) {
        fail_added(c, l, one.text, "needs a text and an id that is a whole number");
        return;
    }
    for (size_t i = 0; i < *n; i++)
        if (strcmp(list[i].text, one.text) == 0) { // the later counts
            list[i] = one;
            return;
        }
    list[(*n)++] = one;
}

static const char *content(const json_t *v) { return json_string_value(json_object_get(v, "content")); }

static json_int_t whole_number(const json_t *v) { return json_is_integer(v) ? json_integer_value(v) : -1; }

static json_int_t key_number(const char *key)
{
    char *end;
    long n = strtol(key, &end, 10);
    return *key >= '0' && *key <= '9' && !*end ? n : -1;
}

// Where tokenizer_config.json lists its added tokens, older files do not count.
static void collect_all(mw_ctx *c, const loader *l, added *list, size_t *n)
{
    json_t *decoder = json_object_get(l->config, "added_tokens_decoder"), *v;
    const char *key;
    size_t i;
    if (json_is_object(decoder)) {
        json_object_foreach(decoder, key, v)
        {
            collect(c, l, list, n, (added){content(v), key_number(key), v});
        }
        return;
    }
    json_object_foreach(l->added, key, v) { collect(c, l, list, n, (added){key, whole_number(v), NULL}); }
    json_array_foreach(json_object_get(l->whole, "added_tokens"), i, v)
    {
        collect(c, l, list, n, (added){content(v), whole_number(json_object_get(v, "id")), v});
    }
}

static int by_id(const void *a, const void *b)
{
    json_int_t x = ((const added *)a)->id, y = ((const added *)b)->id;
    return (x > y) - (x < y);
}

// The tokenizers library counts on from the vocabulary, whatever id a file states: where the two differ, the
// file's rows are not those of its tokens.
static mw_status add_one(mw_ctx *c, loader *l, const added *a)
{
    int32_t id = mw_clip_id_of(l, a->text, strlen(a->text));
    char why[100];
    if (id < 0 && a->id != l->t->size) {
        snprintf(why, sizeof why, "has the id %lld, but the next free one is %d", (long long)a->id,
                 l->t->size);
        return fail_added(c, l, a->text, why);
    }
    bool special = json_is_true(json_object_get(a->flags, "special"));
    if (add_flagged(c, l, a->text, id < 0 ? (int32_t)a->id : id, a->flags, !special) == MW_OK)
        find(l->t, a->text)->control = special;
    return mw_err(c);
}

static mw_status read_added(mw_ctx *c, loader *l)
{
    size_t room = json_object_size(json_object_get(l->config, "added_tokens_decoder")) +
        json_object_size(l->added) + json_array_size(json_object_get(l->whole, "added_tokens"));
    size_t n = 0;
    added *list = mw_alloc(c, room * sizeof *list);
    if (list)
        collect_all(c, l, list, &n);
    if (n)
        qsort(list, n, sizeof *list, by_id);
    for (size_t i = 0; i < n && !mw_err(c); i++)
        add_one(c, l, &list[i]);
    free(list);
    return mw_err(c);
}

// Tokens that are only named: those that are nowhere yet get the next ids.
static mw_status add_named(mw_ctx *c, loader *l, const json_t *v)
{
    const char *text = json_is_object(v) ? content(v) : json_string_value(v);
    if (!text || !*text)
        return fail_added(c, l, text, "needs a text");
    int32_t id = mw_clip_id_of(l, text, strlen(text));
    if (find(l->t, text))
        return MW_OK;
    if (add_flagged(c, l, text, id < 0 ? l->t->size : id, v, false) == MW_OK)
        find(l->t, text)->control = true;
    return mw_err(c);
}

static mw_status read_named(mw_ctx *c, loader *l, const json_t *from, const char *key)
{
    json_t *v = json_object_get(from, key), *one;
    const char *name;
    size_t i;
    json_array_foreach(v, i, one)
    {
        if (add_named(c, l, one) != MW_OK)
            return mw_err(c);
    }
    json_object_foreach(v, name, one)
    {
        if (add_named(c, l, one) != MW_OK)
            return mw_err(c);
    }
    return mw_err(c);
}

// ---- special tokens

static const json_t *setting(const loader *l, const char *key)
{
    const json_t *a = json_object_get(l->config, key), *b = json_object_get(l->map, key);
    // Where the config lists its added tokens it is the newer of the two.
    bool config_first = json_object_get(l->config, "added_tokens_decoder") != NULL;
    if (json_is_null(a))
        a = NULL;
    if (json_is_null(b))
        b = NULL;
    return config_first ? (a ? a : b) : (b ? b : a);
}

// `flags` (may be no object) says how it is looked for; else what is known of it as an added token does.
static mw_status add_special(mw_ctx *c, loader *l, const char *text, const json_t *flags, int32_t *id)
{
    const mw_clip_special *known = find(l->t, text);
    int32_t found = known ? known->id : mw_clip_id_of(l, text, strlen(text));
    char shown[80];
    if (!*text || found < 0)
        return mw_fail(c, MW_E_FILE, "%s: the special token '%s' is not in the vocabulary", l->vocab_file,
                       mw_printable(text, shown, sizeof shown));
    *id = found;
    if (known && !json_is_object(flags))
        return mw_err(c);
    return add_flagged(c, l, text, found, flags, false);
}

static mw_status special(mw_ctx *c, loader *l, const char *key, const char *otherwise, int32_t *id)
{
    const json_t *v = setting(l, key);
    const char *text = json_is_object(v) ? content(v) : json_string_value(v);
    if (v && !text)
        return mw_fail(c, MW_E_FILE, "%s: '%s' must be a text or an object with 'content'", l->folder, key);
    return add_special(c, l, text ? text : otherwise, v, id);
}

mw_status mw_clip_read_specials(mw_ctx *c, mw_clip_files *l, const char *pad)
{
    static const char *const lists[] = {"additional_special_tokens", "extra_special_tokens"};
    mw_clip_tokenizer *t = l->t;
    bool old = !json_is_object(json_object_get(l->config, "added_tokens_decoder"));
    read_added(c, l);
    for (int i = 0; i < 2 && !mw_err(c); i++) {
        read_named(c, l, l->config, lists[i]);
        read_named(c, l, old ? l->map : NULL, lists[i]);
    }
    if (mw_err(c) || special(c, l, "bos_token", "<|startoftext|>", &t->begin) ||
        special(c, l, "eos_token", "<|endoftext|>", &t->end))
        return mw_err(c);
    const char *end = NULL;
    for (size_t i = 0; i < t->nspecial; i++)
        if (t->special[i].id == t->end)
            end = t->special[i].text;
    special(c, l, "unk_token", end, &t->bpe.unknown);
    if (pad)
        add_special(c, l, pad, NULL, &t->pad);
    else
        special(c, l, "pad_token", end, &t->pad);
    for (size_t i = 0; i < t->nspecial; i++) {
        int32_t id = t->special[i].id;
        if (id == t->begin || id == t->end || id == t->bpe.unknown || id == t->pad)
            t->special[i].control = true;
    }
    return mw_clip_link_vectors(c, t);
}
