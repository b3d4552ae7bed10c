// layout_eval_read.c: what a prompt of the layout benchmark asks for.
#include "nodes/nets/layout/layout_eval.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

// A piece of the prompt.
typedef struct {
    const char *at;
    size_t n;
} piece;

typedef struct {
    mw_ctx *c;
    const mw_english *e;
    const char *prompt;
    mw_layout_mode mode;
    mw_eval_task *out;
} reader;

static mw_status no_sense(reader *r, const char *what)
{
    return mw_fail(r->c, MW_E_ARG, "\"%s\": %s", r->prompt, what);
}

static const char *last_of(piece p, const char *word)
{
    const char *found = NULL;
    size_t m = strlen(word);
    for (size_t i = 0; i + m <= p.n; i++)
        if (memcmp(p.at + i, word, m) == 0)
            found = p.at + i;
    return found;
}

// What follows the first `word` and blanks; nothing when there is none.
static piece after(const char *text, const char *word)
{
    const char *hit = strstr(text, word);
    if (!hit)
        return (piece){text, 0};
    hit += strlen(word);
    hit += strspn(hit, " \t");
    return (piece){hit, strlen(hit)};
}

// Cut p at the last `word`: false when there is none.
static bool split(piece p, const char *word, piece *left, piece *right)
{
    const char *hit = last_of(p, word);
    if (!hit)
        return false;
    *left = (piece){p.at, (size_t)(hit - p.at)};
    *right = (piece){hit + strlen(word), p.n - left->n - strlen(word)};
    return left->n > 0 && right->n > 0;
}

static bool has_word(const reader *r, const char *word)
{
    size_t n = strlen(word);
    for (const char *hit = strstr(r->prompt, word); hit; hit = strstr(hit + 1, word))
        if (r->mode == MW_FAITHFUL ||
            ((hit == r->prompt || !isalpha((unsigned char)hit[-1])) && !isalpha((unsigned char)hit[n])))
            return true;
    return false;
}

static bool has_number(const reader *r)
{
    bool found = false;
    for (int i = 1; i <= 20 && !found; i++) {
        char *word = mw_number_words(r->c, i);
        found = word && has_word(r, word);
        free(word);
    }
    return found;
}

// An object as it stands; its query is the same with "a photo of" in front.
static void take_phrase(reader *r, int i, piece p)
{
    r->out->object[i] = mw_format(r->c, "%.*s", (int)p.n, p.at);
    r->out->query[i] = mw_format(r->c, "a photo of %.*s", (int)p.n, p.at);
}

// A counted noun: its singular, and that with an article.
static void take_noun(reader *r, int i, piece p, int wanted)
{
    char *noun = mw_format(r->c, "%.*s", (int)p.n, p.at);
    r->out->object[i] = noun ? mw_singular(r->c, r->e, noun) : NULL;
    char *one = r->out->object[i] ? mw_with_article(r->c, r->e, r->out->object[i]) : NULL;
    r->out->query[i] = one ? mw_format(r->c, "a photo of %s", one) : NULL;
    r->out->wanted[i] = wanted;
    free(noun);
    free(one);
}

// "three owls": a number and a noun of one word.
static void take_count(reader *r, int i, piece p)
{
    piece front, noun, number;
    if (!split(p, " ", &front, &noun)) {
        no_sense(r, "no number stands in front of the noun");
        return;
    }
    if (!split(front, " ", &(piece){0}, &number))
        number = front;
    int wanted = mw_number_of_word(number.at, number.n);
    if (wanted < 0 || (r->mode == MW_FAITHFUL && number.n != front.n))
        no_sense(r, "no number stands in front of the noun");
    else
        take_noun(r, i, noun, wanted);
}

static mw_status read_spatial(reader *r)
{
    static const char *const pairs[][2] = {
        {"left", "right"}, {"right", "left"}, {"top", "bottom"}, {"bottom", "top"}};
    piece rest = after(r->prompt, "with "), place[2], object[2], front;
    r->out->kind = MW_EVAL_SPATIAL;
    r->out->n = 2;
    if (!split(rest, " on the ", &front, &place[1]) || !split(front, " and ", &front, &object[1]) ||
        !split(front, " on the ", &object[0], &place[0]))
        return no_sense(r, "it does not name two objects and their places");
    for (int i = 0; i < 4; i++)
        if (place[0].n == strlen(pairs[i][0]) && memcmp(place[0].at, pairs[i][0], place[0].n) == 0 &&
            place[1].n == strlen(pairs[i][1]) && memcmp(place[1].at, pairs[i][1], place[1].n) == 0)
            r->out->place = pairs[i][0];
    if (!r->out->place)
        return no_sense(r, "the places of the two objects are no pair of opposites");
    take_phrase(r, 0, object[0]);
    take_phrase(r, 1, object[1]);
    return mw_err(r->c);
}

static mw_status read_two(reader *r)
{
    piece object[2];
    bool counts = has_number(r);
    r->out->kind = counts ? MW_EVAL_TWO_COUNTS : MW_EVAL_ATTRIBUTION;
    r->out->n = 2;
    if (!split(after(r->prompt, "with "), " and ", &object[0], &object[1]))
        return no_sense(r, "it does not name two objects");
    for (int i = 0; i < 2 && !mw_err(r->c); i++)
        if (counts)
            take_count(r, i, object[r->mode == MW_FAITHFUL ? 0 : i]);
        else
            take_phrase(r, i, object[i]);
    return mw_err(r->c);
}

mw_status mw_eval_read(mw_ctx *c, const mw_english *e, const char *prompt, mw_layout_mode mode,
                       mw_eval_task *out)
{
    reader r = {c, e, prompt, mode, out};
    *out = (mw_eval_task){.n = 1};
    if (mw_err(c))
        return mw_err(c);
    if (has_word(&r, "without")) {
        piece rest = after(prompt, "without");
        if (!rest.n)
            return no_sense(&r, "nothing is named that must be absent");
        take_noun(&r, 0, rest, 0);
    } else if (strstr(prompt, "on the left") || strstr(prompt, "on the right") ||
               strstr(prompt, "on the top") || strstr(prompt, "on the bottom")) {
        read_spatial(&r);
    } else if (has_word(&r, "and")) {
        read_two(&r);
    } else if (has_word(&r, "with")) {
        out->kind = MW_EVAL_NUMERACY;
        take_count(&r, 0, after(prompt, "with "));
    } else {
        no_sense(&r, "it asks for nothing that can be judged");
    }
    return mw_err(c);
}

void mw_eval_task_free(mw_eval_task *t)
{
    for (int i = 0; i < 2; i++) {
        free(t->object[i]);
        free(t->query[i]);
    }
    *t = (mw_eval_task){0};
}
