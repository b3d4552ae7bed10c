// layout_eval.c: prompts of the layout benchmark, and how boxes are judged.
#include "nodes/nets/layout/layout_eval.h"

#include "core/base/rng.h"

#include <stdlib.h>
#include <string.h>

// ---- the prompts

enum { OBJECTS = 10, COLORS = 11, EACH = 100 };
static const char *const objects[OBJECTS] = {"backpack", "book",  "bottle", "bowl", "car",
                                             "cat",      "chair", "cup",    "dog",  "laptop"};
static const char *const colors[COLORS] = {"red",  "orange", "yellow", "green", "blue", "purple",
                                           "pink", "brown",  "black",  "white", "gray"};
static const char begin[] = "A realistic photo of a scene";

static char *counted(mw_ctx *c, int i)
{
    static const char *const words[] = {"one", "two", "three", "four", "five"};
    int n = i / 20;
    return mw_format(c, "%s with %s %s%s", begin, words[n], objects[i / 2 % OBJECTS], n ? "s" : "");
}

static char *attributed(mw_ctx *c, int i)
{
    mw_numpy_legacy g;
    int64_t color[COLORS], object[OBJECTS];
    mw_numpy_legacy_seed(&g, (uint32_t)i);
    mw_numpy_legacy_permutation(&g, color, COLORS);
    mw_numpy_legacy_permutation(&g, object, OBJECTS);
    const char *a = colors[color[0]], *b = colors[color[1]];
    return mw_format(c, "%s with a%s %s %s and a%s %s %s", begin, *a == 'o' ? "n" : "", a, objects[object[0]],
                     *b == 'o' ? "n" : "", b, objects[object[1]]);
}

static char *placed(mw_ctx *c, int i)
{
    static const char *const place[4][2] = {
        {"left", "right"}, {"right", "left"}, {"top", "bottom"}, {"bottom", "top"}};
    mw_numpy_legacy g;
    int64_t object[OBJECTS];
    mw_numpy_legacy_seed(&g, (uint32_t)(i / 4));
    for (int k = 0; k <= i % 4; k++)
        mw_numpy_legacy_permutation(&g, object, OBJECTS);
    return mw_format(c, "%s with a %s on the %s and a %s on the %s", begin, objects[object[0]],
                     place[i % 4][0], objects[object[1]], place[i % 4][1]);
}

char *mw_eval_prompt(mw_ctx *c, int i)
{
    if (mw_err(c))
        return NULL;
    if (i < 0 || i >= MW_EVAL_PROMPTS) {
        mw_fail(c, MW_E_ARG, "the benchmark has prompts 0 to %d, not %d", MW_EVAL_PROMPTS - 1, i);
        return NULL;
    }
    if (i < EACH)
        return mw_format(c, "%s without %ss", begin, objects[i / 10]);
    return i < 2 * EACH ? counted(c, i - EACH)
        : i < 3 * EACH  ? attributed(c, i - 2 * EACH)
                        : placed(c, i - 3 * EACH);
}

// ---- judging

const char *mw_eval_kind_name(mw_eval_kind k)
{
    static const char *const names[] = {"negation", "numeracy", "attribution", "spatial", "numeracy_2obj"};
    return names[k];
}

static int count_of(const char *object, const mw_layout_object *box, size_t n)
{
    int found = 0;
    for (size_t i = 0; i < n; i++)
        found += strstr(box[i].phrase, object) != NULL;
    return found;
}

// The name has the object in front of a blank, or ends in it.
static bool names_object(const char *name, const char *object)
{
    size_t n = strlen(object);
    for (const char *hit = strstr(name, object); hit; hit = strstr(hit + 1, object))
        if (hit[n] == ' ' || hit[n] == 0)
            return true;
    return false;
}

static const mw_layout_object *first_of(const char *object, const mw_layout_object *box, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (names_object(box[i].phrase, object))
            return &box[i];
    return NULL;
}

static bool stands(const char *place, const mw_layout_object *a, const mw_layout_object *b)
{
    int axis = *place == 't' || *place == 'b';
    double difference = (a->box[axis] + a->box[axis + 2] / 2) - (b->box[axis] + b->box[axis + 2] / 2);
    return *place == 'l' || *place == 't' ? difference < 0 : difference > 0;
}

bool mw_eval_passes(const mw_eval_task *t, const mw_layout_object *box, size_t n)
{
    if (t->kind == MW_EVAL_SPATIAL) {
        const mw_layout_object *a = first_of(t->object[0], box, n), *b = first_of(t->object[1], box, n);
        return a && b && stands(t->place, a, b);
    }
    for (int i = 0; i < t->n; i++) {
        int found = count_of(t->object[i], box, n);
        if (t->kind == MW_EVAL_ATTRIBUTION ? found < 1 : found != t->wanted[i])
            return false;
    }
    return true;
}
