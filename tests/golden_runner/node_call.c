// node_call.c: runs a node outside of a graph.
#include "tests/golden_runner/node_call.h"

#include <stdlib.h>

mw_status golden_call(mw_ctx *c, const char *type, golden_argument *args, size_t n, mw_value **out)
{
    mw_schema *s = mw_err(c) == MW_OK ? mw_schema_new(c, mw_node_find(type)) : NULL;
    mw_value **in = s ? mw_alloc(c, (size_t)s->nin * sizeof(mw_value *)) : NULL;
    for (int i = 0; in && i < s->nin; i++)
        in[i] = s->defaults[i];
    for (size_t i = 0; in && i < n; i++)
        in[mw_schema_port(s, args[i].name)] = args[i].value;
    if (in && mw_err(c) == MW_OK && s->type->run(c, in, out) != MW_OK)
        mw_fail_context(c, "%s", type);
    for (size_t i = 0; i < n; i++)
        mw_value_release(args[i].value);
    free(in);
    mw_schema_free(s);
    return mw_err(c);
}
void golden_release_all(mw_value **v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        mw_value_release(v[i]);
}

mw_value *golden_object(mw_ctx *c, void *o)
{
    mw_object_retain(o);
    return mw_value_object(c, o);
}
