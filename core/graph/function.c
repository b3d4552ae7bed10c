// function.c: functions on the wires of a graph.
#include "core/graph/function.h"

#include <string.h>

mw_function *mw_value_as_function(const mw_value *v)
{
    mw_object *o = mw_value_as_object(v);
    return o && !strcmp(o->type->name, "function") ? (mw_function *)o : NULL;
}

mw_value *mw_function_call(mw_ctx *c, mw_function *f, const mw_value *args)
{
    if (!f || !args || mw_err(c))
        return NULL;
    mw_value *result = f->call(c, f, args);
    if (!mw_err(c))
        return result;
    mw_value_release(result);
    return NULL;
}
