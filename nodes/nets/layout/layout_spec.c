// layout_spec.c: sorting, grouping and wording the objects of a layout.
#include "nodes/nets/layout/layout_spec.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

// ---- objects

static int by_name(const void *a, const void *b)
{
    const mw_spec_object *x = a, *y = b;
    int order = strcmp(x->phrase, y->phrase); // of UTF-8 the order of the code points
    return order ? order : x->place < y->place ? -1 : 1;
}

static const char *last_word(const char *name)
{
    const char *blank = strrchr(name, ' ');
    return blank ? blank + 1 : name;
}

static void make_object(mw_ctx *c, const mw_layout *l, size_t i, mw_spec_object *o)
{
    const mw_layout_object *from = &l->object[i];
    o->place = i;
    o->phrase = mw_strdup(c, from->phrase);
    o->word = mw_strdup(c, last_word(from->phrase));
    o->prompt =
        *l->background ? mw_format(c, "%s with %s", l->background, from->phrase) : mw_strdup(c, from->phrase);
    for (int k = 0; k < 2; k++) {
        o->box[k] = from->box[k] / l->canvas[k];
        o->box[k + 2] = o->box[k] + from->box[k + 2] / l->canvas[k];
    }
}

// ---- groups

// Takes every `part` out of the text.
static void take_out(char *text, const char *part)
{
    size_t n = strlen(part);
    for (char *hit = strstr(text, part); hit; hit = strstr(hit, part))
        memmove(hit, hit + n, strlen(hit + n) + 1);
}

static char *without_article(mw_ctx *c, const char *name, mw_layout_mode mode)
{
    if (mode == MW_STRICT)
        return mw_strdup(c,
                         name +
                             (strncasecmp(name, "an ", 3) == 0        ? 3
                                  : strncasecmp(name, "a ", 2) == 0   ? 2
                                  : strncasecmp(name, "the ", 4) == 0 ? 4
                                                                      : 0));
    char *base = mw_strdup(c, name);
    if (base) {
        take_out(base, "an ");
        take_out(base, "a ");
    }
    return base;
}

static char *group_phrase(mw_ctx *c, const mw_english *e, const char *name, size_t n, mw_layout_mode mode)
{
    if (n == 1)
        return mw_strdup(c, name);
    char *base = without_article(c, name, mode);
    char *plural = !base ? NULL : mode == MW_FAITHFUL ? mw_plural(c, e, base) : mw_several(c, e, base);
    char *number = plural ? mw_number_words(c, (int)n) : NULL;
    char *phrase = number ? mw_format(c, "%s %s", number, plural) : NULL;
    free(base);
    free(plural);
    free(number);
    return phrase;
}

static void make_groups(mw_ctx *c, const mw_english *e, mw_layout_mode mode, mw_layout_spec *s)
{
    s->group = mw_alloc(c, (s->n + 1) * sizeof *s->group);
    for (size_t i = 0; s->group && i < s->n && !mw_err(c);) {
        mw_spec_group *g = &s->group[s->ngroups++];
        g->first = i;
        for (; i < s->n && strcmp(s->object[i].phrase, s->object[g->first].phrase) == 0; i++)
            s->object[i].ordinal = g->n++;
        g->phrase = group_phrase(c, e, s->object[g->first].phrase, g->n, mode);
        g->word = g->phrase ? mw_strdup(c, last_word(g->phrase)) : NULL;
    }
}

static char *overall_prompt(mw_ctx *c, const char *background, const mw_layout_spec *s)
{
    size_t n = strlen(background) + 8;
    for (size_t i = 0; i < s->ngroups; i++)
        n += strlen(s->group[i].phrase) + 2;
    char *prompt = mw_alloc(c, n), *at = prompt;
    if (!prompt)
        return NULL;
    at = stpcpy(at, background);
    for (size_t i = 0; i < s->ngroups; i++)
        at = stpcpy(stpcpy(at, i ? ", " : *background ? " with " : ""), s->group[i].phrase);
    return prompt;
}

mw_status mw_layout_spec_make(mw_ctx *c, const mw_english *e, const mw_layout *l, mw_layout_mode mode,
                              mw_layout_spec *out)
{
    *out = (mw_layout_spec){0};
    if (mw_err(c))
        return mw_err(c);
    out->object = mw_alloc(c, (l->n + 1) * sizeof *out->object);
    for (size_t i = 0; out->object && i < l->n && !mw_err(c); i++) {
        out->n++;
        make_object(c, l, i, &out->object[i]);
    }
    if (mw_err(c))
        return mw_err(c);
    qsort(out->object, out->n, sizeof *out->object, by_name);
    make_groups(c, e, mode, out);
    if (!mw_err(c))
        out->prompt = overall_prompt(c, l->background, out);
    return mw_err(c);
}

void mw_layout_spec_free(mw_layout_spec *s)
{
    for (size_t i = 0; i < s->n; i++) {
        free(s->object[i].prompt);
        free(s->object[i].phrase);
        free(s->object[i].word);
    }
    for (size_t i = 0; i < s->ngroups; i++) {
        free(s->group[i].phrase);
        free(s->group[i].word);
    }
    free(s->object);
    free(s->group);
    free(s->prompt);
    *s = (mw_layout_spec){0};
}
