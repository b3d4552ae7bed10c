// judge.c: do these boxes show what the prompt asks for?
#include "core/graph/node.h"
#include "nodes/nets/layout/layout_eval.h"
#include "nodes/nets/layout/layout_value.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PROMPT, BOXES, MODE };

static const mw_port in[] = {
    [PROMPT] = {.name = "prompt",
                .type = "text",
                .doc = "what was asked for: \"... with three owls\", \"... without cats\", \"... with a red "
                       "car and a blue "
                       "cup\", "
                       "\"... with a cat on the left and a dog on the right\""},
    [BOXES] = {.name = "boxes",
               .type = "any",
               .def = "null",
               .doc = "what is there: a layout, or the boxes of `detect`; none: only the prompt is read"},
    [MODE] = {.name = "mode",
              .type = "choice",
              .def = "\"strict\"",
              .choices = "strict|faithful",
              .doc = "faithful reads prompts as the published evaluation does, its slips included"},
    {.name = NULL},
};

enum { OUT_PASSED, OUT_KIND, OUT_QUERIES };
static const mw_out out[] = {
    [OUT_PASSED] = {.name = "passed", .type = "bool", .doc = "true when the boxes show it"},
    [OUT_KIND] = {.name = "kind",
                  .type = "text",
                  .doc = "negation, numeracy, attribution, spatial or numeracy_2obj"},
    [OUT_QUERIES] = {.name = "queries", .type = "texts", .doc = "what `detect` should look for to find out"},
    {.name = NULL},
};

// An entry's name and numbers; MW_E_ARG when it has none.
static mw_status take(mw_ctx *c, const mw_value *v, size_t i, mw_layout_object *to)
{
    const mw_value *name = mw_value_get(v, "phrase"), *box = mw_value_get(v, "box");
    if (!name)
        name = mw_value_get(v, "text");
    if (mw_value_kind(name) != MW_TEXT || mw_value_count(box) != 4)
        return mw_fail(c, MW_E_ARG,
                       "box %zu must be {phrase or text = ..., box = {x, y, width, height}}, got %s", i + 1,
                       mw_kind_name(mw_value_kind(v)));
    to->phrase = (char *)(uintptr_t)mw_value_as_text(name);
    for (size_t k = 0; k < 4; k++) {
        to->box[k] = mw_value_as_number(mw_value_at(box, k));
        if (mw_value_kind(mw_value_at(box, k)) != MW_NUMBER || !isfinite(to->box[k]))
            return mw_fail(c, MW_E_ARG, "box %zu: number %zu is not a finite number", i + 1, k + 1);
    }
    return MW_OK;
}

static bool passes(mw_ctx *c, const mw_eval_task *t, const mw_value *boxes)
{
    const mw_value *list = mw_value_kind(boxes) == MW_MAP ? mw_value_get(boxes, "objects") : boxes;
    size_t n = mw_value_count(list);
    if (mw_value_kind(list) != MW_LIST && !(mw_value_kind(list) == MW_MAP && n == 0)) {
        mw_fail(c, MW_E_ARG, "'boxes' must be a layout or a list of boxes, got %s",
                mw_kind_name(mw_value_kind(boxes)));
        return false;
    }
    mw_layout_object *box = mw_alloc(c, (n + 1) * sizeof *box); // borrows the names
    for (size_t i = 0; box && i < n && !mw_err(c); i++)
        take(c, mw_value_at(list, i), i, &box[i]);
    bool ok = box && !mw_err(c) && mw_eval_passes(t, box, n);
    free(box);
    return ok;
}

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    mw_eval_task t = {0};
    mw_layout_mode mode = mw_layout_mode_of(i[MODE]);
    mw_english *e = mw_english_load(c);
    if (e && mw_eval_read(c, e, mw_value_as_text(i[PROMPT]), mode, &t) == MW_OK) {
        bool judged = mw_value_kind(i[BOXES]) != MW_NIL;
        o[OUT_PASSED] = mw_value_bool(c, judged && passes(c, &t, i[BOXES]));
        o[OUT_KIND] = mw_value_text(c, mw_eval_kind_name(t.kind), strlen(mw_eval_kind_name(t.kind)));
        o[OUT_QUERIES] = mw_value_list(c);
        for (int k = 0; k < t.n && !mw_err(c); k++)
            mw_value_push(c, o[OUT_QUERIES], mw_value_text(c, t.query[k], strlen(t.query[k])));
    }
    mw_eval_task_free(&t);
    mw_english_free(e);
    return mw_err(c);
}

const mw_node_type mw_node_judge = {
    .name = "judge",
    .version = 1,
    .flags = MW_NODE_HOST | MW_NODE_LITERAL,
    .doc = "Judges boxes by a prompt, as the evaluation of LLM-grounded Diffusion does (arXiv 2305.13655, "
           "section "
           "4): counts, "
           "absences, attributes, places.",
    .in = in,
    .out = out,
    .run = run,
};
