// benchmark_prompts.c: the prompts that layout-guided pictures are judged by.
#include "core/graph/node.h"
#include "nodes/nets/layout/layout_eval.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST, COUNT };

static const mw_port in[] = {
    [FIRST] = {.name = "first",
               .type = "integer",
               .def = "0",
               .max = MW_EVAL_PROMPTS - 1,
               .doc = "from which one on: 0 negation, 100 counts, 200 attributes, 300 places"},
    [COUNT] = {.name = "count",
               .type = "integer",
               .def = "400",
               .min = 1,
               .max = MW_EVAL_PROMPTS,
               .doc = "how many; fewer where the list ends"},
    {.name = NULL},
};

static const mw_out out[] = {
    {.name = "prompts", .type = "texts", .doc = "the prompts; some come twice and more"},
    {.name = NULL},
};

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    int first = (int)mw_value_as_number(i[FIRST]), end = first + (int)mw_value_as_number(i[COUNT]);
    o[0] = mw_value_list(c);
    for (int k = first; k < end && k < MW_EVAL_PROMPTS && !mw_err(c); k++) {
        char *prompt = mw_eval_prompt(c, k);
        if (prompt)
            mw_value_push(c, o[0], mw_value_text(c, prompt, strlen(prompt)));
        free(prompt);
    }
    return mw_err(c);
}

const mw_node_type mw_node_benchmark_prompts = {
    .name = "benchmark_prompts",
    .version = 1,
    .flags = MW_NODE_HOST | MW_NODE_LITERAL,
    .doc = "The 400 prompts of LLM-grounded Diffusion (arXiv 2305.13655, section 4): 100 each with something "
           "left "
           "out, "
           "counted, colored and placed. `judge` reads them.",
    .in = in,
    .out = out,
    .run = run,
};
