// layout_names.c: what a prompt's objects may be called: runs of its words, singular, with an article.
#include "nodes/nets/layout/layout_names.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { LONGEST_RUN = 6, MOST_WORDS = 1000, LONGEST_NAME = 80 }; // the last in bytes

typedef struct word {
    const char *at;
    size_t n;
    bool breaks; // punctuation stands behind it
} word;

typedef struct names {
    mw_ctx *c;
    const mw_english *e;
    char **list;
    size_t n, room;
} names;

static bool is_letter(unsigned char b) { return isalnum(b) || b >= 0x80 || b == '-'; }

static size_t split(const char *text, word *out)
{
    size_t n = 0;
    while (*text && n < MOST_WORDS) {
        size_t letters = 0;
        while (is_letter((unsigned char)text[letters]))
            letters++;
        if (letters)
            out[n++] = (word){text, letters, false};
        text += letters;
        for (; *text && !is_letter((unsigned char)*text); text++)
            if (n && !strchr(" \t\r\n", *text))
                out[n - 1].breaks = true;
    }
    return n;
}

static bool is_one_of(const word *w, const char *const *list)
{
    for (; *list; list++)
        if (strlen(*list) == w->n && !strncasecmp(*list, w->at, w->n))
            return true;
    return false;
}

static bool joins(const word *w)
{
    static const char *const list[] = {"and",   "or",    "of",    "with", "without", "on",   "in",
                                       "at",    "to",    "by",    "from", "near",    "next", "but",
                                       "no",    "not",   "is",    "are",  "the",     "left", "right",
                                       "above", "below", "under", "over", "behind",  NULL};
    return is_one_of(w, list);
}

static bool is_article(const word *w)
{
    static const char *const list[] = {"a", "an", NULL};
    return is_one_of(w, list);
}

// Takes the name over.
static void add(names *s, char *name)
{
    bool known = !name || !*name || strlen(name) > LONGEST_NAME;
    for (size_t i = 0; i < s->n && !known; i++)
        known = !strcmp(s->list[i], name);
    if (!known && s->n == s->room) {
        char **more = mw_realloc(s->c, s->list, (2 * s->room + 64) * sizeof *more);
        known = !more;
        s->list = more ? more : s->list;
        s->room = more ? 2 * s->room + 64 : s->room;
    }
    if (known)
        free(name);
    else
        s->list[s->n++] = name;
}

// The words of a run, one blank between them, the last one as `last`.
static char *run_text(mw_ctx *c, const word *w, size_t n, const char *last)
{
    char *text = mw_strdup(c, "");
    for (size_t i = 0; i < n && text; i++) {
        char *more = i + 1 == n ? mw_format(c, "%s%s%s", text, i ? " " : "", last)
                                : mw_format(c, "%s%s%.*s", text, i ? " " : "", (int)w[i].n, w[i].at);
        free(text);
        text = more;
    }
    return text;
}

// A noun with its attributes: as it stands, in the singular, both with an article. Takes it over.
static void add_noun(names *s, char *noun)
{
    if (noun)
        add(s, mw_with_article(s->c, s->e, noun));
    add(s, noun);
}

static void add_run(names *s, const word *w, size_t n)
{
    char *last = mw_format(s->c, "%.*s", (int)w[n - 1].n, w[n - 1].at);
    char *singular = last ? mw_singular(s->c, s->e, last) : NULL;
    size_t skip = is_article(&w[0]) || mw_number_of_word(w[0].at, w[0].n) >= 0 ? 1 : 0;
    if (singular && n > skip) {
        add_noun(s, run_text(s->c, w + skip, n - skip, last));
        add_noun(s, run_text(s->c, w + skip, n - skip, singular));
    }
    free(singular);
    free(last);
}

char **mw_layout_names(mw_ctx *c, const mw_english *e, const char *prompt, size_t *n)
{
    names s = {.c = c, .e = e, .list = mw_alloc(c, sizeof *s.list)};
    word *w = mw_alloc(c, MOST_WORDS * sizeof *w);
    size_t words = w ? split(prompt, w) : 0;
    for (size_t i = 0; i < words && !mw_err(c); i++)
        for (size_t k = 1; k <= LONGEST_RUN && i + k <= words && !mw_err(c); k++) {
            if (!joins(&w[i]) && !joins(&w[i + k - 1]))
                add_run(&s, w + i, k);
            if (w[i + k - 1].breaks)
                break;
        }
    free(w);
    *n = s.n;
    if (!mw_err(c))
        return s.list;
    mw_layout_names_free(s.list, s.n);
    return NULL;
}

void mw_layout_names_free(char **list, size_t n)
{
    for (size_t i = 0; i < n && list; i++)
        free(list[i]);
    free(list);
}
