// layout_rounds.c: a layout after an instruction: objects found again, boxes and seeds kept.
#include "nodes/nets/layout/layout_rounds.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { X, Y, W, H };
static const double SAME_PLACE = 0.9, DRIFT = 0.5; // shares of the union that two boxes have in common

// ---- names

static const char *without_article(const char *name)
{
    static const char *const articles[] = {"an ", "a ", "the "};
    for (size_t i = 0; i < 3; i++)
        if (!strncasecmp(name, articles[i], strlen(articles[i])))
            return name + strlen(articles[i]);
    return name;
}

static bool same_name(const char *a, const char *b)
{
    return !strcasecmp(without_article(a), without_article(b));
}

// The instruction has the word, or one of its letters and an "s" more or less.
static bool has_word(const char *text, const char *word, size_t n)
{
    for (const char *p = text; *p; p++) {
        bool begins = p == text || !isalnum((unsigned char)p[-1]);
        if (!begins || strncasecmp(p, word, n))
            continue;
        size_t more = strspn(p + n, "esES");
        if (more <= 2 && !isalnum((unsigned char)p[n + more]))
            return true;
    }
    return false;
}

// The last word of the name stands in the instruction.
static bool is_named(const char *instruction, const char *name)
{
    const char *blank = strrchr(name, ' '), *word = blank ? blank + 1 : name;
    return *word && has_word(instruction, word, strlen(word));
}

static bool names_a_direction(const char *instruction)
{
    static const char *const words[] = {"left",  "right",   "above", "below", "over",
                                        "under", "beneath", "top",   "bottom"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (has_word(instruction, words[i], strlen(words[i])))
            return true;
    return false;
}

// ---- boxes

static double shared(const double a[4], const double b[4])
{
    double w = fmin(a[X] + a[W], b[X] + b[W]) - fmax(a[X], b[X]);
    double h = fmin(a[Y] + a[H], b[Y] + b[H]) - fmax(a[Y], b[Y]);
    double both = w > 0 && h > 0 ? w * h : 0;
    return both / (a[W] * a[H] + b[W] * b[H] - both);
}

// Right, left, below or above, as seen from a's middle: along the longer way.
static int direction(const double a[4], const double b[4])
{
    double dx = b[X] + b[W] / 2 - a[X] - a[W] / 2, dy = b[Y] + b[H] / 2 - a[Y] - a[H] / 2;
    return fabs(dx) >= fabs(dy) ? (dx < 0 ? 1 : 0) : (dy < 0 ? 3 : 2);
}

// ---- which is which

// was[i]: the object of `before` that object i of `now` is, or before->n. In the order of the two, by names,
// then by places.
static void find_again(const mw_layout *before, const mw_layout *now, size_t *was, bool *gone)
{
    for (int by_place = 0; by_place < 2; by_place++)
        for (size_t i = 0; i < now->n; i++)
            for (size_t k = 0; k < before->n && was[i] == before->n; k++) {
                const mw_layout_object *a = &before->object[k], *b = &now->object[i];
                if (!gone[k] ||
                    !(by_place ? shared(a->box, b->box) >= SAME_PLACE : same_name(a->phrase, b->phrase)))
                    continue;
                was[i] = k;
                gone[k] = false;
            }
}

// Whether object i of a new caption lies from the others that stay as it did.
static bool lies_as_before(const mw_layout *before, const mw_layout *now, const size_t *was, size_t i)
{
    for (size_t k = 0; k < now->n; k++)
        if (k != i && was[k] < before->n &&
            direction(before->object[was[i]].box, before->object[was[k]].box) !=
                direction(now->object[i].box, now->object[k].box))
            return false;
    return true;
}

static bool stays(const mw_layout *before, const mw_layout *now, const size_t *was, size_t i,
                  const char *instruction, bool told)
{
    const mw_layout_object *old = &before->object[was[i]], *new = &now->object[i];
    if (!same_name(old->phrase, new->phrase))
        return false;
    if (!told)
        return !names_a_direction(instruction) || lies_as_before(before, now, was, i);
    return !is_named(instruction, new->phrase) && shared(old->box, new->box) >= DRIFT;
}

// ---- seeds

static bool all_seeded(const mw_layout *l)
{
    for (size_t i = 0; i < l->n; i++)
        if (!l->object[i].seeded)
            return false;
    return l->n;
}

static uint64_t largest_seed(const mw_layout *l)
{
    uint64_t most = 0;
    for (size_t i = 0; i < l->n; i++)
        most = l->object[i].seed > most ? l->object[i].seed : most;
    return most;
}

static void give_seeds(const mw_layout *before, const size_t *was, mw_layout *now)
{
    uint64_t next = largest_seed(before) + 1;
    bool all = all_seeded(before);
    for (size_t i = 0; i < now->n; i++) {
        mw_layout_object *o = &now->object[i];
        bool again = was[i] < before->n;
        o->seeded = again ? before->object[was[i]].seeded : all;
        o->seed = again ? before->object[was[i]].seed : all ? next++ : 0;
    }
}

mw_status mw_layout_follow(mw_ctx *c, const mw_layout *before, const char *instruction, bool told,
                           mw_layout *now)
{
    size_t *was = mw_alloc(c, (now->n + 1) * sizeof *was);
    bool *gone = mw_alloc(c, before->n + 1), *keeps = mw_alloc(c, now->n + 1);
    if (was && gone && keeps) {
        for (size_t i = 0; i < now->n; i++)
            was[i] = before->n;
        memset(gone, 1, before->n);
        find_again(before, now, was, gone);
        for (size_t i = 0; i < now->n; i++)
            keeps[i] = was[i] < before->n && stays(before, now, was, i, instruction, told);
        for (size_t i = 0; i < now->n; i++)
            if (keeps[i])
                memcpy(now->object[i].box, before->object[was[i]].box, sizeof now->object[i].box);
        give_seeds(before, was, now);
    }
    free(was);
    free(gone);
    free(keeps);
    return mw_err(c);
}
