// hello.c: the teaching node. Copy it, rename it, and `make`: it appears in Lua, in `moonweave nodes` and in
// the docs.
#include "core/graph/node.h"

#include <stdlib.h>
#include <string.h>

enum { NAME, TIMES };
static const mw_port in[] = {
    [NAME] = {.name = "name", .type = "text", .def = "\"world\"", .doc = "who is greeted"},
    [TIMES] = {.name = "times",
               .type = "integer",
               .def = "1",
               .min = 1,
               .max = 100,
               .alias = "count",
               .doc = "how often"},
    {.name = NULL},
};

enum { OUT_GREETING, OUT_LENGTH };
static const mw_out out[] = {
    [OUT_GREETING] = {.name = "greeting", .type = "text", .doc = "the greetings, one a line"},
    [OUT_LENGTH] = {.name = "length", .type = "integer", .doc = "its length in bytes"},
    {.name = NULL},
};

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    int times = (int)mw_value_as_number(i[TIMES]);
    char *line = mw_format(c, "hello, %s", mw_value_as_text(i[NAME]));
    size_t n = line ? strlen(line) : 0;
    char *all = line ? mw_alloc(c, (n + 1) * (size_t)times) : NULL;
    for (int k = 0; all && k < times; k++) {
        memcpy(all + (size_t)k * (n + 1), line, n);
        all[(size_t)(k + 1) * (n + 1) - 1] = '\n';
    }
    if (all) {
        size_t length = (n + 1) * (size_t)times - 1; // no line end after the last
        o[OUT_GREETING] = mw_value_text(c, all, length);
        o[OUT_LENGTH] = mw_value_number(c, (double)length);
    }
    free(all);
    free(line);
    return mw_err(c);
}

const mw_node_type mw_node_hello = {
    .name = "hello",
    .version = 1,
    .flags = MW_NODE_HOST | MW_NODE_LITERAL,
    .doc = "Greets. The shortest node there is, to learn from.",
    .in = in,
    .out = out,
    .run = run,
};
