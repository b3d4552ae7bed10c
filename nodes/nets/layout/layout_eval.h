// layout_eval.h: the benchmark of layouts: its prompts, what a prompt asks for, whether boxes give it.
//
// "LLM-grounded Diffusion" (arXiv 2305.13655), section 4: negation, counts, attributes, places.
#ifndef MW_LAYOUT_EVAL_H
#define MW_LAYOUT_EVAL_H

#include "nodes/nets/layout/english/english.h"
#include "nodes/nets/layout/layout.h"

enum { MW_EVAL_PROMPTS = 400 };

// Prompt i of the benchmark: 0-99 negation, 100-199 counts, 200-299 attributes, 300-399 places. free() it.
// MW_E_ARG for other numbers.
char *mw_eval_prompt(mw_ctx *c, int i);

typedef enum {
    MW_EVAL_NEGATION,    // none of the object
    MW_EVAL_NUMERACY,    // `wanted` of it
    MW_EVAL_ATTRIBUTION, // at least one of each
    MW_EVAL_SPATIAL,     // the centres of the first of each are as `place` says
    MW_EVAL_TWO_COUNTS,  // as numeracy, of each object
} mw_eval_kind;
const char *
mw_eval_kind_name(mw_eval_kind k); // "negation", "numeracy", "attribution", "spatial", "numeracy_2obj"

typedef struct {
    mw_eval_kind kind;
    int n;             // objects, 1 or 2
    char *object[2];   // what a box's name must hold: "cat", or with article and attributes "a red car"
    char *query[2];    // what a detector is asked for: "a photo of a cat"
    int wanted[2];     // of counts and negation
    const char *place; // of the first object against the second: "left", "right", "top", "bottom"
} mw_eval_task;

// What a prompt asks for; MW_E_ARG when it asks for nothing that can be judged. Free with mw_eval_task_free,
// also after a failure. Faithful keeps slips of the published code: number words count inside other words
// ("phone" holds "one"), and of two counted objects the first is looked at twice.
mw_status mw_eval_read(mw_ctx *c, const mw_english *e, const char *prompt, mw_layout_mode mode,
                       mw_eval_task *out);
void mw_eval_task_free(mw_eval_task *t);

// Whether the boxes (x, y, width, height; y downwards) give what the task asks for. A name holds an object
// when it contains it letter by letter; of places, when it ends in it or has it in front of a blank.
bool mw_eval_passes(const mw_eval_task *t, const mw_layout_object *box, size_t n);

#endif
