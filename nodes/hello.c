// hello.c: the teaching node. Copy it, rename it, and `make`: it appears in Lua, in `moonweave nodes` and in
// the docs.
#include "core/graph/node.h"

#include <stdlib.h>
#include <string.h>

static const mw_port in[] = {
    {"name", "text", "\"world\"", 0, 0, NULL, NULL, NULL, "who is greeted"},
    {"times", "integer", "1", 1, 100, NULL, "count", NULL, "how often"},
    {0},
};

static const mw_out out[] = {
    {"greeting", "text", "the greetings, one a line"},
    {"length", "integer", "its length in bytes"},
    {0},
};

static mw_status run(mw_ctx *c, mw_value *const *i, mw_value **o)
{
    int times = (int)mw_value_as_number(i[1]);
    char *line = mw_format(c, "hello, %s", mw_value_as_text(i[0]));
    size_t n = line ? strlen(line) : 0;
    char *all = line ? mw_alloc(c, (n + 1) * (size_t)times) : NULL;
    for (int k = 0; all && k < times; k++) {
        memcpy(all + (size_t)k * (n + 1), line, n);
        all[(size_t)(k + 1) * (n + 1) - 1] = '\n';
    }
    if (all) {
        size_t length = (n + 1) * (size_t)times - 1; // no line end after the last
        o[0] = mw_value_text(c, all, length);
        o[1] = mw_value_number(c, (double)length);
    }
    free(all);
    free(line);
    return mw_err(c);
}

const mw_node_type mw_node_hello = {
    "hello", 1,   MW_NODE_HOST | MW_NODE_LITERAL, "Greets. The shortest node there is, to learn from.", in,
    out,     run,
};
