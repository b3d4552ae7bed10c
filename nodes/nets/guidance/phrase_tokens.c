// phrase_tokens.c: phrases and their main words looked for among the tokens of a prompt.
#include "nodes/nets/guidance/phrase_tokens.h"

#include "core/base/text.h"
#include "nodes/nets/clip/clip_token_text.h"

#include <stdlib.h>
#include <string.h>

// What one search works with.
typedef struct {
    mw_ctx *c;
    const mw_clip_tokenizer *t;
    const mw_phrase_options *o;
    mw_clip_token_texts *texts; // faithful only
    mw_prompt_tokens *out;
    mw_clip_tokens prompt, phrase; // of out->prompt and of the phrase at hand
} search;

// ---- one match

static bool equal(const mw_clip_tokens *a, size_t at, const mw_clip_tokens *b)
{
    for (size_t i = 0; i < b->n; i++)
        if (at + i >= a->n || a->token[at + i].id != b->token[i].id)
            return false;
    return true;
}

// Does a match that ends in front of token `at` end a phrase: at a comma, a bar, a full stop, or at the end?
static bool ends_at(const search *s, size_t at)
{
    return at >= s->prompt.n || strchr(",|.;", s->out->prompt[s->prompt.token[at].begin]);
}

// Strict: the best match of the phrase, as the first of its tokens; false when there is none.
static bool match_tokens(const search *s, size_t *found)
{
    int best = -1;
    for (size_t i = 0; i + s->phrase.n <= s->prompt.n; i++) {
        if (!equal(&s->prompt, i, &s->phrase))
            continue;
        int worth = (s->prompt.token[i].begin >= s->o->list_from ? 2 : 0) + ends_at(s, i + s->phrase.n);
        if (worth > best) {
            best = worth;
            *found = i;
        }
    }
    return best >= 0;
}

// Faithful: how the text of token i of the prompt holds that of token k of the phrase, the first or last of
// which may lie inside it. Returns the byte where it begins, -1 when it does not.
static int held(const search *s, size_t i, size_t k)
{
    char whole[MW_CLIP_TOKEN_MAX], part[MW_CLIP_TOKEN_MAX];
    mw_clip_token_text(s->texts, s->prompt.token[i].id, whole);
    mw_clip_token_text(s->texts, s->phrase.token[k].id, part);
    size_t n = strlen(whole), m = strlen(part);
    bool first = k == 0, last = k + 1 == s->phrase.n;
    if (m > n || (!first && !last && m != n))
        return -1;
    if (first && last) {
        const char *hit = strstr(whole, part);
        return hit ? (int)(hit - whole) : -1;
    }
    size_t at = first ? n - m : 0;
    return memcmp(whole + at, part, m) == 0 ? (int)at : -1;
}

static bool match_texts(const search *s, size_t *found)
{
    for (size_t i = 0; i + s->phrase.n <= s->prompt.n; i++) {
        int at = held(s, i, 0);
        size_t k = 1;
        while (at >= 0 && k < s->phrase.n && held(s, i + k, k) >= 0)
            k++;
        if (at < 0 || k < s->phrase.n)
            continue;
        *found = i + (at > 0);
        return true;
    }
    return false;
}

static bool match(const search *s, size_t *found)
{
    return s->o->mode == MW_STRICT ? match_tokens(s, found) : match_texts(s, found);
}

// ---- phrases

enum { SHOWN = 160 }; // bytes of a text in messages

static mw_status tokens_of(search *s, const char *text, mw_clip_tokens *out)
{
    mw_clip_tokens_free(out);
    return mw_clip_tokenize(s->c, s->t, text, strlen(text), out);
}

static bool missing(search *s, const char *phrase)
{
    size_t at;
    if (s->o->mode == MW_FAITHFUL)
        return !strstr(s->out->prompt, phrase);
    tokens_of(s, s->out->prompt, &s->prompt);
    tokens_of(s, phrase, &s->phrase);
    return !mw_err(s->c) && s->phrase.n > 0 && !match(s, &at);
}

static void add_missing(search *s, const char *const *phrases, size_t n)
{
    for (size_t i = 0; i < n && !mw_err(s->c); i++) {
        if (!missing(s, phrases[i]))
            continue;
        char *more = mw_format(s->c, "%s| %s", s->out->prompt, phrases[i]);
        if (more) {
            free(s->out->prompt);
            s->out->prompt = more;
        }
    }
}

// The main word inside the phrase, counted from its first token; -1 when it is not there.
static int word_in_phrase(search *s, const char *word)
{
    mw_clip_tokens w = {0};
    int at = -1;
    if (mw_clip_tokenize(s->c, s->t, word, strlen(word), &w) == MW_OK && w.n > 0) {
        if (s->o->mode == MW_STRICT) {
            for (size_t i = 0; i < s->phrase.n; i++)
                if (equal(&s->phrase, i, &w))
                    at = (int)(i + w.n - 1);
        } else {
            for (size_t i = s->phrase.n; i-- > 0;)
                if (s->phrase.token[i].id == w.token[w.n - 1].id)
                    at = (int)i;
        }
    }
    mw_clip_tokens_free(&w);
    return at;
}

static mw_status place_word(search *s, const char *phrase, const char *word, size_t first,
                            mw_phrase_tokens *out)
{
    if (!word) {
        const mw_phrase_tokens *from = s->o->mode == MW_FAITHFUL ? s->out->phrase : out;
        out->word = from->position[from->n - 1 - s->o->end];
        return MW_OK;
    }
    int at = word_in_phrase(s, word);
    out->word = at < 0 ? -1 : (int)first + at;
    char shown[2][SHOWN];
    if (at < 0 && s->o->need_words && !mw_err(s->c))
        mw_fail(s->c, MW_E_ARG, "the word \"%s\" is not in the phrase \"%s\"",
                mw_printable(word, shown[0], SHOWN), mw_printable(phrase, shown[1], SHOWN));
    return mw_err(s->c);
}

// Where the begin token of the prompt stands: behind the padding, where that comes first.
static size_t begin_place(const search *s)
{
    size_t length = (size_t)(s->o->limit ? s->o->limit : mw_clip_tokenizer_length(s->t)), n = s->prompt.n + 2;
    return mw_clip_tokenizer_pads_left(s->t) && n < length ? length - n : 0;
}

static mw_status place(search *s, const char *phrase, const char *word, mw_phrase_tokens *out)
{
    size_t at;
    char shown[2][SHOWN];
    if (tokens_of(s, phrase, &s->phrase) != MW_OK)
        return mw_err(s->c);
    mw_printable(phrase, shown[0], SHOWN);
    if (s->phrase.n == 0)
        return mw_fail(s->c, MW_E_ARG, "the phrase \"%s\" has no tokens", shown[0]);
    if (!match(s, &at))
        return mw_fail(s->c, MW_E_ARG, "the phrase \"%s\" is not in the prompt \"%s\"", shown[0],
                       mw_printable(s->out->prompt, shown[1], SHOWN));
    size_t n = s->phrase.n, begin = begin_place(s), first = begin + at + 1;
    int last = (int)(s->o->end ? begin + s->prompt.n + 1 : first + n - 1);
    if (s->o->limit && last >= s->o->limit)
        return mw_fail(s->c, MW_E_ARG,
                       "the phrase \"%s\" ends at token %d of the prompt, but the text encoder takes %d",
                       shown[0], last, s->o->limit);
    out->position = mw_alloc(s->c, (n + 1) * sizeof *out->position);
    if (!out->position)
        return mw_err(s->c);
    for (; out->n < n; out->n++)
        out->position[out->n] = (int)(first + out->n);
    if (s->o->end)
        out->position[out->n++] = last;
    return place_word(s, phrase, word, first, out);
}

static mw_status take_ids(search *s)
{
    mw_prompt_tokens *out = s->out;
    out->ids = mw_alloc(s->c, (s->prompt.n + 2) * sizeof *out->ids);
    if (!out->ids)
        return mw_err(s->c);
    out->ids[out->nids++] = mw_clip_tokenizer_begin(s->t);
    for (size_t i = 0; i < s->prompt.n; i++)
        out->ids[out->nids++] = s->prompt.token[i].id;
    out->ids[out->nids++] = mw_clip_tokenizer_end(s->t);
    return MW_OK;
}

mw_status mw_prompt_tokens_find(mw_ctx *c, const mw_clip_tokenizer *t, const char *prompt,
                                const char *const *phrases, const char *const *words, size_t n,
                                const mw_phrase_options *o, mw_prompt_tokens *out)
{
    search s = {.c = c, .t = t, .o = o, .out = out};
    *out = (mw_prompt_tokens){0};
    out->prompt = mw_strdup(c, prompt);
    out->phrase = out->prompt ? mw_alloc(c, (n + 1) * sizeof *out->phrase) : NULL;
    s.texts = out->phrase && o->mode == MW_FAITHFUL ? mw_clip_token_texts_new(c, t) : NULL;
    if (!mw_err(c))
        add_missing(&s, phrases, n);
    if (!mw_err(c) && tokens_of(&s, out->prompt, &s.prompt) == MW_OK)
        take_ids(&s);
    for (size_t i = 0; i < n && !mw_err(c); i++) {
        out->n++;
        place(&s, phrases[i], words ? words[i] : NULL, &out->phrase[i]);
    }
    mw_clip_tokens_free(&s.prompt);
    mw_clip_tokens_free(&s.phrase);
    mw_clip_token_texts_free(s.texts);
    return mw_err(c);
}

void mw_prompt_tokens_free(mw_prompt_tokens *p)
{
    for (size_t i = 0; i < p->n; i++)
        free(p->phrase[i].position);
    free(p->phrase);
    free(p->prompt);
    free(p->ids);
    *p = (mw_prompt_tokens){0};
}
